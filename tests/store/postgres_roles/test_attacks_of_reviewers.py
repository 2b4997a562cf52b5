"""Somebody has a reviewer's credentials and psycopg: deciding is theirs, and rewriting what was decided is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection, errors
from psycopg.sql import SQL, Identifier

from approval_tui.domain.calls import Call
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.models import Requirements
from approval_tui.domain.tokens import new_token
from approval_tui.store.blocking import BlockingStore
from tests.store.postgres_roles.arena import Arena, append_and_end, end
from tests.support import ANN, BO, approve, assert_sound, consume, deny, submit

Attacker = Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def ids(opened: dict[str, BlockingStore]) -> dict[str, str]:
    """What was asked and decided, by what became of it."""
    agent, reviewer = opened["agent"], opened["reviewer"]
    calls = {
        name: Call("shell", {"command": name}, requester="bot", session=name, requirements=Requirements(quorum=quorum))
        for name, quorum in (
            ("pending", 1),
            ("approved", 1),
            ("denied", 1),
            ("consumed", 1),
            ("ended", 1),
            ("voted", 2),
        )
    }
    made = {name: submit(agent, call) for name, call in calls.items()}
    for name in ("approved", "consumed", "ended", "voted"):
        approve(reviewer, made[name], BO)
    deny(reviewer, made["denied"])
    consume(agent, made["consumed"])
    agent.requester.report_outcome(made["ended"].id, consume(agent, made["ended"]).id, "failed")
    grant = reviewer.reviewer.add_grant(
        made["ended"].id, GrantTerms(ALWAYS, most_uses=1), reviewer=ANN, digest=made["ended"].digest)  # fmt: skip
    reviewer.reviewer.revoke_grant(grant.id, reviewer=ANN)
    new = new_token()
    reviewer.reviewer.create_token(new, "agent", "bot", lifetime=None, reviewer=ANN)
    reviewer.reviewer.revoke_token(reviewer.reviewer.tokens()[0].id, reviewer=ANN)
    reviewer.reviewer.hold_session("bot", "pending", reviewer=ANN)
    return {name: request.id for name, request in made.items()}


@pytest.fixture(scope="module")
def connection(arena: Arena) -> Iterator[Attacker]:
    with Connection.connect(arena.reviewer) as connected:
        yield connected


@pytest.fixture
def attacker(connection: Attacker) -> Iterator[Attacker]:
    """The reviewer's own connection, in a transaction that is never committed."""
    yield connection
    connection.rollback()


@pytest.mark.parametrize(
    ("which", "change"),
    [
        ("pending", "arguments = '{}'"),
        ("pending", "requester = 'another'"),
        ("pending", "submitted_by = current_user"),
        ("pending", "requirements = '{}'"),
        ("pending", "expires_at = expires_at + 60000"),
        ("pending", "status = 'consumed', consumed_at = 1, claim_hash = 'h', claim_expires_at = 1"),
        ("pending", "approval_expires_at = 1"),
        ("pending", "digest = fingerprint"),
        ("pending", "version = version + 2"),
        ("pending", "status = 'approved', approval_expires_at = now_in_ms() + 60000, decided_at = now_in_ms()"),
        ("pending", "status = 'denied', decided_at = now_in_ms()"),
        ("voted", "decisions = '[]'"),
        ("voted", "status = 'approved', approval_expires_at = now_in_ms() + 60000, decisions = '[{}]'"),
        ("approved", "decisions = replace(decisions, 'bo', 'ann')"),
        ("approved", "digest = fingerprint"),
        ("approved", "edited_arguments = '{}'"),
        ("approved", "approval_expires_at = approval_expires_at + 60000"),
        ("approved", "status = 'denied', decisions = '[]'"),
        ("denied", "status = 'approved', approval_expires_at = now_in_ms() + 60000"),
        ("denied", "decisions = '[]'"),
        ("denied", "decided_at = 1"),
        ("consumed", "status = 'denied'"),
        ("consumed", "claim_hash = digest"),
        ("ended", "status = 'approved', consumed_at = NULL, claim_hash = NULL, claim_expires_at = NULL"),
        ("ended", "outcome = 'succeeded'"),
        ("ended", "outcome = NULL"),
        ("ended", "outcome_detail = 'it was not me'"),
    ],
)
def test_a_reviewer_rewrites_nothing(attacker: Attacker, ids: dict[str, str], which: str, change: str) -> None:
    statement = f"UPDATE requests SET {change} WHERE id = %s".encode()
    with pytest.raises((errors.InsufficientPrivilege, errors.IntegrityConstraintViolation)):  # noqa: PT012 - some at the end
        attacker.execute(statement, [ids[which]])
        end(attacker)


