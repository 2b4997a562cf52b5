"""What a server does for requesters that cannot reach the store: their calls are judged, asked and claimed here.

The policy that counts is the server's: the requester knows none, and nothing that it sends can stand for one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from approval_tui.domain.calls import Call, CheckedCall, Claim, Submitted, check_call
from approval_tui.domain.errors import PolicyDenied, RulesChanged
from approval_tui.domain.lifecycle import ALLOW, APPROVE, DENY
from approval_tui.domain.models import Request
from approval_tui.domain.submissions import PolicyDecision, Submission
from approval_tui.domain.verdicts import NO_POLICY, Verdict
from approval_tui.gate.judging import (
    EngineInForce,
    asking_verdict_steps,
    claim_steps,
    refuse_over_limit_steps,
)
from approval_tui.gate.steps import Step, Steps, run_async

if TYPE_CHECKING:
    from approval_tui.store.asynchronous import AsyncStore

DEFAULT_ALLOW = "(default allow)"
"""What stands for the rule where no rule of the policy objects to a call."""


class OnBehalf:
    """Asks for others, and hands out what they may run; `claim_lifetime` is in ms."""

    def __init__(self, store: AsyncStore, engine: EngineInForce, claim_lifetime: int) -> None:
        self._store = store
        self._engine = engine
        self._claim_lifetime = claim_lifetime

    async def submit(self, call: Call, submission: Submission) -> Submitted:
        """The request of this submission: made, decided at once by the policy, or met before with the same key.

        Raises InvalidInput, KeyReused, PolicyError and StoreUnavailable; nothing was asked then.
        """
        checked = check_call(call)
        known = await self._store.server.submitted(call.requester, submission)
        if known is not None:
            return Submitted(known, created=False)
        judged, decision = await run_async(_NOTHING_TO_UNDO, self._judged_steps(checked), self._store.requester)
        return await self._store.server.submit_once(judged, submission, decision)

    async def consume(self, request: Request, claim_id: str) -> Claim:
        """The right to run the approved call, judged once more; the same `claim_id` again gets the same claim.

        Raises PolicyDenied, RulesChanged, StatusConflict, PolicyError and StoreUnavailable; the call may not run then.
        """
        held = await self._store.server.held_claim(request.id, claim_id)
        if held is not None:
            return held
        if request.is_decided_by_policy and self._engine() is None:
            raise RulesChanged(request)  # there was one that let it run, and now every call asks
        steps = claim_steps(self._engine, request, lambda verdict: self._consuming(request, claim_id, verdict))
        return await run_async(_NOTHING_TO_UNDO, steps, self._store.requester)

    def _judged_steps(self, checked: CheckedCall) -> Steps[tuple[CheckedCall, PolicyDecision | None]]:
        """The call as the policy has it asked, and what the policy says where no person is."""
        verdict = yield from asking_verdict_steps(self._engine, checked.call.tool, lambda: checked.arguments)
        if verdict is NO_POLICY:
            return checked, None
        asked = check_call(replace(checked.call.under(verdict), arguments=checked.arguments))
        if verdict.verdict == DENY:
            assert verdict.deciding is not None
            return asked, PolicyDecision(DENY, verdict.deciding.rule, verdict.deciding.message)
        if verdict.verdict != ALLOW:
            return asked, None
        try:
            yield from refuse_over_limit_steps(checked.call.tool, verdict)
        except PolicyDenied as refusal:
            return asked, PolicyDecision(DENY, refusal.rule, refusal.reason)
        return asked, PolicyDecision(APPROVE, DEFAULT_ALLOW)

    def _consuming(self, request: Request, claim_id: str, verdict: Verdict | None) -> Step:
        return Step(
            lambda store: store.consume(
                request.id,
                request.fingerprint,
                requester=request.requester,
                claim_lifetime=self._claim_lifetime,
                claim_id=claim_id,
                digest=request.digest,
                verdict=verdict,
            )
        )


class _NothingToUndo:
    """Of an interrupted submission or claim nothing is taken back: its requester asks again with the same key."""

    def note(self, answer: object) -> None:
        """What a step brought is in the store."""

    def undo(self) -> list[Step]:
        return []


_NOTHING_TO_UNDO = _NothingToUndo()
