"""Somebody has an agent's credentials and psycopg: what is refused of the log, and of everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import errors
from psycopg.sql import SQL, Identifier

from approval_tui.domain.calls import Call
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.linking import body_after_time
from approval_tui.store.transaction import NewEvent
from tests.store.postgres_roles.arena import Arena, append, append_and_end
from tests.store.postgres_roles.attacks import (
    DIGEST,
    REFUSED,
    Attacker,
)
from tests.support import ANN, assert_sound, submit


@pytest.mark.parametrize(
    ("name", "which", "changes", "details"),
    [
        ("request_approved", "pending", {"status": "approved"}, {}),
        ("request_denied", "pending", {"status": "denied"}, {}),
        ("request_revoked", "approved", {"status": "denied"}, {}),
        ("vote_recorded", "pending", {}, {}),
        ("request_edited", "pending", {}, {}),
        ("claim_resolved", "consumed", {"outcome": "succeeded"}, {}),
        ("decision_made_late", "overdue", {}, {}),
        ("grant_given", "pending", {}, {}),
        ("grant_revoked", "approved", {}, {}),
        ("session_held", None, {}, {}),
        ("session_released", None, {}, {}),
        ("token_created", None, {}, {}),
        ("of_my_own", None, {}, {}),
        ("request_submitted", "pending", {"status": "pending"}, {}),
        ("request_submitted", None, {"status": "pending"}, {}),
        ("request_consumed", "pending", {"status": "consumed"}, {}),
        ("request_consumed", "approved", {"status": "consumed"}, {}),
        ("request_cancelled", "approved", {"status": "cancelled"}, {}),
        ("request_expired", "pending", {"status": "expired"}, {"by": {"reviewer": "ann"}}),
        ("outcome_reported", "consumed", {"outcome": "succeeded"}, {}),
        ("request_reused", "pending", {"decisions": "[{}]"}, {}),
        ("request_reused", "theirs", {}, {}),
        ("request_reused", None, {}, {}),
        ("tool_call", "theirs", {}, {"requester": "bot"}),
        ("tool_call", None, {}, {"requester": "their-bot"}),
        ("tool_call", None, {}, {}),
        ("tool_call", None, {}, {"requester": "bot", "deep": [[]]}),
        ("policy_reloaded", None, {}, {"requester": "their-bot"}),
        ("policy_reloaded", "pending", {}, {}),
    ],
)
def test_an_agent_says_in_the_log_what_it_did_and_nothing_else(
    attacker: Attacker, ids: dict[str, str], name: str, which: str | None, changes: Any, details: Any
) -> None:
    with pytest.raises(REFUSED):
        append_and_end(attacker, name, None if which is None else ids[which], changes, details)


@pytest.mark.parametrize("shift", [-3_600_000, 60_000, 10**15])
def test_an_agent_does_not_move_the_logs_time(attacker: Attacker, ids: dict[str, str], shift: int) -> None:
    now = attacker.execute("SELECT now_in_ms()").fetchone()
    assert now is not None
    with pytest.raises(REFUSED):
        append(attacker, "request_reused", ids["pending"], {}, at=now[0] + shift)


def test_an_event_says_the_same_in_its_columns_and_its_body(attacker: Attacker, ids: dict[str, str]) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="columns are those of its body"):
        attacker.execute(
            b"INSERT INTO events (request_id, name, at, body) VALUES (%s, 'request_reused', now_in_ms(), %s)",
            [ids["pending"], '"changes":{},"details":{},"event":"request_reused","request":null}'],
        )


@pytest.mark.parametrize("table", ["events", "requests", "grants", "holds", "tokens", "requesters", "audit_head"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE {} OWNER TO CURRENT_USER",
        "CREATE POLICY mine ON {} USING (true)",
        "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION refuse()",
        "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_an_agent_takes_nothing_away(attacker: Attacker, table: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(SQL(statement).format(Identifier(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = body",
        "UPDATE audit_head SET seq = 0",
        "INSERT INTO audit_head VALUES (false, 0, '', 0)",
        "UPDATE requesters SET role = current_user",
        "INSERT INTO requesters (name, role) VALUES ('x', 'y')",
        "INSERT INTO segments VALUES (1, 1000000, '', 0)",
        "SELECT * FROM tokens",
        "SELECT * FROM submissions",
        "SELECT * FROM deliveries",
        "UPDATE tokens SET role = 'reviewer'",
        "INSERT INTO tokens VALUES ('t', 'reviewer', 'me', 'h', 0)",
        "UPDATE grants SET revoked_at = NULL",
        "INSERT INTO grants (id) VALUES ('g')",
        "UPDATE holds SET released_at = 1",
        "UPDATE approval_tui SET version = 99",
        "CREATE TABLE {schema}.mine (a integer)",
        "CREATE FUNCTION {schema}.strpos(text, text) RETURNS integer LANGUAGE sql AS 'SELECT 0'",
        "CREATE OR REPLACE FUNCTION {schema}.standing() RETURNS text LANGUAGE sql AS $$SELECT 'owner'$$",
        "CREATE SCHEMA mine",
        "DROP POLICY of_ones_own ON requests",
        "ALTER POLICY of_reviewers ON requests TO PUBLIC",
        "SET session_replication_role = replica",
        "SET ROLE {owner}",
        "SET ROLE {reviewer}",
        "SET SESSION AUTHORIZATION {owner}",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "GRANT {reviewer} TO CURRENT_USER",
        "CREATE ROLE mine",
        "SELECT {schema}.last_sealed()",
        "COPY requests TO PROGRAM 'true'",
    ],
)
def test_an_agent_is_nobody_else(attacker: Attacker, arena: Arena, statement: str) -> None:
    named = SQL(statement).format(
        schema=Identifier(arena.schema), owner=Identifier("approvals_owner"), reviewer=Identifier(arena.reviewer_role)
    )
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(named)


def test_row_security_that_is_switched_off_shows_nothing(attacker: Attacker, ids: dict[str, str]) -> None:
    attacker.execute("SET row_security = off")
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute("SELECT * FROM requests")


@pytest.mark.parametrize("function", ["follow_the_log", "keep_unless_sealed", "consume_what_holds", "agree_with_log"])
def test_a_function_of_the_owner_is_not_hung_on_a_table_of_ones_own(
    attacker: Attacker, arena: Arena, function: str
) -> None:
    attacker.execute("CREATE TEMP TABLE mine (seq bigint, at bigint, body text, hash text)")
    trigger = SQL("CREATE TRIGGER mine BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {}()")
    with pytest.raises(errors.InsufficientPrivilege):
        attacker.execute(trigger.format(Identifier(arena.schema, function)))


SHADOWS = """
CREATE TEMP TABLE audit_head AS SELECT * FROM {0}.audit_head; UPDATE pg_temp.audit_head SET seq = 10, at = 0;
CREATE TEMP TABLE holds AS SELECT * FROM {0}.holds WHERE false;
CREATE TEMP TABLE grants AS SELECT * FROM {0}.grants; UPDATE pg_temp.grants SET revoked_at = NULL;
CREATE TEMP TABLE requests AS SELECT * FROM {0}.requests;
CREATE TEMP TABLE requesters AS SELECT 'their-bot'::text AS name, current_user AS role;
CREATE TEMP TABLE pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
GRANT ALL ON ALL TABLES IN SCHEMA pg_temp TO PUBLIC;
CREATE FUNCTION pg_temp.standing() RETURNS text LANGUAGE sql AS $$SELECT 'owner'$$;
CREATE FUNCTION pg_temp.now_in_ms() RETURNS bigint LANGUAGE sql AS $$SELECT 0::bigint$$;
SET search_path = pg_temp, {0}, pg_catalog
"""


@pytest.mark.parametrize("which", ["held", "revoked", "late", "pending"])
def test_tables_and_functions_that_look_like_ours_change_nothing(
    attacker: Attacker, arena: Arena, ids: dict[str, str], which: str
) -> None:
    attacker.execute(SQL(SHADOWS).format(Identifier(arena.schema)))
    table = Identifier(arena.schema, "requests")
    statement = SQL("UPDATE {} SET status = 'consumed', consumed_at = {now}, claim_hash = {hash}, claim_expires_at = "
                    "{now} + 60000 WHERE id = {id}")  # fmt: skip
    now = SQL("{}.now_in_ms()").format(Identifier(arena.schema))
    with pytest.raises(REFUSED):
        attacker.execute(statement.format(table, now=now, hash=DIGEST, id=ids[which]))


def test_a_log_that_looks_like_ours_is_not_written_for_it(
    attacker: Attacker, arena: Arena, ids: dict[str, str]
) -> None:
    attacker.execute(SQL(SHADOWS).format(Identifier(arena.schema)))
    head, events = Identifier(arena.schema, "audit_head"), Identifier(arena.schema, "events")
    end = attacker.execute(SQL("SELECT seq, at FROM {}").format(head)).fetchone()
    assert end is not None
    body = body_after_time(NewEvent("request_reused", ids["pending"], {}, {}))
    attacker.execute(
        SQL("INSERT INTO {} (request_id, name, at, body) VALUES ({}, 'request_reused', {}, {})").format(
            events, ids["pending"], end[1], body
        )
    )
    newest = SQL("SELECT max(seq) FROM {} WHERE request_id = {}").format(events, ids["pending"])
    assert attacker.execute(newest).fetchone() == (end[0] + 1,)


def test_an_event_that_brings_its_own_place_in_the_log_is_refused(attacker: Attacker, ids: dict[str, str]) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="the log says which it is"):
        attacker.execute(
            b"INSERT INTO events SELECT seq + 1, %s, 'request_reused', at, '{}', hash FROM audit_head",
            [ids["pending"]],
        )


def test_after_all_of_this_the_log_is_sound(reviewer: BlockingStore, ids: dict[str, str]) -> None:
    assert_sound(reviewer)
    assert reviewer.reviewer.get(ids["approved"]).status == "approved"


def test_a_reviewer_ends_what_an_agent_asked_for(
    reviewer: BlockingStore, a_call: Callable[..., Call], agent: BlockingStore
) -> None:
    request = submit(agent, a_call())
    assert reviewer.reviewer.expire(request.id, reviewer=ANN).status == "expired"
