"""One store in two forms: blocking and async do the same, and each refuses what would be unsafe."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import gc
import inspect
import json
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiosqlite
import pytest

from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import ConfigurationError, StatusConflict, StoreIncompatible, StoreUnavailable
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME, DEFAULT_TIMEOUT
from approval_tui.store import (
    asynchronous,
    blocking_requester,
    blocking_reviewer,
    open_store,
    open_store_blocking,
    resolved_location,
)
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, LONG, ManualClock, assert_sound, async_sqlite_engine, run_worker, submit, until

Ids = Callable[[], str]
Form = Callable[[str, ManualClock, Ids], Awaitable[Any]]


def counting_ids() -> Ids:
    numbers = iter(range(1, 1000))
    return lambda: f"apr_{next(numbers):08x}{0:024x}"


async def open_blocking_form(path: str, clock: ManualClock, new_id: Ids) -> BlockingStore:
    return open_store_blocking(path, clock=clock, new_id=new_id)


async def open_async_form(path: str, clock: ManualClock, new_id: Ids) -> AsyncStore:
    return await open_store(path, clock=clock, new_id=new_id)


async def settled(result: Any) -> Any:
    """The result, awaited where it must be."""
    return await result if inspect.isawaitable(result) else result


async def main_path(store: Any, clock: ManualClock) -> list[Any]:
    """Everything that both forms can do, and what each step gave."""
    seen: list[Any] = []

    async def step(result: Any) -> Any:
        try:
            value = await settled(result() if callable(result) else result)
        except StatusConflict as error:
            value = str(error)
        seen.append(value)
        return value

    ask, judge = store.requester, store.reviewer
    requests = []
    for number in range(6):
        call = Call(tool=f"tool-{number}", arguments={"n": number}, requester="release-bot", session="run-1")
        requests.append((await step(ask.submit(call))).request)
        await step(ask.submit(call))
        clock.move(1)
    first, second, third, fourth, fifth, sixth = requests
    await step(judge.list())
    await step(judge.overview())
    await step(judge.find(first.id[:12]))
    await step(judge.decide(first.id, "approve", reviewer=ANN, digest=first.digest, reason="yes"))
    await step(judge.decide(second.id, "deny", reviewer=BO, digest=second.digest, reason="no"))
    await step(judge.decide(third.id, "approve", reviewer=ANN, digest=third.digest, edited_arguments={"n": "edited"}))
    await step(lambda: judge.decide(second.id, "approve", reviewer=ANN, digest=second.digest))
    await step(ask.wait(first.id))
    claims = {}
    for request in (first, third):
        claim = await settled(ask.consume(request.id, request.fingerprint, requester="release-bot"))
        claims[request.id] = claim.id
        seen.append(claim.arguments)
    await step(ask.rollback(third.id, claims[third.id]))
    await step(judge.revoke(third.id, reviewer=BO))
    await step(ask.report_outcome(first.id, claims[first.id], "failed", detail="exit 1"))
    await step(ask.cancel(fourth.id, requester="release-bot"))
    await step(judge.expire(fifth.id, reviewer=ANN))
    clock.move(DEFAULT_TIMEOUT)
    await step(ask.wait(sixth.id))
    await step(judge.expire_due())
    await step(judge.history())
    for request in requests:
        await step(ask.get(request.id))
        await step(judge.get(request.id))
        events = await settled(judge.events(request_id=request.id))
        seen.append([(event.seq, event.name, event.at, event.body["details"]) for event in events])
    verification = await settled(judge.verify())
    seen.append((verification.events, verification.requests, verification.problems))
    batches: list[tuple[Event, ...]] = []
    await step(judge.export(batches.append))
    seen.append([event.seq for batch in batches for event in batch])
    head = await settled(judge.head())
    seen.append((head.seq, head.at))
    return seen


async def test_both_forms_do_the_same_on_the_main_path(next_location: Callable[[], str]) -> None:
    results = []
    for form in (open_blocking_form, open_async_form):
        clock = ManualClock()
        opened = await form(next_location(), clock, counting_ids())
        results.append(await main_path(opened, clock))
        await settled(opened.close())
    blocking_result, async_result = results
    assert len(blocking_result) > 50
    for mine, theirs in zip(blocking_result, async_result, strict=True):
        assert mine == theirs


def public_names(face: type) -> set[str]:
    return {name for name in dir(face) if not name.startswith("_")}


def test_both_forms_have_the_same_faces() -> None:
    assert public_names(asynchronous.RequesterStore) == public_names(blocking_requester.BlockingRequesterStore)
    assert public_names(asynchronous.ReviewerStore) - {"changes"} == public_names(
        blocking_reviewer.BlockingReviewerStore
    )


@pytest.mark.parametrize("face", [asynchronous.RequesterStore, blocking_requester.BlockingRequesterStore])
def test_the_requesters_face_cannot_decide(face: type) -> None:
    asking = {"submit", "get", "wait", "consume", "report_outcome", "rollback", "give_up", "cancel"}
    by_policy = {"claimable", "counter_values", "admit", "record_denial", "record_refusal", "give_back", "note_policy"}
    of_itself = {"note_proxy"}
    assert public_names(face) == asking | by_policy | of_itself


async def test_both_forms_work_on_one_file_at_the_same_time(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    request = submit(store, call)
    assert await async_store.requester.get(request.id) == request
    await async_store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest)
    assert store.requester.get(request.id).status == "approved"
    assert (await async_store.reviewer.verify()).is_sound


# --- one hop -----------------------------------------------------------------------------------


def hops(caplog: pytest.LogCaptureFixture) -> int:
    """How many functions the connection's thread has run; aiosqlite logs each."""
    return sum(record.message.startswith("executing") for record in caplog.records)


