"""Rows of grants held against the log: one that was changed, added or taken is found, and approves nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from approval_tui.domain.audit import Problem
from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.database_urls import is_database_url
from approval_tui.domain.errors import StoreCorrupt, StoreUnavailable
from approval_tui.domain.grants import SESSION_GRANT_LIFETIME, Grant
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import batches
from tests.postgres.recycling import copy
from tests.postgres.servers import Server
from tests.store.granting import grant_for
from tests.store.tampering import (
    NOT_OF_ITS_TYPE,
    REFUSED,
    Connection,
    UnguardedPostgresConnection,
    attack,
    columns_of,
    problems,
    raw,
    sqlite_alone,
    unguarded,
)
from tests.support import BO, ManualClock, assert_sound, consume, submit

COLUMNS = (
    "id", "scope", "session", "fingerprint", "request_id", "tool", "requester", "granted_by", "granted_at",
    "expires_at", "uses", "revoked_by", "revoked_at", "matcher", "most_uses",
)  # fmt: skip
INSERT = f"INSERT INTO grants VALUES ({', '.join(f':{column}' for column in COLUMNS)})"
ROW_CHANGES: dict[str, list[tuple[str, str]]] = {
    "id": [("live", "'grt_x'"), ("revoked", "'grt_x'")],
    "scope": [("live", "'always'"), ("live", "'nonsense'")],
    "session": [("live", "'run-2'"), ("live", "NULL"), ("revoked", "'run-2'")],
    "fingerprint": [("live", "'v1:sha256:0'"), ("revoked", "'v1:sha256:0'")],
    "request_id": [("live", "'apr_00000000000000000000000000000000'"), ("live", "'else'")],
    "tool": [("live", "'other'")],
    "requester": [("live", "'build-bot'")],
    "granted_by": [("live", "'eve'"), ("revoked", "'eve'")],
    "granted_at": [("live", "granted_at - 1"), ("live", "'soon'")],
    "expires_at": [("live", "expires_at + 1"), ("live", "9999999999999"), ("live", "'never'"), ("revoked", "1")],
    "uses": [("live", "0"), ("live", "uses + 1"), ("live", "-1"), ("revoked", "7"), ("live", "'many'")],
    "revoked_by": [("live", "'eve'"), ("revoked", "'eve'"), ("revoked", "NULL")],
    "revoked_at": [("live", "1"), ("revoked", "NULL"), ("revoked", "revoked_at + 1"), ("revoked", "'soon'")],
    "matcher": [("live", "'{}'"), ("revoked", "'nonsense'")],
    "most_uses": [("live", "100"), ("revoked", "2"), ("live", "'many'")],
}


WORDS = ("'soon'", "'never'", "'many'")
"""What PostgreSQL's columns for times and counts do not hold."""


class Made(NamedTuple):
    """A closed store with two grants that were used twice: one still holds, one was revoked."""

    location: str
    now: int
    grants: dict[str, Grant]


