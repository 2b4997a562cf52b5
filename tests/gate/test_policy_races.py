"""Many callers behind one policy, and callers that are interrupted or killed: no limit is passed, nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest

from approval_tui import ApprovalPending, Gate, open_store
from approval_tui.domain.errors import PolicyDenied
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import Verdict
from approval_tui.gate.guard import GuardedCall
from approval_tui.store.bells import Bells
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import policies, records
from approval_tui.store.transactions.queries import Filter
from tests.gate.both_forms import ASYNC, BLOCKING, FORMS, Body, history, reviewing, use
from tests.gate.policies import (
    DENY_ALL,
    PAY,
    PolicyFile,
    arguments_of,
    away_from_midnight,
    details_of,
    edit,
    gate_of,
    judged_without_asking,
    must_not_run,
    policy_file,
    run_gate_worker,
    value_of,
)
from tests.gate.test_interruption import Door, Turnstile, cancel_in, ctrl_c_at, ctrl_c_at_call
from tests.support import ANN, LONG, ROOT, approve, assert_sound, until

LIMIT = "tools: {pay: {rules: [{name: twenty, rate_limit: 20/day}]}}"
ASK_ABOVE_100 = """
    tools:
      pay:
        rules:
          - {name: ask, action: require_approval, conditions: [{path: state.pay.spend, op: gt, value: 100}]}
          - name: spend
            action: evaluate
            conditions: [{path: state.pay.spend, op: lte, value: 200}]
            state: {counter: spend, window: day, increment_from: args.amount}
            on_deny: Spent.
    """
"""The calls of a day are allowed up to 100 together, and ask up to 200."""


@pytest.fixture(autouse=True)
def same_day() -> None:
    away_from_midnight()


@pytest.fixture
def policy(tmp_path: Path) -> PolicyFile:
    return policy_file(tmp_path, PAY)


def spend_elsewhere(desk: BlockingStore, policy: PolicyFile, *amounts: int) -> None:
    """Another agent pays these amounts, which the policy allows."""
    with gate_of(desk.location, policy, session="elsewhere") as gate:
        for amount in amounts:
            use(BLOCKING, gate, arguments_of, tool="pay", arguments={"amount": amount})


# --- many processes ----------------------------------------------------------------------------


def race(name: str, store: str, policy: PolicyFile, processes: int, amount: int) -> list[str]:
    got: list[str] = json.loads(run_gate_worker("racing", name, store, policy.path, str(processes), str(amount)))
    assert len(got) == processes
    return got


def allowed_and_denied(desk: BlockingStore) -> tuple[int, int]:
    """How many payments the log says that the policy allowed and did not take back, and how many it denied."""
    taken_back = {each["claim"] for each in details_of(desk, "tool_call_not_run")}
    payments = [each for each in details_of(desk, "tool_call") if each["tool"] == "pay"]
    allowed = [each for each in payments if each["verdict"] == "allow" and each["claim"] not in taken_back]
    return len(allowed), sum(each["verdict"] == "deny" for each in payments)


def test_of_64_processes_below_a_limit_of_20_exactly_20_run(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(LIMIT)
    got = race("pay_once", store_path, policy, 64, 1)
    assert (got.count("ran"), got.count("PolicyDenied")) == (20, 44)
    assert allowed_and_denied(desk) == (20, 44)
    assert_sound(desk)


def test_where_half_of_the_processes_do_not_run_first_exactly_20_run_in_the_end(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(LIMIT)
    got = race("pay_after_not_running", store_path, policy, 32, 1)
    ran = got.count("ran")
    assert got.count("PolicyDenied") == 32 - ran
    assert allowed_and_denied(desk)[0] == ran <= 20
    ran += race("pay_once", store_path, policy, 21, 1).count("ran")  # what was given back late is still there
    assert ran == allowed_and_denied(desk)[0] == 20
    assert_sound(desk)


def test_of_many_processes_only_those_run_unasked_whom_a_counter_of_the_condition_lets(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    got = race("pay_once", store_path, policy, 16, 10)
    assert (got.count("ran"), got.count("ApprovalPending")) == (10, 6)
    assert value_of(desk) == 100
    assert_sound(desk)


def test_threads_of_one_gate_pass_no_limit(store_path: str, policy: PolicyFile, desk: BlockingStore) -> None:
    policy.write(LIMIT)
    ended: list[str] = []

    def agent() -> None:
        try:
            use(BLOCKING, gate, lambda call: ended.append("ran"), tool="pay")
        except PolicyDenied:
            ended.append("denied")

    with gate_of(store_path, policy) as gate:
        threads = [threading.Thread(target=agent, daemon=True) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
    assert (ended.count("ran"), ended.count("denied")) == (20, 10)


async def test_tasks_of_one_gate_pass_no_limit(store_path: str, policy: PolicyFile, desk: BlockingStore) -> None:
    policy.write(LIMIT)
    async with gate_of(store_path, policy) as gate:

        async def agent() -> str:
            async with gate.guard("pay", {}):
                await asyncio.sleep(0)
                return "ran"

        ended = await asyncio.gather(*(agent() for _ in range(30)), return_exceptions=True)
    assert ended.count("ran") == 20
    assert sum(isinstance(error, PolicyDenied) for error in ended) == 10


# --- counters that move ------------------------------------------------------------------------


def acting_after(gate: Gate, actions: Mapping[int, Callable[[], object]]) -> Gate:
    """The gate, where something happens right after its policy has judged for the so-and-so-manieth time."""
    engine = gate.engine_in_force()
    assert engine is not None
    judge, number = engine.evaluate, itertools.count(1)

    def evaluate(*judged: Any) -> Verdict:
        verdict = judge(*judged)
        actions.get(next(number), lambda: None)()
        return verdict

    engine.evaluate = evaluate  # type: ignore[method-assign, assignment]
    return gate


def pay(form: str, gate: Gate, amount: int, body: Body = arguments_of) -> Any:
    """Pays so much behind the gate without waiting for a decision."""
    return use(form, gate, body, tool="pay", arguments={"amount": amount}, wait=False)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_whose_counters_moved_after_it_was_judged_is_judged_again(
    form: str, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    with gate_of(store_path, policy) as gate:
        acting_after(gate, {1: lambda: spend_elsewhere(desk, policy, 60)})
        with pytest.raises(ApprovalPending):
            pay(form, gate, 50, must_not_run)
    assert value_of(desk) == 60
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_counters_may_move_again_and_again_while_there_is_room(
    form: str, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    with gate_of(store_path, policy) as gate:
        acting_after(gate, {number: lambda: spend_elsewhere(desk, policy, 10) for number in (1, 2, 3, 4)})
        assert pay(form, gate, 50) == {"amount": 50}
    assert value_of(desk) == 90
    assert_sound(desk)


#: An approved call is judged when it is asked, when it is approved, and before it runs.
BEFORE_IT_RUNS = 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("amount", [10, 40])
def test_an_approved_call_whose_counters_moved_runs_while_there_is_room(
    form: str, amount: int, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    with gate_of(store_path, policy) as gate:
        approve(desk, gate.submit_blocking("pay", {"amount": 150}))
        acting_after(gate, {BEFORE_IT_RUNS: lambda: spend_elsewhere(desk, policy, amount)})
        assert pay(form, gate, 150) == {"amount": 150}
    assert value_of(desk) == 150 + amount
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_call_whose_limit_was_reached_meanwhile_does_not_run(
    form: str, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    with gate_of(store_path, policy) as gate:
        request = approve(desk, gate.submit_blocking("pay", {"amount": 150}))
        acting_after(gate, {BEFORE_IT_RUNS: lambda: spend_elsewhere(desk, policy, 60)})
        with pytest.raises(PolicyDenied, match=r"Spent\."):
            pay(form, gate, 150, must_not_run)
    assert desk.reviewer.get(request.id).status == "approved"
    assert value_of(desk) == 60
    assert_sound(desk)


def test_calls_that_were_approved_together_pass_no_limit_together(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 1500"))
    ended: list[str] = []

    def agent(amount: int) -> None:
        try:
            use(BLOCKING, gate, lambda call: ended.append("ran"), tool="pay", arguments={"amount": amount})
        except PolicyDenied:
            ended.append("denied")

    with gate_of(store_path, policy) as gate, reviewing(desk, *[lambda request: approve(desk, request)] * 5):
        threads = [threading.Thread(target=agent, args=(500 + number,), daemon=True) for number in range(-4, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
    assert (ended.count("ran"), ended.count("denied")) == (3, 2)
    assert value_of(desk) <= 1500
    assert_sound(desk)


def test_an_edit_counts_against_the_room_that_is_left_then(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 700"))

    def decide(request: Request) -> None:
        spend_elsewhere(desk, policy, 90)
        edit(desk, request, {"amount": 650})

    with gate_of(store_path, policy) as gate, reviewing(desk, decide), pytest.raises(PolicyDenied, match="spent"):
        use(BLOCKING, gate, must_not_run, tool="pay", arguments={"amount": 600})
    assert value_of(desk) == 90


class ClosingLock:
    """A gate's lock; once the gate has found its policy, another thread closes the gate as soon as it is free."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self.has_closed = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if not self.has_closed and self._gate._policy is not None:
            self.has_closed = True
            closing = threading.Thread(target=self._gate.close)
            closing.start()
            closing.join(LONG)


