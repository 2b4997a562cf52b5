"""Waiting: by bell, by polling where none rings, by watching files where there are no named pipes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import os
import resource
import shutil
import stat
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.database_urls import is_database_url
from approval_tui.domain.errors import RequestNotFound, StoreUnavailable
from approval_tui.domain.limits import DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store import bells, open_store, open_store_blocking, wakeups
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.bells import Bell, Bells
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers.postgres_wakeups import PostgresWakeups
from approval_tui.store.engine import Waker
from tests.store.hanging import hung_bells, is_rung
from tests.support import (
    ANN,
    LONG,
    ManualClock,
    approve,
    assert_sound,
    deny,
    event_names,
    run_worker,
    sqlite_engine,
    submit,
    until,
)

NEVER = 2 * LONG
OFTEN = 0.01


@pytest.fixture
def only_bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks on its own, so that what wakes a waiter is the bell."""
    monkeypatch.setattr(wakeups, "WAITER_POLL", NEVER)
    monkeypatch.setattr(wakeups, "CONSOLE_POLL", NEVER)


@pytest.fixture
def only_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "WAITER_POLL", OFTEN)
    monkeypatch.setattr(wakeups, "CONSOLE_POLL", OFTEN)


@pytest.fixture
def silent(store: BlockingStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingStore]:
    """Another program's store, whose commits ring no bell."""
    with open_store_blocking(store.location, clock=clock) as opened:
        if is_database_url(store.location):
            monkeypatch.setattr(PostgresWakeups, "channels", lambda wakeups, ids: [])
        else:
            sqlite_engine(opened).bells.folder = f"{store.location}.nowhere"
        yield opened


class Waiting:
    """A wait that is under way, in a thread of its own or as a task of an event loop in one."""

    def __init__(self, pool: concurrent.futures.Executor, store: BlockingStore, form: str, clock: ManualClock) -> None:
        self._pool = pool
        self._store = store
        self._form = form
        self._clock = clock

    def start(self, request: Request, timeout: int | None = None) -> concurrent.futures.Future[Request]:
        """Begins to wait for the request, through a store of its own."""
        if self._form == "blocking":
            return self._pool.submit(self._wait, request, timeout)
        return self._pool.submit(lambda: asyncio.run(self._wait_async(request, timeout)))

    def start_hung(self, request: Request) -> concurrent.futures.Future[Request]:
        """The same, and its bell hangs when this returns."""
        waiting = self.start(request)
        until(lambda: hung_bells(self._store))
        return waiting

    def _wait(self, request: Request, timeout: int | None) -> Request:
        with open_store_blocking(self._store.location, clock=self._clock) as own:
            return own.requester.wait(request.id, timeout=timeout)

    async def _wait_async(self, request: Request, timeout: int | None) -> Request:
        async with open_store(self._store.location, clock=self._clock) as own:
            return await own.requester.wait(request.id, timeout=timeout)


@pytest.fixture(params=["blocking", "async"])
def waiting(request: pytest.FixtureRequest, store: BlockingStore, clock: ManualClock) -> Iterator[Waiting]:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield Waiting(pool, store, request.param, clock)


ENDS: dict[str, Callable[[BlockingStore, Request], object]] = {
    "approved": approve,
    "denied": deny,
    "cancelled": lambda store, request: store.requester.cancel(request.id, requester=request.requester),
    "expired": lambda store, request: store.reviewer.expire(request.id, reviewer=ANN),
}


@pytest.mark.usefixtures("only_bells")
@pytest.mark.parametrize("end", ENDS)
def test_a_bell_wakes_the_waiter_on_whatever_ends_the_wait(
    store: BlockingStore, waiting: Waiting, call: Call, end: str
) -> None:
    request = submit(store, call)
    future = waiting.start_hung(request)
    ENDS[end](store, request)
    assert future.result(LONG).status == end
    until(lambda: not hung_bells(store))


@pytest.mark.usefixtures("only_bells")
def test_a_decision_in_another_process_wakes_the_waiter(store: BlockingStore, waiting: Waiting, call: Call) -> None:
    request = submit(store, dataclasses.replace(call, timeout=2 * DEFAULT_TIMEOUT))
    future = waiting.start_hung(request)
    run_worker("decide", store.location, request.id, request.digest, str(waiting._clock.now))
    assert future.result(LONG).status == "approved"


@pytest.mark.usefixtures("only_bells")
def test_a_request_that_is_decided_already_is_not_waited_for(
    store: BlockingStore, waiting: Waiting, call: Call
) -> None:
    request = approve(store, submit(store, call))
    assert waiting.start(request).result(LONG) == request


