"""The maintainer's face of the blocking store: it checks the store, and prunes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from approval_tui.store import procedures, prune_procedures
from approval_tui.store.blocking_face import BlockingFace, reads
from approval_tui.store.procedures import Progress, Step
from approval_tui.store.transactions import pruning
from approval_tui.store.transactions import standing as standings

if TYPE_CHECKING:
    from collections.abc import Callable

    from approval_tui.domain.audit import Event
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.domain.pruning import PrunePlan, Segment
    from approval_tui.domain.store_checks import Check


class BlockingMaintainer(BlockingFace):
    """The face of those who keep the store itself in order."""

    standing = reads(standings.standing)
    sees_all = reads(standings.sees_all)
    check_moment = reads(pruning.check_moment)

    def checks(self, *, quick: bool) -> tuple[Check, ...]:
        """Whether what the engine works on is sound and fit; see `engine.Engine.checks`."""
        return self._engine.checks(quick=quick)

    def plan_prune(self, before: int, progress: Progress | None = None) -> PrunePlan:
        """What of the log may go; see `prune_procedures.plan_prune`."""
        return procedures.run_blocking(prune_procedures.plan_prune(before, progress), self.run)

    def archive(
        self, plan: PrunePlan, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None
    ) -> int:
        """Hands the events that go to `take`; see `prune_procedures.archive`."""
        return procedures.run_blocking(prune_procedures.archive(plan, take, progress), self.run)

    def prune(self, plan: PrunePlan, *, reviewer: Reviewer, progress: Progress | None = None) -> Segment | None:
        """Seals and deletes what the plan lets go; see `prune_procedures.prune`."""
        return procedures.run_blocking(prune_procedures.prune(plan, reviewer, progress), self.run)

    def run(self, step: Step) -> Any:
        """Runs one step of a procedure, in a transaction of its own."""
        run = self._engine.write if step.writes else self._engine.read
        return run(step.function, *step.arguments)
