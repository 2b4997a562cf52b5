"""A gate of a server is the same gate: yes, no, edits, reuse and ends, in both forms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from approval_tui import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalPending,
    Gate,
)
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, history, reviewing
from tests.remote.gates import must_not_run, only, remote_gate, use
from tests.server.serving import Served
from tests.support import ANN, BO, approve, assert_sound, deny


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_block_runs_and_its_end_is_reported(form: str, gate: Gate, served: Served) -> None:
    with reviewing(served.desk, lambda request: approve(served.desk, request)) as came:
        ran = use(form, gate, lambda call: (call.id, call.arguments, served.desk.reviewer.get(str(call.id)).status))
    assert ran == (came[0].id, MAKE_DEPLOY, "consumed")
    assert history(served.desk, came[0]) == ["submitted", "approved", "consumed", "outcome"]
    assert (only(served).outcome, only(served).requester, only(served).session) == ("succeeded", "bot", "run-1")
    assert_sound(served.desk)


@pytest.mark.parametrize("form", FORMS)
def test_every_kind_of_argument_arrives_as_it_was(form: str, gate: Gate, served: Served) -> None:
    arguments: Any = {
        "n": [0, -1, 2**80, 1.5, 1e300, -0.0], "s": ["", "\0", "ü", "\u202e", "𝔘", '"\\'], "": {"": None}, "t": True,
    }  # fmt: skip
    with reviewing(served.desk, lambda request: approve(served.desk, request)) as came:
        assert use(form, gate, lambda call: call.arguments, arguments) == arguments
    assert came[0].arguments == arguments


@pytest.mark.parametrize("form", FORMS)
def test_a_reviewers_arguments_run_in_the_place_of_the_agents(form: str, gate: Gate, served: Served) -> None:
    def edit(request: Request) -> None:
        served.desk.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"command": "make check"}
        )

    with reviewing(served.desk, edit):
        ran = use(form, gate, lambda call: (call.arguments, call.request and call.request.arguments))
    assert ran == ({"command": "make check"}, MAKE_DEPLOY)


@pytest.mark.parametrize("form", FORMS)
def test_a_denial_carries_the_reviewers_reason(form: str, gate: Gate, served: Served) -> None:
    with (
        reviewing(served.desk, lambda request: deny(served.desk, request, "Not today.")),
        pytest.raises(ApprovalDenied, match="Not today") as caught,
    ):
        use(form, gate, must_not_run)
    assert (caught.value.reason, caught.value.request.id) == ("Not today.", only(served).id)


@pytest.mark.parametrize("form", FORMS)
def test_nobody_decides_in_time(form: str, served: Served) -> None:
    with remote_gate(served, timeout=1) as gate, pytest.raises(ApprovalExpired):
        use(form, gate, must_not_run)
    assert only(served).status == "expired"


@pytest.mark.parametrize("form", FORMS)
def test_a_request_that_is_ended_or_revoked_before_it_runs_does_not_run(form: str, gate: Gate, served: Served) -> None:
    with (
        reviewing(served.desk, lambda request: served.desk.reviewer.expire(request.id, reviewer=ANN)),
        pytest.raises(ApprovalExpired),
    ):
        use(form, gate, must_not_run)

    def approve_and_revoke(request: Request) -> None:
        approve(served.desk, request)

    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, {"n": 1}, wait=False)
    (pending,) = served.desk.reviewer.list()
    approve_and_revoke(pending)
    served.desk.reviewer.revoke(pending.id, reviewer=BO, reason="Stop.")
    with pytest.raises(ApprovalDenied, match="Stop"):
        use(form, gate, must_not_run, {"n": 1}, wait=False)


@pytest.mark.parametrize("form", FORMS)
def test_without_waiting_the_same_call_finds_its_approval_later(form: str, gate: Gate, served: Served) -> None:
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, wait=False)
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, wait=False)
    approve(served.desk, only(served))
    assert use(form, gate, lambda call: call.arguments, wait=False) == MAKE_DEPLOY
    with pytest.raises(ApprovalPending):
        use(form, gate, must_not_run, wait=False)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_did_not_run_gives_its_approval_back(form: str, gate: Gate, served: Served) -> None:
    with reviewing(served.desk, lambda request: approve(served.desk, request)):
        use(form, gate, lambda call: call.did_not_run())
    assert only(served).status == "approved"
    use(form, gate, lambda call: call.failed("exit 1"))
    assert (only(served).outcome, only(served).outcome_detail) == ("failed", "exit 1")


@pytest.mark.parametrize("form", FORMS)
def test_what_nobody_can_use_is_withdrawn_in_the_same_step(form: str, gate: Gate, served: Served) -> None:
    with reviewing(served.desk, lambda request: approve(served.desk, request)):
        use(form, gate, lambda call: call.withdraw("of no use"))
    assert only(served).status == "cancelled"
    assert_sound(served.desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_exception_in_the_block_is_a_failure(form: str, gate: Gate, served: Served) -> None:
    def fail(_call: GuardedCall) -> None:
        raise RuntimeError("disk full")

    with (
        reviewing(served.desk, lambda request: approve(served.desk, request)),
        pytest.raises(RuntimeError, match="disk full"),
    ):
        use(form, gate, fail)
    assert (only(served).outcome, only(served).outcome_detail) == ("failed", "RuntimeError: disk full")


async def test_a_cancelled_task_withdraws_what_it_asked(served: Served) -> None:
    async def wait(gate: Gate) -> None:
        async with gate.guard("shell", MAKE_DEPLOY) as call:
            must_not_run(call)

    async with remote_gate(served) as gate:
        task = asyncio.create_task(wait(gate))
        while not await asyncio.to_thread(served.desk.reviewer.list):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert only(served).status == "cancelled"


async def test_a_request_that_its_agent_withdraws_ends_for_who_waits(served: Served) -> None:
    async with remote_gate(served) as gate:
        request = await gate.submit("shell", MAKE_DEPLOY)
        waiting = asyncio.create_task(gate.wait(request.id))
        store = await gate.requester_store()
        await store.cancel(request.id, requester="whoever")
        assert (await waiting).status == "cancelled"
        with pytest.raises(ApprovalPending):  # what was withdrawn is asked anew
            async with gate.guard("shell", MAKE_DEPLOY, wait=False):
                raise AssertionError
