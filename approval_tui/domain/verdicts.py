"""What a policy says of a call: the verdict, the rule that decided, and what must be kept or counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.lifecycle import REQUIRE_APPROVAL, RISKS
from approval_tui.domain.models import NO_REQUIREMENTS, Request, Requirements


class Finding(NamedTuple):
    """What one rule says of a call, and why.

    `why` may quote arguments: it is for whoever asked about this call, and belongs into no log.
    """

    rule: str
    path: str
    verdict: str
    rule_hash: str
    message: str
    """What the agent is told if this rule decides."""

    why: str


@dataclass(frozen=True)
class Verdict:
    """What the policy says of one call; durations are in ms, None where the policy says nothing of them.

    `losing` are the findings that a stronger or earlier one outvoted. `counts` are the counters that the verdict
    relied on, with the values that it took for theirs.
    """

    verdict: str
    deciding: Finding | None = None
    losing: tuple[Finding, ...] = ()
    rule_hash: str | None = None
    requirements: Requirements = NO_REQUIREMENTS
    risk: str | None = None
    timeout: int | None = None
    dedupe_window: int | None = None
    hold: int | None = None
    reservations: tuple[Reservation, ...] = ()
    counts: Mapping[Counter, int] = field(default_factory=dict)

    @property
    def rule(self) -> str | None:
        """The name of the rule that decided; None where none did."""
        return None if self.deciding is None else self.deciding.rule

    def is_covered_by(self, request: Request) -> bool:
        """Whether the request asked for all that this demands of a decision: an edit may demand more (rule R4)."""
        asked_risk, needed_risk = (-1 if risk is None else RISKS.index(risk) for risk in (request.risk, self.risk))
        return request.requirements.cover(self.requirements) and asked_risk >= needed_risk


NO_POLICY = Verdict(REQUIRE_APPROVAL)
"""What holds without a policy: every call asks."""