@pytest.fixture(scope="module")
def made_in_file(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once: most tests here only look at what becomes of a copy."""
    return make(str(tmp_path_factory.mktemp("made") / "store" / "approvals.db"))


@pytest.fixture(scope="module")
def made_in_schema(postgres_server: Server) -> Iterator[Made]:
    """The same on PostgreSQL."""
    schema = postgres_server.new_schema()
    yield make(postgres_server.url(schema))._replace(location=schema)
    postgres_server.drop_schema(schema)


@pytest.fixture
def made(request: pytest.FixtureRequest, store_location: str) -> Made:
    """The store on this test's engine."""
    made: Made = request.getfixturevalue("made_in_schema" if is_database_url(store_location) else "made_in_file")
    return made


def make(location: str) -> Made:
    clock = ManualClock()
    with open_store_blocking(location, clock=clock) as store:
        for name in ("live", "revoked"):
            named = Call(tool=name, arguments={"command": "make deploy"}, requester="release-bot", session="run-1")
            grant = grant_for(store, named)
            for _ in range(2):
                clock.move(7)
                consume(store, submit(store, named))
        store.reviewer.revoke_grant(grant.id, reviewer=BO, reason="enough")
        assert_sound(store)
        return Made(location, clock.now, {grant.tool: grant for grant in store.reviewer.grants()})


@pytest.fixture
def store(made: Made, store_location: str, clock: ManualClock) -> Iterator[BlockingStore]:
    """A copy of the store with two grants."""
    if is_database_url(store_location):
        with closing(UnguardedPostgresConnection(store_location)) as unguarded:
            copy(unguarded.connection, made.location)
    else:
        shutil.copytree(os.path.dirname(made.location), os.path.dirname(store_location))
    clock.now = made.now
    with open_store_blocking(store_location, clock=clock) as opened:
        yield opened


@pytest.fixture
def granted(made: Made) -> dict[str, Grant]:
    """The two grants, by the names of their tools: live and revoked."""
    return made.grants


@pytest.fixture
def dangerous(call: Call) -> Call:
    """A call that nobody has ever looked at."""
    return dataclasses.replace(call, tool="live", arguments={"command": "rm -rf /"})


def put_in(store: BlockingStore, grant: Grant, call: Call) -> None:
    """Adds a grant for that call, which is like another one in everything else; no trigger is in its way."""
    values = {**dataclasses.asdict(grant), "id": "grt_x", "uses": 0, "fingerprint": check_call(call).fingerprint}
    with closing(raw(store)) as connection:
        connection.execute(INSERT, values)


# --- what verify finds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "of", "value"),
    [
        sqlite_alone(column, of, value) if value in WORDS else (column, of, value)
        for column, cases in ROW_CHANGES.items()
        for of, value in cases
    ],
)
def test_a_changed_grant_is_found(
    store: BlockingStore, granted: dict[str, Grant], column: str, of: str, value: str
) -> None:
    attack(store, f"UPDATE grants SET {column} = {value} WHERE id = ?", (granted[of].id,))
    found = problems(store)
    assert any(granted[of].id in problem.what for problem in found)
    assert all(problem.what.startswith("grant ") for problem in found)
    if column != "request_id":
        assert {problem.request_id for problem in found} == {granted[of].request_id}


def test_every_column_is_tried(store: BlockingStore) -> None:
    assert columns_of(store, "grants") == COLUMNS == tuple(ROW_CHANGES)


def test_a_deleted_grant_is_found(store: BlockingStore, granted: dict[str, Grant]) -> None:
    for name, grant in granted.items():
        attack(store, "DELETE FROM grants WHERE id = ?", (grant.id,))
        found = {problem.request_id: problem.what for problem in problems(store)}
        assert found[grant.request_id] == f"grant {grant.id}: its row was deleted", name


def test_a_grant_that_nobody_gave_is_found(store: BlockingStore, granted: dict[str, Grant], dangerous: Call) -> None:
    put_in(store, granted["live"], dangerous)
    assert problems(store) == (Problem("grant grt_x: no event gave this grant", request_id=granted["live"].request_id),)


def test_a_grant_for_always_that_somebody_put_in_is_found_and_approves_nothing(
    store: BlockingStore, granted: dict[str, Grant], dangerous: Call
) -> None:
    put_in(store, dataclasses.replace(granted["live"], scope="always", session=None), dangerous)
    assert problems(store)
    assert submit(store, dangerous).status == "pending"


def test_what_a_grant_approved_is_found_though_the_grant_is_gone_again(
    store: BlockingStore, granted: dict[str, Grant], dangerous: Call
) -> None:
    """Who can write the file can put a grant in, use it, and take it out; the approval stays and names it."""
    put_in(store, granted["live"], dangerous)
    with closing(unguarded(store)) as connection:
        assert_approval_is_found(store, dangerous, connection, "DELETE FROM grants WHERE id = 'grt_x'")


@pytest.mark.parametrize(
    "moment",
    [
        "fingerprint = '{dangerous}' WHERE tool = 'live'",
        "session = 'run-2' WHERE tool = 'live'",
        "revoked_at = NULL, revoked_by = NULL WHERE tool = 'revoked'",
        "expires_at = 9999999999999 WHERE tool = 'live'",
    ],
    ids=["for another call", "for another session", "not revoked", "without an end"],
)
def test_what_a_grant_approved_is_found_though_the_grant_is_as_it_was_again(
    store: BlockingStore, clock: ManualClock, granted: dict[str, Grant], call: Call, dangerous: Call, moment: str
) -> None:
    """Who can write the file can change a grant for a moment; the approval of that moment is not one it gives."""
    asked = call
    if "tool = 'revoked'" in moment:
        asked = dataclasses.replace(call, tool="revoked")
    elif "fingerprint" in moment:
        asked = dangerous
    elif "session" in moment:
        asked = dataclasses.replace(call, tool="live", session="run-2")
    else:
        asked = dataclasses.replace(call, tool="live")
        clock.move(SESSION_GRANT_LIFETIME)
    change = "UPDATE grants SET " + moment.format(dangerous=check_call(dangerous).fingerprint)
    with closing(unguarded(store)) as connection:
        connection.execute("CREATE TEMP TABLE seen AS SELECT * FROM grants")
        connection.execute(change)
        set_back = "fingerprint, session, revoked_at, revoked_by, expires_at"
        assert_approval_is_found(
            store,
            asked,
            connection,
            f"UPDATE grants SET ({set_back}) = (SELECT {set_back} FROM seen WHERE seen.id = grants.id)",
        )