@pytest.mark.usefixtures("only_bells")
def test_votes_and_other_requests_do_not_end_the_wait(store: BlockingStore, waiting: Waiting, call: Call) -> None:
    request, other = submit(store, call), submit(store, dataclasses.replace(call, tool="other"))
    future = waiting.start_hung(request)
    store.requester.submit(call)
    approve(store, other)
    assert not future.done()
    deny(store, request)
    assert future.result(LONG).status == "denied"


@pytest.mark.usefixtures("only_polling")
def test_a_commit_that_rings_no_bell_is_noticed(
    store: BlockingStore, silent: BlockingStore, waiting: Waiting, call: Call
) -> None:
    request = submit(store, call)
    future = waiting.start_hung(request)
    approve(silent, request)
    assert future.result(LONG).status == "approved"


@pytest.mark.usefixtures("only_polling")
def test_a_wait_ends_after_its_timeout(store: BlockingStore, waiting: Waiting, clock: ManualClock, call: Call) -> None:
    request = submit(store, call)
    future = waiting.start(request, timeout=1000)
    until(lambda: hung_bells(store))
    clock.move(999)
    assert not future.done()
    clock.move(1)
    assert future.result(LONG) == request


def test_a_wait_of_no_time_at_all_only_looks(store: BlockingStore, waiting: Waiting, call: Call) -> None:
    request = submit(store, call)
    assert waiting.start(request, timeout=0).result(LONG) == request
    assert waiting.start(approve(store, request), timeout=0).result(LONG).status == "approved"


@pytest.mark.usefixtures("only_polling")
def test_a_waiter_notices_the_expiry_and_records_it(
    store: BlockingStore, waiting: Waiting, clock: ManualClock, call: Call
) -> None:
    request = submit(store, call)
    future = waiting.start_hung(request)
    clock.now = request.expires_at
    assert future.result(LONG).status == "expired"
    assert event_names(store, request) == ["request_submitted", "request_expired"]
    assert_sound(store)


@pytest.mark.parametrize(
    "request_id", ["apr_" + "0" * 32, "", "apr_", "../../x", "/../../../../tmp/evil/ab", "a\0b", "\ud800"]
)
async def test_nobody_waits_for_what_can_be_no_request(
    store: BlockingStore, async_store: AsyncStore, tmp_path: Any, request_id: str
) -> None:
    with pytest.raises(RequestNotFound):
        store.requester.wait(request_id)
    with pytest.raises(RequestNotFound):
        await async_store.requester.wait(request_id)
    pipes = [path for path in tmp_path.rglob("*") if stat.S_ISFIFO(path.lstat().st_mode)]
    assert pipes == []


async def test_a_cancelled_wait_takes_its_bell_down(async_store: AsyncStore, call: Call) -> None:
    request = (await async_store.requester.submit(call)).request
    task = asyncio.create_task(async_store.requester.wait(request.id))
    async with asyncio.timeout(LONG):
        while not hung_bells(async_store):
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    until(lambda: not hung_bells(async_store))
    assert (await async_store.requester.get(request.id)).status == "pending"


# --- bells -------------------------------------------------------------------------------------


