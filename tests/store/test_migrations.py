"""Migrations: numbered, each in one transaction, and safe with many processes opening at once."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import StoreIncompatible, StoreUnavailable
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite, sqlite_migrations
from approval_tui.store.drivers.sqlite_migrations import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION
from tests.store.version_one import make_store_of_version_one
from tests.support import assert_sound, run_worker, submit

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
    assert tables == {"requests", "events", "segments", "grants", "counters", "reservations", "proxies"}


def test_the_connection_is_as_durable_and_as_strict_as_promised(store: BlockingStore) -> None:
    def value(name: str) -> object:
        return store._engine.connection.execute(f"PRAGMA {name}").fetchone()[0]

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
        assert store._engine.connection.execute("SELECT x FROM added").fetchall()[0]["x"] == 1
        assert_sound(store)
    assert pragma(store_path, "user_version") == SCHEMA_VERSION + 1


def test_a_store_of_the_first_version_is_brought_up_to_date_with_its_rows(store_path: str) -> None:
    made = make_store_of_version_one(store_path)
    assert pragma(store_path, "user_version") == 1
    assert "requests_waiting" not in dict(schema(store_path))
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
    assert sorted(os.listdir(sqlite_migrations._FOLDER)) == sorted(MIGRATIONS)
    assert [name.partition("_")[0] for name in MIGRATIONS] == [f"{n:04d}" for n in range(1, len(MIGRATIONS) + 1)]


def test_a_sqlite_library_that_is_too_old_is_refused(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = tuple(part + 1 for part in sqlite3.sqlite_version_info)
    monkeypatch.setattr(sqlite, "OLDEST_SQLITE", newer)
    with pytest.raises(StoreIncompatible, match=f"SQLite {sqlite3.sqlite_version} is older"):
        open_store_blocking(store_path)
    assert not os.path.exists(store_path)