@pytest.mark.sqlite_alone
async def test_every_transaction_is_exactly_one_hop(
    async_store: AsyncStore, call: Call, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "aiosqlite")

    async def in_one_hop(coroutine: Coroutine[Any, Any, Any]) -> Any:
        caplog.clear()
        result = await coroutine
        assert hops(caplog) == 1
        return result

    ask, judge = async_store.requester, async_store.reviewer
    request = (await in_one_hop(ask.submit(call))).request
    await in_one_hop(judge.list())
    await in_one_hop(
        judge.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"a": 1})
    )
    await in_one_hop(ask.wait(request.id))
    claim = await in_one_hop(ask.consume(request.id, request.fingerprint, requester=call.requester))
    clock.move(DEFAULT_CLAIM_LIFETIME)
    with pytest.raises(StatusConflict):
        await in_one_hop(ask.consume(request.id, request.fingerprint, requester=call.requester))
    assert hops(caplog) == 1
    await in_one_hop(judge.resolve(request.id, "failed", reviewer=ANN))
    assert claim.arguments == {"a": 1}


def test_aiosqlite_is_what_the_driver_takes_it_for() -> None:
    parameters = list(inspect.signature(aiosqlite.Connection._execute).parameters)
    assert parameters == ["self", "fn", "args", "kwargs"]
    assert inspect.iscoroutinefunction(aiosqlite.Connection._execute)
    connection = aiosqlite.Connection(lambda: sqlite3.connect(":memory:"), iter_chunk_size=64)
    assert isinstance(connection._thread, threading.Thread)
    assert not connection._thread.is_alive()
    assert connection._connection is None
    assert aiosqlite.core._STOP_RUNNING_SENTINEL is not None
    assert {"_running", "_tx"} <= vars(connection).keys()


@pytest.mark.sqlite_alone
async def test_an_abandoned_async_store_does_not_keep_the_program_alive(async_store: AsyncStore) -> None:
    assert async_sqlite_engine(async_store)._connection._thread.daemon


