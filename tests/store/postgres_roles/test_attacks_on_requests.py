"""Somebody has an agent's credentials and psycopg: what is refused of requests, one attempt after the other.

Each attempt is a transaction of its own, whose deferred checks run as at its commit, and which is rolled back.
"""

from __future__ import annotations

import pytest
from psycopg import errors

from approval_tui.store.blocking import BlockingStore
from tests.store.postgres_roles.arena import append
from tests.store.postgres_roles.attacks import (
    ASKED_VALUES,
    CONSUME,
    DIGEST,
    INSERT,
    REFUSED,
    Attacker,
    asked,
    tried,
)
from tests.support import assert_sound


def test_what_an_agent_may_do_can_be_done_by_hand(attacker: Attacker, ids: dict[str, str]) -> None:
    """The attempts below fail for what they attempt, and not for how they are written."""
    row = attacker.execute(CONSUME.encode() + b" RETURNING consumed_at, claim_expires_at", {"id": ids["approved"]})
    consumed_at, until_then = row.fetchone() or (0, 0)
    changes = {"status": "consumed", "consumed_at": consumed_at, "claim_hash": DIGEST, "claim_expires_at": until_then}
    append(attacker, "request_consumed", ids["approved"], changes)
    attacker.execute("SET CONSTRAINTS ALL IMMEDIATE")
    attacker.execute("SET CONSTRAINTS ALL DEFERRED")
    assert attacker.execute(f"{INSERT}{ASKED_VALUES}".encode(), asked()).rowcount == 1


@pytest.mark.parametrize(
    "part",
    [
        {"status": "approved"},
        {"status": "denied"},
        {"status": "cancelled"},
        {"requester": "their-bot"},
        {"requester": ""},
        {"id": "apr_" + "0" * 32},
        {"id": "apr_" + "\u202e" * 32},
        {"later": 3_600_000},
        {"later": -3_600_000},
        {"arguments": "no JSON"},
        {"arguments": "[]"},
        {"arguments": ' {"a":1}'},
        {"arguments": '{"a":NaN}'},
        {"arguments": '{"a":1e999}'},
        {"arguments": '{"a":' + "[" * 150 + "]" * 150 + "}"},
        {"requirements": "{}"},
        {"requirements": '{"evidence":"none","quorum":0,"reason_required":false,"reviewers":[]}'},
        {"requirements": '{"evidence":"none","quorum":1,"reason_required":false,"reviewers":[1]}'},
        {"hash": "none"},
    ],
    ids=str,
)
def test_a_request_is_asked_as_one_that_waits_and_can_be_read_and_in_ones_own_name(
    attacker: Attacker, ids: dict[str, str], part: dict[str, object]
) -> None:
    with pytest.raises(REFUSED):
        attacker.execute((INSERT + ASKED_VALUES).encode(), asked(**part))


@pytest.mark.parametrize(
    "columns",
    ["submitted_by", "decisions", "approval_expires_at", "decided_at", "edited_arguments", "consumed_at", "outcome"],
)
def test_a_request_is_asked_without_what_others_say_of_it(
    attacker: Attacker, ids: dict[str, str], columns: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(f"INSERT INTO requests ({columns}) VALUES (NULL)".encode())


def test_a_request_is_not_asked_behind_the_logs_back(attacker: Attacker, ids: dict[str, str]) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="what the log says"):
        tried(attacker, INSERT + ASKED_VALUES, **asked())


