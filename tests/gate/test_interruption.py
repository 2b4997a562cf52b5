"""An interrupted caller takes back what it asked for itself, leaves no claim, and touches nobody else's request."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import pytest

from approval_tui import ApprovalExpired
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import system_clock
from approval_tui.domain.models import Request
from approval_tui.gate import steps
from approval_tui.gate.attempt import UNTIL_DECIDED, Attempt
from approval_tui.gate.guard import Guard
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.bells import Bells
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import records, requester
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, history, new_gate, pending_after, reviewing, waiters
from tests.support import LONG, ROOT, approve, assert_sound, until

CALL = Call(tool="shell", arguments=MAKE_DEPLOY, requester="release-bot", session="run-1")


def attempt(call: Call = CALL, claim_lifetime: int = 3_600_000) -> Attempt:
    """An attempt without a policy."""
    return Attempt(call, engine=lambda: None, claim_lifetime=claim_lifetime, waiting=UNTIL_DECIDED)


def run_through(store: BlockingStore, started: Attempt) -> None:
    steps.run_blocking(started, started.steps(), store.requester)


class Turnstile:
    """A clock that does something of the test's before a transaction; each transaction asks its clock once.

    It counts the questions of one thread, that of the store.
    """

    def __init__(self, before: Mapping[int, Callable[[], object]], *, off_thread: bool) -> None:
        self._before = before
        self._off_thread = off_thread
        self._count = 0

    def __call__(self) -> int:
        if (threading.current_thread() is not threading.main_thread()) == self._off_thread:
            self._count += 1
            self._before.get(self._count, lambda: None)()
        return system_clock()


class Door:
    """Where a transaction stands until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.opened.wait(LONG)


# --- Ctrl-C in a real process ------------------------------------------------------------------