async def test_an_async_store_that_is_forgotten_closes_its_file_and_ends_its_thread(
    store_path: str, call: Call
) -> None:
    forgotten = await open_store(store_path)
    await forgotten.requester.submit(call)
    engine = async_sqlite_engine(forgotten)
    thread, connection = engine._connection._thread, engine._engine.connection
    del engine
    cycle: list[object] = [forgotten]  # as a module's globals make one: nothing is finalised in any order
    cycle.append(cycle)
    del forgotten, cycle
    gc.collect()
    until(lambda: not thread.is_alive())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_store_that_is_forgotten_just_before_its_loop_ends_says_nothing(
    store_path: str, call: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    threads: list[threading.Thread] = []

    async def forget() -> None:
        forgotten = await open_store(store_path)
        await forgotten.requester.submit(call)
        threads.append(async_sqlite_engine(forgotten)._connection._thread)
        del forgotten
        gc.collect()

    for _ in range(5):
        asyncio.run(forget())
    until(lambda: not any(thread.is_alive() for thread in threads))
    assert capfd.readouterr() == ("", "")


async def test_cancelling_a_call_leaves_the_store_usable(async_store: AsyncStore, call: Call) -> None:
    for number in range(20):
        task = asyncio.create_task(async_store.requester.submit(dataclasses.replace(call, tool=f"tool-{number}")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await async_store.requester.submit(call)).created
    assert (await async_store.reviewer.verify()).is_sound


# --- closing, forking, replacing ---------------------------------------------------------------


def test_a_blocking_store_may_be_closed_twice_and_then_says_so(store: BlockingStore, call: Call) -> None:
    store.close()
    store.close()
    for attempt in (lambda: store.requester.submit(call), store.reviewer.list, store.reviewer.verify):
        with pytest.raises(StoreUnavailable, match="was closed"):
            attempt()


async def test_an_async_store_may_be_closed_twice_and_then_says_so(async_store: AsyncStore, call: Call) -> None:
    await async_store.close()
    await async_store.close()
    for attempt in (lambda: async_store.requester.submit(call), async_store.reviewer.list):
        with pytest.raises(StoreUnavailable, match="was closed"):
            await attempt()


async def test_an_async_store_is_awaited_or_entered(tmp_path: Any) -> None:
    path = str(tmp_path / "approvals.db")
    opened = await open_store(path)
    assert opened.location == path
    await opened.close()
    async with open_store(path) as entered, entered as again:
        assert again is entered
        assert await entered.reviewer.head() is None


def worker_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "connection_worker" in thread.name]


async def test_an_async_store_that_cannot_open_says_why_and_leaves_no_thread(tmp_path: Any) -> None:
    path = tmp_path / "approvals.db"
    path.write_text("no database")
    with pytest.raises(StoreIncompatible):
        await open_store(str(path))
    assert worker_threads() == []


async def test_an_opening_that_is_cancelled_leaves_no_thread_and_no_connection(tmp_path: Any, call: Call) -> None:
    path = str(tmp_path / "approvals.db")
    task = asyncio.create_task(open_store(path)._open())
    async with asyncio.timeout(LONG):
        while not worker_threads():
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert worker_threads() == []
    assert not any(os.path.realpath(f"/proc/self/fd/{name}") == path for name in os.listdir("/proc/self/fd"))
    async with open_store(path) as store:
        assert (await store.requester.submit(call)).created


def test_a_store_is_not_used_across_a_fork(store_location: str) -> None:
    result = json.loads(run_worker("after_fork", store_location))
    assert len(result["refusals"]) == 3
    assert all("before this process was forked" in refusal for refusal in result["refusals"])
    assert result["tools"] == ["before", "opened in the child", "after"]
    assert result["problems"] == 0


@pytest.mark.sqlite_alone
@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_file_that_was_replaced_or_removed_is_not_used(
    store: BlockingStore, async_store: AsyncStore, call: Call, how: str
) -> None:
    submit(store, call)
    if how == "replaced":
        shutil.copy(store.location, f"{store.location}.copy")
        os.replace(f"{store.location}.copy", store.location)
    else:
        os.unlink(store.location)
    for attempt in (lambda: store.requester.submit(call), store.reviewer.list, store.reviewer.head):
        with pytest.raises(StoreUnavailable, match="moved or replaced"):
            attempt()
    with pytest.raises(StoreUnavailable, match="moved or replaced"):
        await async_store.requester.submit(call)


# --- threads -----------------------------------------------------------------------------------


def test_threads_may_share_a_blocking_store(store: BlockingStore, call: Call) -> None:
    def ask(number: int) -> str:
        return store.requester.submit(dataclasses.replace(call, tool=f"tool-{number}")).request.id

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(ask, range(64), timeout=LONG))
    assert len(ids) == 64
    assert_sound(store)


async def test_tasks_may_share_an_async_store(async_store: AsyncStore, call: Call) -> None:
    calls = [dataclasses.replace(call, tool=f"tool-{number}") for number in range(64)]
    submitted = await asyncio.gather(*(async_store.requester.submit(each) for each in calls))
    assert len({each.request.id for each in submitted}) == 64
    assert (await async_store.reviewer.verify()).is_sound


# --- where the store is ------------------------------------------------------------------------


def test_the_store_is_where_the_caller_the_environment_the_configuration_or_the_platform_says(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, own_home: Any
) -> None:
    assert resolved_location(None) == str(own_home / ".local/share/approval-tui/approvals.db")
    configuration = own_home / ".config/approval-tui/config.yaml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("store: ~/configured.db\n")
    assert resolved_location(None) == str(own_home / "configured.db")
    monkeypatch.setenv("APPROVAL_TUI_STORE", "~/environment.db")
    assert resolved_location(None) == str(own_home / "environment.db")
    assert resolved_location("~/given.db") == str(own_home / "given.db")
    monkeypatch.chdir(tmp_path)
    assert resolved_location("given.db") == str(tmp_path / "given.db")
    assert resolved_location("sqlite:///srv/approvals.db") == "/srv/approvals.db"


def test_a_broken_configuration_opens_no_store(own_home: Any) -> None:
    configuration = own_home / ".config/approval-tui/config.yaml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("stoer: x\n")
    with pytest.raises(ConfigurationError):
        resolved_location(None)


@pytest.mark.parametrize("location", [":memory:", "/srv/", "sqlite://", "sqlite://:memory:"])
def test_what_is_no_file_is_no_store(location: str) -> None:
    with pytest.raises(StoreUnavailable):
        open_store_blocking(location)


@pytest.mark.parametrize("location", ["mysql://db/approvals", "redis://localhost", "file:///srv/a.db"])
def test_an_engine_that_is_not_there_is_refused_by_name(location: str) -> None:
    with pytest.raises(StoreIncompatible, match=location.partition(":")[0]):
        open_store_blocking(location)