@pytest.mark.parametrize(
    ("which", "statement"),
    [
        ("pending", "UPDATE requests SET status = 'approved'"),
        ("pending", "UPDATE requests SET status = 'approved', approval_expires_at = now_in_ms() + 60000"),
        ("pending", "UPDATE requests SET status = 'approved', decided_at = now_in_ms(), claim_hash = NULL"),
        ("pending", "UPDATE requests SET status = 'denied', decided_at = now_in_ms()"),
        ("pending", "UPDATE requests SET decisions = '[{}]'"),
        ("pending", "UPDATE requests SET digest = fingerprint"),
        ("pending", "UPDATE requests SET version = version + 2"),
        ("pending", "UPDATE requests SET expires_at = expires_at + 60000"),
        ("pending", "UPDATE requests SET requester = 'their-bot'"),
        ("pending", "UPDATE requests SET submitted_by = 'somebody'"),
        ("pending", "UPDATE requests SET requirements = '{}'"),
        ("pending", "UPDATE requests SET status = 'expired', decided_at = now_in_ms()"),
        ("pending", "UPDATE requests SET outcome = 'succeeded'"),
        ("approved", "UPDATE requests SET arguments = '{}'"),
        ("approved", "UPDATE requests SET edited_arguments = '{}'"),
        ("approved", "UPDATE requests SET approval_expires_at = approval_expires_at + 60000"),
        ("approved", "UPDATE requests SET approval_lifetime = 600000"),
        ("approved", "UPDATE requests SET decided_at = decided_at + 1"),
        ("approved", "UPDATE requests SET status = 'pending'"),
        ("denied", "UPDATE requests SET status = 'approved'"),
        ("denied", "UPDATE requests SET status = 'pending'"),
        ("consumed", "UPDATE requests SET claim_expires_at = claim_expires_at + 60000"),
        ("consumed", "UPDATE requests SET claim_hash = digest"),
        ("consumed", "UPDATE requests SET status = 'approved'"),
        ("consumed", "UPDATE requests SET outcome = 'succeeded', outcome_at = 1"),
        ("overdue", "UPDATE requests SET status = 'approved', decided_at = now_in_ms()"),
    ],
)
def test_an_agent_changes_a_request_only_as_it_may(
    attacker: Attacker, ids: dict[str, str], which: str, statement: str
) -> None:
    with pytest.raises(REFUSED):
        attacker.execute(f"{statement} WHERE id = %s".encode(), [ids[which]])


@pytest.mark.parametrize("which", ["pending", "denied", "late", "held", "revoked", "outvoted", "consumed"])
def test_an_agent_uses_no_approval_that_it_has_not(attacker: Attacker, ids: dict[str, str], which: str) -> None:
    with pytest.raises(REFUSED):
        attacker.execute(CONSUME.encode(), {"id": ids[which]})


def test_an_agent_uses_no_approval_behind_the_logs_back(attacker: Attacker, ids: dict[str, str]) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="what the log says"):
        tried(attacker, CONSUME, id=ids["approved"])


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_agent_sees_no_older_state_than_the_one_of_now(attacker: Attacker, ids: dict[str, str], level: str) -> None:
    attacker.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
    with pytest.raises(errors.InsufficientPrivilege, match="READ COMMITTED"):
        attacker.execute(CONSUME.encode(), {"id": ids["approved"]})


@pytest.mark.parametrize(
    "statement",
    [
        CONSUME,
        "UPDATE requests SET status = 'cancelled', decided_at = now_in_ms() WHERE id = %(id)s",
        "UPDATE requests SET version = version + 1 WHERE id = %(id)s",
        "SELECT * FROM requests WHERE id = %(id)s",
        "SELECT * FROM requests WHERE id = %(id)s FOR UPDATE",
        "SELECT * FROM events WHERE request_id = %(id)s",
        "SELECT * FROM holds WHERE requester = 'their-bot'",
        "SELECT * FROM grants WHERE requester = 'their-bot'",
        "SELECT * FROM events WHERE name = 'session_held'",
        "SELECT * FROM requesters WHERE role <> current_user",
        "SELECT * FROM events WHERE name = 'token_created'",
    ],
)
def test_what_is_anothers_is_not_there(attacker: Attacker, ids: dict[str, str], statement: str) -> None:
    assert attacker.execute(statement.encode(), {"id": ids["theirs"]}).rowcount == 0


def test_after_all_of_this_the_log_is_sound(reviewer: BlockingStore, ids: dict[str, str]) -> None:
    assert_sound(reviewer)
    assert reviewer.reviewer.get(ids["approved"]).status == "approved"
