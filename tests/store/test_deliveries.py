"""Deliveries: what the log gives each sink, who may send it, and what becomes of it."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY, MINUTE, SECOND
from approval_tui.domain.models import Request
from approval_tui.domain.notices import GIVEN_UP_AFTER, LEASE, Delivery
from approval_tui.domain.sinks import SINK_EVENTS
from approval_tui.domain.submissions import PolicyDecision, Submission
from approval_tui.store import open_store
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import approve_for_session
from tests.support import ANN, ManualClock, approve, assert_sound, deny, submit

SINK = "v1:sha256:a"
OTHER = "v1:sha256:b"
ALL = SINK_EVENTS


def another(call: Call, number: int) -> Call:
    return dataclasses.replace(call, arguments={"number": number})


async def told(store: AsyncStore, sink: str = SINK, holder: str = "one", most: int = 100) -> list[tuple[str, str]]:
    """What is leased now: kinds and ids."""
    leased = await store.deliverer.lease(holder, sink, most=most)
    return [(delivery.notice.kind, delivery.notice.request_id) for delivery in leased]


@pytest.fixture
async def started(async_store: AsyncStore) -> AsyncStore:
    """A store from which the sink was told of everything so far."""
    await async_store.deliverer.take_up(SINK, ALL)
    return async_store


async def test_a_new_sink_begins_with_what_waits_now(
    store: BlockingStore, async_store: AsyncStore, clock: ManualClock, call: Call
) -> None:
    gone = submit(store, dataclasses.replace(another(call, 0), timeout=SECOND))
    clock.move(MINUTE)
    waits, decided = submit(store, another(call, 1)), deny(store, submit(store, another(call, 2)))
    assert await async_store.deliverer.take_up(SINK, ALL) is False
    assert await told(async_store) == [("requested", waits.id)]
    assert gone.id != decided.id
    assert await async_store.deliverer.take_up(SINK, ALL) is False
    assert await told(async_store) == []


async def test_what_happens_is_told_once_and_in_order(store: BlockingStore, started: AsyncStore, call: Call) -> None:
    first, second = submit(store, another(call, 1)), submit(store, another(call, 2))
    await started.deliverer.take_up(SINK, ALL)
    approve(store, first)
    store.reviewer.revoke(first.id, reviewer=ANN)
    store.requester.cancel(second.id, requester=call.requester)
    await started.deliverer.take_up(SINK, ALL)
    leased = await started.deliverer.lease("one", SINK, most=100)
    assert [(each.notice.kind, each.notice.request_id, each.notice.status) for each in leased] == [
        ("requested", first.id, "denied"),
        ("requested", second.id, "cancelled"),
        ("decided", first.id, "approved"),
        ("decided", first.id, "denied"),
        ("decided", second.id, "cancelled"),
    ]
    assert len({each.message_id for each in leased}) == 5
    assert_sound(store)


async def test_only_an_expiry_that_nobody_decided_is_told(
    store: BlockingStore, started: AsyncStore, clock: ManualClock, call: Call
) -> None:
    approve(store, submit(store, another(call, 1)))
    waits = submit(store, another(call, 2))
    await started.deliverer.take_up(SINK, ("expired",))
    clock.move(DAY)
    assert await started.reviewer.expire_due() == 2
    await started.deliverer.take_up(SINK, ("expired",))
    assert await told(started) == [("expired", waits.id)]


async def test_what_a_grant_approves_at_once_is_not_announced(
    store: BlockingStore, started: AsyncStore, call: Call
) -> None:
    approve_for_session(store, submit(store, call))
    await started.deliverer.take_up(SINK, ())
    granted = store.requester.submit(dataclasses.replace(call, dedupe_window=0, reason="again")).request
    assert granted.status == "approved"
    await started.deliverer.take_up(SINK, ("requested",))
    assert await told(started) == []


async def test_a_sink_hears_of_what_it_wants(store: BlockingStore, started: AsyncStore, call: Call) -> None:
    await started.deliverer.take_up(OTHER, ("decided",))
    request = approve(store, submit(store, call))
    for sink, wanted in ((SINK, ("requested",)), (OTHER, ("decided",))):
        await started.deliverer.take_up(sink, wanted)
    assert await told(started, SINK) == []
    assert await told(started, OTHER) == [("decided", request.id)]


async def test_a_long_log_is_taken_up_in_parts(
    store: BlockingStore, started: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approval_tui.store.transactions.deliveries._MOST_EVENTS", 2)
    requests = [submit(store, another(call, number)) for number in range(3)]
    assert await started.deliverer.take_up(SINK, ALL) is True
    assert await started.deliverer.take_up(SINK, ALL) is False
    assert await told(started) == [("requested", request.id) for request in requests]


# --- reminders ---------------------------------------------------------------------------------


async def test_a_request_that_still_waits_is_told_of_once_more(
    store: BlockingStore, started: AsyncStore, clock: ManualClock, call: Call
) -> None:
    request = submit(store, call)
    await started.deliverer.take_up(SINK, ALL, remind_after=5 * MINUTE)
    assert await told(started) == [("requested", request.id)]
    clock.move(5 * MINUTE - 1)
    assert "reminder" not in dict(await told(started))
    clock.move(1)
    (reminder,) = [
        each for each in await started.deliverer.lease("two", SINK, most=9) if each.notice.kind == "reminder"
    ]
    assert reminder.notice.at == request.created_at + 5 * MINUTE


async def test_a_reminder_of_what_no_longer_waits_is_dropped(
    store: BlockingStore, started: AsyncStore, clock: ManualClock, call: Call
) -> None:
    decided, expires = submit(store, another(call, 1)), submit(store, another(call, 2))
    await started.deliverer.take_up(SINK, ALL, remind_after=15 * MINUTE)
    for delivery in await started.deliverer.lease("one", SINK, most=9):
        await started.deliverer.confirm("one", delivery)
    deny(store, decided)
    assert expires.expires_at < expires.created_at + 15 * MINUTE
    clock.move(15 * MINUTE)
    assert await told(started) == []
    clock.move(2 * GIVEN_UP_AFTER)
    assert await started.deliverer.give_up_old() == ()


async def test_a_sink_that_comes_late_is_not_told_twice_at_once(
    store: BlockingStore, async_store: AsyncStore, clock: ManualClock, call: Call
) -> None:
    request = submit(store, call)
    clock.move(6 * MINUTE)
    await async_store.deliverer.take_up(SINK, ALL, remind_after=5 * MINUTE)
    assert await told(async_store) == [("requested", request.id)]


# --- leases ------------------------------------------------------------------------------------


@pytest.fixture
async def waiting(store: BlockingStore, started: AsyncStore, call: Call) -> Request:
    """A request that the sink is still to be told of."""
    request = submit(store, call)
    await started.deliverer.take_up(SINK, ALL)
    return request


async def leased_one(store: AsyncStore, holder: str = "one") -> Delivery:
    (delivery,) = await store.deliverer.lease(holder, SINK, most=9)
    return delivery


async def test_what_one_has_leased_no_other_gets(waiting: Request, started: AsyncStore) -> None:
    assert (await leased_one(started)).notice.request_id == waiting.id
    assert await told(started, holder="two") == []
    assert await told(started, holder="one") == []


async def test_a_lease_that_ran_out_is_anybodys_and_the_message_keeps_its_id(
    waiting: Request, started: AsyncStore, clock: ManualClock
) -> None:
    first = await leased_one(started)
    clock.move(LEASE)
    second = await leased_one(started, "two")
    assert (first.attempts, second.attempts) == (1, 2)
    assert first.message_id == second.message_id
    assert await started.deliverer.confirm("one", first) is False
    assert await started.deliverer.fail("one", first, delay=0, why="late") is False
    assert await started.deliverer.confirm("two", second) is True
    clock.move(DAY)
    assert await told(started) == []


async def test_what_failed_comes_again_when_its_time_has_come(
    waiting: Request, started: AsyncStore, clock: ManualClock
) -> None:
    assert await started.deliverer.fail("one", await leased_one(started), delay=MINUTE, why="it answered 500")
    clock.move(MINUTE - 1)
    assert await told(started) == []
    clock.move(1)
    assert (await leased_one(started)).attempts == 2


async def test_the_same_event_of_two_stores_has_two_ids(store_path: str, call: Call) -> None:
    ids = set()
    for number in range(2):
        async with open_store(f"{store_path}.{number}") as each:
            await each.deliverer.take_up(SINK, ALL)
            await each.requester.submit(call)
            await each.deliverer.take_up(SINK, ALL)
            ids.add((await leased_one(each)).message_id)
    assert len(ids) == 2


async def test_many_who_lease_at_once_get_each_delivery_once(
    store: BlockingStore, started: AsyncStore, store_location: str, clock: ManualClock, call: Call
) -> None:
    requests = {submit(store, another(call, number)).id for number in range(20)}
    others = [await open_store(store_location, clock=clock) for _ in range(4)]
    try:
        await asyncio.gather(*(each.deliverer.take_up(SINK, ALL) for each in others))
        rounds = [told(each, holder=str(number), most=3) for number, each in enumerate(others) for _ in range(3)]
        leased = [request_id for each in await asyncio.gather(*rounds) for _, request_id in each]
        assert len(leased) == len(requests)
        assert set(leased) == requests
    finally:
        for each in others:
            await each.close()


async def test_what_was_tried_for_a_week_is_given_up_and_said(
    waiting: Request, started: AsyncStore, clock: ManualClock
) -> None:
    await started.deliverer.fail("one", await leased_one(started), delay=MINUTE, why="it answered 500")
    clock.move(GIVEN_UP_AFTER - 1)
    assert (await started.deliverer.outlook((SINK,))).has_old is False
    clock.move(1)
    assert (await started.deliverer.outlook((OTHER,))).has_old is True
    (given_up,) = await started.deliverer.give_up_old()
    assert (given_up.sink, given_up.request_id, given_up.kind) == (SINK, waiting.id, "requested")
    assert (given_up.attempts, given_up.failure) == (1, "it answered 500")
    assert await told(started) == []


async def test_what_somebody_is_sending_just_now_is_not_given_up(
    waiting: Request, started: AsyncStore, clock: ManualClock
) -> None:
    clock.move(GIVEN_UP_AFTER - SECOND)
    await leased_one(started)
    clock.move(2 * SECOND)
    assert await started.deliverer.give_up_old() == ()
    clock.move(LEASE)
    assert len(await started.deliverer.give_up_old()) == 1


async def test_what_was_decided_while_nobody_delivered_for_a_week_is_passed_over(
    store: BlockingStore, started: AsyncStore, clock: ManualClock, call: Call
) -> None:
    deny(store, submit(store, another(call, 1)))
    clock.move(GIVEN_UP_AFTER)
    recent = deny(store, submit(store, another(call, 2)))
    await started.deliverer.take_up(SINK, ALL)
    assert await told(started) == [("decided", recent.id)]
    assert await started.deliverer.give_up_old() == ()


# --- what there is to do -----------------------------------------------------------------------


async def test_the_outlook_says_who_is_behind_and_what_is_due(
    store: BlockingStore, started: AsyncStore, clock: ManualClock, call: Call
) -> None:
    deliverer = started.deliverer
    outlook = await deliverer.outlook((SINK, OTHER))
    assert (outlook.behind, outlook.due, outlook.has_old) == (frozenset({OTHER}), frozenset(), False)
    submit(store, call)
    assert (await deliverer.outlook((SINK,))).behind == {SINK}
    await deliverer.take_up(SINK, ALL)
    outlook = await deliverer.outlook((SINK,))
    assert (outlook.behind, outlook.due) == (frozenset(), frozenset({SINK}))
    await leased_one(started)
    assert (await deliverer.outlook((SINK,))).due == set()
    clock.move(LEASE)
    assert (await deliverer.outlook((SINK,))).due == {SINK}


async def test_a_look_that_finds_nothing_writes_nothing(started: AsyncStore, store: BlockingStore) -> None:
    before = store._engine.data_version()
    assert await started.deliverer.take_up(SINK, ALL) is False
    assert await started.deliverer.lease("one", SINK, most=9) == ()
    assert await started.deliverer.give_up_old() == ()
    assert store._engine.data_version() == before


async def test_no_argument_and_no_reason_is_in_a_notice(store: BlockingStore, started: AsyncStore, call: Call) -> None:
    deny(store, submit(store, dataclasses.replace(call, reason="geheim", arguments={"geheim": 1})), "geheim")
    await started.deliverer.take_up(SINK, ALL)
    assert "geheim" not in repr(await started.deliverer.lease("one", SINK, most=9))


async def test_what_a_policy_decided_is_no_news_and_what_became_of_it_later_is(
    store: BlockingStore, started: AsyncStore, call: Call
) -> None:
    allowed, denied, withdrawn = [
        (
            await started.server.submit_once(
                check_call(another(call, number)),
                Submission(f"k{number}", "v1:sha256:0", "10m", has_context=False),
                PolicyDecision(verdict, "rule", "why"),
            )
        ).request
        for number, verdict in enumerate(("approve", "deny", "approve"))
    ]
    await started.deliverer.take_up(SINK, ALL)
    assert await told(started) == []
    assert denied.status == "denied"
    store.reviewer.revoke(allowed.id, reviewer=ANN)
    store.requester.cancel(withdrawn.id, requester=call.requester, reason='"via":"policy" \\"via\\":\\"policy\\"')
    await started.deliverer.take_up(SINK, ALL)
    assert await told(started) == [("decided", allowed.id), ("decided", withdrawn.id)]


async def test_no_words_of_a_reviewer_pass_for_a_policy(store: BlockingStore, started: AsyncStore, call: Call) -> None:
    request = submit(store, call)
    deny(store, request, '"via":"policy" \\"via\\":\\"policy\\"')
    await started.deliverer.take_up(SINK, ALL)
    assert ("decided", request.id) in await told(started)