@pytest.fixture(params=FORMS)
def agent(request: pytest.FixtureRequest, store_path: str, desk: BlockingStore) -> Iterator[subprocess.Popen[str]]:
    """A process of an agent that waits behind the gate, blocking or on an event loop."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.gate.waiting_agent", request.param, store_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupt(agent: subprocess.Popen[str]) -> tuple[str, str]:
    """Presses Ctrl-C and gives what the agent printed."""
    agent.send_signal(signal.SIGINT)
    return agent.communicate(timeout=LONG)


def test_ctrl_c_withdraws_the_request_that_the_call_created(agent: subprocess.Popen[str], desk: BlockingStore) -> None:
    request = pending_after(desk, set())
    until(lambda: waiters(desk, request) == 1)
    assert interrupt(agent) == ("interrupted\n", "")
    assert agent.returncode == 130
    assert desk.reviewer.get(request.id).status == "cancelled"
    last = desk.reviewer.events(request_id=request.id)[-1]
    assert last.body["details"] == {"from": "pending", "reason": "the caller was interrupted"}
    assert waiters(desk, request) == 0
    assert_sound(desk)


def test_ctrl_c_leaves_the_request_of_another_caller_alone(store_path: str, desk: BlockingStore) -> None:
    with new_gate(store_path, session="run-1") as gate:
        request = gate.submit_blocking("shell", MAKE_DEPLOY)
    for form in FORMS:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.gate.waiting_agent", form, store_path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: waiters(desk, request) == 1)
            assert interrupt(process) == ("interrupted\n", "")
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        assert desk.reviewer.get(request.id).status == "pending"
    assert history(desk, request) == ["submitted", "reused", "reused"]


def test_an_agent_that_is_left_alone_runs(agent: subprocess.Popen[str], desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        printed = agent.communicate(timeout=LONG)
    assert printed == ("ran {'command': 'make deploy'}\n", "")
    assert agent.returncode == 0


# --- cancelled tasks ---------------------------------------------------------------------------


async def test_cancelling_one_of_two_waiters_cancels_only_the_request_that_it_created(
    store_path: str, desk: BlockingStore
) -> None:
    async with new_gate(store_path) as gate:

        async def ask() -> str | None:
            async with gate.guard("shell", MAKE_DEPLOY) as call:
                return call.id

        async def waits(number: int) -> Request:
            async with asyncio.timeout(LONG):
                while not (pending := desk.reviewer.list()) or waiters(desk, pending[0]) != number:
                    await asyncio.sleep(0)
            return pending[0]

        creator = asyncio.create_task(ask())
        first = await waits(1)
        other = asyncio.create_task(ask())
        await waits(2)

        other.cancel()
        await asyncio.wait([other])
        assert other.cancelled()
        assert desk.reviewer.get(first.id).status == "pending"

        other = asyncio.create_task(ask())
        await waits(2)
        creator.cancel()
        await asyncio.wait([creator])
        assert creator.cancelled()
        assert desk.reviewer.get(first.id).status == "cancelled"

        second = await waits(1)
        assert second.id != first.id
        approve(desk, second)
        assert await other == second.id
    assert history(desk, first) == ["submitted", "reused", "reused", "cancelled"]
    assert_sound(desk)


async def test_a_timeout_of_the_callers_own_withdraws_the_request(store_path: str, desk: BlockingStore) -> None:
    async with new_gate(store_path) as gate:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), gate.guard("shell", MAKE_DEPLOY):
                raise AssertionError("the block ran")
    statuses = {request.status for request in [*desk.reviewer.list(), *desk.reviewer.history()]}
    assert statuses <= {"cancelled"}


async def test_cancelling_a_running_block_reports_that_it_failed(store_path: str, desk: BlockingStore) -> None:
    async with new_gate(store_path) as gate:
        running = asyncio.Event()

        async def ask() -> None:
            async with gate.guard("shell", MAKE_DEPLOY):
                running.set()
                await asyncio.Event().wait()

        with reviewing(desk, lambda request: approve(desk, request)) as came:
            task = asyncio.create_task(ask())
            await running.wait()
            task.cancel()
            await asyncio.wait([task])
    assert task.cancelled()
    request = desk.reviewer.get(came[0].id)
    assert (request.outcome, request.outcome_detail) == ("failed", "CancelledError")


async def cancelled_at(door: Door, store_path: str, before: Mapping[int, Callable[[], object]], times: int = 1) -> None:
    """Cancels an attempt, once or more, while a transaction of it stands in the door, and waits for its end."""
    async with open_store(store_path, clock=Turnstile(before, off_thread=True)) as opened:
        started = attempt()
        await cancel_in(door, asyncio.create_task(steps.run_async(started, started.steps(), opened.requester)), times)


async def cancel_in(door: Door, task: asyncio.Task[Any], times: int) -> None:
    """Cancels the task, once or more, while a transaction of it stands in the door, and waits for its end."""
    assert await asyncio.to_thread(door.reached.wait, LONG)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    door.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_is_cancelled_while_it_submits_leaves_no_request_behind(
    store_path: str, desk: BlockingStore
) -> None:
    door = Door()
    await cancelled_at(door, store_path, {1: door})
    (request,) = desk.reviewer.history()
    assert history(desk, request) == ["submitted", "cancelled"]


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_task_that_is_cancelled_while_it_consumes_its_own_request_leaves_no_claim_behind(
    times: int, store_path: str, desk: BlockingStore
) -> None:
    door = Door()
    before: Mapping[int, Callable[[], object]] = {
        2: lambda: approve(desk, desk.reviewer.list()[0]),
        3: door,
    }  # submit, look, consume
    await cancelled_at(door, store_path, before, times)
    (request,) = desk.reviewer.history()
    assert history(desk, request) == ["submitted", "approved", "consumed", "rolled_back", "cancelled"]
    assert_sound(desk)


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_task_that_is_cancelled_while_it_consumes_anothers_request_gives_the_approval_back(
    times: int, store_path: str, desk: BlockingStore
) -> None:
    request = approve(desk, desk.requester.submit(CALL).request)
    door = Door()
    await cancelled_at(door, store_path, {2: door}, times)
    assert desk.reviewer.get(request.id).status == "approved"
    assert history(desk, request) == ["submitted", "approved", "reused", "consumed", "rolled_back"]
    assert_sound(desk)


async def test_a_task_that_is_cancelled_while_it_reports_has_reported_when_it_ends(
    store_path: str, desk: BlockingStore
) -> None:
    request = approve(desk, desk.requester.submit(CALL).request)
    door = Door()
    clock = Turnstile({3: door}, off_thread=True)  # submit, consume, report
    async with open_store(store_path, clock=clock) as opened:

        async def open_async() -> AsyncStore:
            return opened

        async def ask() -> None:
            guard = Guard(
                lambda: CALL,
                engine=lambda: None,
                claim_lifetime=lambda: 3_600_000,
                waiting=UNTIL_DECIDED,
                open_blocking=lambda: desk,
                open_async=open_async,
            )
            async with guard:
                pass

        task = asyncio.create_task(ask())
        await cancel_in(door, task, times=2)
    assert desk.reviewer.get(request.id).outcome == "succeeded"


# --- Ctrl-C inside a transaction ---------------------------------------------------------------


@contextlib.contextmanager
def ctrl_c_at_call(function: Callable[..., object], number: int) -> Iterator[None]:
    """Interrupts this thread when the function is called for the so-and-so-manieth time, as a signal would."""
    with ctrl_c_at(number, lambda frame: frame.f_code is function.__code__):
        yield


@contextlib.contextmanager
def ctrl_c_at(number: int, counts: Callable[[FrameType], bool]) -> Iterator[None]:
    """The same at the so-and-so-manieth of the calls that count."""
    calls = itertools.count(1)

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and counts(frame) and next(calls) == number:
            raise KeyboardInterrupt

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


#: Places in a consuming transaction: before anything, and between the change and its event.
PLACES = [(requester.consume, 1), (records.append_event, 2)]


@pytest.mark.parametrize(("function", "number"), PLACES, ids=["before the change", "after the change"])
def test_ctrl_c_while_consuming_leaves_no_claim_and_withdraws_the_calls_own_request(
    function: Callable[..., object], number: int, store_path: str, desk: BlockingStore
) -> None:
    before = {2: lambda: approve(desk, desk.reviewer.list()[0])}  # submit, look
    waiting = open_store_blocking(store_path, clock=Turnstile(before, off_thread=False))
    number += function is records.append_event  # the approval appends one as well
    with waiting, pytest.raises(KeyboardInterrupt), ctrl_c_at_call(function, number):
        run_through(waiting, attempt())
    (request,) = desk.reviewer.history()
    assert history(desk, request) == ["submitted", "approved", "cancelled"]
    assert_sound(desk)


@pytest.mark.parametrize(("function", "number"), PLACES, ids=["before the change", "after the change"])
def test_ctrl_c_while_consuming_leaves_anothers_approval_as_it_is(
    function: Callable[..., object], number: int, store_path: str, desk: BlockingStore
) -> None:
    request = approve(desk, desk.requester.submit(CALL).request)
    with open_store_blocking(store_path) as opened, pytest.raises(KeyboardInterrupt), ctrl_c_at_call(function, number):
        run_through(opened, attempt())
    assert desk.reviewer.get(request.id).status == "approved"
    assert history(desk, request) == ["submitted", "approved", "reused"]
    assert_sound(desk)


def test_ctrl_c_right_after_the_claim_was_taken_gives_the_approval_back(store_path: str, desk: BlockingStore) -> None:
    request = approve(desk, desk.requester.submit(CALL).request)
    with open_store_blocking(store_path) as opened, pytest.raises(KeyboardInterrupt), ctrl_c_at_call(Bells.ring, 2):
        run_through(opened, attempt())
    assert desk.reviewer.get(request.id).status == "approved"
    assert history(desk, request) == ["submitted", "approved", "reused", "consumed", "rolled_back"]
    assert_sound(desk)


# --- clocks that differ ------------------------------------------------------------------------


def test_an_approval_that_is_over_before_it_can_be_used_is_an_expiry(store_path: str, desk: BlockingStore) -> None:
    call = dataclasses.replace(CALL, approval_lifetime=1000)
    late = open_store_blocking(store_path, clock=lambda: system_clock() - 2000)
    with (
        late,
        reviewing(desk, lambda request: approve(late, request)),
        pytest.raises(ApprovalExpired, match="was approved and not used in time"),
    ):
        run_through(desk, attempt(call, 1000))
