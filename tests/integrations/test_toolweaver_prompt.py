"""The prompt of ToolWeaver's guide on a real terminal: y, n and details decide, and nothing else does."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator

import pytest

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.integrations import approval_manager as managers
from approval_tui.integrations import approval_prompt
from approval_tui.integrations.toolweaver import (
    ApprovalManager,
    ApprovalRequest,
    ApprovalStatus,
    ProposalError,
    request_cli_approval,
)
from approval_tui.store.blocking import BlockingStore
from tests.integrations.prompting import NAME, QUESTION, REASON, Asked, asked
from tests.support import ANN, approve, assert_sound, deny

ACTION = {"max_amount": 5000, "chain": ["manager", "cfo"]}


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


@pytest.fixture
def proposal(manager: ApprovalManager) -> ApprovalRequest:
    return manager.create_request("Expense policy", "Validation score: 0.9", ACTION)


def is_undecided(desk: BlockingStore, proposal: ApprovalRequest) -> bool:
    request = desk.reviewer.get(proposal.request_id)
    return (request.status, request.decisions) == ("pending", ())


def while_asked(person: Asked, said_before: list[str]) -> None:
    """Answers so many questions and waits for the next one."""
    questions = (QUESTION, NAME, REASON)
    for question, answer in zip(questions, said_before, strict=False):
        person.say(question, answer)
    person.until_shown(questions[len(said_before)])


# --- y, n, details -----------------------------------------------------------------------------


def test_y_and_a_name_approve_what_was_shown(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, "y")
        assert is_undecided(desk, proposal)
        person.say(NAME, " Ann Lee ")
        assert person.answer() is True
    for shown in ("APPROVAL REQUIRED", "Title: Expense policy", "score: 0.9", "max_amount: 5000", '"manager"', '"cfo"'):
        assert shown in person.output
    assert "Expires: " in person.output
    assert "Approved" in person.output
    assert (proposal.status, proposal.reviewer) == (ApprovalStatus.APPROVED, "Ann Lee")
    (decision,) = desk.reviewer.get(proposal.request_id).decisions
    assert decision.tty is not None
    assert decision.tty.startswith("/dev/")
    assert_sound(desk)


def test_n_a_name_and_a_reason_reject_it(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, "n")
        person.say(NAME, "ann")
        assert is_undecided(desk, proposal)
        person.say(REASON, "Too much. Überall!")
        assert person.answer() is False
    assert "Rejected" in person.output
    assert (proposal.status, proposal.reviewer) == (ApprovalStatus.REJECTED, "ann")
    assert proposal.rejection_reason == "Too much. Überall!"


@pytest.mark.parametrize("answer", ["Y", " y ", "N"])
def test_the_case_of_the_letter_and_blanks_do_not_matter(proposal: ApprovalRequest, answer: str) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, answer)
        person.until_shown(NAME)
    assert proposal.refresh().status is ApprovalStatus.PENDING


def test_details_shows_the_whole_action_as_json_and_asks_again(desk: BlockingStore, manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {"text": "a\u202eb\x1b[2J", "deep": {"list": [1, 2.5, None]}})
    with asked(proposal) as person:
        person.say(QUESTION, "details")
        person.until_shown("Full proposed action:")
        person.until_shown(QUESTION)
        shown = person.output.partition("Full proposed action:\n")[2].partition("\n\n")[0]
        assert json.loads(shown) == proposal.proposed_action
        assert is_undecided(desk, proposal)
        person.say("", "y")
        person.say(NAME, "ann")
        assert person.answer() is True


NO_ANSWERS = ["", "yes", "no", "yy", "approve", "y n", "1", "detail", "\x00y", "ｙ"]


def test_anything_else_is_asked_again_and_decides_nothing(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        for answer in NO_ANSWERS:
            person.say(QUESTION, answer)
            person.until_shown("Invalid input. Please enter 'y', 'n', or 'details'")
        person.until_shown(QUESTION)
        assert is_undecided(desk, proposal)


def test_nobody_decides_without_a_name(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, "y")
        person.say(NAME, "")
        person.say(NAME, "  ")
        person.until_shown(NAME)
        assert is_undecided(desk, proposal)


def test_a_name_that_cannot_be_one_decides_nothing_and_says_so(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, "y")
        person.say(NAME, "a" * 300)
        person.until_shown("300 characters")
        assert is_undecided(desk, proposal)
        assert "Approved" not in person.output


# --- what decides nothing ----------------------------------------------------------------------


@pytest.mark.parametrize("said_before", [[], ["y"], ["n"], ["n", "ann"]], ids=["at first", "name", "no", "reason"])
def test_the_end_of_the_input_decides_nothing(
    desk: BlockingStore, proposal: ApprovalRequest, said_before: list[str]
) -> None:
    with asked(proposal) as person:
        while_asked(person, said_before)
        person.type(b"\x04")
        assert person.answer() is False
    assert "Nothing was decided" in person.output
    assert is_undecided(desk, proposal)


def test_a_letter_without_enter_is_no_answer(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.until_shown(QUESTION)
        person.type(b"y\x04\x04")
        assert person.answer() is False
    assert NAME not in person.output
    assert is_undecided(desk, proposal)


def test_what_was_typed_before_the_question_is_not_its_answer(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal, typed_before=b"y\neve\n") as person:
        person.until_shown(QUESTION)
        person.type(b"\x04")
        assert person.answer() is False
    assert NAME not in person.output
    assert is_undecided(desk, proposal)


def test_lines_pasted_at_once_answer_one_question_at_most(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        person.until_shown(QUESTION)
        person.type(b"y\neve\n")
        person.until_shown(NAME)
        person.type(b"\x04")
        assert person.answer() is False
    assert is_undecided(desk, proposal)


class MovableTime:
    """The machine's clock, and how far it was moved; in seconds."""

    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.mark.parametrize("said_before", [[], ["y"], ["n", "ann"]], ids=["at first", "name", "reason"])
