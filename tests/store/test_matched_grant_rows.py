"""Somebody writes to grants with matchers, or forges what they approved, and what comes of it."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import record_json
from approval_tui.domain.errors import StatusConflict, StoreCorrupt, StoreUnavailable
from approval_tui.domain.grants import Grant, GrantTerms
from approval_tui.domain.matchers import ANYTHING, FITTING, Part, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.store.tampering import REFUSED, attack, forge, problems, raw, sqlite_alone, unguarded
from tests.support import ANN, ManualClock, assert_sound, consume, submit


@pytest.fixture
def grant(store: BlockingStore, clock: ManualClock, call: Call) -> Grant:
    """A grant for every target of make that may be used three times, and was once."""
    request = submit(store, call)
    matcher = exact_matcher(request).with_part(Part(("arguments", "command"), FITTING, "make *"))
    terms = GrantTerms(matcher=matcher, most_uses=3)
    grant = store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)
    consume(store, store.reviewer.get(request.id))
    clock.move(7)
    assert_sound(store)
    return grant


def whats(store: BlockingStore) -> set[str]:
    return {problem.what for problem in problems(store)}


def is_let_pass(store: BlockingStore, call: Call) -> bool:
    """Whether the call gets an approval; that it is refused is as good as that a person is asked."""
    try:
        return store.requester.submit(call).request.status == "approved"
    except StoreUnavailable:
        return False


def anything(grant: Grant) -> str:
    """The matcher's text where every argument may be anything."""
    assert grant.matcher is not None
    return record_json(grant.matcher.with_part(Part(("arguments",), ANYTHING)).to_json())


# --- the row -----------------------------------------------------------------------------------

SPOILED = ["'nonsense'", "'{}'", "'[]'", "''", "x'7b7d'", "1", "NULL"]


@pytest.mark.parametrize("value", [*SPOILED, ":anything", "replace(matcher, 'make *', '*')"])
def test_a_matcher_that_was_changed_is_found_and_approves_nothing(
    store: BlockingStore, call: Call, grant: Grant, value: str
) -> None:
    parameters = {"anything": anything(grant)} if value == ":anything" else {}
    attack(store, f"UPDATE grants SET matcher = {value}", parameters)
    assert f"grant {grant.id}: its row differs from the event that gave it" in whats(store)
    for command in ("rm", "make test", "make deploy"):
        assert not is_let_pass(store, dataclasses.replace(call, arguments={"command": command}, dedupe_window=0))


@pytest.mark.parametrize("value", SPOILED[:-1])
def test_a_matcher_that_cannot_be_read_is_no_grant(store: BlockingStore, grant: Grant, value: str) -> None:
    attack(store, f"UPDATE grants SET matcher = {value}")
    with pytest.raises(StoreCorrupt):
        store.reviewer.grants()


@pytest.mark.parametrize("value", ["NULL", "4", "1000000", "1", sqlite_alone("'many'"), "0", "-1"])
def test_another_number_of_uses_is_found_and_approves_nothing(
    store: BlockingStore, call: Call, grant: Grant, value: str
) -> None:
    attack(store, f"UPDATE grants SET most_uses = {value}")
    assert f"grant {grant.id}: its row differs from the event that gave it" in whats(store)
    assert not is_let_pass(store, dataclasses.replace(call, arguments={"command": "make test"}))