@pytest.mark.sqlite_alone
def test_whoever_finds_a_bell_without_a_reader_takes_it_down(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    bells = sqlite_engine(store).bells
    for bell in (Bell.for_request(bells, request.id), Bell.for_console(bells)):
        bell.__enter__()
        os.close(bell.file)  # as the kernel does for a process that was killed
    assert len(hung_bells(store)) == 2
    approve(store, request)
    assert hung_bells(store) == []


@pytest.fixture
def hang(store: BlockingStore) -> Iterator[Callable[[str | None], Waker]]:
    """Gives a waker for the request, or for every change."""

    def hang(request_id: str | None) -> Waker:
        waker = store._engine.wakeups.hang(request_id, stack)
        assert waker is not None
        waker.wait_until_listening()
        return waker

    with contextlib.ExitStack() as stack:
        yield hang


def test_a_commit_rings_only_the_bells_it_concerns(
    store: BlockingStore, call: Call, hang: Callable[[str | None], Waker]
) -> None:
    request, other = submit(store, call), submit(store, dataclasses.replace(call, tool="other"))
    mine, theirs, console = hang(request.id), hang(other.id), hang(None)
    approve(store, request)
    until(lambda: is_rung(mine) and is_rung(console))
    assert not is_rung(theirs)


@pytest.fixture
def many_files() -> Iterator[None]:
    """More files are open than select() can tell apart."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield
    for file in files:
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_bells_ring_in_a_program_with_many_files(
    store: BlockingStore, call: Call, hang: Callable[[str | None], Waker]
) -> None:
    request = submit(store, call)
    bell = hang(request.id)
    deny(store, request)
    until(lambda: is_rung(bell))


def test_a_refused_command_rings_no_bell(store: BlockingStore, call: Call, hang: Callable[[str | None], Waker]) -> None:
    request, other = approve(store, submit(store, call)), submit(store, dataclasses.replace(call, tool="other"))
    mine, theirs = hang(request.id), hang(other.id)
    with contextlib.suppress(Exception):
        deny(store, request)
    approve(store, other)
    until(lambda: is_rung(theirs))
    assert not is_rung(mine)


def test_a_recorded_refusal_rings(
    store: BlockingStore, clock: ManualClock, call: Call, hang: Callable[[str | None], Waker]
) -> None:
    request = submit(store, call)
    clock.now = request.expires_at
    mine = hang(request.id)
    with contextlib.suppress(Exception):
        approve(store, request)
    until(lambda: is_rung(mine))


@pytest.mark.sqlite_alone
def test_a_full_bell_keeps_no_writer(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    with Bell.for_request(sqlite_engine(store).bells, request.id) as bell:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(bell.file, b"\0" * 65536)
        approve(store, request)
        bell.silence()
        with pytest.raises(BlockingIOError):
            os.read(bell.file, 1)


def test_ringing_never_fails(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in ("missing", "file"):
        Bells(str(tmp_path / folder)).ring(["apr_" + "0" * 32])


# --- without bells -----------------------------------------------------------------------------


@pytest.fixture(params=["no named pipes on this platform", "none beside this store"])
def without_bells(request: pytest.FixtureRequest, store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param.startswith("no "):
        monkeypatch.setattr(bells, "SUPPORTED", False)
    else:
        shutil.rmtree(f"{store.location}.bells", ignore_errors=True)
        with open(f"{store.location}.bells", "w", encoding="utf-8") as file:
            file.write("in the way")


@pytest.mark.sqlite_alone
@pytest.mark.usefixtures("without_bells", "only_bells")
def test_without_bells_the_files_are_watched(store: BlockingStore, waiting: Waiting, call: Call) -> None:
    request = submit(store, call)
    future = waiting.start(request)
    approve(store, request)
    numbers = iter(range(1_000_000))

    def woken() -> bool:
        # A commit before the watch began is not seen by it, so others follow.
        submit(store, dataclasses.replace(call, tool=f"tool-{next(numbers)}"))
        return future.done()

    until(woken)
    assert future.result().status == "approved"


@pytest.mark.sqlite_alone
@pytest.mark.usefixtures("without_bells", "only_polling")
def test_without_bells_a_wait_still_times_out_and_expires(
    store: BlockingStore, waiting: Waiting, clock: ManualClock, call: Call
) -> None:
    request = submit(store, call)
    future = waiting.start(request, timeout=0)
    assert future.result(LONG) == request
    future = waiting.start(request)
    clock.now = request.expires_at
    assert future.result(LONG).status == "expired"


# --- changes -----------------------------------------------------------------------------------


async def next_change(changes: AsyncGenerator[None, None]) -> None:
    async with asyncio.timeout(LONG):
        await anext(changes)


@pytest.mark.usefixtures("only_bells")
async def test_a_console_is_told_at_once_and_after_every_commit(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    async with contextlib.aclosing(async_store.reviewer.changes()) as changes:
        await next_change(changes)
        request = submit(store, call)
        await next_change(changes)
        await async_store.reviewer.expire(request.id, reviewer=ANN)
        await next_change(changes)
    until(lambda: not hung_bells(async_store))


@pytest.mark.usefixtures("only_polling")
async def test_a_console_notices_a_commit_that_rings_no_bell(
    silent: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    async with contextlib.aclosing(async_store.reviewer.changes()) as changes:
        await next_change(changes)
        submit(silent, call)
        await next_change(changes)


@pytest.mark.usefixtures("only_polling")
async def test_a_console_is_not_told_where_nothing_changed(async_store: AsyncStore) -> None:
    async with contextlib.aclosing(async_store.reviewer.changes()) as changes:
        await next_change(changes)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20 * OFTEN):
                await anext(changes)


@pytest.mark.sqlite_alone
@pytest.mark.usefixtures("only_polling")
async def test_a_console_learns_that_the_store_went_away(async_store: AsyncStore) -> None:
    async with contextlib.aclosing(async_store.reviewer.changes()) as changes:
        await next_change(changes)
        os.unlink(async_store.location)
        with pytest.raises(StoreUnavailable):
            await next_change(changes)
