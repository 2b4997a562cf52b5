"""What the code behind a gate learns of a reviewer's edit: that there was one, each place, and words for its agent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from approval_tui import ApprovalWorkflow, Gate
from approval_tui.domain.edits import Change
from approval_tui.gate.guard import GuardedCall
from approval_tui.gate.workflow_results import Completed
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import ASYNC, BLOCKING, FORMS, MAKE_DEPLOY, reviewing, use
from tests.gate.policies import edit
from tests.support import approve, assert_sound

SAID = "A reviewer changed the arguments of this call before approving it: "
EDITED = {"command": "make test", "timeout": 5}
TOLD = f'{SAID}command was "make deploy", is "make test"; timeout was added: 5.'


@pytest.mark.parametrize("form", FORMS)
def test_a_guarded_call_says_what_the_reviewer_changed(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: edit(desk, request, EDITED)):
        call = use(form, gate, lambda call: call)
    assert (call.is_edited, call.arguments, call.edit_told) == (True, EDITED, TOLD)
    assert call.changes == (
        Change(("command",), '"make deploy"', '"make test"'),
        Change(("timeout",), None, "5"),
    )
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_one_that_nobody_changed_says_nothing(form: str, gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        call = use(form, gate, lambda call: call)
    assert (call.is_edited, call.changes, call.edit_told) == (False, (), None)


def test_an_edit_that_puts_the_same_in_place_has_nothing_to_tell(gate: Gate, desk: BlockingStore) -> None:
    with reviewing(desk, lambda request: edit(desk, request, MAKE_DEPLOY)):
        call = use(BLOCKING, gate, lambda call: call)
    assert (call.is_edited, call.edit_told) == (True, None)


@pytest.mark.parametrize("form", FORMS)
def test_a_function_behind_the_gate_runs_the_edit_and_its_agent_can_be_told(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    told: list[str | None] = []

    def tell(call: GuardedCall) -> None:
        told.append(call.edit_told)

    if form == ASYNC:

        @gate.requires_approval(on_edit=tell)
        async def later(path: str) -> str:
            return path

        async def run(path: str) -> str:
            try:
                return await later(path)
            finally:
                await gate.aclose()

        def remove(path: str) -> str:
            return asyncio.run(run(path))

    else:

        @gate.requires_approval(on_edit=tell)
        def remove(path: str) -> str:
            return path

    with reviewing(desk, lambda request: edit(desk, request, {"path": "/tmp/b"}), lambda each: approve(desk, each)):
        assert [remove("/tmp/a"), remove("/tmp/c")] == ["/tmp/b", "/tmp/c"]
    assert told == [f'{SAID}path was "/tmp/a", is "/tmp/b".']


def test_a_call_whose_edit_could_not_be_told_does_not_run_and_gives_its_approval_back(
    gate: Gate, desk: BlockingStore
) -> None:
    ran: list[str] = []

    def refuse(_call: GuardedCall) -> None:
        raise RuntimeError("the agent is gone")

    @gate.requires_approval(on_edit=refuse)
    def remove(path: str) -> None:
        ran.append(path)

    with (
        reviewing(desk, lambda request: edit(desk, request, {"path": "/tmp/b"})) as came,
        pytest.raises(RuntimeError, match="gone"),
    ):
        remove("/tmp/a")
    assert ran == []
    assert desk.reviewer.get(came[0].id).status == "approved"
    assert_sound(desk)


def test_a_workflow_says_what_a_reviewer_made_of_its_draft(gate: Gate, desk: BlockingStore) -> None:
    applied: list[Any] = []
    workflow = ApprovalWorkflow(draft=lambda _task: {"limit": 9000}, execute=applied.append, gate=gate)
    with reviewing(desk, lambda request: edit(desk, request, {"limit": 5000})):
        result = workflow.run_blocking({})
    assert isinstance(result, Completed)
    assert (applied, result.edit_told) == ([{"limit": 5000}], f"{SAID}limit was 9000, is 5000.")
