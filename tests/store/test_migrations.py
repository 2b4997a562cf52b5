"""Migrations: numbered, each in one transaction, and safe with many processes opening at once."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput, StoreIncompatible, StoreUnavailable
from approval_tui.domain.grants import FOR_SESSION, Grant, GrantTerms
from approval_tui.domain.matchers import ANYTHING, Part, exact_matcher
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite, sqlite_migrations
from approval_tui.store.drivers.sqlite_migrations import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from tests.store.granting import grant_for
from tests.store.older_versions import five_lives, make_store_of_version
from tests.store.tampering import attack, problems, raw
from tests.support import ANN, assert_sound, consume, run_worker, sqlite_engine, submit

SECOND_MIGRATION = """
CREATE TABLE added (x INTEGER NOT NULL);
CREATE TRIGGER added_is_kept BEFORE DELETE ON added
BEGIN SELECT RAISE(ABORT, 'a statement with a semicolon; inside'); END;
INSERT INTO added (x) SELECT count(*) FROM requests;
"""
BROKEN_MIGRATION = """
CREATE TABLE half (x INTEGER);
INSERT INTO nowhere VALUES (1);
"""


@pytest.fixture
def further_migrations(tmp_path: Path) -> Path:
    """The migrations of today and two that do not exist yet: one good and one that fails half way."""
    folder = tmp_path / "migrations"
    shutil.copytree(sqlite_migrations._FOLDER, folder)
    (folder / "second.sql").write_text(SECOND_MIGRATION)
    (folder / "broken.sql").write_text(BROKEN_MIGRATION)
    return folder


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, *further: str) -> None:
    monkeypatch.setattr(sqlite_migrations, "_FOLDER", str(folder))
    monkeypatch.setattr(sqlite_migrations, "MIGRATIONS", (*MIGRATIONS, *further))
    monkeypatch.setattr(sqlite_migrations, "SCHEMA_VERSION", SCHEMA_VERSION + len(further))


def pragma(path: str, name: str) -> object:
    connection = sqlite3.connect(path)
    value = connection.execute(f"PRAGMA {name}").fetchone()[0]
    connection.close()
    return value


def schema(path: str) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return rows


def test_a_fresh_store_is_marked_as_ours_with_its_version(store_path: str) -> None:
    open_store_blocking(store_path).close()
    assert pragma(store_path, "application_id") == APPLICATION_ID == int.from_bytes(b"APRT", "big")
    assert pragma(store_path, "user_version") == SCHEMA_VERSION == len(MIGRATIONS)
    assert pragma(store_path, "journal_mode") == "wal"


def test_the_schema_has_its_tables_from_the_start(store_path: str) -> None:
    open_store_blocking(store_path).close()
    tables = {name for name, sql in schema(store_path) if sql and sql.startswith("CREATE TABLE")}
    log, rules, notices = (
        {"events", "segments"},
        {"grants", "holds", "counters", "reservations"},
        {"sinks", "deliveries"},
    )
    assert tables == {"requests", "proxies", "tokens", "submissions"} | log | rules | notices


@pytest.mark.sqlite_alone
def test_the_connection_is_as_durable_and_as_strict_as_promised(store: BlockingStore) -> None:
    def value(name: str) -> object:
        return sqlite_engine(store).connection.execute(f"PRAGMA {name}").fetchone()[0]

    expected = {
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "journal_mode": "wal",
        "journal_size_limit": 64 * 1024 * 1024,
    }
    assert {name: value(name) for name in expected} == expected


def test_opening_again_changes_nothing(store_path: str, call: Call) -> None:
    with open_store_blocking(store_path) as store:
        submit(store, call)
    before = schema(store_path)
    content = Path(store_path).read_bytes()
    for _ in range(3):
        open_store_blocking(store_path).close()
    assert schema(store_path) == before
    assert Path(store_path).read_bytes() == content


def test_a_store_of_yesterday_is_brought_up_to_date_with_what_it_holds(
    store_path: str, call: Call, further_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store_blocking(store_path) as store:
        request = submit(store, call)
    install(monkeypatch, further_migrations, "second.sql")
    with open_store_blocking(store_path) as store:
        assert store.requester.get(request.id).arguments == request.arguments
        assert sqlite_engine(store).connection.execute("SELECT x FROM added").fetchall()[0]["x"] == 1
        assert_sound(store)
    assert pragma(store_path, "user_version") == SCHEMA_VERSION + 1


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_store_of_every_older_version_is_brought_up_to_date_with_its_rows(store_path: str, version: int) -> None:
    made = make_store_of_version(store_path, version, five_lives)
    assert pragma(store_path, "user_version") == version
    assert ("requests_waiting" in dict(schema(store_path))) == (version > 1)
    with open_store_blocking(store_path) as store:
        assert [store.reader.get(request.id) for request in made] == made
        assert store.reader.pending_page().requests == (made[0],)
        assert store.reader.history() == tuple(made[:0:-1])
        assert store.reader.history_count() == 4
        assert_sound(store)
    assert pragma(store_path, "user_version") == SCHEMA_VERSION
    fresh = f"{store_path}.fresh"
    open_store_blocking(fresh).close()
    assert schema(store_path) == schema(fresh)
    assert pragma(store_path, "integrity_check") == "ok"


OfVersionFour = tuple[BlockingStore, list[Request]]


@pytest.fixture
def of_version_four(store_path: str) -> Iterator[OfVersionFour]:
    """A store whose requests were made before there were attempts and grants, and these requests."""
    made = make_store_of_version(store_path, 4, five_lives)
    with open_store_blocking(store_path) as store:
        yield store, made


def test_requests_from_before_there_were_attempts_are_none_and_verify(of_version_four: OfVersionFour) -> None:
    store, made = of_version_four
    for request in made:
        submitted = store.reviewer.events(request_id=request.id)[0]
        assert submitted.name == "request_submitted"
        assert "attempt" not in submitted.body["changes"]
        assert store.reader.get(request.id).attempt is None
    assert store.reviewer.grants() == ()
    assert_sound(store)


def test_an_attempt_that_is_put_into_an_old_request_is_found(of_version_four: OfVersionFour) -> None:
    store, made = of_version_four
    attack(
        store, """UPDATE requests SET attempt = '{"most":3,"number":1,"previous":null}' WHERE id = ?""", (made[0].id,)
    )
    (problem,) = problems(store)
    assert problem.request_id == made[0].id
    assert problem.what == "its row differs from its events in attempt"


def test_requests_from_before_there_were_attempts_go_on_living(of_version_four: OfVersionFour) -> None:
    """They are decided, for a session too, and used; they were no attempts, and none comes after them."""
    store, (waiting, denied, approved, *_) = of_version_four
    store.reviewer.decide(waiting.id, "approve", reviewer=ANN, digest=waiting.digest, grant=FOR_SESSION)
    for request in (waiting, approved):
        consume(store, request)
    again = store.requester.submit(Call("tool-0", {"n": 0}, "bot", session="run-1"))
    assert (again.created, again.request.status) == (True, "approved")
    next_one = Call("tool-1", {"n": "other"}, "bot", attempt=DraftAttempt(2, 3, denied.id))
    with pytest.raises(InvalidInput, match="does not come after"):
        store.requester.submit(next_one)
    assert_sound(store)


def test_what_the_triggers_keep_is_kept_in_a_store_that_was_brought_up_to_date(of_version_four: OfVersionFour) -> None:
    store, _ = of_version_four
    with closing(raw(store)) as connection, pytest.raises(sqlite3.IntegrityError, match="never changes"):
        connection.execute("UPDATE requests SET attempt = '{}'")


# --- grants and requests from before grants had matchers ---------------------------------------

GRANTED = Call("tool-granted", {"n": 1}, "bot", session="run-1")
OF_VERSION_SEVEN = (
    "id", "scope", "session", "fingerprint", "request_id", "tool", "requester", "granted_by", "granted_at",
    "expires_at", "uses", "revoked_by", "revoked_at",
)  # fmt: skip


def two_grants(store: BlockingStore) -> tuple[Grant, Grant]:
    """A grant that was used once and holds, and one that was revoked."""
    live = grant_for(store, GRANTED)
    consume(store, submit(store, GRANTED))
    revoked = grant_for(store, dataclasses.replace(GRANTED, tool="tool-revoked"))
    store.reviewer.revoke_grant(revoked.id, reviewer=ANN)
    submit(store, dataclasses.replace(GRANTED, tool="tool-waiting"))
    by_id = {grant.id: grant for grant in store.reviewer.grants()}
    return by_id[live.id], by_id[revoked.id]


@pytest.fixture
def of_version_seven(store_path: str) -> Iterator[tuple[BlockingStore, Grant, Grant]]:
    """A store whose grants were given before there were matchers, as their rows and events were then."""
    live, revoked = make_store_of_version(store_path, 7, two_grants)
    with closing(sqlite3.connect(store_path, isolation_level=None)) as connection:
        assert tuple(row[1] for row in connection.execute("PRAGMA table_info(grants)")) == OF_VERSION_SEVEN
        for grant in (live, revoked):
            values = [getattr(grant, column) for column in OF_VERSION_SEVEN]
            connection.execute(f"INSERT INTO grants VALUES ({', '.join('?' * len(values))})", values)
    with open_store_blocking(store_path) as store:
        yield store, live, revoked


def test_grants_from_before_there_were_matchers_go_on_as_they_were(
    of_version_seven: tuple[BlockingStore, Grant, Grant],
) -> None:
    store, live, revoked = of_version_seven
    assert set(store.reviewer.grants()) == {live, revoked}
    assert (live.matcher, live.most_uses, live.uses) == (None, None, 1)
    assert_sound(store)
    consume(store, submit(store, GRANTED))
    assert submit(store, dataclasses.replace(GRANTED, tool="tool-revoked")).status == "pending"
    assert submit(store, dataclasses.replace(GRANTED, arguments={"n": 2})).status == "pending"
    assert store.reviewer.preview_given(live.id).looked_at == 4
    store.reviewer.revoke_grant(live.id, reviewer=ANN)
    assert submit(store, GRANTED).status == "pending"
    assert_sound(store)


def test_a_store_from_before_there_were_matchers_takes_grants_with_them_and_holds(
    of_version_seven: tuple[BlockingStore, Grant, Grant],
) -> None:
    store, _, _ = of_version_seven
    (waiting,) = store.reviewer.list()
    matcher = exact_matcher(waiting).with_part(Part(("arguments", "n"), ANYTHING))
    terms = GrantTerms(matcher=matcher, most_uses=2)
    store.reviewer.add_grant(waiting.id, terms, reviewer=ANN, digest=waiting.digest)
    near = dataclasses.replace(GRANTED, tool="tool-waiting", arguments={"n": 9})
    store.reviewer.hold_session("bot", "run-1", reviewer=ANN)
    assert submit(store, near).status == "pending"
    store.reviewer.release_session("bot", "run-1", reviewer=ANN)
    assert store.requester.submit(near).request.status == "approved"
    assert_sound(store)
    with closing(raw(store)) as connection, pytest.raises(sqlite3.IntegrityError, match="never changes"):
        connection.execute("UPDATE grants SET matcher = NULL")


# --- going on ----------------------------------------------------------------------------------


def test_the_program_of_yesterday_refuses_the_store_of_today(
    store_path: str, call: Call, further_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as today:
        install(today, further_migrations, "second.sql")
        with open_store_blocking(store_path) as store:
            submit(store, call)
    content = Path(store_path).read_bytes()
    with pytest.raises(StoreIncompatible, match=f"schema {SCHEMA_VERSION + 1}; this one knows {SCHEMA_VERSION}"):
        open_store_blocking(store_path)
    assert Path(store_path).read_bytes() == content


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    store_path: str, call: Call, further_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store_blocking(store_path) as store:
        request = submit(store, call)
    before = schema(store_path)
    with monkeypatch.context() as today:
        install(today, further_migrations, "broken.sql")
        with pytest.raises(StoreUnavailable, match="no such table: nowhere"):
            open_store_blocking(store_path)
    assert schema(store_path) == before
    assert pragma(store_path, "user_version") == SCHEMA_VERSION
    with open_store_blocking(store_path) as store:
        assert store.requester.get(request.id).status == "pending"
        assert_sound(store)


def test_each_migration_is_a_transaction_of_its_own(
    store_path: str, further_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, further_migrations, "second.sql", "broken.sql")
    with pytest.raises(StoreUnavailable):
        open_store_blocking(store_path)
    assert pragma(store_path, "user_version") == SCHEMA_VERSION + 1
    assert "added" in dict(schema(store_path))
    assert "half" not in dict(schema(store_path))


def test_many_processes_bring_a_store_up_to_date_once(store_path: str, call: Call, further_migrations: Path) -> None:
    with open_store_blocking(store_path) as store:
        submit(store, call)
    names = ",".join((*MIGRATIONS, "second.sql"))
    found = json.loads(run_worker("upgrade", store_path, str(further_migrations), names, "8"))
    assert found == [[SCHEMA_VERSION + 1, 1, 1]] * 8


def test_every_migration_of_the_list_is_there_and_no_other() -> None:
    assert sorted(name for name in os.listdir(sqlite_migrations._FOLDER) if name != "postgres") == sorted(MIGRATIONS)
    assert [name.partition("_")[0] for name in MIGRATIONS] == [f"{n:04d}" for n in range(1, len(MIGRATIONS) + 1)]


def test_a_sqlite_library_that_is_too_old_is_refused(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = tuple(part + 1 for part in sqlite3.sqlite_version_info)
    monkeypatch.setattr(sqlite, "OLDEST_SQLITE", newer)
    with pytest.raises(StoreIncompatible, match=f"SQLite {sqlite3.sqlite_version} is older"):
        open_store_blocking(store_path)
    assert not os.path.exists(store_path)