@pytest.mark.parametrize(
    ("which", "event", "changes"),
    [
        ("voted", "vote_recorded", {"decisions": "[]"}),
        ("voted", "vote_recorded", {"decisions": "[{}]"}),
        ("voted", "request_reused", {"edited_arguments": "{}"}),
        ("voted", "request_approved", {"status": "approved", "approval_expires_at": 9, "digest": "another"}),
        ("voted", "request_approved", {"status": "approved", "approval_expires_at": 9, "edited_arguments": "{}"}),
        ("ended", "outcome_reported", {"outcome": "succeeded"}),
        ("consumed", "claim_rolled_back", {"status": "approved"}),
    ],
    ids=str,
)
def test_a_reviewer_rewrites_nothing_by_having_it_in_the_log(
    attacker: Attacker, ids: dict[str, str], which: str, event: str, changes: dict[str, Any]
) -> None:
    columns = ", ".join(f"{column} = %({column})s" for column in changes)
    statement = f"UPDATE requests SET {columns} WHERE id = %(id)s".encode()
    with pytest.raises(errors.InsufficientPrivilege):  # noqa: PT012 - either may be refused, together they must be
        attacker.execute(statement, {**changes, "id": ids[which]})
        append_and_end(attacker, event, ids[which], changes)


@pytest.mark.parametrize(
    ("name", "which", "changes"),
    [
        ("request_approved", "pending", {"status": "approved"}),
        ("request_denied", "consumed", {"status": "denied"}),
        ("request_consumed", "approved", {"status": "consumed"}),
        ("request_reused", "approved", {"decisions": "[]"}),
        ("outcome_reported", "consumed", {"outcome": "succeeded"}),
    ],
)
def test_a_reviewer_says_in_the_log_what_happened(
    attacker: Attacker, ids: dict[str, str], name: str, which: str, changes: Any
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        append_and_end(attacker, name, ids[which], changes)


@pytest.mark.parametrize("table", ["events", "requests", "grants", "holds", "tokens", "requesters", "submissions"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "ALTER TABLE {} DISABLE TRIGGER ALL"])
def test_a_reviewer_deletes_nothing(attacker: Attacker, table: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(SQL(statement).format(Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = body",
        "UPDATE audit_head SET seq = 0",
        "INSERT INTO segments VALUES (1, 1000000, '', 0)",
        "UPDATE grants SET revoked_at = NULL, revoked_by = NULL",
        "UPDATE grants SET expires_at = expires_at + 1",
        "UPDATE grants SET uses = 2",
        "UPDATE tokens SET revoked_at = NULL",
        "UPDATE tokens SET role = 'reviewer'",
        "UPDATE requesters SET role = current_user",
        "UPDATE holds SET requester = 'another'",
        "INSERT INTO requests (id, decisions) VALUES ('apr_', '[]')",
        "CREATE TABLE {}.mine (a integer)",
        "SET ROLE approvals_owner",
        "SET session_replication_role = replica",
    ],
)
def test_a_reviewer_is_not_the_owner(attacker: Attacker, arena: Arena, ids: dict[str, str], statement: str) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.IntegrityConstraintViolation)):
        attacker.execute(SQL(statement).format(Identifier(arena.schema)))


def test_after_all_of_this_the_log_is_sound(reviewer: BlockingStore, ids: dict[str, str]) -> None:
    assert_sound(reviewer)