def test_what_a_revoked_grant_approved_does_not_run_though_its_row_says_otherwise(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    granted = submit(store, dataclasses.replace(call, arguments={"command": "make test"}))
    store.reviewer.revoke_grant(grant.id, reviewer=ANN)
    attack(store, "UPDATE grants SET revoked_at = NULL, revoked_by = NULL")
    with pytest.raises(StatusConflict):
        consume(store, granted)
    assert not is_let_pass(store, dataclasses.replace(call, arguments={"command": "make docs"}))


def test_uses_that_were_set_back_are_found(store: BlockingStore, call: Call, grant: Grant) -> None:
    attack(store, "UPDATE grants SET uses = 0")
    assert whats(store) == {f"grant {grant.id}: it was used 1 times, and its row says 0"}


def test_a_grant_that_was_used_more_often_than_it_was_given_for_is_found(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    """Setting its uses back each time lets it approve more; the events of what it approved stay."""
    for number in range(3):
        attack(store, "UPDATE grants SET uses = 0")
        assert is_let_pass(store, dataclasses.replace(call, arguments={"command": f"make {number}"}))
    attack(store, "UPDATE grants SET uses = 3")
    assert whats(store) == {f"grant {grant.id}: it was used 4 times, and was given for 3"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("matcher = matcher", "never changes"),
        ("matcher = NULL", "never changes"),
        ("most_uses = 4", "never changes"),
        ("most_uses = NULL", "never changes"),
        ("uses = 0", "no more often than was granted"),
        ("uses = 4", "no more often than was granted"),
    ],
)
def test_the_store_itself_refuses_to_make_more_of_a_grant(
    store: BlockingStore, grant: Grant, change: str, why: str
) -> None:
    with closing(raw(store)) as connection, pytest.raises(REFUSED, match=why):
        connection.execute(f"UPDATE grants SET {change}")
    assert_sound(store)


# --- what it approved --------------------------------------------------------------------------


def forge_approval(store: BlockingStore, request: Request, grant: str) -> int:
    """Approves the request as the grant would, in its row and in the log; gives the event's number."""
    head = store.reviewer.head()
    assert head is not None
    decision = {
        "verdict": "approve", "reviewer": "ann", "reason": None, "digest": request.digest,
        "evidence": {"kind": "none", "rows": 0, "shown_ms": 0}, "via": "grant", "os_user": None, "tty": None,
        "decided_at": head.at,
    }  # fmt: skip
    changes: dict[str, Any] = {
        "status": "approved",
        "decisions": json.dumps([decision], separators=(",", ":"), sort_keys=True),
        "decided_at": head.at,
        "approval_expires_at": head.at + 1000,
    }
    body = {"event": "request_approved", "request": request.id, "at": head.at, "changes": changes}
    forge(store, "request_approved", request.id, {**body, "details": {"grant": grant}})
    sets = ", ".join(f"{column} = :{column}" for column in changes)
    attack(store, f"UPDATE requests SET {sets} WHERE id = :id", {**changes, "id": request.id})
    with closing(unguarded(store)) as connection:
        connection.execute("UPDATE grants SET uses = uses + 1 WHERE id = ?", (grant,))
    return head.seq + 1


NOT_COVERED: dict[str, dict[str, Any]] = {
    "other arguments": {"arguments": {"command": "rm -rf /"}},
    "an option": {"arguments": {"command": "make -f"}},
    "an argument more": {"arguments": {"command": "make test", "more": 1}},
    "another session": {"session": "run-2", "arguments": {"command": "make test"}},
    "another tool": {"tool": "else", "arguments": {"command": "make test"}},
    "another requester": {"requester": "else", "arguments": {"command": "make test"}},
    "another server": {"server": "else", "arguments": {"command": "make test"}},
    "another rule": {"rule_hash": "else", "arguments": {"command": "make test"}},
    "another place": {"context": {"working_directory": "/"}, "arguments": {"command": "make test"}},
}


@pytest.mark.parametrize("parts", NOT_COVERED.values(), ids=NOT_COVERED)
def test_an_approval_by_a_grant_whose_matcher_does_not_cover_it_is_found(
    store: BlockingStore, call: Call, grant: Grant, parts: dict[str, Any]
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    assert request.status == "pending"
    seq = forge_approval(store, request, grant.id)
    (problem,) = problems(store)
    assert (problem.what, problem.seq, problem.request_id) == (
        "a grant approved it that gives another call",
        seq,
        request.id,
    )


@pytest.mark.parametrize(
    "parts",
    [{"risk": "high"}, {"requirements": Requirements(quorum=2)}, {"requirements": Requirements(evidence="shown")},
     {"requirements": Requirements(reason_required=True)}, {"requirements": Requirements(reviewers=("bo",))}],
    ids=str,
)  # fmt: skip
def test_an_approval_by_a_grant_of_what_is_looked_at_each_time_is_found(
    store: BlockingStore, call: Call, grant: Grant, parts: dict[str, Any]
) -> None:
    request = submit(store, dataclasses.replace(call, arguments={"command": "make test"}, **parts))
    assert request.status == "pending"
    forge_approval(store, request, grant.id)
    assert whats(store) == {"a grant approved what is looked at each time"}


def test_an_approval_after_the_last_use_or_by_no_grant_is_found(store: BlockingStore, call: Call, grant: Grant) -> None:
    for number in range(2):
        consume(store, submit(store, dataclasses.replace(call, arguments={"command": f"make {number}"})))
    request = submit(store, dataclasses.replace(call, arguments={"command": "make more"}))
    forge_approval(store, request, grant.id)
    assert whats(store) == {f"grant {grant.id}: it was used 4 times, and was given for 3"}


def test_a_forged_approval_is_found_that_names_no_grant_that_there_is(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    request = submit(store, dataclasses.replace(call, tool="else"))
    forge_approval(store, request, "grt_x")
    assert whats(store) == {"a grant approved it that nobody gave"}
    with pytest.raises(StatusConflict, match="expired"):
        consume(store, store.reviewer.get(request.id))


def test_what_the_forged_approvals_are_made_of_is_what_the_store_writes(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    """Otherwise they would be found for another reason: one for what the grant covers is as good as the store's."""
    store.reviewer.hold_session("release-bot", "run-1", reviewer=ANN)
    request = submit(store, dataclasses.replace(call, arguments={"command": "make test"}))
    store.reviewer.release_session("release-bot", "run-1", reviewer=ANN)
    forge_approval(store, request, grant.id)
    assert_sound(store)