def test_after_its_time_the_prompt_ends_without_a_decision(
    desk: BlockingStore, proposal: ApprovalRequest, monkeypatch: pytest.MonkeyPatch, said_before: list[str]
) -> None:
    clock = MovableTime()
    monkeypatch.setattr(approval_prompt, "time", clock)
    with asked(proposal, timeout=300) as person:
        while_asked(person, said_before)
        clock.ahead = 301.0
        with pytest.raises(TimeoutError, match=proposal.request_id):
            person.answer()
    assert is_undecided(desk, proposal)


@pytest.mark.parametrize("timeout", [0, -1.0, float("-inf")])
def test_a_time_that_is_over_already_asks_nothing(proposal: ApprovalRequest, timeout: float) -> None:
    with asked(proposal, timeout=timeout) as person, pytest.raises(TimeoutError):
        person.answer()


def test_an_expired_proposal_is_not_asked_for(manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {}, expires_in_hours=0)
    with asked(proposal) as person, pytest.raises(TimeoutError):
        person.answer()
    assert proposal.status is ApprovalStatus.EXPIRED


def test_a_missing_store_ends_the_prompt_without_a_decision(
    desk: BlockingStore, proposal: ApprovalRequest, store_looks_each_time: None
) -> None:
    with asked(proposal) as person:
        person.say(QUESTION, "y")
        person.until_shown(NAME)
        os.rename(desk.location, f"{desk.location}.away")
        person.type(b"ann\n")
        with pytest.raises(StoreUnavailable):
            person.answer()
    os.rename(f"{desk.location}.away", desk.location)
    assert is_undecided(desk, proposal)
    assert "Approved" not in person.output


def test_without_a_terminal_nobody_is_asked(
    desk: BlockingStore, proposal: ApprovalRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("stdin", "stdout"):
        with asked(proposal) as person:
            person.until_shown(QUESTION)
            with open(os.devnull, "r+") as nothing, monkeypatch.context() as patch:
                patch.setattr(sys, stream, nothing)
                with pytest.raises(ProposalError, match="no terminal"):
                    request_cli_approval(proposal)
    assert is_undecided(desk, proposal)


# --- decided elsewhere -------------------------------------------------------------------------


@pytest.mark.parametrize("said_before", [[], ["y"], ["n", "eve"]], ids=["at first", "name", "reason"])
def test_an_approval_in_the_console_ends_the_prompt(
    desk: BlockingStore, proposal: ApprovalRequest, said_before: list[str]
) -> None:
    with asked(proposal) as person:
        while_asked(person, said_before)
        approve(desk, desk.reviewer.get(proposal.request_id))
        assert person.answer() is True
    assert "approved by ann" in person.output
    assert (proposal.status, proposal.reviewer) == (ApprovalStatus.APPROVED, "ann")


def test_a_denial_in_the_console_wins_over_a_late_y(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        while_asked(person, ["y"])
        deny(desk, desk.reviewer.get(proposal.request_id), "too much")
        person.type(b"eve\n")
        assert person.answer() is False
    assert "rejected by ann" in person.output or "denied by ann" in person.output
    assert (proposal.status, proposal.rejection_reason) == (ApprovalStatus.REJECTED, "too much")


def test_an_expiry_in_the_console_ends_the_prompt(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    with asked(proposal) as person:
        while_asked(person, [])
        desk.reviewer.expire(proposal.request_id, reviewer=ANN)
        with pytest.raises(TimeoutError):
            person.answer()
    assert proposal.refresh().status is ApprovalStatus.EXPIRED


# --- whose proposals ---------------------------------------------------------------------------


def test_the_prompt_decides_where_the_proposal_was_made(tmp_path: str) -> None:
    """ToolWeaver: its workflow had a manager of its own, and each answer at the prompt ended in 'not found'."""
    with ApprovalManager(f"{tmp_path}/elsewhere.db", requester="other", tool="policy_update") as elsewhere:
        proposal = elsewhere.create_request("t", "d", {})
        with asked(proposal) as person:
            person.say(QUESTION, "y")
            person.say(NAME, "ann")
            assert person.answer() is True
        assert proposal.status is ApprovalStatus.APPROVED


def test_the_manager_can_be_said(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    with ApprovalManager() as other, asked(proposal, manager=other) as person:
        person.say(QUESTION, "y")
        person.say(NAME, "ann")
        assert person.answer() is True
    assert proposal.refresh().reviewer == "ann"


def test_a_proposal_that_the_store_does_not_have_is_not_asked_for(default_store: str) -> None:
    with asked(ApprovalRequest("abc-123", "t", "d", {})) as person:
        try:
            with pytest.raises(ProposalError, match="abc-123 not found"):
                person.answer()
        finally:
            managers.approval_manager.close()