def assert_approval_is_found(store: BlockingStore, call: Call, connection: Connection, tidying: str) -> None:
    """The call gets no approval, or verify names the request that got one, though the grants look right again."""
    if not is_let_pass(store, call):
        return
    request = store.requester.submit(call).request
    consume(store, request)
    connection.execute(tidying)
    assert request.id in {problem.request_id for problem in problems(store)}


@pytest.mark.parametrize(
    "body", ["nonsense", "[]", "{}", '{"details":[]}', '{"details":null}', '{"details":{"grant":[1]}}']
)
@pytest.mark.parametrize("name", ["grant_given", "grant_revoked"])
def test_an_event_of_a_grant_that_cannot_be_read_is_found_like_any_other(
    store: BlockingStore, granted: dict[str, Grant], name: str, body: str
) -> None:
    attack(store, "UPDATE events SET body = ? WHERE name = ?", (body, name))
    assert any("was changed" in problem.what for problem in problems(store))


def test_a_grant_whose_event_was_taken_out_of_the_log_is_found(store: BlockingStore, granted: dict[str, Grant]) -> None:
    attack(store, "DELETE FROM events WHERE name = 'grant_given'")
    found = [problem.what for problem in problems(store)]
    assert {f"grant {grant.id}: no event gave this grant" for grant in granted.values()} <= set(found)


def test_a_grant_whose_event_fits_a_changed_row_breaks_the_chain(
    store: BlockingStore, granted: dict[str, Grant], dangerous: Call
) -> None:
    grant, fingerprint = granted["live"], check_call(dangerous).fingerprint
    (event,) = [each for each in store.reviewer.events(request_id=grant.request_id) if each.name == "grant_given"]
    body = json.dumps(event.body, separators=(",", ":"), sort_keys=True).replace(grant.fingerprint, fingerprint)
    attack(store, "UPDATE events SET body = ? WHERE seq = ?", (body, event.seq))
    attack(store, "UPDATE grants SET fingerprint = ? WHERE id = ?", (fingerprint, grant.id))
    assert event.seq in {problem.seq for problem in problems(store)}


