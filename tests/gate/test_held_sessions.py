"""What a gate does in a session that a reviewer holds back: nothing runs, and the agent is told why."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from approval_tui import ApprovalHeld, ApprovalWorkflow, Gate, NotApproved, PolicyDenied
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, MAKE_DEPLOY, history, new_gate, reviewing, use, waiters
from tests.gate.policies import (
    PAY,
    arguments_of,
    gate_of,
    judged_without_asking,
    must_not_run,
    policy_file,
    value_of,
)
from tests.support import ANN, approve, assert_sound, submit, until

RUN_1 = "release-bot", "run-1"


def hold(desk: BlockingStore, session: str = "run-1", reason: str | None = "it looks odd") -> None:
    desk.reviewer.hold_session("release-bot", session, reviewer=ANN, reason=reason)


def known(desk: BlockingStore, session: str = "run-1") -> Request:
    """Something that the session asked, so that it can be held."""
    return submit(desk, Call("else", {}, "release-bot", session=session))


@pytest.mark.parametrize("form", FORMS)
def test_what_was_approved_before_does_not_run_while_the_session_is_held_and_runs_after(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    request = approve(desk, submit(desk, Call("shell", MAKE_DEPLOY, "release-bot", session="run-1")))
    hold(desk)
    with pytest.raises(ApprovalHeld) as caught:
        use(form, gate, must_not_run)
    error = caught.value
    assert isinstance(error, NotApproved)
    assert (
        error.happened
        == f"ann holds the session run-1 back: it looks odd. That concerns request {request.id} (shell), too."
    )
    assert error.not_done == "The call did not run."
    assert error.to_do == "Ask again when a reviewer has released it."
    assert (error.request and error.request.id) == request.id
    assert history(desk, request) == ["submitted", "approved", "reused"]
    desk.reviewer.release_session(*RUN_1, reviewer=ANN)
    assert use(form, gate, arguments_of) == MAKE_DEPLOY
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_policy_allows_does_not_run_and_counts_nothing(
    form: str, store_path: str, desk: BlockingStore, tmp_path: Path
) -> None:
    with gate_of(store_path, policy_file(tmp_path, PAY), session="run-1") as gate:
        known(desk)
        hold(desk)
        with pytest.raises(ApprovalHeld, match="That concerns pay, too"):
            use(form, gate, must_not_run, "pay", {"amount": 10})
        with pytest.raises(PolicyDenied, match="Keep away"):
            use(form, gate, must_not_run, "locked", {})
        assert judged_without_asking(desk)[0] == ("deny", "(session held back)")
        assert value_of(desk) == 0
        desk.reviewer.release_session(*RUN_1, reviewer=ANN)
        use(form, gate, arguments_of, "pay", {"amount": 10})
        assert value_of(desk) == 10
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_who_waits_when_the_session_is_held_goes_on_waiting_until_it_is_decided(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def hold_release_and_approve(request: Request) -> None:
        until(lambda: waiters(desk, request) == 1)
        hold(desk)
        until(lambda: waiters(desk, request) == 1)
        desk.reviewer.release_session(*RUN_1, reviewer=ANN)
        approve(desk, request)

    with reviewing(desk, hold_release_and_approve):
        assert use(form, gate, arguments_of) == MAKE_DEPLOY
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_held_session_does_not_run_what_it_waits_for_together_with_another(
    form: str, store_path: str, desk: BlockingStore
) -> None:
    """The same call of two sessions is one request; the one that is held may not use what the other may."""
    request = submit(desk, Call("shell", MAKE_DEPLOY, "release-bot", session="run-1"))
    known(desk, "run-2")
    errors: list[BaseException] = []

    def wait_in_run_2() -> None:
        try:
            with new_gate(store_path, session="run-2") as gate:
                use(form, gate, must_not_run)
        except BaseException as error:
            errors.append(error)

    waiter = threading.Thread(target=wait_in_run_2)
    waiter.start()
    until(lambda: waiters(desk, request) == 1)
    hold(desk, "run-2")
    approve(desk, request)
    waiter.join()
    assert [type(error) for error in errors] == [ApprovalHeld]
    assert desk.reviewer.get(request.id).status == "approved"
    with new_gate(store_path, session="run-1") as gate:
        assert use("blocking", gate, arguments_of) == MAKE_DEPLOY
    assert_sound(desk)


def test_sessions_of_others_and_calls_without_one_run(store_path: str, desk: BlockingStore) -> None:
    known(desk)
    hold(desk)
    for session in ("run-2", None):
        with new_gate(store_path, session=session) as gate:
            approve(desk, gate.submit_blocking(f"tool-{session}", {}))
            assert use("blocking", gate, arguments_of, f"tool-{session}", {}) == {}


@pytest.mark.parametrize("form", FORMS)
def test_a_workflow_ends_with_the_hold_and_carries_nothing_out(form: str, gate: Gate, desk: BlockingStore) -> None:
    approve(desk, submit(desk, Call("deploy", {"v": 1}, "release-bot", session="run-1")))
    hold(desk)

    def deploy(draft: object) -> None:
        raise AssertionError(draft)

    workflow = ApprovalWorkflow(draft=lambda task: {"v": 1}, execute=deploy, tool="deploy", gate=gate)
    with pytest.raises(ApprovalHeld):
        workflow.run_blocking({})


def test_a_decorated_function_is_not_called(gate: Gate, desk: BlockingStore) -> None:
    approve(desk, submit(desk, Call("deploy", {"v": 1}, "release-bot", session="run-1")))
    hold(desk)

    @gate.requires_approval
    def deploy(v: int) -> None:
        raise AssertionError(v)

    with pytest.raises(ApprovalHeld):
        deploy(1)
