"""A workflow's draft is carried out after its check and a person let it pass, exactly as it was approved."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from approval_tui import ApprovalCancelled, Gate, open_store_blocking
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import MINUTE
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import Completed, Expired, Rejected, Review, Validation, ValidationFailed
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import ASYNC, BLOCKING, FORMS, history, reviewing
from tests.gate.policies import (
    edit,
)
from tests.gate.workflows import DRAFT, OTHER_DRAFT, TASK, Part, drive, judging, never, only_request, run
from tests.support import ANN, LONG, approve, assert_sound, deny

# --- yes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_draft_is_carried_out_exactly_as_it_was_shown(form: str, gate: Gate, desk: BlockingStore) -> None:
    draft, execute = Part(DRAFT), Part("deployed")
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        result = run(form, gate, draft=draft, execute=execute)
    request = only_request(desk)
    assert request.decided_at is not None
    assert result == Completed(
        draft=DRAFT,
        validation=None,
        attempts=1,
        approval=Review("ann", request.decided_at, None, request.id),
        result="deployed",
    )
    assert result.status == "completed"
    assert draft.given == [TASK]
    assert execute.given == [DRAFT] == [came[0].arguments]
    assert history(desk, request) == ["submitted", "approved", "consumed", "outcome"]
    assert (request.tool, request.outcome, request.attempt) == ("shell", "succeeded", None)
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_edited_draft_is_carried_out_exactly_as_it_was_edited(form: str, gate: Gate, desk: BlockingStore) -> None:
    execute = Part("deployed slowly")
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)):
        result = run(form, gate, draft=Part(DRAFT), execute=execute)
    assert isinstance(result, Completed)
    assert (result.draft, result.result) == (OTHER_DRAFT, "deployed slowly")
    assert execute.given == [OTHER_DRAFT]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_what_a_person_sees_carries_the_words_risk_and_time_of_the_workflow(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def reason(draft: JsonObject, validation: Validation | None) -> str:
        assert validation is not None
        return f"{draft['command']} scored {validation.score}."

    validate = Part({"is_valid": True, "score": 0.9})
    with reviewing(desk, lambda request: approve(desk, request)) as came:
        run(
            form,
            gate,
            draft=Part(DRAFT),
            validate=validate,
            execute=Part(None),
            reason=reason,
            risk="high",
            timeout="2m",
        )
    (request,) = came
    assert (request.reason, request.risk, request.requester, request.session) == (
        "make deploy scored 0.9.",
        "high",
        "release-bot",
        "run-1",
    )
    assert request.expires_at - request.created_at == 2 * MINUTE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("answer", "validation"),
    [
        (True, Validation(True)),
        (Validation(True, ("Rather long.",), 0.5), Validation(True, ("Rather long.",), 0.5)),
        ({"is_valid": True, "issues": None, "score": 1}, Validation(True, (), 1)),
        ({"is_valid": True, "issues": "Rather long."}, Validation(True, ("Rather long.",))),
    ],
    ids=["bool", "Validation", "mapping", "one issue"],
)
def test_what_the_check_let_pass_is_asked_and_the_result_says_what_it_said(
    form: str, answer: Any, validation: Validation, gate: Gate, desk: BlockingStore
) -> None:
    validate = Part(answer)
    with reviewing(desk, lambda request: approve(desk, request)):
        result = run(form, gate, draft=Part(DRAFT), validate=validate, execute=Part(None))
    assert isinstance(result, Completed)
    assert result.validation == validation
    assert validate.given == [DRAFT]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_reviewer_made_of_the_draft_is_checked_before_it_runs(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    validate = Part(Validation(True, (), 0.1), Validation(True, (), 0.9))
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)):
        result = run(form, gate, draft=Part(DRAFT), validate=validate, execute=Part(None))
    assert validate.given == [DRAFT, OTHER_DRAFT]
    assert isinstance(result, Completed)
    assert result.validation == Validation(True, (), 0.9)


@pytest.mark.parametrize("form", FORMS)
def test_an_approval_that_a_person_gave_before_is_used_once(form: str, gate: Gate, desk: BlockingStore) -> None:
    request = approve(desk, gate.submit_blocking("shell", DRAFT))
    result = run(form, gate, draft=Part(DRAFT), execute=Part(None))
    assert isinstance(result, Completed)
    assert result.approval is not None
    assert result.approval.request_id == request.id
    assert isinstance(run(form, gate, draft=Part(DRAFT), execute=Part(never), timeout="20ms"), Expired)


# --- no ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reason", ["Not on a Friday.", None])
def test_a_rejected_draft_is_not_carried_out_and_the_result_has_the_reviewers_reason(
    form: str, reason: str | None, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: deny(desk, request, reason)):
        result = run(form, gate, draft=Part(DRAFT), validate=Part(True), execute=Part(never))
    request = only_request(desk)
    assert request.decided_at is not None
    assert result == Rejected(
        draft=DRAFT,
        validation=Validation(True),
        attempts=1,
        reason=reason,
        rejection=Review("ann", request.decided_at, reason, request.id),
    )
    assert result.status == "rejected"
    assert history(desk, request) == ["submitted", "denied"]


@pytest.mark.parametrize("form", FORMS)
def test_an_approval_that_was_revoked_before_its_use_is_a_rejection(form: str, gate: Gate, desk: BlockingStore) -> None:
    request = approve(desk, gate.submit_blocking("shell", DRAFT))
    desk.reviewer.revoke(request.id, reviewer=ANN, reason="The window was moved.")
    result = run(form, gate, draft=Part(DRAFT), execute=Part(never))
    assert isinstance(result, Rejected)
    assert result.reason == "The window was moved."


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "answer",
    [
        Validation(False, ("It is too long.", "It is too dear."), 0.2),
        {"is_valid": False, "issues": ["It is too long.", "It is too dear."], "score": 0.2},
    ],
    ids=["Validation", "mapping"],
)
def test_nobody_is_asked_about_a_draft_that_did_not_pass(
    form: str, answer: Any, gate: Gate, desk: BlockingStore
) -> None:
    result = run(form, gate, draft=Part(DRAFT), validate=Part(answer), execute=Part(never))
    issues = ("It is too long.", "It is too dear.")
    assert result == ValidationFailed(draft=DRAFT, validation=Validation(False, issues, 0.2), attempts=1, issues=issues)
    assert result.status == "validation_failed"
    assert desk.reviewer.head() is None


@pytest.mark.parametrize("form", FORMS)
def test_an_edited_draft_that_does_not_pass_is_not_carried_out_and_its_approval_withdrawn(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    validate = Part(True, Validation(False, ("It is too slow.",)))
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)):
        result = run(form, gate, draft=Part(DRAFT), validate=validate, execute=Part(never))
    assert result == ValidationFailed(
        draft=OTHER_DRAFT,
        validation=Validation(False, ("It is too slow.",)),
        attempts=1,
        issues=("It is too slow.",),
    )
    request = only_request(desk)
    assert (request.status, request.outcome) == ("cancelled", None)
    assert history(desk, request) == ["submitted", "edited", "approved", "consumed", "rolled_back", "cancelled"]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_that_nobody_decides_in_time_expires(form: str, gate: Gate, desk: BlockingStore) -> None:
    result = run(form, gate, draft=Part(DRAFT), execute=Part(never), timeout="30ms")
    request = only_request(desk)
    assert result == Expired(draft=DRAFT, validation=None, attempts=1, request_id=request.id)
    assert result.status == "expired"
    assert history(desk, request) == ["submitted", "expired"]


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_that_its_requester_withdraws_elsewhere_is_no_result(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with (
        reviewing(desk, lambda request: desk.requester.cancel(request.id, requester="release-bot")),
        pytest.raises(ApprovalCancelled, match="was withdrawn"),
    ):
        run(form, gate, draft=Part(DRAFT), execute=Part(never), max_retries=2)


# --- whose functions they are ------------------------------------------------------------------


def test_plain_functions_and_async_ones_may_be_mixed_on_an_event_loop(gate: Gate, desk: BlockingStore) -> None:
    for number in range(8):
        parts = {"draft": Part({"number": number}), "validate": Part(True), "execute": Part(number)}
        functions: dict[str, Any] = {
            name: part.in_form(ASYNC if number & 1 << place else BLOCKING)
            for place, (name, part) in enumerate(parts.items())
        }
        approve(desk, gate.submit_blocking("shell", {"number": number}))
        result = drive(ASYNC, gate, ApprovalWorkflow(gate=gate, tool="shell", **functions))
        assert isinstance(result, Completed)
        assert result.result == number


def test_anything_that_can_be_awaited_is_awaited(gate: Gate, desk: BlockingStore) -> None:
    async def add(number: int, _: JsonObject) -> int:
        return number + 1

    approve(desk, gate.submit_blocking("shell", DRAFT))
    workflow: ApprovalWorkflow[int] = ApprovalWorkflow(
        draft=lambda _: DRAFT,
        validate=lambda _: asyncio.get_running_loop().run_in_executor(None, lambda: True),
        execute=functools.partial(add, 1),
        gate=gate,
        tool="shell",
    )
    result = drive(ASYNC, gate, workflow)
    assert isinstance(result, Completed)
    assert result.result == 2


@pytest.mark.parametrize("form", FORMS)
def test_the_tool_is_called_as_the_function_that_carries_it_out(form: str, gate: Gate, desk: BlockingStore) -> None:
    def apply_changes(draft: JsonObject) -> JsonObject:
        return draft

    with reviewing(desk, lambda request: approve(desk, request)) as came:
        drive(form, gate, ApprovalWorkflow(draft=lambda _: DRAFT, execute=apply_changes, gate=gate))
    assert [request.tool for request in came] == ["apply_changes"]


def test_without_a_gate_the_workflow_asks_in_the_default_store_under_its_own_name() -> None:
    workflow: ApprovalWorkflow[str] = ApprovalWorkflow(
        draft=lambda task: task, execute=lambda draft: str(draft["number"]), tool="shell", timeout=LONG
    )
    with open_store_blocking() as desk:
        with judging(desk, lambda request: approve(desk, request)) as came:
            blocking = workflow.run_blocking({"number": 1})
            awaited = asyncio.run(workflow.run({"number": 2}))
        assert [request.requester for request in came] == ["workflow", "workflow"]
    assert isinstance(blocking, Completed)
    assert isinstance(awaited, Completed)
    assert (blocking.result, awaited.result) == ("1", "2")
