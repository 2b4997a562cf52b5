"""What was checked is what is shown, and what was shown is what runs, whoever changes a draft meanwhile."""

from __future__ import annotations

import pytest

from approval_tui import Gate
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Request
from approval_tui.gate.workflow_results import Completed, Validation
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, reviewing
from tests.gate.policies import edit
from tests.gate.workflows import DRAFT, OTHER_DRAFT, Part, never, only_request, run
from tests.support import approve, deny


@pytest.mark.parametrize("form", FORMS)
def test_what_its_author_changes_while_a_person_looks_does_not_run(form: str, gate: Gate, desk: BlockingStore) -> None:
    steps, execute = ["check"], Part(None)

    def approve_and_change(request: Request) -> None:
        steps.append("publish")
        approve(desk, request)

    with reviewing(desk, approve_and_change):
        result = run(form, gate, draft=Part({"steps": steps}), execute=execute)
    assert execute.given == [{"steps": ["check"]}]
    assert result.draft == {"steps": ["check"]}


@pytest.mark.parametrize("form", FORMS)
def test_a_rejected_draft_is_told_and_returned_as_it_was_shown(form: str, gate: Gate, desk: BlockingStore) -> None:
    first: JsonObject = {"steps": ["check"]}
    second: JsonObject = {"steps": ["check", "wait"]}
    draft = Part(first, second)

    def change_and_deny(request: Request) -> None:
        for each in (first, second):
            each["steps"].append("publish")
        deny(desk, request, "No.")

    with reviewing(desk, change_and_deny, change_and_deny) as came:
        result = run(form, gate, draft=draft, execute=Part(never), max_retries=1)
    assert draft.given[1]["previous_draft"] == came[0].arguments == {"steps": ["check"]}
    assert result.draft == came[1].arguments == {"steps": ["check", "wait", "publish"]}


@pytest.mark.parametrize("form", FORMS)
def test_what_its_author_changes_after_the_check_is_not_asked(form: str, gate: Gate, desk: BlockingStore) -> None:
    steps, validate = ["check"], Part(True)

    def reason(_draft: JsonObject, _validation: Validation | None) -> str:
        steps.append("publish")
        return "All is well."

    with reviewing(desk, lambda request: approve(desk, request)) as came:
        run(form, gate, draft=Part({"steps": steps}), validate=validate, execute=Part(None), reason=reason)
    assert [came[0].arguments] == validate.given


@pytest.mark.parametrize("form", FORMS)
def test_a_check_that_changes_what_a_reviewer_made_of_the_draft_does_not_change_what_runs(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    def add_a_default(draft: JsonObject) -> bool:
        draft["force"] = True
        return True

    execute = Part(None)
    with reviewing(desk, lambda request: edit(desk, request, OTHER_DRAFT)):
        run(form, gate, draft=Part(dict(DRAFT)), validate=Part(add_a_default), execute=execute)
    assert execute.given == [only_request(desk).effective_arguments] == [OTHER_DRAFT]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_has_the_draft_as_it_was_approved_whatever_carried_it_out_made_of_it(
    form: str, gate: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: approve(desk, request)):
        result = run(form, gate, draft=Part(DRAFT), execute=Part(lambda draft: draft.pop("command")))
    assert isinstance(result, Completed)
    assert (result.result, result.draft) == ("make deploy", DRAFT)
