"""The audit log's arithmetic: the chain of hashes, and the fold of events onto a row."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain import chain, events
from approval_tui.domain.audit import Event, Problem, Verification, fold
from approval_tui.domain.chain import GENESIS, event_body, link
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, CONSUMED, DENIED, EXPIRED, PENDING, STATUSES, TRANSITIONS

#: Each event with the steps it may stand for, written a second time from the life of a request.
ALLOWED: dict[str, set[tuple[str | None, str]]] = {
    events.SUBMITTED: {(None, PENDING)},
    events.VOTED: {(PENDING, PENDING)},
    events.EDITED: {(PENDING, PENDING)},
    events.APPROVED: {(PENDING, APPROVED)},
    events.DENIED: {(PENDING, DENIED)},
    events.REVOKED: {(APPROVED, DENIED)},
    events.EXPIRED: {(PENDING, EXPIRED), (APPROVED, EXPIRED)},
    events.CANCELLED: {(PENDING, CANCELLED), (APPROVED, CANCELLED)},
    events.CONSUMED: {(APPROVED, CONSUMED)},
    events.ROLLED_BACK: {(CONSUMED, APPROVED), (CONSUMED, CONSUMED)},
    events.OUTCOME: {(CONSUMED, CONSUMED)},
    events.RESOLVED: {(CONSUMED, CONSUMED)},
}
WITHOUT_CHANGE = {
    events.REUSED,
    events.LATE_OUTCOME,
    events.LATE_DECISION,
    events.TOOL_CALL,
    events.GRANT_GIVEN,
    events.GRANT_REVOKED,
}
OF_NO_REQUEST = {
    events.TOOL_CALL_NOT_RUN,
    events.POLICY_RELOADED,
    events.POLICY_REJECTED,
    events.TOKEN_CREATED,
    events.TOKEN_REVOKED,
    events.SESSION_HELD,
    events.SESSION_RELEASED,
    events.SEGMENT_SEALED,
}


def step(name: str, changes: dict[str, Any], seq: int = 1) -> Event:
    body = {"event": name, "request": "apr_1", "at": 5, "changes": changes, "details": {}}
    return Event(seq, "apr_1", name, 5, body, "")


def test_a_link_covers_the_tag_the_number_the_hash_before_and_the_body() -> None:
    body = b'{"a":1}'
    inner = hashlib.sha256(body).hexdigest()
    text = f"approval-tui:event:v1\n7\n{GENESIS}\nv1:sha256:{inner}"
    assert link(7, GENESIS, body) == "v1:sha256:" + hashlib.sha256(text.encode()).hexdigest()


@given(st.integers(1, 2**60), st.binary(max_size=20), st.integers(1, 2**60), st.binary(max_size=20))
def test_two_links_are_equal_only_where_all_they_cover_is(seq: int, body: bytes, seq2: int, body2: bytes) -> None:
    assert (link(seq, GENESIS, body) == link(seq2, GENESIS, body2)) == ((seq, body) == (seq2, body2))
    assert link(seq, link(seq, GENESIS, body), body) != link(seq, GENESIS, body)


def test_the_body_of_an_event_is_canonical_and_says_everything_it_is_about() -> None:
    body = event_body("request_denied", "apr_1", 5, {"status": "denied"}, {"b": 1, "a": None})
    assert body == (
        b'{"at":5,"changes":{"status":"denied"},"details":{"a":null,"b":1},"event":"request_denied","request":"apr_1"}'
    )


def test_every_event_name_is_listed_once_and_described_by_the_fold() -> None:
    assert set(events.EVENT_NAMES) == ALLOWED.keys() | WITHOUT_CHANGE | OF_NO_REQUEST
    assert len(set(events.EVENT_NAMES)) == len(events.EVENT_NAMES)
    declared = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)}
    assert declared == set(events.EVENT_NAMES)


@pytest.mark.parametrize(
    ("name", "before", "after"), [*itertools.product(ALLOWED, (None, *STATUSES), STATUSES)], ids=str
)
def test_an_event_stands_for_its_own_transitions_and_no_others(name: str, before: str | None, after: str) -> None:
    row = None if before is None else {"status": before}
    folded, why = fold(row, step(name, {"status": after}))
    assert (why is None) == ((before, after) in ALLOWED[name])
    assert folded == {"status": after}
    if why is not None:
        assert name in why
        assert after in why


def test_the_events_that_change_a_status_are_exactly_the_transitions_of_the_lifecycle() -> None:
    steps = {pair for pairs in ALLOWED.values() for pair in pairs if pair[0] not in (None, pair[1])}
    assert steps == TRANSITIONS


@pytest.mark.parametrize("name", sorted(WITHOUT_CHANGE))
def test_an_event_that_only_tells_changes_no_row_and_needs_one(name: str) -> None:
    row = {"status": CONSUMED, "digest": "d"}
    assert fold(row, step(name, {})) == (row, None)
    folded, why = fold(None, step(name, {}))
    assert folded is None
    assert why is not None


def test_an_event_of_an_unknown_name_is_a_problem() -> None:
    row = {"status": PENDING}
    folded, why = fold(row, step("request_blessed", {"status": APPROVED}))
    assert folded == row
    assert why == "request_blessed is no event of ours"


def test_changes_are_laid_over_the_row() -> None:
    row, _ = fold(None, step(events.SUBMITTED, {"status": PENDING, "digest": "d", "decisions": "[]"}))
    row, why = fold(row, step(events.DENIED, {"status": DENIED, "decisions": "[1]"}))
    assert why is None
    assert row == {"status": DENIED, "digest": "d", "decisions": "[1]"}


def test_a_verification_is_sound_without_problems() -> None:
    assert Verification(0, 0, None).is_sound
    assert not Verification(1, 1, None, (Problem("something"),)).is_sound


def test_the_genesis_hash_is_no_hash_of_anything() -> None:
    assert GENESIS == "v1:sha256:" + "0" * 64
    assert chain.link(1, GENESIS, b"") != GENESIS
