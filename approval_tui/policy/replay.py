"""Replays calls of the past under a policy: what it would have said, and what that would have changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.counters import Counter
from approval_tui.domain.lifecycle import ALLOW, DENY, REQUIRE_APPROVAL
from approval_tui.domain.verdicts import Verdict
from approval_tui.policy.engine import PolicyEngine

ASKED = "asked"  #: a person was asked, or would have been


@dataclass(frozen=True)
class PastCall:
    """A call as it was; `at` is in ms UTC.

    `then` is what was decided: the status of its request, or what a policy said without asking. `arguments` are
    None where the log kept only their hash; `has_run` says whether the call was started, and `was_given_back` whether
    it was let run and did not.
    """

    id: str
    at: int
    tool: str
    requester: str
    arguments: JsonObject | None
    then: str
    was_asked: bool
    was_denied: bool
    has_run: bool
    was_given_back: bool = False


@dataclass(frozen=True)
class Replayed:
    """A call of the past and what the policy says of it; None where that cannot be told without its arguments."""

    past: PastCall
    verdict: Verdict | None

    @property
    def is_different(self) -> bool:
        """Whether the policy would have decided otherwise."""
        if self.verdict is None:
            return False
        if self.past.was_asked:
            return self.verdict.verdict != REQUIRE_APPROVAL
        return self.verdict.verdict != (DENY if self.past.was_denied else ALLOW)

    @property
    def would_run_though_denied(self) -> bool:
        """Whether a call that was denied would run without anybody being asked."""
        return self.past.was_denied and self.verdict is not None and self.verdict.verdict == ALLOW


@dataclass
class Tally:
    """How many calls were replayed, and what the policy would have changed."""

    calls: int = 0
    asked: int = 0
    same: int = 0
    would_run: int = 0
    would_be_denied: int = 0
    questions_saved: int = 0
    questions_added: int = 0
    would_run_though_denied: int = 0
    unknown: int = 0

    def add(self, replayed: Replayed) -> None:
        """Counts one call."""
        self.calls += 1
        self.asked += replayed.past.was_asked
        if replayed.verdict is None:
            self.unknown += 1
            return
        asks = replayed.verdict.verdict == REQUIRE_APPROVAL
        self.questions_saved += replayed.past.was_asked and not asks
        self.questions_added += asks and not replayed.past.was_asked
        self.would_run_though_denied += replayed.would_run_though_denied
        if not replayed.is_different:
            self.same += 1
            return
        self.would_run += replayed.verdict.verdict == ALLOW
        self.would_be_denied += replayed.verdict.verdict == DENY


def replay(engine: PolicyEngine, calls: Iterable[PastCall]) -> Iterator[Replayed]:
    """What the policy says of each call, in the order of their times; limits are counted as it would have counted.

    A call counts if the policy would have let it run, or if it would have asked and the call did run; not if it was
    given back.
    """
    counted: dict[Counter, tuple[int, int]] = {}
    for past in calls:
        verdict = _judged(engine, past, counted)
        if verdict is not None and _counts(past, verdict):
            for reservation in verdict.reservations:
                counter = reservation.counter
                start = counter.window_start(past.at)
                held = _held(counted, counter, past.at)
                counted[counter] = (start, held + reservation.amount)
        yield Replayed(past, verdict)


def _counts(past: PastCall, verdict: Verdict) -> bool:
    if past.was_given_back:
        return False
    return verdict.verdict == ALLOW or (verdict.verdict == REQUIRE_APPROVAL and past.has_run)


def _judged(engine: PolicyEngine, past: PastCall, counted: dict[Counter, tuple[int, int]]) -> Verdict | None:
    if past.arguments is None and engine.looks_at_arguments(past.tool):
        return None
    counts = {counter: _held(counted, counter, past.at) for counter in counted}
    return engine.evaluate(past.tool, past.arguments or {}, counts)


def _held(counted: dict[Counter, tuple[int, int]], counter: Counter, moment: int) -> int:
    """What a counter holds at that moment: nothing of a window before."""
    start, value = counted.get(counter, (0, 0))
    return value if start == counter.window_start(moment) else 0
