"""Submissions over HTTP: once for each key, decided by a policy or by people, consumed by the key that took it."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from approval_tui.domain.calls import Call, Submitted, check_call
from approval_tui.domain.errors import (
    ClaimInDoubt,
    ClaimInvalid,
    InvalidInput,
    KeyReused,
    RequestNotFound,
    StatusConflict,
)
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.roles import AGENT
from approval_tui.domain.submissions import PolicyDecision, Submission, SubmittedAs
from approval_tui.domain.tokens import new_token
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, ManualClock, approve, assert_sound, deny, event_names

FIRST = Submission("k1", "v1:sha256:1", "10m", has_context=True)
ALLOWED = PolicyDecision("approve", "(default allow)")
DENIED = PolicyDecision("deny", "no-drop", "Never")


async def send(store: AsyncStore, call: Call, decision: PolicyDecision | None = None, **changes: Any) -> Submitted:
    return await store.server.submit_once(check_call(call), dataclasses.replace(FIRST, **changes), decision)


async def test_the_same_key_meets_the_same_request_and_another_one_a_new_request(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    first, again = await send(async_store, call), await send(async_store, call)
    other = await send(async_store, call, key="k2")
    assert (first.created, again.created, other.created) == (True, False, True)
    assert first.request.id == again.request.id != other.request.id
    assert event_names(store, first.request) == ["request_submitted"]
    with pytest.raises(KeyReused):
        await send(async_store, call, body_hash="v1:sha256:2")
    assert await async_store.server.submitted_as(first.request.id, call.requester) == SubmittedAs("10m", True)
    assert await async_store.server.submitted_as(first.request.id, "stranger") is None
    assert_sound(store)


async def test_a_reusing_submission_meets_the_same_call_whatever_its_key(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    first = await send(async_store, call, is_reusing=True)
    second = await send(async_store, call, key="k2", is_reusing=True)
    assert (second.request.id, second.created) == (first.request.id, False)
    approve(store, first.request)
    assert (await send(async_store, call, key="k3", is_reusing=True)).request.status == "approved"
    assert (await send(async_store, call, key="k4")).request.status == "pending"


async def test_keys_are_the_requesters_own(async_store: AsyncStore, call: Call) -> None:
    mine = await send(async_store, call)
    theirs = await send(async_store, dataclasses.replace(call, requester="other"))
    assert theirs.created
    with pytest.raises(RequestNotFound):
        await async_store.server.owned(mine.request.id, "other")
    with pytest.raises(RequestNotFound):
        await async_store.server.withdraw(mine.request.id, "other")
    with pytest.raises(RequestNotFound):
        await async_store.server.report_outcome_as(mine.request.id, "failed", requester="other")


async def test_many_that_send_the_same_at_once_make_one_request(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    met = await asyncio.gather(*(send(async_store, call) for _ in range(20)))
    assert sum(each.created for each in met) == 1
    assert len(store.reviewer.list()) == 1


@pytest.mark.parametrize(("decision", "status"), [(ALLOWED, "approved"), (DENIED, "denied")])
async def test_what_a_policy_decides_stands_in_the_log_as_the_policys_word(
    store: BlockingStore, async_store: AsyncStore, call: Call, clock: ManualClock, decision: PolicyDecision, status: str
) -> None:
    made = (await send(async_store, call, decision)).request
    assert (made.status, made.is_decided_by_policy) == (status, True)
    (said,) = store.reviewer.get(made.id).decisions
    assert (said.via, said.reviewer, said.reason, said.verdict) == (
        "policy",
        decision.rule,
        decision.reason,
        decision.verdict,
    )
    assert event_names(store, made) == ["request_submitted", f"request_{status}"]
    usable_until = clock.now + call.approval_lifetime if status == "approved" else None
    assert (made.decided_at, made.approval_expires_at) == (clock.now, usable_until)
    again = await send(async_store, call, decision)
    assert (again.request.id, again.created) == (made.id, False)
    assert_sound(store)


@pytest.mark.parametrize("decision", [ALLOWED, DENIED])
async def test_what_a_policy_decided_is_met_by_nobody_else(
    store: BlockingStore, async_store: AsyncStore, call: Call, decision: PolicyDecision
) -> None:
    made = (await send(async_store, call, decision)).request
    asked = store.requester.submit(call)
    assert (asked.created, asked.request.status) == (True, "pending")
    assert asked.request.id != made.id


@pytest.mark.parametrize("decision", [ALLOWED, DENIED])
@pytest.mark.parametrize("is_reusing", [False, True])
async def test_what_people_are_asked_is_not_decided_by_a_policy_that_is_asked_the_same_later(
    store: BlockingStore, async_store: AsyncStore, call: Call, decision: PolicyDecision, is_reusing: bool
) -> None:
    asked = store.requester.submit(call).request
    made = await send(async_store, call, decision, is_reusing=is_reusing)
    assert made.created
    assert made.request.id != asked.id
    assert store.reviewer.list() == (asked,)
    approve(store, asked)
    assert (await send(async_store, call, decision, key="k2", is_reusing=is_reusing)).created


def test_nobody_decides_as_a_policy(store: BlockingStore, call: Call) -> None:
    request = store.requester.submit(call).request
    with pytest.raises(InvalidInput):
        store.reviewer.decide(
            request.id, "approve", reviewer=dataclasses.replace(ANN, via="policy"), digest=request.digest
        )


async def test_a_claim_is_found_again_by_its_id_alone(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    request = approve(store, (await send(async_store, call)).request)
    assert await async_store.server.held_claim(request.id, "claim") is None
    store.requester.consume(request.id, request.fingerprint, requester=call.requester, claim_id="claim")
    held = await async_store.server.held_claim(request.id, "claim")
    assert held is not None
    assert (held.id, held.arguments, held.request.status) == ("claim", call.arguments, "consumed")
    assert await async_store.server.held_claim(request.id, "other") is None


async def test_a_claim_that_is_found_again_is_for_the_arguments_that_were_approved(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    request = (await send(async_store, call)).request
    edited = {"command": "make check"}
    store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
    store.requester.consume(request.id, request.fingerprint, requester=call.requester, claim_id="claim")
    held = await async_store.server.held_claim(request.id, "claim")
    assert held is not None
    assert (held.arguments, held.request.arguments) == (edited, call.arguments)


async def test_only_what_waits_is_withdrawn_and_the_second_time_nothing(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    waits = (await send(async_store, call)).request
    first, second = [await async_store.server.withdraw(waits.id, call.requester) for _ in range(2)]
    assert (first.status, second) == ("cancelled", first)
    assert event_names(store, waits) == ["request_submitted", "request_cancelled"]
    usable = approve(store, (await send(async_store, call, key="k2")).request)
    denied = deny(store, (await send(async_store, call, key="k3")).request)
    unused = approve(store, (await send(async_store, call, key="k4")).request)
    store.requester.cancel(unused.id, requester=call.requester)
    for decided in (usable, denied, unused):
        with pytest.raises(StatusConflict):
            await async_store.server.withdraw(decided.id, call.requester)


async def test_an_outcome_is_reported_once_by_the_requester(
    store: BlockingStore, async_store: AsyncStore, call: Call, clock: ManualClock
) -> None:
    request = approve(store, (await send(async_store, call)).request)
    report = async_store.server.report_outcome_as
    with pytest.raises(StatusConflict):
        await report(request.id, "succeeded", requester=call.requester)
    store.requester.consume(request.id, request.fingerprint, requester=call.requester, claim_lifetime=1000)
    with pytest.raises(InvalidInput):
        await report(request.id, "not_run", requester=call.requester)
    for unfit in ("x" * (LONGEST_TEXT + 1), "\ud800"):
        with pytest.raises(InvalidInput):
            await report(request.id, "succeeded", requester=call.requester, detail=unfit)
    done = await report(request.id, "succeeded", requester=call.requester, detail="fine")
    assert (done.outcome, done.outcome_detail) == ("succeeded", "fine")
    assert await report(request.id, "succeeded", requester=call.requester, detail="fine") == done
    for outcome, detail in (("failed", "fine"), ("succeeded", None)):
        with pytest.raises(ClaimInvalid):
            await report(request.id, outcome, requester=call.requester, detail=detail)
    late = approve(store, (await send(async_store, call, key="k2")).request, BO)
    store.requester.consume(late.id, late.fingerprint, requester=call.requester, claim_lifetime=1000)
    clock.move(1000)
    with pytest.raises(ClaimInDoubt):
        await report(late.id, "succeeded", requester=call.requester)
    assert event_names(store, late)[-1] == "outcome_reported_late"
    assert_sound(store)


async def test_the_log_says_which_requests_were_touched(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    first = (await send(async_store, call)).request
    second = (await send(async_store, call, key="k2")).request
    newest, ids = await async_store.server.requests_touched(0)
    assert (newest, ids) == (2, frozenset({first.id, second.id}))
    assert await async_store.server.requests_touched(2) == (2, frozenset())
    approve(store, second)
    assert await async_store.server.requests_touched(2) == (3, frozenset({second.id}))
    assert await async_store.server.requests_touched(0, most=1) == (1, frozenset({first.id}))
    store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=ANN)
    assert await async_store.server.requests_touched(3) == (4, frozenset())
