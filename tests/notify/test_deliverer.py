"""A deliverer on a real store, with receivers that take, fail, hang and come back."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import itertools
import os
import re
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE, SECOND
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.domain.notices import GIVEN_UP_AFTER, Notice
from approval_tui.domain.sinks import ChatSink, Webhook, webhook_key
from approval_tui.notify import deliverer, webhook, webhook_sender
from approval_tui.notify.deliverer import MOST_AT_ONCE, backoff, deliver, deliver_at
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.transaction import Row
from tests.notify.receivers import TAKEN, Answer, Received, receiving
from tests.notify.running import SECRET, delivering, sink_of, soon
from tests.store.tampering import attack
from tests.support import ANN, LONG, ManualClock


@pytest.fixture
async def store(store_path: str) -> AsyncIterator[AsyncStore]:
    """A store in the present, since what failed comes again by the clock."""
    async with open_store(store_path) as opened:
        yield opened


async def ask(store: AsyncStore, call: Call, number: int = 0) -> Request:
    submitted = await store.requester.submit(dataclasses.replace(call, arguments={"number": number}))
    assert submitted.created
    return submitted.request


async def left(store: AsyncStore) -> Sequence[Row]:
    """What is still to be delivered, now or later."""
    ever = {"before": 2**62, "now": 2**62, "most": 1000}
    return await store.deliverer._engine.read(lambda tx: tx.rows("old_deliveries", ever))


async def is_all_done(store: AsyncStore, *sinks: Webhook) -> bool:
    """Whether nothing is left to deliver, now or later."""
    rows = await left(store)
    assert {row["sink"] for row in rows} <= {sink.id for sink in sinks}
    return not rows


async def until_done(store: AsyncStore, *sinks: Webhook) -> None:
    while not await is_all_done(store, *sinks):  # each look is a hop, during which others go on
        pass


async def test_a_request_is_told_as_soon_as_it_is_there(store: AsyncStore, call: Call) -> None:
    with receiving() as receiver:
        async with delivering(store, [sink_of(receiver)]) as told:
            request = await ask(store, call)
            await soon(receiver.told_of)
            assert receiver.told_of() == [request.id]
            await until_done(store, sink_of(receiver))
        assert told == []


async def test_what_waited_before_it_began_is_told_too(store: AsyncStore, call: Call) -> None:
    request = await ask(store, call)
    with receiving() as receiver:
        async with delivering(store, [sink_of(receiver)]):
            await soon(receiver.told_of)
        assert receiver.told_of() == [request.id]


async def test_decisions_and_expiries_are_told_where_they_are_wanted(store: AsyncStore, call: Call) -> None:
    with receiving() as receiver:
        sink = sink_of(receiver, "decided", "expired")
        async with delivering(store, [sink]):
            brief = await ask(store, dataclasses.replace(call, timeout=SECOND))
            long = await ask(store, call, 1)
            await store.reviewer.decide(long.id, "deny", reviewer=ANN, digest=long.digest, reason="geheim")
            await soon(lambda: len(receiver.received) == 2)
        told = {each.json["approval_id"]: (each.json["type"], each.json["status"]) for each in receiver.received}
        assert told == {long.id: ("approval_decided", "denied"), brief.id: ("approval_expired", "expired")}
        assert not any(b"geheim" in each.body for each in receiver.received)


async def test_what_failed_is_sent_again_with_the_same_id_until_it_is_taken(store: AsyncStore, call: Call) -> None:
    numbers = itertools.count(1)

    def answer(_: Received) -> Answer:
        return TAKEN if next(numbers) >= 3 else Answer(500)

    with receiving(answer) as receiver:
        sink = sink_of(receiver)
        async with delivering(store, [sink]) as told:
            await ask(store, call)
            await soon(lambda: len(receiver.received) == 3)
            await until_done(store, sink)
            assert len({received.message_id for received in receiver.received}) == 1
            assert len({received.body for received in receiver.received}) == 1
            await ask(store, call, 1)
            await soon(lambda: len(receiver.received) == 4)
            await until_done(store, sink)
        assert told == [
            "127.0.0.1 was not told: it answered 500. It is tried again.",
            "127.0.0.1 is told again.",
        ]


async def test_a_receiver_that_asks_for_time_gets_it(store_path: str, call: Call) -> None:
    clock = ManualClock()
    busy = [Answer(429, {"Retry-After": "1800"})]
    async with open_store(store_path, clock=clock) as store:
        with receiving(lambda _: busy.pop() if busy else TAKEN) as receiver:
            sink = sink_of(receiver)
            async with delivering(store, [sink]):
                await ask(store, call)
                while (await left_failures(store)) != ["it answered 429"]:
                    pass
                clock.move(30 * MINUTE - 1)
                assert (await store.deliverer.outlook((sink.id,))).due == frozenset()
                clock.move(1)
                await soon(lambda: len(receiver.received) == 2)
            assert await is_all_done(store, sink)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}])
async def test_what_failed_rests_whatever_the_receiver_asks_for(
    store_path: str, call: Call, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(deliverer, "backoff", lambda attempts: attempts * MINUTE)
    clock = ManualClock()
    async with open_store(store_path, clock=clock) as store:
        with receiving(lambda _: Answer(503, headers)) as receiver:
            sink = sink_of(receiver)
            async with delivering(store, [sink]):
                await ask(store, call)
                while (await left_failures(store)) != ["it answered 503"]:
                    pass
                clock.move(MINUTE - 1)
                assert (await store.deliverer.outlook((sink.id,))).due == frozenset()
                clock.move(1)
                await soon(lambda: len(receiver.received) == 2)


async def test_a_defect_of_ours_is_no_delivery_and_ends_nothing(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt: list[str] = []

    def message(notice: Notice) -> bytes:
        if notice.request_id in spoilt:
            raise RuntimeError(notice.request_id)
        return webhook.message(notice)

    monkeypatch.setattr(webhook_sender, "message", message)
    first = await ask(store, call)
    spoilt.append(first.id)
    with receiving() as receiver:
        async with delivering(store, [sink_of(receiver)]) as told:
            await soon(lambda: told)
            second = await ask(store, call, 1)
            await soon(lambda: second.id in receiver.told_of())
            spoilt.clear()
            await soon(lambda: first.id in receiver.told_of())
        assert told[0] == "127.0.0.1 was not told: a defect in approval-tui: RuntimeError. It is tried again."


async def test_a_store_that_is_not_there_is_not_made(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliverer, "RETRY", 0.01)
    told: list[str] = []
    task = asyncio.ensure_future(deliver_at(store_path, [Webhook("https://a.example", "x")], tell=told.append))
    await soon(lambda: told)
    task.cancel()
    await asyncio.wait([task])
    assert not os.path.exists(store_path)


async def test_more_sinks_than_may_be_served_at_once_all_have_their_turn(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT", 0.02)
    requests = [await ask(store, call, number) for number in range(40)]
    backlog = MOST_AT_ONCE * len(requests)
    before: list[int] = []

    def note(_: Received) -> Answer:
        before.append(len(hanging.received))
        return TAKEN

    with receiving(lambda _: Answer(hangs=True)) as hanging, receiving(note) as well:
        stuck = [sink_of(hanging)._replace(url=f"{hanging.url}{number}") for number in range(MOST_AT_ONCE)]
        async with delivering(store, [*stuck, sink_of(well)]):
            await soon(lambda: before)
    assert before[0] < backlog / 2


async def left_failures(store: AsyncStore) -> list[str | None]:
    return [row["failure"] for row in await left(store)]


async def test_a_sink_that_fails_or_hangs_holds_up_no_other_and_no_decision(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT", 3600.0)
    with (
        receiving() as well,
        receiving(lambda _: Answer(500)) as failing,
        receiving(lambda _: Answer(hangs=True)) as hanging,
    ):
        sinks = [sink_of(hanging), sink_of(failing), sink_of(well)]
        monkeypatch.setattr(deliverer, "LAST_SENDS", 0.0)
        async with delivering(store, sinks):
            requests = [await ask(store, call, number) for number in range(3 * MOST_AT_ONCE)]
            await soon(lambda: len(well.received) == len(requests))
            decided = requests[0]
            await store.reviewer.decide(decided.id, "approve", reviewer=ANN, digest=decided.digest)
        assert set(well.told_of()) == {request.id for request in requests}
        assert 0 < len(hanging.received) <= MOST_AT_ONCE // len(sinks)


async def test_no_more_are_under_way_at_once_than_is_said(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "LAST_SENDS", 0.0)
    for number in range(2 * MOST_AT_ONCE):
        await ask(store, call, number)
    with receiving(lambda _: Answer(hangs=True)) as receiver:
        async with delivering(store, [sink_of(receiver)]):
            await soon(lambda: len(receiver.received) == MOST_AT_ONCE)
            await ask(store, call, -1)
            outlook = await store.deliverer.outlook((sink_of(receiver).id,))
            assert outlook.due
        assert len(receiver.received) == MOST_AT_ONCE


async def test_no_more_are_under_way_at_once_however_many_sinks_there_are(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "LAST_SENDS", 0.0)
    monkeypatch.setattr(webhook_sender, "TIMEOUT", 3600.0)
    await ask(store, call)
    with receiving(lambda _: Answer(hangs=True)) as receiver:
        sinks = [sink_of(receiver)._replace(url=f"{receiver.url}{number}") for number in range(2 * MOST_AT_ONCE)]
        async with delivering(store, sinks):
            await soon(lambda: len(receiver.received) == MOST_AT_ONCE)
            await ask(store, call, 1)
            assert len((await store.deliverer.outlook([sink.id for sink in sinks])).due) >= MOST_AT_ONCE
        assert len(receiver.received) == MOST_AT_ONCE


async def test_what_is_given_up_is_said_with_why(store_path: str, call: Call) -> None:
    clock = ManualClock()
    async with open_store(store_path, clock=clock) as store:
        with receiving(lambda _: Answer(500)) as receiver:
            sink = sink_of(receiver)
            await store.deliverer.take_up("v1:sha256:gone", ["requested"])
            async with delivering(store, [sink]) as told:
                request = await ask(store, call)
                await store.deliverer.take_up("v1:sha256:gone", ["requested"])
                while "it answered 500" not in await left_failures(store):
                    pass
                clock.move(GIVEN_UP_AFTER)
                await soon(lambda: len(told) == 3)
        assert told[0] == "127.0.0.1 was not told: it answered 500. It is tried again."
        gone, failed = sorted(told[1:], reverse=True)
        of_it = rf"will not be told of {request.id} \(requested\)"
        assert re.fullmatch(rf"127\.0\.0\.1 {of_it}, after \d+ attempts: it answered 500\.", failed)
        assert re.fullmatch(rf"A place that is told no longer {of_it}, for nobody delivered in time\.", gone)
        assert await left(store) == []


async def test_a_row_that_cannot_be_read_silences_no_other(store: AsyncStore, call: Call, store_path: str) -> None:
    bad = await ask(store, dataclasses.replace(call, timeout=1))
    with open_store_blocking(store_path) as desk:
        attack(desk, "UPDATE requests SET decisions = 'x' WHERE id = ?", (bad.id,))
    with pytest.raises(StoreUnavailable):
        await store.reviewer.expire_due()
    with receiving() as receiver:
        async with delivering(store, [sink_of(receiver)]) as told:
            request = await ask(store, call, 1)
            await soon(lambda: request.id in receiver.told_of())
        assert told == []


async def test_what_is_under_way_may_arrive_when_it_is_ended(
    store: AsyncStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "LAST_SENDS", LONG)
    may_answer = threading.Event()

    def answer(_: Received) -> Answer:
        may_answer.wait(LONG)
        return TAKEN

    with receiving(answer) as receiver:
        sink = sink_of(receiver)
        await ask(store, call)
        task = asyncio.ensure_future(deliver(store, [sink], tell=print))
        await soon(lambda: receiver.received)
        task.cancel()
        assert not await is_all_done(store, sink)
        assert not task.done()
        may_answer.set()
        await asyncio.wait([task])
        assert await is_all_done(store, sink)


async def test_a_reminder_comes_while_the_request_waits(store_path: str, call: Call) -> None:
    clock = ManualClock()
    async with open_store(store_path, clock=clock) as store:
        with receiving() as receiver:
            async with delivering(store, [sink_of(receiver)], remind_after=5 * MINUTE):
                await ask(store, call)
                await soon(receiver.told_of)
                clock.move(5 * MINUTE)
                await soon(lambda: len(receiver.received) == 2)
            types = [received.json["type"] for received in receiver.received]
            assert types == ["approval_requested", "approval_reminder"]
            assert len({received.message_id for received in receiver.received}) == 2


async def test_a_store_that_went_away_is_said_once_and_taken_up_again(
    store_path: str, call: Call, store_looks_each_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "RETRY", 0.01)
    noted: list[StoreUnavailable] = []
    note = deliverer._Deliverer.note_trouble

    def counted(self: deliverer._Deliverer, error: StoreUnavailable) -> None:
        noted.append(error)
        note(self, error)

    monkeypatch.setattr(deliverer._Deliverer, "note_trouble", counted)
    async with open_store(store_path) as store:
        with receiving() as receiver:
            async with delivering(store, [sink_of(receiver)]) as told:
                await ask(store, call)
                await soon(receiver.told_of)
                os.rename(store_path, f"{store_path}.away")
                await soon(lambda: len(noted) > 2)
                os.rename(f"{store_path}.away", store_path)
                await soon(lambda: len(told) == 2)
                await ask(store, call, 1)
                await soon(lambda: len(receiver.received) == 2)
            assert told[0].endswith("Nobody is told of anything until it is back.")
            assert told[1] == "The store is back."


async def test_a_store_that_was_replaced_is_opened_anew(
    store_path: str, call: Call, store_looks_each_time: None
) -> None:
    told: list[str] = []
    await (await open_store(store_path)).close()
    with receiving() as receiver:
        task = asyncio.ensure_future(deliver_at(store_path, [sink_of(receiver)], tell=told.append))
        async with open_store(store_path) as first:
            while (await first.deliverer.outlook((sink_of(receiver).id,))).behind:
                pass
        for name in ("", "-wal", "-shm"):
            if os.path.exists(store_path + name):
                os.rename(store_path + name, f"{store_path}.old{name}")
        async with open_store(store_path) as second:
            request = await ask(second, call)
            await soon(receiver.told_of)
            assert receiver.told_of() == [request.id]
        task.cancel()
        await asyncio.wait([task])
    assert told[-1] == "The store is back."


async def test_a_sink_that_cannot_be_sent_to_is_said_and_the_others_are_served(store: AsyncStore, call: Call) -> None:
    with receiving() as receiver:
        async with delivering(store, [ChatSink("nosuchservice://geheim"), sink_of(receiver)]) as told:
            await ask(store, call)
            await soon(receiver.told_of)
        (line,) = told
        assert "nosuchservice://…" in line
        assert "geheim" not in line


async def test_where_no_sink_can_be_sent_to_it_ends(store: AsyncStore) -> None:
    told: list[str] = []
    await deliver(store, [ChatSink("nosuchservice://geheim")], tell=told.append)
    assert len(told) == 1


async def test_the_same_url_twice_is_told_once(store: AsyncStore, call: Call) -> None:
    with receiving() as receiver:
        sink = sink_of(receiver)
        async with delivering(store, [sink, sink._replace(secret="another")]):
            await ask(store, call)
            await soon(receiver.told_of)
            await until_done(store, sink)
        (received,) = receiver.received
        key = base64.b64encode(webhook_key(SECRET)).decode()
        assert Verifier(key).verify(received.body, received.headers) == received.json


def test_the_backoff_doubles_up_to_an_hour_and_is_spread() -> None:
    for attempts, longest in ((1, SECOND), (2, 2 * SECOND), (5, 16 * SECOND), (12, 2048 * SECOND), (13, HOUR)):
        waits = [backoff(attempts) for _ in range(500)]
        assert 0 <= min(waits) < longest / 2 < max(waits) <= longest
    assert backoff(10_000) <= HOUR
