"""Somebody has an agent's credentials and psycopg: what is refused, one attempt after the other.

Each attempt is a transaction of its own, whose deferred checks run as at its commit, and which is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, LiteralString, cast

import pytest
from psycopg import Connection, errors
from psycopg.sql import SQL, Identifier

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.ids import new_request_id
from approval_tui.domain.tokens import new_token
from approval_tui.store.blocking import BlockingStore
from tests.store.postgres_roles.arena import Arena, append
from tests.support import ANN, approve, assert_sound, consume, deny, submit, until

Attacker = Connection[tuple[Any, ...]]
REFUSED = (errors.InsufficientPrivilege, errors.IntegrityConstraintViolation, errors.CheckViolation,
           errors.SerializationFailure)  # fmt: skip
DIGEST = tagged_hash(b"another")
CONSUME = (
    "UPDATE requests SET status = 'consumed', consumed_at = now_in_ms(), claim_hash = '" + DIGEST + "',"
    " claim_expires_at = now_in_ms() + 60000 WHERE id = %(id)s"
)


@pytest.fixture(scope="module")
def ids(opened: dict[str, BlockingStore]) -> dict[str, str]:
    """Requests of the agent and of another one, each in another state, by what they are."""
    agent, other, reviewer = opened["agent"], opened["other"], opened["reviewer"]

    def a_call(name: str, **parts: Any) -> Call:
        return Call("shell", {"command": name}, **{"requester": "bot", "session": name, **parts})

    made = {name: submit(agent, a_call(name)) for name in ("pending", "approved", "consumed", "denied", "held")}
    made["theirs"] = submit(other, a_call("theirs", requester="their-bot"))
    made["late"] = submit(agent, a_call("late", approval_lifetime=1))
    made["overdue"] = submit(agent, a_call("overdue", timeout=1))
    for name in ("approved", "consumed", "held", "theirs", "late"):
        approve(reviewer, made[name])
    consume(agent, made["consumed"])
    deny(reviewer, made["denied"])
    reviewer.reviewer.hold_session("bot", "held", reviewer=ANN)
    for name in ("revoked", "outvoted"):
        made[name] = submit(agent, a_call(name))
        grant = reviewer.reviewer.add_grant(
            made[name].id, GrantTerms(ALWAYS), reviewer=ANN, digest=made[name].digest)  # fmt: skip
        if name == "revoked":
            reviewer.reviewer.revoke_grant(grant.id, reviewer=ANN)
        else:
            made["no"] = submit(agent, a_call(name, session="other", risk="high"))
            deny(reviewer, made["no"])
    reviewer.reviewer.create_token(new_token(), "agent", "bot", lifetime=None, reviewer=ANN)
    until(lambda: reviewer.reviewer.get(made["late"].id).status == "expired")
    return {name: request.id for name, request in made.items()}


@pytest.fixture(scope="module")
def connection(arena: Arena) -> Iterator[Attacker]:
    with Connection.connect(arena.agent) as connected:
        yield connected


@pytest.fixture
def attacker(connection: Attacker) -> Iterator[Attacker]:
    """The agent's own connection, in a transaction that is never committed."""
    yield connection
    connection.rollback()


def tried(attacker: Attacker, statement: str, **parameters: Any) -> int:
    """How many rows the statement changed, if nothing refused it until the end of its transaction."""
    count = attacker.execute(statement.encode(), parameters).rowcount
    attacker.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return count


def test_what_an_agent_may_do_can_be_done_by_hand(attacker: Attacker, ids: dict[str, str]) -> None:
    """The attempts below fail for what they attempt, and not for how they are written."""
    row = attacker.execute(CONSUME.encode() + b" RETURNING consumed_at, claim_expires_at", {"id": ids["approved"]})
    consumed_at, until_then = row.fetchone() or (0, 0)
    changes = {"status": "consumed", "consumed_at": consumed_at, "claim_hash": DIGEST, "claim_expires_at": until_then}
    append(attacker, "request_consumed", ids["approved"], changes)
    attacker.execute("SET CONSTRAINTS ALL IMMEDIATE")
    attacker.execute("SET CONSTRAINTS ALL DEFERRED")
    assert attacker.execute(f"{INSERT}{ASKED_VALUES}".encode(), asked()).rowcount == 1


