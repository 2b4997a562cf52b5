"""One attempt to run a call: judge, submit, wait, consume; written once for both forms (rule R14).

The attempt is a generator of steps. A driver runs each on its store, blocking or awaited, and tells the
attempt what came of it, so that nothing is left behind when the caller is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from approval_tui.domain.calls import Admission, Call, CheckedCall, Claim, Submitted, check_call
from approval_tui.domain.errors import (
    ApprovalTuiError,
    CountersMoved,
    LimitReached,
    RulesChanged,
    SessionHeld,
    StatusConflict,
)
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import ALLOW, APPROVED, CANCELLED, CONSUMED, DENY, PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import NO_POLICY, Verdict
from approval_tui.gate.judging import EngineInForce, asking_verdict_steps, claim_steps, refuse_over_limit_steps
from approval_tui.gate.refusals import denied, held_back, over_limit, raise_not_approved
from approval_tui.gate.steps import Step, Steps

_INTERRUPTED = "the caller was interrupted"
_OUTDATED = "the policy was changed, and the call is asked anew"


def _tell_nobody(_request: Request) -> None:
    """What waits is of interest to nobody but the gate itself."""


class Waiting(NamedTuple):
    """How a caller waits for a decision.

    `hold` is for how many ms in all, where the policy says nothing of it or is not heeded (None: until the request
    ends).
    A request that this call made `is_withdrawn` when the caller is interrupted, or stays for a caller that comes back.
    `on_waiting` is told of the request each time that waiting for it begins, `on_created` of each that the call makes.
    """

    hold: int | None = None
    heeds_policy: bool = True
    is_withdrawn: bool = True
    on_waiting: Callable[[Request], object] = _tell_nobody
    on_created: Callable[[Request], object] = _tell_nobody


NO_WAITING = Waiting(hold=0, heeds_policy=False)
UNTIL_DECIDED = Waiting()
HOWEVER_LONG = Waiting(heeds_policy=False)


class Attempt:
    """What has been reached so far: the requests that this call created, and the one that it began to consume.

    `engine` gives the policy in force, which judges the call before it is asked, and again what was approved
    before it runs: both may have changed meanwhile.
    """

    def __init__(self, call: Call, *, engine: EngineInForce, claim_lifetime: int, waiting: Waiting) -> None:
        self._call = call
        self._engine = engine
        self._claim_lifetime = claim_lifetime
        self._waiting = waiting
        self._created: set[str] = set()
        self._claim_id = new_secret("clm")
        self._consuming_id: str | None = None
        self._is_admitting = False
        self._waits_since: float | None = None
        self.hold: int | None = None

    def steps(self) -> Steps[Claim | Admission]:
        """Ends with the right to run the call; raises NotApproved when it may not run.

        A request that another caller used first, that its own creator withdrew, or that was asked under rules
        which are no longer in force, is submitted anew.
        """
        checked = self._checked()
        while True:
            decided = yield from self._decision(checked)
            if isinstance(decided, Verdict):
                admission = yield from self._admission(checked, decided)
                if admission is not None:
                    return admission
                continue
            request = decided
            if request.status == APPROVED:
                try:
                    claim = yield from claim_steps(self._engine, request, partial(self._consuming, request))
                except RulesChanged:
                    yield from self._withdrawal(request)
                    continue
                except SessionHeld as held:
                    raise held_back(request.tool, held, request) from None
                except StatusConflict as conflict:
                    if conflict.request is None:
                        raise
                    request = conflict.request
                else:
                    return claim
            if not self._is_asked_anew(request):
                raise_not_approved(request)

    def decision_steps(self) -> Steps[Request | None]:
        """Ends with the approved request, not used yet, or None where the policy allows the call without asking.

        Raises NotApproved like `steps`.
        """
        checked = self._checked()
        while True:
            decided = yield from self._decision(checked)
            if isinstance(decided, Verdict):
                yield from refuse_over_limit_steps(self._call.tool, decided)
                return None
            if decided.status == APPROVED:
                return decided
            if not self._is_asked_anew(decided):
                raise_not_approved(decided)

    def asking_steps(self) -> Steps[Submitted]:
        """Ends with the request, asked and not waited for; what the policy allows is asked all the same.

        `hold` is then how long the policy would have the agent wait, in ms.
        """
        checked = self._checked()
        verdict = yield from asking_verdict_steps(self._engine, self._call.tool, lambda: checked.arguments)
        return (yield from self._asked(checked, verdict))

    def refusal_steps(self) -> Steps[None]:
        """Raises PolicyDenied, and records it, where the policy denies the call."""
        checked = self._checked()
        verdict = yield from asking_verdict_steps(self._engine, self._call.tool, lambda: checked.arguments)
        if verdict.verdict == DENY:
            yield from self._denial(checked, verdict)

    def _checked(self) -> CheckedCall:
        checked = check_call(self._call)
        self._call = checked.call
        return checked

    def note(self, answer: Any) -> None:
        """Remembers what a step brought, even if the caller was interrupted meanwhile."""
        if isinstance(answer, Submitted) and answer.created:
            self._created.add(answer.request.id)
            self._waiting.on_created(answer.request)

    def undo(self) -> list[Step]:
        """What takes back an interrupted attempt: its claim, if it came to that, and requests that it created."""
        steps = []
        consumed = self._consuming_id
        if consumed is not None:
            steps.append(Step(lambda store: store.rollback(consumed, self._claim_id, detail=_INTERRUPTED)))
        if self._is_admitting:
            steps.append(Step(lambda store: store.give_back(self._claim_id)))
        if self._waiting.is_withdrawn:
            steps += [self._cancelling(request_id, _INTERRUPTED) for request_id in self._created]
        return steps

    # --- the policy ----------------------------------------------------------------------------

    def _admission(self, checked: CheckedCall, verdict: Verdict) -> Steps[Admission | None]:
        """The right to run what the policy allows; None where its counters moved meanwhile."""
        self._is_admitting = True
        try:
            yield Step(lambda store: store.admit(checked, verdict, claim_id=self._claim_id))
        except CountersMoved:
            return None
        except LimitReached as limit:
            raise over_limit(self._call.tool, limit) from None
        except SessionHeld as held:
            raise held_back(self._call.tool, held) from None
        return Admission(self._claim_id, checked.arguments)

    def _asked(self, checked: CheckedCall, verdict: Verdict) -> Steps[Submitted]:
        """The request of the call; raises PolicyDenied, and records it, where the policy does not let it be asked."""
        if verdict.verdict == DENY:
            yield from self._denial(checked, verdict)
        asked, self.hold = checked, verdict.hold
        if verdict is not NO_POLICY:  # with the arguments that were judged, whatever the caller's are by now
            asked = check_call(replace(self._call.under(verdict), arguments=checked.arguments))
        submitted: Submitted = yield Step(lambda store: store.submit(asked))
        return submitted

    def _denial(self, checked: CheckedCall, verdict: Verdict) -> Steps[None]:
        yield Step(lambda store: store.record_denial(checked, verdict))
        raise denied(self._call.tool, verdict)

    def _decision(self, checked: CheckedCall) -> Steps[Request | Verdict]:
        """The request as it is after the wait for a decision; or the policy's verdict, where that allows the call."""
        verdict = yield from asking_verdict_steps(self._engine, self._call.tool, lambda: checked.arguments)
        if verdict.verdict == ALLOW:
            return verdict
        submitted = yield from self._asked(checked, verdict)
        request = submitted.request
        if request.status == PENDING:
            is_said = self.hold is not None and self._waiting.heeds_policy
            left = self._left_of(self.hold if is_said else self._waiting.hold)
            if left == 0:
                raise_not_approved(request)
            self._waiting.on_waiting(request)
            request = yield self._wait(request, left)
        return request

    def _left_of(self, hold: int | None) -> int | None:
        """What is left, in ms, of the time for which this attempt waits in all, however often it asks anew."""
        self._waits_since = monotonic() if self._waits_since is None else self._waits_since
        return None if hold is None else max(0, hold - round(1000 * (monotonic() - self._waits_since)))

    def _is_asked_anew(self, request: Request) -> bool:
        """Whether another caller used the request, or its own creator withdrew it while this one waited."""
        return request.status == CONSUMED or (request.status == CANCELLED and request.id not in self._created)

    def _withdrawal(self, request: Request) -> Steps[None]:
        """Withdraws a request that is of no use any more, if this attempt made it."""
        if request.id in self._created:
            self._created.discard(request.id)
            with suppress(ApprovalTuiError):
                yield self._cancelling(request.id, _OUTDATED)

    # --- steps ---------------------------------------------------------------------------------

    def _wait(self, request: Request, hold: int | None) -> Step:
        return Step(lambda store: store.wait(request.id, timeout=hold), is_waiting=True)

    def _consuming(self, request: Request, verdict: Verdict | None) -> Step:
        self._consuming_id = request.id
        return Step(
            lambda store: store.consume(
                request.id,
                request.fingerprint,
                requester=self._call.requester,
                claim_lifetime=self._claim_lifetime,
                claim_id=self._claim_id,
                digest=request.digest,
                verdict=verdict,
                session=self._call.session,
            )
        )

    def _cancelling(self, request_id: str, reason: str) -> Step:
        return Step(lambda store: store.cancel(request_id, requester=self._call.requester, reason=reason))
