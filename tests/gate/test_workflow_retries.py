"""After a no, the workflow drafts anew with what was said, as often as it may, and each attempt names the last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from approval_tui import Gate
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import (
    Completed,
    Expired,
    Rejected,
    Validation,
    ValidationFailed,
)
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, FORMS, history, new_gate, reviewing
from tests.gate.policies import PAY, away_from_midnight, edit, gate_of, policy_file
from tests.gate.workflows import (
    DRAFT,
    OTHER_DRAFT,
    TASK,
    THIRD_DRAFT,
    Part,
    judging,
    never,
    only_request,
    requests_of,
    run,
)
from tests.support import approve, assert_sound, deny

# --- what the next draft is told ---------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_next_draft_is_told_why_a_reviewer_rejected_the_last_and_what_it_was(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    draft, execute, task = Part(DRAFT, OTHER_DRAFT), Part("deployed"), dict(TASK)
    with reviewing(desk, lambda first: deny(desk, first, "Too fast."), lambda second: approve(desk, second)):
        result = run(form, gate, draft=draft, execute=execute, task=task, max_retries=2)
    assert draft.given == [TASK, {**TASK, "previous_rejection": "Too fast.", "previous_draft": DRAFT}]
    assert task == TASK
    assert isinstance(result, Completed)
    assert (result.draft, result.attempts) == (OTHER_DRAFT, 2)
    assert execute.given == [OTHER_DRAFT]


@pytest.mark.parametrize("form", FORMS)
def test_a_rejection_without_a_reason_is_told_in_words(form: str, gate: Gate, desk: BlockingStore) -> None:
    draft = Part(DRAFT, OTHER_DRAFT)
    with reviewing(desk, lambda first: deny(desk, first), lambda second: deny(desk, second)):
        result = run(form, gate, draft=draft, execute=Part(never), max_retries=1)
    assert draft.given[1]["previous_rejection"] == "No reason was given."
    assert isinstance(result, Rejected)
    assert (result.reason, result.attempts) == (None, 2)


@pytest.mark.parametrize("form", FORMS)
def test_the_next_draft_is_told_what_the_check_found_wrong_with_the_last(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    draft = Part(DRAFT, OTHER_DRAFT)
    validate = Part(Validation(False, ("It is too long.", "It is too dear.")), True)
    with reviewing(desk, lambda request: approve(desk, request)):
        result = run(form, gate, draft=draft, validate=validate, execute=Part(None), max_retries=1)
    issues = ["It is too long.", "It is too dear."]
    assert draft.given == [TASK, {**TASK, "validation_issues": issues, "previous_draft": DRAFT}]
    assert isinstance(result, Completed)


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_after_a_failed_check_still_knows_what_the_reviewer_said_and_after_a_reviewer_no_old_issues(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    draft = Part(*({"number": number} for number in range(1, 6)))
    validate = Part(True, {"is_valid": False, "issues": "It is too long."}, True, False)
    with reviewing(desk, lambda first: deny(desk, first, "No."), lambda third: deny(desk, third, "Never.")):
        result = run(form, gate, draft=draft, validate=validate, execute=Part(never), max_retries=4)
    told = [{name: task[name] for name in task if name not in TASK} for task in draft.given]
    assert told == [
        {},
        {"previous_rejection": "No.", "previous_draft": {"number": 1}},
        {"previous_rejection": "No.", "validation_issues": ["It is too long."], "previous_draft": {"number": 2}},
        {"previous_rejection": "Never.", "previous_draft": {"number": 3}},
        {"previous_rejection": "Never.", "validation_issues": [], "previous_draft": {"number": 4}},
    ]
    assert isinstance(result, ValidationFailed)
    assert (result.attempts, result.draft) == (5, {"number": 5})


@pytest.mark.parametrize("form", FORMS)
def test_after_an_edit_that_does_not_pass_the_next_draft_is_told_of_the_edited_one(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    draft, execute = Part(DRAFT, THIRD_DRAFT), Part(None)
    validate = Part(True, {"is_valid": False, "issues": ["It is too slow."]}, True)
    with reviewing(desk, lambda first: edit(desk, first, OTHER_DRAFT), lambda second: approve(desk, second)):
        run(form, gate, draft=draft, validate=validate, execute=execute, max_retries=1)
    assert draft.given[1] == {**TASK, "validation_issues": ["It is too slow."], "previous_draft": OTHER_DRAFT}
    assert execute.given == [THIRD_DRAFT]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_the_next_draft_is_told_the_reason_of_the_policys_rule(
    form: str, store_path: str, desk: BlockingStore, tmp_path: Path
) -> None:
    away_from_midnight()
    draft = Part({"amount": 1001}, {"amount": 50})
    with gate_of(store_path, policy_file(tmp_path, PAY)) as judged:
        result = run(form, judged, draft=draft, execute=Part("paid"), tool="pay", max_retries=1)
    assert draft.given[1]["previous_rejection"] == "Nobody may pay more than 1000."
    assert isinstance(result, Completed)
    assert requests_of(desk) == []


# --- how often ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_last_rejection_is_the_result_when_no_attempt_is_left(form: str, gate: Gate, desk: BlockingStore) -> None:
    draft = Part(DRAFT, OTHER_DRAFT, THIRD_DRAFT, never)
    reasons = iter(["One.", "Two.", "Three."])
    with judging(desk, lambda request: deny(desk, request, next(reasons))) as came:
        result = run(form, gate, draft=draft, execute=Part(never), max_retries=2)
    assert isinstance(result, Rejected)
    assert (result.reason, result.attempts, result.draft) == ("Three.", 3, THIRD_DRAFT)
    assert [request.arguments for request in came] == [DRAFT, OTHER_DRAFT, THIRD_DRAFT]


@pytest.mark.parametrize("form", FORMS)
def test_without_retries_there_is_one_attempt_and_its_request_says_nothing_of_attempts(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: deny(desk, request)):
        result = run(form, gate, draft=Part(DRAFT, never), execute=Part(never), max_retries=0)
    assert result.attempts == 1
    assert only_request(desk).attempt is None


@pytest.mark.parametrize("form", FORMS)
def test_a_draft_that_nobody_decided_is_not_followed_by_another(form: str, gate: Gate, desk: BlockingStore) -> None:
    result = run(form, gate, draft=Part(DRAFT, never), execute=Part(never), max_retries=2, timeout="30ms")
    assert isinstance(result, Expired)
    assert only_request(desk).attempt == DraftAttempt(1, 3)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_draft_again_is_not_asked_twice(form: str, gate: Gate, desk: BlockingStore) -> None:
    draft = Part(DRAFT, DRAFT, OTHER_DRAFT)
    with reviewing(desk, lambda first: deny(desk, first, "No."), lambda second: approve(desk, second)) as came:
        result = run(form, gate, draft=draft, execute=Part(None), max_retries=2)
    assert isinstance(result, Completed)
    assert [request.arguments for request in came] == [DRAFT, OTHER_DRAFT]
    assert [task.get("previous_rejection") for task in draft.given] == [None, "No.", "No."]
    assert came[1].attempt == DraftAttempt(3, 3, came[0].id)
    assert history(desk, came[0]) == ["submitted", "denied", "reused"]


@pytest.mark.parametrize("max_retries", [-1, 1000, True, False, 1.0, "2", None])
def test_a_number_of_retries_that_is_none_is_refused_when_the_workflow_is_made(
    max_retries: Any, gate: Gate, desk: BlockingStore
) -> None:
    with pytest.raises(InvalidInput, match="Nothing was drafted") as caught:
        run(BLOCKING, gate, draft=Part(never), execute=Part(never), max_retries=max_retries)
    assert "from 0 to 999" in str(caught.value)
    assert desk.reviewer.head() is None


def test_as_many_attempts_as_there_can_be_are_made(gate: Gate, desk: BlockingStore) -> None:
    draft = Part(DRAFT)
    result = run(
        BLOCKING,
        gate,
        draft=draft,
        validate=Part(*[False] * 999, True),
        execute=Part(None),
        max_retries=999,
        timeout=0.02,
    )
    assert isinstance(result, Expired)
    assert (result.attempts, len(draft.given)) == (1000, 1000)
    assert only_request(desk).attempt == DraftAttempt(1000, 1000)


# --- how attempts are linked -------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_each_request_says_which_attempt_it_is_and_names_the_one_that_was_asked_before(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    draft = Part(*({"number": number} for number in range(1, 6)))
    validate = Part(False, True, False, True)
    with judging(desk, lambda request: deny(desk, request, "No.")) as came:
        run(form, gate, draft=draft, validate=validate, execute=Part(never), max_retries=4)
    assert [request.attempt for request in came] == [
        DraftAttempt(2, 5),
        DraftAttempt(4, 5, came[0].id),
        DraftAttempt(5, 5, came[1].id),
    ]
    assert [desk.reviewer.get(request.id).attempt for request in came] == [request.attempt for request in came]
    assert_sound(desk)


@pytest.mark.parametrize("form", FORMS)
def test_an_attempt_after_one_that_the_policy_denied_names_the_last_that_a_person_saw(
    form: str, store_path: str, desk: BlockingStore, tmp_path: Path
) -> None:
    away_from_midnight()
    draft = Part({"amount": 500}, {"amount": 1001}, {"amount": 600})
    with (
        gate_of(store_path, policy_file(tmp_path, PAY)) as judged,
        judging(desk, lambda request: deny(desk, request)) as came,
    ):
        run(form, judged, draft=draft, execute=Part(never), tool="pay", max_retries=2)
    assert [request.attempt for request in came] == [DraftAttempt(1, 3), DraftAttempt(3, 3, came[0].id)]


@pytest.mark.parametrize("form", FORMS)
def test_attempts_of_one_run_do_not_name_those_of_another(form: str, gate: Gate, desk: BlockingStore) -> None:
    drafts = Part(*({"number": number} for number in range(1, 5)))
    with judging(desk, lambda request: deny(desk, request)) as came:
        for _ in range(2):
            run(form, gate, draft=drafts, execute=Part(never), max_retries=1)
    assert [request.attempt for request in came] == [
        DraftAttempt(1, 2),
        DraftAttempt(2, 2, came[0].id),
        DraftAttempt(1, 2),
        DraftAttempt(2, 2, came[2].id),
    ]


# --- many at once ------------------------------------------------------------------------------


async def test_of_ten_workflows_at_once_each_ends_as_its_own_requests_did(store_path: str, desk: BlockingStore) -> None:
    """Those that three divides are denied twice; those that leave one are denied and then approved; the rest edited."""
    ran: list[JsonObject] = []

    async def draft(task: dict[str, Any]) -> JsonObject:
        await asyncio.sleep(0)
        return {"number": task["number"], "after": task.get("previous_rejection")}

    async def execute(approved: JsonObject) -> JsonObject:
        await asyncio.sleep(0)
        ran.append(approved)
        return approved

    def judge(request: Request) -> None:
        number, after = request.arguments["number"], request.arguments["after"]
        if number % 3 == 2:
            edit(desk, request, {**request.arguments, "seen": True})
        elif number % 3 == 1 and after is not None:
            approve(desk, request)
        else:
            deny(desk, request, f"No, {number}.")

    async with new_gate(store_path) as gate:
        workflow: ApprovalWorkflow[JsonObject] = ApprovalWorkflow(
            draft=draft, execute=execute, gate=gate, tool="shell", max_retries=1
        )
        with judging(desk, judge) as came:
            ends = await asyncio.gather(*(workflow.run({"number": number}) for number in range(10)))
    for number, end in enumerate(ends):
        said = f"No, {number}."
        if number % 3 == 0:
            assert isinstance(end, Rejected)
            assert (end.reason, end.draft, end.attempts) == (said, {"number": number, "after": said}, 2)
        else:
            expected = {"number": number, "after": None, "seen": True} if number % 3 == 2 else end.draft
            assert isinstance(end, Completed)
            assert end.result == end.draft == expected
            assert expected["after"] == (said if number % 3 == 1 else None)
    assert len(ran) == 6
    assert len(came) == 4 * 2 + 3 * 2 + 3
    assert_sound(desk)
