"""Judges calls by the policy in force: before they are asked, and again before what was approved runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from approval_tui.domain.calls import Claim
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError, CountersMoved, LimitReached, PolicyDenied, RulesChanged
from approval_tui.domain.lifecycle import DENY, REQUIRE_APPROVAL
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import NO_POLICY, Verdict
from approval_tui.gate.refusals import denied, edit_needs_more, over_limit
from approval_tui.gate.steps import Step, Steps

if TYPE_CHECKING:
    from approval_tui.policy.engine import PolicyEngine

EngineInForce = Callable[[], "PolicyEngine | None"]
"""Gives the engine of the policy in force, None where there is no policy; raises PolicyError for one that is bad."""

_EDIT_REFUSED = "the policy refuses the reviewer's arguments"


def verdict_steps(engine_in_force: EngineInForce, tool: str, arguments: Callable[[], JsonObject]) -> Steps[Verdict]:
    """What the policy in force says of a call with these plain arguments; without a policy, it asks."""
    engine = engine_in_force()
    return NO_POLICY if engine is None else (yield from _judged_by(engine, tool, arguments()))


def asking_verdict_steps(
    engine_in_force: EngineInForce, tool: str, arguments: Callable[[], JsonObject]
) -> Steps[Verdict]:
    """The same before a person is asked: for what a limit has no room for any more, nobody need be."""
    engine = engine_in_force()
    if engine is None:
        return NO_POLICY
    verdict = yield from _judged_by(engine, tool, arguments())
    limited = [each.counter for each in verdict.reservations if each.most is not None]
    if verdict.verdict != REQUIRE_APPROVAL or not limited:
        return verdict
    held = yield Step(lambda store: store.counter_values(limited))
    return engine.evaluate(tool, arguments(), {**verdict.counts, **held})


def refuse_over_limit_steps(tool: str, verdict: Verdict) -> Steps[None]:
    """Raises PolicyDenied where a limit has no room for the call now; nothing is counted."""
    limited = [each for each in verdict.reservations if each.most is not None]
    if not limited:
        return
    held = yield Step(lambda store: store.counter_values([each.counter for each in limited]))
    for each in limited:
        if each.most is not None and held.get(each.counter, 0) + each.amount > each.most:
            raise over_limit(tool, LimitReached(each))


def _judged_by(engine: PolicyEngine, tool: str, arguments: JsonObject) -> Steps[Verdict]:
    needed = engine.counts_needed(tool)
    counts = (yield Step(lambda store: store.counter_values(needed))) if needed else {}
    return engine.evaluate(tool, arguments, counts)


def claim_steps(
    engine_in_force: EngineInForce, request: Request, consuming: Callable[[Verdict | None], Step]
) -> Steps[Claim]:
    """The claim on an approved request, whose arguments the policy judges once more (rule R4).

    `consuming` gives the step that takes it, with what the verdict counts; it must take no other digest than the
    request's. Raises RulesChanged, and PolicyDenied, which is recorded. Where the policy refuses what a reviewer
    put in place of the agent's arguments, the request is withdrawn, so that the call can be asked anew.
    """
    while True:
        verdict = yield from verdict_steps(engine_in_force, request.tool, lambda: request.effective_arguments)
        if verdict is NO_POLICY:
            claim: Claim = yield consuming(None)
            return claim
        refusal = _refusal(request, verdict)
        if refusal is not None:
            yield _recording(request, verdict)
            if request.edited_arguments is not None:
                with suppress(ApprovalTuiError):
                    yield Step(
                        lambda store: store.cancel(request.id, requester=request.requester, reason=_EDIT_REFUSED)
                    )
            raise refusal
        try:
            claim = yield consuming(verdict)
        except CountersMoved:
            continue
        except LimitReached as limit:
            raise over_limit(request.tool, limit) from None
        return claim


def _recording(request: Request, verdict: Verdict) -> Step:
    return Step(lambda store: store.record_refusal(request.id, verdict))


def _refusal(request: Request, verdict: Verdict) -> PolicyDenied | None:
    """Why what was approved may not run, if it may not; raises RulesChanged where it is to be asked anew."""
    if verdict.verdict == DENY:
        return denied(request.tool, verdict, request)
    if verdict.verdict != REQUIRE_APPROVAL:
        return None
    if request.is_decided_by_policy:  # which let it run then, and does not by itself now
        raise RulesChanged(request)
    if request.edited_arguments is not None:
        return edit_needs_more(request, verdict)
    if verdict.rule_hash != request.rule_hash:
        raise RulesChanged(request)
    return None
