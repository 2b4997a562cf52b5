"""An event in a few words: names cannot go on for us in them, and secrets are masked (rules R8, R10, R12)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from approval_tui.display.event_view import event_content, event_fields, event_words
from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.audit import Event
from approval_tui.domain.canonical import exact_json
from approval_tui.domain.decisions import Evidence
from tests.display.hostile import json_texts
from tests.display.requests import MOMENT, a_decision

SAID = "password=hunter22"
MASKED = f"password={mask('hunter22')}"


def an_event(name: str = "request_approved", **parts: Any) -> Event:
    """An event with these parts of a body; `decisions` are those of its changes."""
    changes = dict(parts.get("changes", {}))
    if "decisions" in parts:
        changes["decisions"] = exact_json([decision.to_json() for decision in parts["decisions"]])
    body = {"changes": changes, "details": parts.get("details", {})}
    return Event(7, "apr_1", name, MOMENT, body, "v1:sha256:" + "1" * 64)


def words_of(redactor: Redactor | None = None, **parts: Any) -> str:
    """The words of an event with these parts."""
    return event_words(an_event(**parts), redactor or Redactor())


def test_a_decision_says_its_status_its_evidence_its_reviewer_and_its_reason() -> None:
    decision = a_decision(evidence=Evidence("shown", rows=2, shown_ms=5), reason="Read it.")
    said = words_of(changes={"status": "approved"}, decisions=(a_decision(reviewer="bo"), decision))
    assert said == "approved (2 rows shown) by ann: Read it."
    typed = a_decision(evidence=Evidence("typed", rows=1, shown_ms=5))
    assert words_of(changes={"status": "approved"}, decisions=(typed,)) == "approved (id typed, 1 row seen) by ann"
    assert words_of(decisions=(a_decision(evidence=Evidence("table")),)) == "(table) by ann"
    assert words_of(decisions=(a_decision(),)) == "by ann"


@pytest.mark.parametrize("evidence", [{"kind": "\x1b[2Jx"}, {"kind": "shown", "rows": "\u202e9"}])
def test_evidence_that_somebody_wrote_past_the_commands_is_made_visible(evidence: dict[str, Any]) -> None:
    decisions = exact_json([{"reviewer": "ann", "evidence": evidence}])
    assert is_all_visible(words_of(changes={"decisions": decisions}))


def test_a_request_says_which_tool_for_whom_and_in_which_session() -> None:
    details = {"tool": "mcp/read_file", "requester": "bot@host", "session": "run-7"}
    assert words_of(changes={"status": "pending"}, details=details) == "pending mcp/read_file for bot@host in run-7"


def test_a_seal_says_up_to_where_the_log_was_pruned_and_by_whom() -> None:
    details = {"last_seq": 8, "requests": 4, "by": {"reviewer": "ann"}}
    assert words_of(name="segment_sealed", details=details) == "by ann up to event 8, with 4 requests"
    assert is_all_visible(words_of(details={"last_seq": "\x1b[2J", "requests": "\u202e"}))


FORGED = "ann, via console, 99 rows shown"
IN_QUOTES = f'"{FORGED}"'


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"decisions": (a_decision(reviewer=FORGED),)}, f"by {IN_QUOTES}"),
        ({"details": {"by": {"reviewer": FORGED}}}, f"by {IN_QUOTES}"),
        ({"details": {"tool": FORGED, "requester": "bot"}}, f"{IN_QUOTES} for bot"),
        ({"details": {"tool": "shell", "requester": FORGED}}, f"shell for {IN_QUOTES}"),
        ({"details": {"tool": "shell", "requester": "bot", "session": FORGED}}, f"shell for bot in {IN_QUOTES}"),
        ({"decisions": (a_decision(reviewer='ann" (9 rows shown'),)}, r'by "ann\" (9 rows shown"'),
    ],
)
def test_no_name_goes_on_for_us(parts: dict[str, Any], said: str) -> None:
    assert words_of(**parts) == said


@pytest.mark.parametrize(
    "parts",
    [
        {"decisions": (a_decision(reason=SAID),)},
        {"changes": {"outcome": "failed", "outcome_detail": SAID}},
        {"details": {"reason": SAID}},
        {"details": {"detail": SAID}},
    ],
)
def test_secrets_are_masked_in_every_reason_and_detail_until_the_masks_are_lifted(parts: dict[str, Any]) -> None:
    assert words_of(**parts).endswith(f": {MASKED}")
    assert words_of(Redactor().lifted(), **parts).endswith(f": {SAID}")
    says = {field.label: field.text for field in event_fields(an_event(**parts), MOMENT, Redactor())}["says"]
    assert says.endswith(f": {MASKED}")


@given(json_texts, json_texts)
def test_the_words_are_visible_and_a_name_cannot_end_its_quotes(name: str, reason: str) -> None:
    decisions = (a_decision(reviewer=name or "x", reason=reason),)
    for glyphs in (UNICODE, ASCII):
        said = event_words(an_event(decisions=decisions), Redactor().lifted(), glyphs)
        assert is_all_visible(said)
        assert glyphs is UNICODE or said.isascii()
        shown = re.fullmatch(r'by (?:[A-Za-z0-9_.@+/:-]+|"(?:[^"\\]|\\.)*")(: .*)?', said)
        assert shown is not None, said
        assert shown[1] == (f": {glyphs.visible(reason)}" if reason else None)


def test_the_texts_of_a_row_are_opened_so_that_their_secrets_are_known_by_name() -> None:
    changes = {"arguments": '{"token": "hunter22"}', "decisions": "[", "status": "pending"}
    content = event_content(an_event(changes=changes, details={"by": "x"}))
    assert content["changes"] == {"arguments": {"token": "hunter22"}, "decisions": "[", "status": "pending"}
    assert content["details"] == {"by": "x"}


# --- policies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"verdict": "allow", "tool": "read", "requester": "bot"}, "allow read for bot"),
        (
            {"verdict": "deny", "tool": "drop", "requester": "bot", "session": "run-1", "rule": "never ever"},
            'deny drop for bot in run-1 by the rule "never ever"',
        ),
        ({"file": "/etc/policy.yaml", "hash": "v1:sha256:aa", "problems": []}, "/etc/policy.yaml"),
        ({"file": "p\u202e.yaml", "problems": ["p.yaml:1:2: x\x1b", "more"]}, "cannot be used: p.yaml:1:2: x\\u{1B}"),
        ({"file": ["no text"], "problems": "no list"}, "['no text']"),
        (
            {"token": "00ff", "role": "agent", "name": "bot \u202e", "by": {"reviewer": "ann"}},
            'by ann 00ff of the agent "bot \\u{202E}"',
        ),
        ({"token": "00ff\x1b", "by": {"reviewer": "ann"}}, "by ann 00ff\\u{1B}"),
    ],
)
def test_what_a_policy_decided_and_which_is_in_force_is_said_in_a_few_words(
    details: dict[str, object], words: str
) -> None:
    event = Event(1, None, "tool_call", 0, {"changes": {}, "details": details}, "v1:sha256:00")
    assert event_words(event, Redactor()) == words


def test_a_rule_that_decided_is_said_to_be_one_even_if_it_is_named_like_a_person() -> None:
    by_rule = a_decision(reviewer="ann", via="policy", evidence=Evidence("none"))
    assert words_of(changes={"status": "approved"}, decisions=[by_rule]) == "approved by the rule ann"
