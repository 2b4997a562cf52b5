"""The fields of a request: ours in our words, the agent's labelled as such, and all of it safe to show (R8, R12)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.request_view import Field, decision_text, request_fields
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.clock import HOUR, MINUTE, SECOND
from approval_tui.domain.decisions import Evidence
from approval_tui.domain.models import Request, Requirements
from tests.display.hostile import INVISIBLE_SAMPLES, json_texts, undo_escapes
from tests.display.requests import MOMENT, a_decision, a_request

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(INVISIBLE_SAMPLES)


def fields_of(
    request: Request, redactor: Redactor | None = None, *, now: int = MOMENT, plain: bool = False
) -> list[Field]:
    return request_fields(request, now, redactor or Redactor(), ASCII if plain else UNICODE)


def texts_of(request: Request, now: int = MOMENT) -> dict[str, str]:
    """The fields by their label, each of which must be there once."""
    fields = fields_of(request, now=now)
    assert len({field.label for field in fields}) == len(fields)
    return {field.label: field.text for field in fields}


def test_a_plain_request_has_the_fields_that_every_request_has() -> None:
    assert texts_of(a_request(), now=MOMENT + 90 * SECOND) == {
        "status": "… pending, 8m30s left",
        "tool": "shell",
        "requester": "release-bot",
        "risk": "· unrated",
        "asked": "2027-01-15T08:00:00.000Z (1m30s ago)",
        "id": "apr_01a319e5d0007a1000019d3c5e7f1001",
        "digest": "v1:sha256:" + "2" * 64,
    }


def test_everything_that_is_known_is_shown_in_the_order_in_which_a_person_reads_it() -> None:
    request = a_request(
        status="consumed",
        server="ops",
        session="run-7",
        context={"working_directory": "/srv/app", "environment": ["PATH", "HOME"]},
        reason="All checks passed.",
        risk="high",
        requirements=Requirements(quorum=2, reviewers=("ann", "bo", "cy"), reason_required=True),
        decisions=(a_decision(), a_decision(reviewer="bo", reason="Go.")),
        approval_expires_at=MOMENT + HOUR,
        consumed_at=MOMENT + 2 * MINUTE,
        outcome="failed",
        outcome_detail="exit 1",
    )
    fields = fields_of(request, now=MOMENT + HOUR)
    assert [(field.label, field.text) for field in fields] == [
        ("status", "● failed"),
        ("tool", "shell"),
        ("server", "ops"),
        ("requester", "release-bot"),
        ("session", "run-7"),
        ("risk", "▲ HIGH"),
        ("asked", "2027-01-15T08:00:00.000Z (1h ago)"),
        ("in working_directory", '"/srv/app"'),
        ("in environment", '["PATH","HOME"]'),
        ("needs", "2 of 3 (ann, bo, cy): ann, bo approved (advisory here: names are not checked)"),
        ("reason", "required"),
        ("agent says", "All checks passed."),
        ("approved by", "ann, 2027-01-15T08:01:00.000Z, via console (name not checked)"),
        ("approved by", "bo, 2027-01-15T08:01:00.000Z, via console (name not checked): Go."),
        ("used", "2027-01-15T08:02:00.000Z (58m ago)"),
        ("outcome", "failed: exit 1"),
        ("id", request.id),
        ("digest", request.digest),
    ]


def test_only_the_agents_own_words_are_marked_as_the_agents() -> None:
    request = a_request(reason="approved by ann: trust me", context={"a": "b"}, decisions=(a_decision(reason="No."),))
    marked = [field for field in fields_of(request) if field.from_agent]
    assert marked == [Field("agent says", "approved by ann: trust me", from_agent=True)]


def test_an_agent_that_says_nothing_has_no_field_for_it() -> None:
    assert "agent says" not in texts_of(a_request())
    assert texts_of(a_request(reason=""))["agent says"] == ""


@pytest.mark.parametrize("key", ["status", "agent says", "digest", "approved by"])
def test_a_key_of_the_context_cannot_pass_for_a_field_of_ours(key: str) -> None:
    assert (f"in {key}" if key.isalpha() else f'in "{key}"') in texts_of(a_request(context={key: "x"}, reason="y"))


def test_an_approval_says_how_long_it_can_be_used() -> None:
    request = a_request(status="approved", approval_expires_at=MOMENT + 5 * MINUTE)
    assert texts_of(request)["status"] == "✓ approved, usable for 5m"


def test_a_request_in_doubt_says_so() -> None:
    assert texts_of(a_request(status="consumed", consumed_at=MOMENT, in_doubt=True))["status"] == "? in doubt"


def test_a_terminal_without_unicode_gets_letters_for_glyphs() -> None:
    fields = {field.label: field.text for field in fields_of(a_request(risk="low"), plain=True)}
    assert fields["status"].startswith("p pending")
    assert fields["risk"] == "l low"


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (a_decision(), "ann, 2027-01-15T08:01:00.000Z, via console"),
        (
            a_decision(reviewer="ann", via="policy", evidence=Evidence("none"), reason="Never."),
            "the rule ann, 2027-01-15T08:01:00.000Z: Never.",
        ),
        (a_decision(reason="Fine."), "ann, 2027-01-15T08:01:00.000Z, via console: Fine."),
        (
            a_decision(evidence=Evidence("shown", rows=12, shown_ms=4000), reason="Read."),
            "ann, 2027-01-15T08:01:00.000Z, via console, 12 rows shown for 4s: Read.",
        ),
        (a_decision(via="cli", evidence=Evidence("none")), "ann, 2027-01-15T08:01:00.000Z, via cli"),
        (
            a_decision(via="api", token="0f" * 8, reason="Seen."),
            "ann, 2027-01-15T08:01:00.000Z, via api (token 0f0f0f0f0f0f0f0f): Seen.",
        ),
        (
            a_decision(via="cli", evidence=Evidence("none"), reason="token=hunter22"),
            f"ann, 2027-01-15T08:01:00.000Z, via cli: token={mask('hunter22')}",
        ),
        (
            a_decision(reviewer="ann, via console, 99 rows shown", via="cli, 9 rows shown"),
            '"ann, via console, 99 rows shown", 2027-01-15T08:01:00.000Z, via "cli, 9 rows shown"',
        ),
    ],
)
def test_a_decision_says_who_when_from_where_on_what_and_why(decision: Any, text: str) -> None:
    assert decision_text(decision, Redactor()) == text


@pytest.mark.parametrize(("verdict", "label"), [("approve", "approved by"), ("deny", "denied by")])
def test_a_decision_is_labelled_by_its_verdict(verdict: str, label: str) -> None:
    assert label in texts_of(a_request(decisions=(a_decision(verdict=verdict),)))


def test_a_denial_after_enough_approvals_is_labelled_as_the_revocation_it_is() -> None:
    words = (a_decision(), a_decision(reviewer="bo"), a_decision(reviewer="cy", verdict="deny"))
    for quorum, label in ((2, "revoked by"), (3, "denied by")):
        fields = fields_of(a_request(requirements=Requirements(quorum=quorum), decisions=words))
        assert [field.label for field in fields if field.label.endswith("ed by")] == ["approved by"] * 2 + [label]


def test_only_votes_on_the_present_digest_count_and_each_reviewer_once() -> None:
    old = a_decision(digest="v1:sha256:" + "3" * 64, reviewer="cy")
    votes = (old, a_decision(), a_decision(), a_decision(reviewer="bo"))
    request = a_request(requirements=Requirements(quorum=3), decisions=votes)
    assert {field.label: field.text for field in fields_of(request)}["needs"].startswith(
        "3: ann, bo approved; cy approved what it was before the edit (advisory"
    )
    former, *_ = (field.text for field in fields_of(request) if field.label == "approved by")
    assert former.endswith("via console (name not checked), for what it was before the edit")


def test_secrets_are_masked_in_the_agents_words_the_context_and_the_outcome() -> None:
    said = "token=hunter22"
    request = a_request(
        status="consumed", reason=said, context={"a": said, "b": [said]}, outcome="failed", outcome_detail=said
    )
    masked = f"token={mask('hunter22')}"
    fields = texts_of(request)
    assert fields["agent says"] == masked
    assert fields["in a"] == f'"{masked}"'
    assert fields["in b"] == f'["{masked}"]'
    assert fields["outcome"] == f"failed: {masked}"
    lifted = {field.label: field.text for field in fields_of(request, Redactor().lifted())}
    assert lifted["agent says"] == said
    assert lifted["in a"] == f'"{said}"'


@pytest.mark.parametrize("key", ["DB_PASSWORD", "apiToken", "x-badge-code"])
def test_a_secret_of_the_context_is_masked_by_its_name(key: str) -> None:
    request = a_request(context={key: "hunter22", "note": "hunter22", "empty_token": ""})
    redactor = Redactor.with_names(["x_badge_code"])
    fields = {field.label: field.text for field in fields_of(request, redactor)}
    assert fields[f"in {key}"] == mask("hunter22")
    assert fields["in note"] == '"hunter22"'
    assert fields["in empty_token"] == '""'
    lifted = {field.label: field.text for field in fields_of(request, redactor.lifted())}
    assert lifted[f"in {key}"] == '"hunter22"'


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ('a": "b', r'in "a\": \"b"'),
        ("a\nstatus", r'in "a\u{A}status"'),
        ("\u202estatus", r'in "\u{202E}status"'),
        ("── arguments (2 rows, all of them) ──", 'in "── arguments (2 rows, all of them) ──"'),
        ("", 'in ""'),
    ],
)
def test_a_key_of_the_context_is_drawn_as_a_key_of_the_arguments_is(key: str, label: str) -> None:
    assert texts_of(a_request(context={key: 1}))[label] == "1"


@given(st.data())
def test_every_field_is_safe_to_show_whatever_agent_and_reviewer_wrote(data: st.DataObject) -> None:
    hostile = {name: data.draw(names, label=name) for name in ("tool", "server", "requester", "session")}
    decision = a_decision(
        reviewer=data.draw(names),
        reason=data.draw(json_texts),
        via=data.draw(names),
        evidence=Evidence("shown", rows=1, shown_ms=1),
    )
    request = a_request(
        **hostile,
        reason=data.draw(json_texts),
        context=data.draw(st.dictionaries(json_texts, json_texts | st.lists(json_texts, max_size=2), max_size=3)),
        requirements=Requirements(reviewers=(data.draw(names),)),
        decisions=(decision,),
        status="consumed",
        outcome="failed",
        outcome_detail=data.draw(json_texts),
    )
    fields = fields_of(request, Redactor().lifted())
    assert all(is_all_visible(field.label) and is_all_visible(field.text) for field in fields)
    shown = {field.label: field.text for field in fields}
    for name, value in hostile.items():
        assert undo_escapes(shown[name]) == value
    assert undo_escapes(shown["agent says"]) == request.reason
    assert shown["approved by"].startswith(f"{UNICODE.name(decision.reviewer)}, ")


def test_a_text_of_the_context_cannot_pass_for_a_number_or_a_list() -> None:
    request = a_request(context={"number": 1, "text": "1", "list": ["a"], "texts": '["a"]', "blank": "a "})
    fields = texts_of(request)
    assert (fields["in number"], fields["in text"]) == ("1", '"1"')
    assert (fields["in list"], fields["in texts"]) == ('["a"]', '"["a"]"')
    assert fields["in blank"] == '"a "'


def test_secrets_deep_in_the_context_are_masked_by_their_names() -> None:
    context = {
        "headers": {"Cookie": "abcdefgh", "Accept": "text/html"},
        "env": [{"badge_code": "hunter22"}],
        "tokens": ["hunter22", 7],
    }
    fields = request_fields(a_request(context=context), MOMENT, Redactor.with_names(["badge_code"]))
    assert [(field.label, field.text) for field in fields if field.label.startswith("in ")] == [
        ("in headers", f'{{"Cookie":"{mask("abcdefgh")}","Accept":"text/html"}}'),
        ("in env", f'[{{"badge_code":"{mask("hunter22")}"}}]'),
        ("in tokens", f'["{mask("hunter22")}",7]'),
    ]


def test_names_of_reviewers_cannot_pass_for_several() -> None:
    request = a_request(requirements=Requirements(reviewers=("ann, bo", "cy")))
    texts = [field.text for field in request_fields(request, MOMENT, Redactor()) if field.label == "reviewers"]
    assert texts == ['"ann, bo", cy (advisory here: names are not checked)']
