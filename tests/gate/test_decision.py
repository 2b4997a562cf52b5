"""What a person, or the policy, said of a call that runs elsewhere or later: the approval is seen and not used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from approval_tui import (
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalPending,
    Gate,
    NotApproved,
    PolicyDenied,
    PolicyError,
    StoreUnavailable,
    Waiting,
)
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.errors import InvalidInput, InvalidJson
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import MAKE_DEPLOY, history, new_gate, pending_after, reviewing, waiters
from tests.gate.policies import (
    ALLOW_ALL,
    ASK_ALL,
    BROKEN,
    PAY,
    PolicyFile,
    away_from_midnight,
    edit,
    gate_of,
    judged_without_asking,
    policy_file,
    value_of,
)
from tests.gate.workflows import only_request, requests_of
from tests.support import ANN, BO, approve, assert_sound, deny, until


@pytest.fixture
async def bot(store_path: str) -> AsyncIterator[Gate]:
    """A gate for async code without a policy."""
    async with new_gate(store_path, session="run-1") as opened:
        yield opened


@pytest.fixture
def policy(tmp_path: Path) -> PolicyFile:
    """Up to 100 is allowed, up to 1000 asks, more is denied; 5000 in a day are the most."""
    away_from_midnight()
    return policy_file(tmp_path, PAY)


@pytest.fixture
async def judged(store_path: str, policy: PolicyFile) -> AsyncIterator[Gate]:
    """A gate for async code that goes by the policy."""
    async with gate_of(store_path, policy) as opened:
        yield opened


# --- yes ---------------------------------------------------------------------------------------


async def test_an_approved_call_is_decided_and_not_used_and_the_guard_uses_it_then(
    bot: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        request = await bot.decision("shell", MAKE_DEPLOY, reason="All checks passed.", risk="low", timeout="2m")
    assert request is not None
    assert (request.id, request.status, request.reason, request.risk) == (
        came[0].id,
        "approved",
        "All checks passed.",
        "low",
    )
    assert request.expires_at - request.created_at == 2 * MINUTE
    assert history(desk, request) == ["submitted", "approved"]
    async with bot.guard("shell", MAKE_DEPLOY, wait=False) as call:
        assert (call.id, call.arguments) == (request.id, MAKE_DEPLOY)
    assert history(desk, request) == ["submitted", "approved", "reused", "consumed", "outcome"]
    assert_sound(desk)


async def test_the_same_call_is_decided_again_by_the_same_approval_until_it_is_used(
    bot: Gate, desk: BlockingStore
) -> None:
    approved = approve(desk, await bot.submit("shell", MAKE_DEPLOY))
    decided = [await bot.decision("shell", MAKE_DEPLOY, wait=False) for _ in range(2)]
    assert [request and request.id for request in decided] == [approved.id] * 2
    async with bot.guard("shell", MAKE_DEPLOY):
        pass
    with pytest.raises(ApprovalPending) as caught:
        await bot.decision("shell", MAKE_DEPLOY, wait=False)
    assert caught.value.request.id != approved.id


async def test_a_decision_has_the_reviewers_arguments(bot: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: edit(desk, request, {"command": "make check"})):
        request = await bot.decision("shell", MAKE_DEPLOY)
    assert request is not None
    assert request.effective_arguments == {"command": "make check"}


async def test_a_decision_is_of_the_named_server_session_and_context(bot: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        request = await bot.decision("shell", MAKE_DEPLOY, server="web", session="run-2", context={"host": "web-2"})
    assert request is not None
    assert (request.server, request.session, request.context) == ("web", "run-2", {"host": "web-2"})
    with pytest.raises(ApprovalPending):
        await bot.decision("shell", MAKE_DEPLOY, wait=False)


async def test_a_quorum_has_to_be_reached(judged: Gate, policy: PolicyFile, desk: BlockingStore) -> None:
    policy.write(f"{ASK_ALL}\ntools: {{pay: {{rules: [{{name: two, action: require_approval, quorum: 2}}]}}}}")
    with pytest.raises(ApprovalPending) as caught:
        await judged.decision("pay", {"amount": 5}, wait=False)
    approve(desk, caught.value.request, ANN)
    with pytest.raises(ApprovalPending):
        await judged.decision("pay", {"amount": 5}, wait=False)
    approve(desk, desk.reviewer.get(caught.value.request.id), BO)
    request = await judged.decision("pay", {"amount": 5}, wait=False)
    assert request is not None
    assert request.id == caught.value.request.id


async def test_a_caller_that_waits_for_what_another_one_withdraws_asks_anew(bot: Gate, desk: BlockingStore) -> None:
    first = await bot.submit("shell", MAKE_DEPLOY)
    deciding = asyncio.create_task(bot.decision("shell", MAKE_DEPLOY))
    await asyncio.to_thread(until, lambda: waiters(desk, first) == 1)
    desk.requester.cancel(first.id, requester="release-bot")
    second = await asyncio.to_thread(pending_after, desk, {first.id})
    approve(desk, second)
    decided = await deciding
    assert decided is not None
    assert decided.id == second.id


# --- allowed -----------------------------------------------------------------------------------


async def test_what_the_policy_allows_is_decided_without_a_request_and_nothing_is_counted(
    judged: Gate, desk: BlockingStore
) -> None:
    assert await judged.decision("pay", {"amount": 50}) is None
    assert (value_of(desk), requests_of(desk), judged_without_asking(desk)) == (0, [], [])
    async with judged.guard("pay", {"amount": 50}):
        assert value_of(desk) == 50


async def test_what_a_limit_has_no_room_for_is_not_decided_to_be_allowed(
    judged: Gate, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 90"))
    async with judged.guard("pay", {"amount": 50}):
        pass
    with pytest.raises(PolicyDenied, match="money is spent"):
        async with judged.guard("pay", {"amount": 50}):
            raise AssertionError("the limit has no room for it")
    with pytest.raises(PolicyDenied, match="money is spent"):
        await judged.decision("pay", {"amount": 50})
    assert value_of(desk) == 50


async def test_an_approval_is_of_no_use_to_what_the_policy_allows_meanwhile(
    judged: Gate, policy: PolicyFile, desk: BlockingStore
) -> None:
    approve(desk, await judged.submit("pay", {"amount": 500}))
    policy.write(ALLOW_ALL)

    def is_in_force() -> bool:
        engine = judged.engine_in_force()
        return engine is not None and engine.evaluate("pay", {"amount": 500}, {}).verdict == ALLOW

    await asyncio.to_thread(until, is_in_force)
    assert await judged.decision("pay", {"amount": 500}) is None
    assert only_request(desk).status == "approved"


# --- no ----------------------------------------------------------------------------------------


async def test_a_denial_is_raised_with_the_reviewers_reason(bot: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: deny(desk, request, "Not on a Friday.")), pytest.raises(ApprovalDenied) as no:
        await bot.decision("shell", MAKE_DEPLOY)
    assert (no.value.reason, no.value.request) == ("Not on a Friday.", only_request(desk))


async def test_what_nobody_decides_in_time_is_raised_as_an_expiry(bot: Gate, desk: BlockingStore) -> None:
    with pytest.raises(ApprovalExpired, match="was not decided in time"):
        await bot.decision("shell", MAKE_DEPLOY, timeout="30ms")
    assert history(desk, only_request(desk)) == ["submitted", "expired"]


async def test_what_its_requester_withdraws_elsewhere_is_raised_as_that(bot: Gate, desk: BlockingStore) -> None:
    with (
        reviewing(desk, lambda request: desk.requester.cancel(request.id, requester="release-bot")),
        pytest.raises(ApprovalCancelled, match="was withdrawn"),
    ):
        await bot.decision("shell", MAKE_DEPLOY)


async def test_what_the_policy_denies_is_raised_and_recorded(judged: Gate, desk: BlockingStore) -> None:
    with pytest.raises(PolicyDenied, match="Nobody may pay more than 1000"):
        await judged.decision("pay", {"amount": 1001})
    assert judged_without_asking(desk) == [("deny", "never so much")]


async def test_a_policy_that_cannot_be_used_decides_nothing(
    judged: Gate, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(BROKEN)
    with pytest.raises(PolicyError):
        await judged.decision("pay", {"amount": 50})
    assert requests_of(desk) == []


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        ({"a": float("nan")}, {}, InvalidJson),
        ({}, {"risk": "enormous"}, InvalidInput),
        ({}, {"timeout": "soon"}, InvalidInput),
    ],
    ids=["no JSON", "no risk", "no duration"],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_written(
    arguments: Any, options: Any, error: type[Exception], bot: Gate, desk: BlockingStore
) -> None:
    with pytest.raises(error):
        await bot.decision("shell", arguments, **options)
    assert desk.reviewer.head() is None


async def test_without_a_store_nothing_is_decided(tmp_path: Path) -> None:
    (tmp_path / "approvals.db").mkdir()
    async with new_gate(str(tmp_path / "approvals.db")) as gate:
        with pytest.raises(StoreUnavailable):
            await gate.decision("shell", MAKE_DEPLOY)


# --- how it waits ------------------------------------------------------------------------------


async def test_without_waiting_a_call_that_nobody_decided_is_pending_and_stays_for_the_next_time(
    bot: Gate, desk: BlockingStore
) -> None:
    asked: list[str] = []
    for _ in range(2):
        with pytest.raises(ApprovalPending) as caught:
            await bot.decision("shell", MAKE_DEPLOY, wait=False)
        asked.append(caught.value.request.id)
    request = only_request(desk)
    assert asked == [request.id] * 2
    approve(desk, request)
    decided = await bot.decision("shell", MAKE_DEPLOY, wait=False)
    assert decided is not None
    assert decided.id == request.id


async def test_it_waits_as_long_as_it_is_told_to(bot: Gate, desk: BlockingStore) -> None:
    told: list[Request] = []
    with pytest.raises(ApprovalPending) as caught:
        await bot.decision("shell", MAKE_DEPLOY, wait=Waiting(hold=20, on_waiting=told.append))
    assert [request.id for request in told] == [caught.value.request.id] == [only_request(desk).id]


@pytest.mark.parametrize(("is_withdrawn", "status"), [(True, "cancelled"), (False, "pending")])
async def test_a_caller_that_is_cancelled_withdraws_what_it_asked_or_leaves_it(
    is_withdrawn: bool, status: str, bot: Gate, desk: BlockingStore
) -> None:
    task = asyncio.create_task(bot.decision("shell", MAKE_DEPLOY, wait=Waiting(is_withdrawn=is_withdrawn)))
    request = await asyncio.to_thread(pending_after, desk, set())
    await asyncio.to_thread(until, lambda: waiters(desk, request) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only_request(desk).status == status
    assert_sound(desk)


async def test_a_caller_that_is_cancelled_leaves_what_another_one_asked(bot: Gate, desk: BlockingStore) -> None:
    request = await bot.submit("shell", MAKE_DEPLOY)
    task = asyncio.create_task(bot.decision("shell", MAKE_DEPLOY))
    await asyncio.to_thread(until, lambda: waiters(desk, request) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert only_request(desk).status == "pending"


async def test_parallel_decisions_are_each_of_their_own_call(bot: Gate, desk: BlockingStore) -> None:
    def judge(request: Request) -> None:
        (deny if request.arguments["number"] % 3 == 0 else approve)(desk, request)

    with reviewing(desk, *[judge] * 10):
        ends = await asyncio.gather(
            *(bot.decision("shell", {"number": number}) for number in range(10)), return_exceptions=True
        )
    for number, end in enumerate(ends):
        assert isinstance(end, NotApproved if number % 3 == 0 else Request)
        request = end.request if isinstance(end, NotApproved) else end
        assert isinstance(request, Request)
        assert request.arguments == {"number": number}
    assert_sound(desk)
