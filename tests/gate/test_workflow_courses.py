"""Whatever becomes of a workflow's drafts, in any order: only an approved one runs, and no more than one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approval_tui import Gate
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Request
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import (
    Completed,
    Rejected,
    ValidationFailed,
    WorkflowResult,
)
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS
from tests.gate.policies import edit
from tests.gate.workflows import (
    drive,
    judging,
    requests_of,
)
from tests.support import approve, deny

INVALID = "invalid"  #: the check does not let the draft pass
DENIED = "denied"
APPROVED = "approved"
EDITED = "edited"
SPOILED = "spoiled"  #: a reviewer edits the draft to what the check does not let pass
FATES = (INVALID, DENIED, APPROVED, EDITED, SPOILED)


@dataclass
class Course:
    """A workflow whose drafts meet these fates in turn; what was drafted, and what ran."""

    example: int
    fates: list[str]
    drafts: int = 0
    ran: list[JsonObject] = field(default_factory=list)

    def draft(self, _: dict[str, Any]) -> JsonObject:
        self.drafts += 1
        fate = self.fates[self.drafts - 1]
        return {"example": self.example, "number": self.drafts, "fate": fate, "is_good": fate != INVALID}

    def validate(self, draft: JsonObject) -> bool:
        return bool(draft["is_good"])

    def execute(self, draft: JsonObject) -> str:
        self.ran.append(draft)
        return "done"

    def expected(self, most: int) -> tuple[int, type[WorkflowResult[Any]], list[int], JsonObject | None]:
        """How many drafts there are, how it ends, which of them are asked, and what runs."""
        asked = []
        for number, fate in enumerate(self.fates[:most], 1):
            if fate != INVALID:
                asked.append(number)
            if fate in (APPROVED, EDITED):
                approved = {"example": self.example, "number": number, "fate": fate, "is_good": True}
                return number, Completed, asked, approved | ({"seen": True} if fate == EDITED else {})
        return most, Rejected if self.fates[most - 1] == DENIED else ValidationFailed, asked, None


def decide(desk: BlockingStore, request: Request) -> None:
    """Lets the request meet the fate that its draft names."""
    fate = request.arguments["fate"]
    if fate == DENIED:
        deny(desk, request, "No.")
    elif fate == APPROVED:
        approve(desk, request)
    else:
        edit(desk, request, {**request.arguments, "seen": True} | ({"is_good": False} if fate == SPOILED else {}))


@pytest.fixture
def busy_desk(desk: BlockingStore) -> Iterator[BlockingStore]:
    """A desk at which every draft meets the fate that it names."""
    with judging(desk, lambda request: decide(desk, request)):
        yield desk


EXAMPLES = itertools.count()


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=5))
def test_whatever_drafts_meet_only_an_approved_one_runs_and_no_more_than_one(
    form: str, gate: Gate, busy_desk: BlockingStore, fates: list[str]
) -> None:
    course = Course(next(EXAMPLES), fates)
    workflow: ApprovalWorkflow[str] = ApprovalWorkflow(
        draft=course.draft,
        validate=course.validate,
        execute=course.execute,
        gate=gate,
        tool="shell",
        max_retries=len(fates) - 1,
    )
    result = drive(form, gate, workflow)
    drafts, kind, asked, approved = course.expected(len(fates))
    assert (course.drafts, result.attempts) == (drafts, drafts)
    assert type(result) is kind
    assert course.ran == ([] if approved is None else [approved])
    requests = [request for request in requests_of(busy_desk) if request.arguments["example"] == course.example]
    assert sorted(request.arguments["number"] for request in requests) == asked
    assert [request.effective_arguments for request in requests if request.outcome == "succeeded"] == course.ran
    check_links(fates, requests)


def check_links(fates: list[str], requests: list[Request]) -> None:
    """Each request is the attempt of its draft, and names the last before it that ended without running."""
    if len(fates) == 1:
        assert [request.attempt for request in requests] in ([], [None])
        return
    previous = None
    for request in sorted(requests, key=lambda request: request.arguments["number"]):
        assert request.attempt == DraftAttempt(request.arguments["number"], len(fates), previous)
        previous = request.id if request.status in ("denied", "cancelled") else previous
