"""What of the blocking store only looks; what works on the log is loaded only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from approval_tui.store.blocking_face import BlockingFace, reads
from approval_tui.store.transactions import queries

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event, Head, Verification
    from approval_tui.store.procedures import Progress, Step


class BlockingReader(BlockingFace):
    """Everything that can be seen of requests and of the log."""

    get = reads(queries.get)
    find = reads(queries.find)
    list = reads(queries.list_requests)
    pending_count = reads(queries.pending_count)
    history = reads(queries.history)

    def events(self, *, request_id: str | None = None, before: int | None = None, most: int = 100) -> tuple[Event, ...]:
        """The events of one request in order, or the newest of the log, newest first, by number."""
        from approval_tui.store.transactions import log

        return self._engine.read(log.events, request_id=request_id, before=before, most=most)

    def head(self) -> Head | None:
        """The checkpoint of the log as it is now; None for an empty one."""
        from approval_tui.store.transactions import log

        return self._engine.read(log.head)

    def verify(self, expected: Head | None = None, progress: Progress | None = None) -> Verification:
        """Checks the whole log and every row against it, in short reads; see `procedures.verify`."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.verify(expected, progress), self._run)

    def export(self, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None) -> int:
        """Hands the whole log in batches to `take`, and says how many events there were."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.export(take, progress), self._run)

    def _run(self, step: Step) -> Any:
        run = self._engine.write if step.writes else self._engine.read
        return run(step.function, *step.arguments)
