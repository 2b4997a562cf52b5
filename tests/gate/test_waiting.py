"""How long a gate waits, whom it tells, and what it leaves behind; and calls that say themselves how they ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from approval_tui import ApprovalPending, Gate, Waiting
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, FORMS, MAKE_DEPLOY, pending_after, reviewing, use
from tests.gate.policies import must_not_run
from tests.support import LONG, approve, event_names


@pytest.mark.parametrize("form", FORMS)
def test_a_hold_that_passes_leaves_the_request_and_says_that_it_waits(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    told: list[Request] = []
    with pytest.raises(ApprovalPending) as caught:
        use(form, gate, must_not_run, wait=Waiting(hold=20, on_waiting=told.append))
    assert [request.id for request in told] == [caught.value.request.id]
    assert desk.reviewer.get(told[0].id).status == "pending"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_approved_during_a_hold_runs(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        used = use(form, gate, lambda call: call.id, wait=Waiting(hold=int(LONG * 1000)))
    assert [used] == [request.id for request in came]


@pytest.mark.parametrize("form", FORMS)
def test_a_hold_of_nothing_waits_for_nobody(form: str, gate: Gate) -> None:
    told: list[Request] = []
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, wait=Waiting(hold=0, on_waiting=told.append))
    assert told == []


@pytest.mark.parametrize(("is_withdrawn", "status"), [(True, "cancelled"), (False, "pending")])
async def test_an_interrupted_call_withdraws_its_request_or_leaves_it(
    gate: Gate, desk: BlockingStore, is_withdrawn: bool, status: str
) -> None:
    is_waiting = asyncio.Event()

    async def call() -> None:
        waiting = Waiting(is_withdrawn=is_withdrawn, on_waiting=lambda _: is_waiting.set())
        async with gate.guard("shell", MAKE_DEPLOY, wait=waiting):
            raise AssertionError("nobody approved it")

    task = asyncio.create_task(call())
    await is_waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gate.aclose()
    (request,) = desk.reviewer.history() or desk.reviewer.list()
    assert request.status == status


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_says_that_it_failed_is_reported_so_with_its_words(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    approve(desk, gate.submit_blocking("shell", MAKE_DEPLOY))

    def body(call: GuardedCall) -> str | None:
        call.failed("exit code 2 \ud800")
        return call.id

    request = desk.reviewer.get(use(form, gate, body))
    assert (request.outcome, request.outcome_detail) == ("failed", "exit code 2 \\ud800")
    assert event_names(desk, request)[-1] == "outcome_reported"


def test_a_caller_that_comes_later_waits_for_the_same_request(gate: Gate, desk: BlockingStore) -> None:
    gave_up: list[ApprovalPending] = []

    def come_later() -> None:
        try:
            use(BLOCKING, gate, must_not_run, wait=Waiting(hold=20))
        except ApprovalPending as error:
            gave_up.append(error)

    other = threading.Thread(target=come_later)
    with pytest.raises(ApprovalPending) as first:
        use(BLOCKING, gate, must_not_run, wait=Waiting(hold=20))
    other.start()
    other.join(LONG)
    assert gave_up[0].request.id == first.value.request.id == pending_after(desk, set()).id