def test_however_many_grants_there_are_none_is_taken_for_deleted(
    store: BlockingStore, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked at in batches; one of a single row stands here for more than anybody gives in years."""
    monkeypatch.setattr(batches, "_BATCH", 1)
    grant_for(store, call)
    assert_sound(store)


# --- what a grant that is not right does -------------------------------------------------------


def test_a_grant_that_nobody_gave_approves_nothing(
    store: BlockingStore, granted: dict[str, Grant], dangerous: Call
) -> None:
    """A row is enough to be found by a call; without the event of a reviewer who gave it, it is worth nothing."""
    put_in(store, granted["live"], dangerous)
    assert not is_let_pass(store, dangerous)


@pytest.mark.parametrize(
    ("of", "change"),
    [
        ("live", "session = 'run-2'"),
        ("live", "expires_at = 9999999999999"),
        sqlite_alone("live", "expires_at = 'never'"),
        ("live", "granted_by = 'eve'"),
        ("revoked", "revoked_at = NULL"),
        ("revoked", "revoked_at = NULL, revoked_by = NULL"),
    ],
)
def test_a_grant_that_was_changed_approves_nothing(
    store: BlockingStore, clock: ManualClock, call: Call, granted: dict[str, Grant], of: str, change: str
) -> None:
    attack(store, f"UPDATE grants SET {change} WHERE id = ?", (granted[of].id,))
    if "expires_at" in change:
        clock.move(SESSION_GRANT_LIFETIME)
    asked = dataclasses.replace(call, tool=of, session="run-2" if "session" in change else "run-1")
    assert not is_let_pass(store, asked)


def is_let_pass(store: BlockingStore, call: Call) -> bool:
    """Whether the call gets an approval; that it is refused is as good as that a person is asked."""
    try:
        return store.requester.submit(call).request.status == "approved"
    except StoreUnavailable:
        return False


@pytest.mark.sqlite_alone  # PostgreSQL's columns hold no value of another type
@pytest.mark.parametrize(
    "change", ["id = x'ff'", "granted_at = 'soon'", "expires_at = 'never'", "revoked_at = 'soon'", "session = x'00'"]
)
def test_a_grant_that_no_command_can_have_written_is_not_read(
    store: BlockingStore, call: Call, granted: dict[str, Grant], change: str
) -> None:
    attack(store, f"UPDATE grants SET {change} WHERE id = ?", (granted["live"].id,))
    with pytest.raises(StoreCorrupt):
        store.reviewer.grants()
    assert not is_let_pass(store, dataclasses.replace(call, tool="live"))


# --- what the triggers refuse ------------------------------------------------------------------


@pytest.mark.parametrize("column", COLUMNS[:10])
@pytest.mark.parametrize("value", ["{column}", "'else'"])
def test_the_store_itself_refuses_another_meaning_of_a_grant(
    store: BlockingStore, granted: dict[str, Grant], column: str, value: str
) -> None:
    why = r"never changes|invalid input syntax"
    with closing(raw(store)) as connection, pytest.raises(NOT_OF_ITS_TYPE, match=why):
        connection.execute(f"UPDATE grants SET {column} = {value.format(column=column)}")
    assert_sound(store)


@pytest.mark.parametrize("change", ["revoked_at = NULL", "revoked_at = revoked_at + 1", "revoked_by = 'eve'"])
def test_the_store_itself_refuses_to_undo_a_revocation(
    store: BlockingStore, granted: dict[str, Grant], change: str
) -> None:
    with closing(raw(store)) as connection, pytest.raises(REFUSED, match="stays so"):
        connection.execute(f"UPDATE grants SET {change} WHERE id = ?", (granted["revoked"].id,))
    assert_sound(store)


@pytest.mark.parametrize("name", ["live", "revoked"])
def test_the_store_itself_refuses_to_forget_a_grant(store: BlockingStore, granted: dict[str, Grant], name: str) -> None:
    with closing(raw(store)) as connection, pytest.raises(REFUSED, match="revoked and kept"):
        connection.execute("DELETE FROM grants WHERE id = ?", (granted[name].id,))
    assert len(store.reviewer.grants()) == 2
    assert_sound(store)


@pytest.mark.parametrize(
    "change",
    ["uses = 'many'", "revoked_at = 'soon'", sqlite_alone("revoked_at = 1.5")],
)
def test_the_store_itself_refuses_what_is_no_count_and_no_time(
    store: BlockingStore, granted: dict[str, Grant], change: str
) -> None:
    with (
        closing(raw(store)) as connection,
        pytest.raises(NOT_OF_ITS_TYPE, match=r"CHECK constraint|invalid input syntax"),
    ):
        connection.execute(f"UPDATE grants SET {change} WHERE id = ?", (granted["live"].id,))
    assert_sound(store)


@pytest.mark.parametrize(
    "parts",
    [{"scope": "once"}, {"session": None}, {"granted_at": "soon"}, {"expires_at": None}, {"fingerprint": None}],
    ids=str,
)
def test_the_store_itself_refuses_a_grant_that_says_too_little(
    store: BlockingStore, granted: dict[str, Grant], dangerous: Call, parts: dict[str, object]
) -> None:
    values = {**dataclasses.asdict(granted["live"]), "id": "grt_x", **parts}
    with closing(raw(store)) as connection, pytest.raises(NOT_OF_ITS_TYPE):
        connection.execute(INSERT, values)
    assert_sound(store)


@pytest.mark.sqlite_alone
def test_a_grant_that_was_put_in_the_place_of_a_revoked_one_is_found(
    store: BlockingStore, granted: dict[str, Grant]
) -> None:
    """SQLite takes the old row away for a REPLACE without asking the trigger that keeps it."""
    values = {**dataclasses.asdict(granted["revoked"]), "revoked_by": None, "revoked_at": None}
    with closing(raw(store)) as connection:
        try:
            connection.execute(
                f"INSERT OR REPLACE INTO grants VALUES ({', '.join(f':{column}' for column in COLUMNS)})", values
            )
        except REFUSED:
            assert_sound(store)
            return
    assert any(granted["revoked"].id in problem.what for problem in problems(store))