def test_a_gate_that_another_thread_closes_does_not_go_on_without_its_policy(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(DENY_ALL)
    with gate_of(store_path, policy) as gate:
        lock = ClosingLock(gate)
        gate._lock = lock  # type: ignore[assignment]
        with pytest.raises(PolicyDenied):
            pay(ASYNC, gate, 50, must_not_run)
    assert lock.has_closed
    assert desk.reviewer.list() == ()


# --- interrupted callers -----------------------------------------------------------------------

#: Places in an admitting transaction, and right after it; and what the log says of the call then.
PLACES = {
    "before anything": (policies.admit, 1, []),
    "between the count and its event": (records.append_event, 1, []),
    "right after it": (Bells.ring, 1, ["tool_call", "tool_call_not_run"]),
}


@pytest.mark.parametrize(("function", "number", "logged"), PLACES.values(), ids=PLACES)
def test_ctrl_c_while_a_call_is_admitted_leaves_nothing_counted(
    function: Callable[..., object],
    number: int,
    logged: list[str],
    store_path: str,
    policy: PolicyFile,
    desk: BlockingStore,
) -> None:
    with gate_of(store_path, policy) as gate:
        gate._stores.open_blocking()
        gate.engine_in_force()
        with pytest.raises(KeyboardInterrupt), ctrl_c_at_call(function, number):
            use(BLOCKING, gate, must_not_run, tool="pay", arguments={"amount": 50})
    names = [event.name for event in reversed(desk.reviewer.events()) if event.name.startswith("tool_call")]
    assert (value_of(desk), names) == (0, logged)
    assert_sound(desk)


@pytest.mark.parametrize("function", [policies.admit, records.append_event, Bells.ring])
def test_ctrl_c_while_a_call_says_that_it_did_not_run_gives_back_all_or_nothing(
    function: Callable[..., object], store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    def body(call: GuardedCall) -> None:
        call.did_not_run()

    with gate_of(store_path, policy) as gate, contextlib.suppress(KeyboardInterrupt), ctrl_c_at_call(function, 2):
        use(BLOCKING, gate, body, tool="pay", arguments={"amount": 50})
    given_back = len(details_of(desk, "tool_call_not_run"))
    assert value_of(desk) == 50 - 50 * given_back
    assert_sound(desk)


MODULES = (
    "approval_tui.gate.attempt",
    "approval_tui.gate.judging",
    "approval_tui.gate.steps",
    "approval_tui.store.transactions",
    "approval_tui.policy",
    "approval_tui.domain",
)


#: Every so-and-so-manieth call is enough: a prime number, so that no loop is always met at the same place.
STRIDE = 3


def is_ours(frame: FrameType) -> bool:
    """Whether a function of the gate's, the store's or the policy's is called."""
    return bool(frame.f_globals.get("__name__", "").startswith(MODULES))


@pytest.mark.parametrize("amount", [50, 150], ids=["allowed", "approved"])
def test_ctrl_c_at_any_moment_of_an_attempt_leaves_nothing_counted(
    amount: int, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    policy.write(ASK_ABOVE_100)
    with gate_of(store_path, policy) as gate:
        approved = approve(desk, gate.submit_blocking("pay", {"amount": 150}))
        ran: list[GuardedCall] = []
        number = 0
        while not ran:
            number += STRIDE
            with contextlib.suppress(KeyboardInterrupt), ctrl_c_at(number, is_ours):
                pay(BLOCKING, gate, amount, ran.append)
            if not ran:
                assert value_of(desk) == 0, f"interrupted at call {number}"
                assert desk.reviewer.get(approved.id).status == "approved", f"interrupted at call {number}"
    assert number > 100
    assert value_of(desk) == amount
    assert_sound(desk)


@pytest.mark.parametrize("times", [1, 3])
async def test_a_task_that_is_cancelled_while_it_is_admitted_leaves_nothing_counted(
    times: int, store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    door = Door()
    async with gate_of(store_path, policy) as gate:
        gate._stores._async = await open_store(store_path, clock=Turnstile({1: door}, off_thread=True))

        async def pay() -> None:
            async with gate.guard("pay", {"amount": 50}) as call:
                must_not_run(call)

        await cancel_in(door, asyncio.create_task(pay()), times)
    assert value_of(desk) == 0
    assert len(details_of(desk, "tool_call")) == len(details_of(desk, "tool_call_not_run")) == 1
    assert_sound(desk)


async def test_a_task_that_is_cancelled_while_it_consumes_leaves_nothing_counted(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    door = Door()
    async with gate_of(store_path, policy) as gate:
        approve(desk, gate.submit_blocking("pay", {"amount": 500}))
        gate._stores._async = await open_store(
            store_path, clock=Turnstile({3: door}, off_thread=True)
        )  # look, submit, consume

        async def pay() -> None:
            async with gate.guard("pay", {"amount": 500}) as call:
                must_not_run(call)

        await cancel_in(door, asyncio.create_task(pay()), 1)
    (request,) = desk.reviewer.list(Filter(status="approved"))
    assert value_of(desk) == 0
    assert history(desk, request) == ["submitted", "approved", "reused", "consumed", "rolled_back"]
    assert_sound(desk)


async def test_a_block_that_is_cancelled_stays_counted(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    async with gate_of(store_path, policy) as gate:
        running = asyncio.Event()

        async def pay() -> None:
            async with gate.guard("pay", {"amount": 50}):
                running.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(pay())
        await running.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert value_of(desk) == 50
    assert details_of(desk, "tool_call_not_run") == []


# --- killed callers ----------------------------------------------------------------------------


def kill_while_it_pays(store: str, policy: PolicyFile, amount: int) -> None:
    """Lets an agent of its own process pay, and kills it inside the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.gate.workers.holding", store, policy.path, str(amount)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as agent:
        try:
            assert agent.stdout is not None
            assert agent.stdout.readline() == f"running {amount}\n"
        finally:
            agent.kill()


def test_an_allowed_call_whose_process_is_killed_stays_counted(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    kill_while_it_pays(store_path, policy, 50)
    assert value_of(desk) == 50
    assert judged_without_asking(desk) == [("allow", None)]
    assert_sound(desk)


def test_an_approved_call_whose_process_is_killed_stays_counted_until_a_reviewer_says_that_it_did_not_run(
    store_path: str, policy: PolicyFile, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        kill_while_it_pays(store_path, policy, 500)
    assert value_of(desk) == 500
    until(lambda: desk.reviewer.get(came[0].id).in_doubt)
    desk.reviewer.resolve(came[0].id, "not_run", reviewer=ANN)
    assert value_of(desk) == 0
    assert_sound(desk)
