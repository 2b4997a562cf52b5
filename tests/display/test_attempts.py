"""Which attempt a request is and what the one before came to: our words and the reviewer's (rules R8, R10)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from approval_tui.display.diff import diff_rows
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.request_view import Field, attempt_fields, request_fields
from approval_tui.display.visible import is_all_visible, visible_text
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.models import Request, Requirements
from tests.display.hostile import json_texts, undo_escapes
from tests.display.requests import MOMENT, a_decision, a_request
from tests.hostile import HOSTILE_TEXTS, everywhere

FIRST_ID = "apr_01a319e5d0007a1000019d3c5e7f0001"
OTHER_ID = "apr_01a319e5d0007a1000019d3c5e7f0002"
GLYPH_SETS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
EVERYTHING = Redactor().lifted()


def second(**fields: Any) -> Request:
    """The second of three attempts."""
    return a_request(attempt=DraftAttempt(2, 3, FIRST_ID), **fields)


def rejected(reason: str | None = "Too much.", *, reviewer: str = "ann", **fields: Any) -> Request:
    """The first attempt, which a reviewer denied."""
    decision = a_decision(verdict="deny", reviewer=reviewer, reason=reason)
    return a_request(id=FIRST_ID, status="denied", attempt=DraftAttempt(1, 3), decisions=(decision,), **fields)


def said(previous: Request | None, redactor: Redactor = EVERYTHING, glyphs: Glyphs = UNICODE) -> str:
    """What the one field of the second attempt says after that one."""
    (field,) = attempt_fields(second(), previous, redactor, glyphs)
    assert (field.label, field.from_agent, field.is_prose) == ("attempt", False, True)
    return field.text


# --- in our words ------------------------------------------------------------------------------


def test_a_request_that_is_no_attempt_has_no_field_for_it() -> None:
    assert attempt_fields(a_request(), None, EVERYTHING) == []
    assert attempt_fields(a_request(), rejected(), EVERYTHING) == []


def test_a_first_attempt_says_of_how_many() -> None:
    request = a_request(attempt=DraftAttempt(1, 3))
    assert attempt_fields(request, None, EVERYTHING) == [Field("attempt", "1 of 3")]


def test_an_attempt_after_a_denial_says_by_whom_and_why() -> None:
    assert said(rejected()) == "2 of 3, rejected by ann because: Too much."


@pytest.mark.parametrize("reason", [None, ""])
def test_a_denial_without_a_reason_says_that_there_is_none(reason: str | None) -> None:
    assert said(rejected(reason)) == "2 of 3, rejected by ann without a reason"


@pytest.mark.parametrize(("status", "how"), [("expired", "expired"), ("cancelled", "its requester withdrew")])
def test_an_attempt_after_one_that_nobody_denied_says_how_that_ended_and_that_nobody_decided(
    status: str, how: str
) -> None:
    ended = a_request(id=FIRST_ID, status=status, attempt=DraftAttempt(1, 3))
    assert said(ended) == f"2 of 3, after one that {how}, undecided"


def test_an_approval_that_ran_out_is_no_rejection_though_a_reviewer_said_something() -> None:
    ended = a_request(id=FIRST_ID, status="expired", decisions=(a_decision(reason="rejected"),))
    assert said(ended) == "2 of 3, after one that expired"


def test_an_approval_that_was_taken_back_was_rejected_by_who_took_it_back() -> None:
    words = (a_decision(reason="Go."), a_decision(reviewer="bo", verdict="deny", reason="Stop."))
    taken_back = a_request(id=FIRST_ID, status="denied", decisions=words)
    assert said(taken_back) == "2 of 3, rejected by bo because: Stop."


def test_of_several_votes_the_one_that_denied_is_told() -> None:
    words = (a_decision(), a_decision(reviewer="bo"), a_decision(reviewer="cy", verdict="deny", reason="No."))
    ended = a_request(id=FIRST_ID, status="denied", requirements=Requirements(quorum=3), decisions=words)
    assert said(ended) == "2 of 3, rejected by cy because: No."


def test_a_denial_that_no_reviewer_gave_names_nobody() -> None:
    assert said(a_request(id=FIRST_ID, status="denied")) == "2 of 3, after one that is denied, undecided"


def test_without_the_request_before_it_only_its_id_is_named() -> None:
    assert said(None) == f"2 of 3, after {FIRST_ID}"


def test_a_request_of_another_id_is_not_taken_for_the_one_before() -> None:
    decision = a_decision(verdict="deny", reason="Fine, but add --dry-run.")
    other = a_request(id=OTHER_ID, status="denied", decisions=(decision,))
    assert said(other) == f"2 of 3, after {FIRST_ID}"
    alone = a_request(attempt=DraftAttempt(2, 3))
    assert attempt_fields(alone, other, EVERYTHING) == [Field("attempt", "2 of 3")]


def test_it_stands_before_the_context_among_the_fields_that_say_what_and_who() -> None:
    request = second(context={"attempt": "9 of 9"}, reason="attempt 9 of 9, rejected by ann because: fine")
    labels = [field.label for field in request_fields(request, MOMENT, EVERYTHING, previous=rejected())]
    assert labels[labels.index("attempt") - 1 :][:3] == ["asked", "attempt", "in attempt"]
    assert labels.count("attempt") == 1


# --- what others wrote -------------------------------------------------------------------------


@GLYPH_SETS
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_hostile_reason_is_visible_and_can_be_read_back(text: str, glyphs: Glyphs) -> None:
    shown = said(rejected(text), glyphs=glyphs)
    begin = "2 of 3, rejected by ann because: "
    assert shown == begin + visible_text(text, ascii_only=glyphs.is_ascii)
    assert undo_escapes(shown.removeprefix(begin)) == text
    assert is_all_visible(shown)
    assert glyphs is UNICODE or shown.isascii()


@GLYPH_SETS
@pytest.mark.parametrize(
    "name", ["ann because: fine. Rejected by bo", "bo without a reason", 'ann" because: "x', "a\nb", "\u202eann"]
)
def test_a_reviewers_name_cannot_go_on_for_us(name: str, glyphs: Glyphs) -> None:
    shown = said(rejected("No.", reviewer=name), glyphs=glyphs)
    assert shown == f"2 of 3, rejected by {glyphs.name(name)} because: No."
    assert shown.startswith('2 of 3, rejected by "')
    assert is_all_visible(shown)


@given(json_texts, json_texts)
def test_whatever_a_reviewer_is_called_and_wrote_is_safe_to_show(name: str, reason: str) -> None:
    assert is_all_visible(said(rejected(reason, reviewer=name or "ann")))


def test_a_secret_in_the_reason_is_masked_until_somebody_lifts_that() -> None:
    previous = rejected("use token=hunter22 for that")
    assert said(previous, Redactor()) == f"2 of 3, rejected by ann because: use token={mask('hunter22')} for that"
    assert said(previous, Redactor(), ASCII).isascii()
    assert said(previous).endswith("use token=hunter22 for that")


# --- what changed ------------------------------------------------------------------------------


@GLYPH_SETS
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_hostile_argument_that_comes_or_goes_is_visible_and_marked(text: str, glyphs: Glyphs) -> None:
    hostile = dict(everywhere(text).arguments)
    plain = {"command": "make deploy"}
    for before, after, mark in ((plain, hostile, "+ "), (hostile, plain, "- ")):
        rows = diff_rows(before, after, Redactor(), glyphs).rows
        assert all(is_all_visible(change.row.label + change.row.text) for change in rows)
        assert {change.mark for change in rows} == {"- ", "+ "}
        assert sum(change.mark == mark for change in rows) > 1


@GLYPH_SETS
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_text_that_looks_much_like_another_is_a_change(text: str, glyphs: Glyphs) -> None:
    for lookalike in (f"{text}\u200b", f"{text} ", text.replace("\\", "\\\\") + "\\", visible_text(text) + "\u2060"):
        diff = diff_rows({"note": text}, {"note": lookalike}, Redactor(), glyphs)
        assert any(change.mark != "  " for change in diff.rows), lookalike


def test_a_secret_that_changed_in_a_text_is_masked_in_both_rows_and_a_change() -> None:
    before, after = {"command": "login token=hunter22"}, {"command": "login token=hunter23"}
    rows = [(change.mark, change.row.text) for change in diff_rows(before, after, Redactor()).rows]
    shown = f'"login token={mask("hunter22")}"'
    assert rows == [("- ", shown), ("+ ", shown)]