INSERT = (
    "INSERT INTO requests (id, status, version, tool, requester, context, arguments, requirements, fingerprint, digest,"
    " created_at, expires_at, approval_lifetime) VALUES "
)
ASKED_VALUES = (
    "(%(id)s, %(status)s, 1, 'shell', %(requester)s, '{}', %(arguments)s, %(requirements)s, %(hash)s, %(hash)s,"
    " now_in_ms() + %(later)s, now_in_ms() + 60000, 60000)"
)


def asked(**parts: object) -> dict[str, object]:
    """A request as the agent writes it, but for these parts."""
    needs = '{"evidence":"none","quorum":1,"reason_required":false,"reviewers":[]}'
    return {"id": new_request_id(), "status": "pending", "requester": "bot", "arguments": "{}", "requirements": needs,
            "hash": DIGEST, "later": 0, **parts}  # fmt: skip


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
        tried(attacker, INSERT + ASKED_VALUES, **asked(**part))


@pytest.mark.parametrize(
    "columns",
    ["submitted_by", "decisions", "approval_expires_at", "decided_at", "edited_arguments", "consumed_at", "outcome"],
)
def test_a_request_is_asked_without_what_others_say_of_it(
    attacker: Attacker, ids: dict[str, str], columns: str
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        tried(attacker, f"INSERT INTO requests ({columns}) VALUES (NULL)")


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
        tried(attacker, f"{statement} WHERE id = %(id)s", id=ids[which])


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
        "SELECT * FROM requesters WHERE role <> current_user",
        "SELECT * FROM events WHERE name = 'token_created'",
    ],
)
def test_what_is_anothers_is_not_there(attacker: Attacker, ids: dict[str, str], statement: str) -> None:
    assert attacker.execute(statement.encode(), {"id": ids["theirs"]}).rowcount == 0


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
        append(attacker, name, None if which is None else ids[which], changes, details=details)
        attacker.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("shift", [-3_600_000, 60_000, 10**15])
def test_an_agent_does_not_move_the_logs_time(attacker: Attacker, ids: dict[str, str], shift: int) -> None:
    now = attacker.execute("SELECT now_in_ms()").fetchone()
    assert now is not None
    with pytest.raises(REFUSED):
        append(attacker, "request_reused", ids["pending"], {}, at=now[0] + shift)


def test_an_event_says_the_same_in_its_columns_and_its_body(attacker: Attacker, ids: dict[str, str]) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="columns are those of its body"):
        attacker.execute(
            b"INSERT INTO events SELECT seq + 1, %s, 'request_reused', at, '{}', hash FROM end_of_log()",
            [ids["pending"]],
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
        attacker.execute(SQL(cast(LiteralString, statement)).format(Identifier(table)))


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
    named = SQL(cast(LiteralString, statement)).format(
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
    there = Identifier(arena.schema, "end_of_log"), Identifier(arena.schema, "audit_head")
    told = attacker.execute(SQL("SELECT seq FROM {}()").format(there[0])).fetchone()
    assert told == attacker.execute(SQL("SELECT seq FROM {}").format(there[1])).fetchone()


def test_after_all_of_this_the_log_is_sound(reviewer: BlockingStore, ids: dict[str, str]) -> None:
    assert_sound(reviewer)
    assert reviewer.reviewer.get(ids["approved"]).status == "approved"


def test_a_reviewer_ends_what_an_agent_asked_for(
    reviewer: BlockingStore, a_call: Callable[..., Call], agent: BlockingStore
) -> None:
    request = submit(agent, a_call())
    assert reviewer.reviewer.expire(request.id, reviewer=ANN).status == "expired"
