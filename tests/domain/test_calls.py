"""What a call must be, what names it (fingerprint), and what a decision is about (digest)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain import limits
from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.canonical import DEEPEST_NESTING, exact_json, stored_json
from approval_tui.domain.clock import DAY, HOUR, LONGEST_DURATION, MINUTE
from approval_tui.domain.decisions import NO_EVIDENCE, Decision, Evidence
from approval_tui.domain.errors import InvalidInput, InvalidJson
from approval_tui.domain.identity import digest_for, digest_of, fingerprint_of
from approval_tui.domain.models import Request, Requirements

CALL = Call(
    tool="shell",
    arguments={"command": "make deploy", "files": [{"a": 1, "b": 2}]},
    requester="release-bot",
    server="builder",
    session="run-1",
    context={"directory": "/srv"},
    reason="It is Friday.",
    risk="low",
    rule_hash="v1:sha256:rule",
)


def changed(**parts: Any) -> Call:
    return dataclasses.replace(CALL, **parts)


def test_the_defaults_are_those_of_the_design() -> None:
    call = Call(tool="shell", arguments={}, requester="release-bot")
    assert (call.timeout, call.approval_lifetime, call.dedupe_window) == (10 * MINUTE, 10 * MINUTE, 5 * MINUTE)
    assert limits.DEFAULT_CLAIM_LIFETIME == HOUR
    assert call.requirements == Requirements(quorum=1, reviewers=(), reason_required=False, evidence="none")


different_calls: dict[str, dict[str, Any]] = {
    "requester": {"requester": "build-bot"},
    "server": {"server": "other"},
    "no server": {"server": None},
    "tool": {"tool": "Shell"},
    "context": {"context": {"directory": "/srv/"}},
    "no context": {"context": {}},
    "arguments": {"arguments": {"command": "make deploy", "files": [{"a": 1, "b": 3}]}},
    "an argument more": {"arguments": {**CALL.arguments, "dry_run": None}},
    "the type of an argument": {"arguments": {"command": "make deploy", "files": [{"a": "1", "b": 2}]}},
    "the order of a list": {"arguments": {"command": "make deploy", "files": [{"b": 2}, {"a": 1}]}},
    "rule": {"rule_hash": "v1:sha256:other"},
    "no rule": {"rule_hash": None},
}
same_calls: dict[str, dict[str, Any]] = {
    "session": {"session": "run-2"},
    "the agent's reason": {"reason": "It is Monday."},
    "risk": {"risk": "high"},
    "the rule's name": {"rule": "large ones ask"},
    "timeout": {"timeout": 1},
    "approval lifetime": {"approval_lifetime": 1},
    "dedupe window": {"dedupe_window": 0},
    "attempt": {"attempt": DraftAttempt(1, 3)},
    "requirements": {"requirements": Requirements(quorum=2)},
    "the agent's id of it": {"call_id": "toolu_01"},
    "longest timeout": {"longest_timeout": 1},
    "what becomes of an edit": {"edit_taken_as": "denial"},
    "the order of keys, in maps inside lists too": {
        "arguments": {"files": [{"b": 2, "a": 1}], "command": "make deploy"}
    },
}


@pytest.mark.parametrize("parts", different_calls.values(), ids=different_calls.keys())
def test_a_part_of_the_fingerprint_makes_another_call(parts: dict[str, Any]) -> None:
    assert check_call(changed(**parts)).fingerprint != check_call(CALL).fingerprint


@pytest.mark.parametrize("parts", same_calls.values(), ids=same_calls.keys())
def test_anything_else_leaves_it_the_same_call(parts: dict[str, Any]) -> None:
    assert check_call(changed(**parts)).fingerprint == check_call(CALL).fingerprint


def test_every_part_of_a_call_is_either_part_of_the_fingerprint_or_not() -> None:
    parts = {name for case in (*different_calls.values(), *same_calls.values()) for name in case}
    assert parts == {field.name for field in dataclasses.fields(Call)}


def test_parts_of_a_fingerprint_cannot_be_shifted_into_one_another() -> None:
    moved = fingerprint_of("a", "b", "c", {}, {"x": 1}, None)
    assert moved != fingerprint_of("a", "bc", "", {}, {"x": 1}, None)
    assert moved != fingerprint_of("a", "b", "c", {"x": 1}, {}, None)
    assert fingerprint_of("a", None, "c", {}, {}, "d") != fingerprint_of("a", "d", "c", {}, {}, None)


def test_the_digest_covers_id_session_fingerprint_reason_and_risk() -> None:
    parts: dict[str, Any] = {"request_id": "i", "session": "s", "fingerprint": "f", "reason": "r", "risk": "low"}
    digests = {digest_of(**parts)}
    for name in parts:
        digests.add(digest_of(**{**parts, name: "other"}))
        if name in ("session", "reason", "risk"):
            digests.add(digest_of(**{**parts, name: None}))
    assert len(digests) == 1 + len(parts) + 3


def a_request(**parts: Any) -> Request:
    values: dict[str, Any] = {field.name: None for field in dataclasses.fields(Request)}
    values |= {
        "id": "apr_" + "0" * 32, "status": "pending", "tool": "shell", "requester": "release-bot", "context_text": "{}",
        "arguments_text": '{"a":1}', "requirements": Requirements(), "decisions_text": "[]", "created_at": 0,
        "expires_at": 1, "in_doubt": False, **parts,
    }  # fmt: skip
    return Request(**values)


def test_an_edit_changes_the_digest_and_the_same_arguments_do_not() -> None:
    request = a_request()
    assert digest_for(request, {"a": 1}) == digest_for(request, {"a": 1.0})
    assert digest_for(request, {"a": 1}) != digest_for(request, {"a": 2})
    assert request.effective_arguments == {"a": 1}
    assert dataclasses.replace(request, edited_arguments_text="{}").effective_arguments == {}


bad_calls: dict[str, dict[str, Any]] = {
    "empty tool": {"tool": ""},
    "blank tool": {"tool": " \t"},
    "tool that is no text": {"tool": 5},
    "no tool": {"tool": None},
    "long tool": {"tool": "t" * 257},
    "tool with a lone surrogate": {"tool": "shell\udc00"},
    "empty requester": {"requester": ""},
    "no requester": {"requester": None},
    "empty server": {"server": ""},
    "empty session": {"session": " "},
    "long session": {"session": "s" * 257},
    "reason that is no text": {"reason": 5},
    "long reason": {"reason": "r" * (16 * 1024 + 1)},
    "reason with a lone surrogate": {"reason": "\ud800"},
    "unknown risk": {"risk": "extreme"},
    "rule hash that is no text": {"rule_hash": 5},
    "no time to decide": {"timeout": 0},
    "negative time to decide": {"timeout": -DAY},
    "time to decide that is no number": {"timeout": float("nan")},
    "time to decide in fractions": {"timeout": 1.5},
    "time to decide beyond ten years": {"timeout": LONGEST_DURATION + 1},
    "time to decide beyond all numbers": {"timeout": 10**5000},
    "no approval lifetime": {"approval_lifetime": 0},
    "negative approval lifetime": {"approval_lifetime": -1},
    "negative window": {"dedupe_window": -1},
    "quorum of none": {"requirements": Requirements(quorum=0)},
    "quorum that is no number": {"requirements": Requirements(quorum=True)},
    "reviewers in a list": {"requirements": Requirements(reviewers=["ann"])},  # type: ignore[arg-type]
    "reviewer without a name": {"requirements": Requirements(reviewers=("",))},
    "quorum of a crowd": {"requirements": Requirements(quorum=101)},
    "quorum that the reviewers cannot reach": {"requirements": Requirements(quorum=2, reviewers=("ann", "ann"))},
    "evidence that no one can give": {"requirements": Requirements(evidence="table")},
    "unknown evidence": {"requirements": Requirements(evidence="oath")},
    "arguments that are no object": {"arguments": [1]},
    "no arguments": {"arguments": None},
    "arguments with nan": {"arguments": {"a": float("nan")}},
    "arguments with a lone surrogate": {"arguments": {"a": "\ud800"}},
    "arguments with a key that is no string": {"arguments": {1: 1}},
    "arguments over 4 MiB": {"arguments": {"a": "x" * (4 * 1024 * 1024)}},
    "arguments over 4 MiB in bytes alone": {"arguments": {"a": "\u20ac" * (2 * 1024 * 1024)}},
    "context over 256 KiB": {"context": {"a": "x" * (256 * 1024)}},
    "context that is no object": {"context": "here"},
}


@pytest.mark.parametrize("parts", bad_calls.values(), ids=bad_calls.keys())
def test_a_bad_call_is_refused_with_what_was_not_done_and_what_to_do(parts: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_call(changed(**parts))
    assert caught.value.happened
    assert caught.value.not_done
    assert caught.value.to_do
    str(caught.value).encode()


def test_what_is_just_inside_every_limit_is_accepted() -> None:
    arguments = {"a": "x" * (4 * 1024 * 1024 - len('{"a":""}'))}
    checked = check_call(
        changed(
            tool="t" * 256,
            reason="r" * 16 * 1024,
            arguments=arguments,
            timeout=LONGEST_DURATION,
            approval_lifetime=1,
            dedupe_window=0,
            requirements=Requirements(quorum=2, reviewers=("ann", "bo"), evidence="shown"),
        )
    )
    assert len(checked.arguments_text) == limits.MOST_ARGUMENT_BYTES


def test_the_kind_of_error_for_json_is_its_own() -> None:
    with pytest.raises(InvalidJson):
        check_call(changed(context={"a": float("inf")}))


def test_the_stored_arguments_keep_order_and_types() -> None:
    checked = check_call(changed(arguments={"b": 1.0, "a": [True, None, "é"]}))
    assert checked.arguments_text == '{"b":1.0,"a":[true,null,"é"]}'


@given(st.sampled_from(["approve", "deny"]), st.one_of(st.none(), st.text()), st.integers(0), st.integers(0))
def test_a_decision_survives_its_stored_form(verdict: str, reason: str | None, rows: int, shown_ms: int) -> None:
    decision = Decision(verdict, "ann", reason, "d", Evidence("shown", rows, shown_ms), "console", "a", None, 5)
    assert Decision.from_json(decision.to_json()) == decision


def test_requirements_survive_their_stored_form() -> None:
    requirements = Requirements(2, ("ann", "bo"), True, "shown")
    assert Requirements.from_json(requirements.to_json()) == requirements


def test_a_request_prints_with_its_times_in_iso_8601() -> None:
    decision = Decision("deny", "ann", "no", "d", NO_EVIDENCE, "cli", None, None, 2000)
    printed = a_request(status="denied", decided_at=2000, decisions_text=exact_json([decision.to_json()])).to_json()
    assert printed["created_at"] == "1970-01-01T00:00:00.000Z"
    assert printed["decided_at"] == printed["decisions"][0]["decided_at"] == "1970-01-01T00:00:02.000Z"
    assert printed["consumed_at"] is None
    expected = "id status tool server requester session context arguments digest fingerprint created_at expires_at"
    assert {*expected.split(), "decisions", "consumed_at", "outcome"} <= printed.keys()


@pytest.mark.parametrize("levels", [DEEPEST_NESTING - 2, DEEPEST_NESTING - 1, DEEPEST_NESTING, DEEPEST_NESTING + 1])
def test_arguments_are_taken_only_as_deep_as_they_can_be_hashed_again(levels: int) -> None:
    arguments: dict[str, Any] = {"a": 1}
    for _ in range(levels - 1):
        arguments = {"a": arguments}
    try:
        checked = check_call(changed(arguments=arguments))
    except InvalidJson:
        assert levels >= DEEPEST_NESTING
    else:
        assert levels < DEEPEST_NESTING
        read_back = stored_json(checked.arguments_text)
        parts = (CALL.requester, CALL.server, CALL.tool, dict(CALL.context), read_back, CALL.rule_hash)
        assert fingerprint_of(*parts) == checked.fingerprint
