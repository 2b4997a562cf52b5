"""Opening a store in a database: what is made, what is refused and left as it is, and what a reader may do."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import (
    ApprovalTuiError,
    StoreIncompatible,
    StoreMissing,
    StoreReadOnly,
    StoreUnavailable,
)
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import postgres_migrations
from approval_tui.store.drivers.postgres_migrations import MIGRATIONS, SCHEMA_VERSION
from tests.store.tampering import REFUSED, PostgresConnection, raw
from tests.support import ANN, LONG, ManualClock, approve, assert_sound, deny, run_worker, submit, until

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY relname"


def execute(location: str, *statements: str) -> list[Any]:
    """The rows of the last statement, on a connection of one's own."""
    with closing(PostgresConnection(location)) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if statements[-1].startswith("SELECT") else []


def tables(location: str) -> list[str]:
    return [name for (name,) in execute(location, _TABLES)]


def assert_three_parts(error: ApprovalTuiError) -> None:
    assert error.happened
    assert error.not_done
    assert error.to_do


@pytest.fixture
def of_version_one(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store as the first migration alone makes it."""
    with monkeypatch.context() as yesterday:
        yesterday.setattr(postgres_migrations, "MIGRATIONS", MIGRATIONS[:1])
        yesterday.setattr(postgres_migrations, "SCHEMA_VERSION", 1)
        open_store_blocking(postgres_url).close()
    return postgres_url


# --- no store ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"create": False}, {"readonly": True}, {"create": False, "readonly": True}])
async def test_a_store_that_is_not_there_is_not_made_where_nobody_wants_that(
    postgres_url: str, options: dict[str, Any]
) -> None:
    with pytest.raises(StoreMissing, match="There is no store") as caught:
        open_store_blocking(postgres_url, **options)
    assert_three_parts(caught.value)
    with pytest.raises(StoreMissing):
        await open_store(postgres_url, **options)
    assert tables(postgres_url) == []


def test_a_store_that_is_there_is_opened_without_making_one(recycled_postgres_url: str, call: Call) -> None:
    before = tables(recycled_postgres_url)
    with open_store_blocking(recycled_postgres_url, create=False) as store:
        submit(store, call)
    assert tables(recycled_postgres_url) == before


def test_a_schema_that_is_not_there_is_no_place_for_a_store(postgres_url: str) -> None:
    with pytest.raises(StoreIncompatible, match="no schema in which this user looks") as caught:
        open_store_blocking(f"{postgres_url}_else")
    assert_three_parts(caught.value)


@pytest.mark.parametrize("change", ["user=nobody_here", "dbname=nowhere"])
def test_a_login_that_the_server_refuses_says_why_at_once(postgres_url: str, change: str) -> None:
    location = postgres_url.replace("user=approvals_owner", change)
    with pytest.raises(StoreUnavailable, match="does not exist") as caught:
        open_store_blocking(location)
    assert_three_parts(caught.value)


def test_what_is_no_url_of_a_database_is_refused() -> None:
    with pytest.raises(StoreIncompatible, match="is no URL of a PostgreSQL database") as caught:
        open_store_blocking("postgresql://host/db?colour=blue")
    assert_three_parts(caught.value)


@pytest.mark.parametrize("password", ["s3/cret", "s3@cret", "s3%zzcret", "s3 cret", "s3%00cret", "s3[cret"])
def test_a_password_that_is_not_encoded_is_never_quoted(password: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        open_store_blocking(f"postgresql://agent:{password}@127.0.0.1:9/db")
    assert "cret" not in str(caught.value) + repr(caught.value.__cause__)
    assert_three_parts(caught.value)


async def test_an_opening_that_is_cancelled_leaves_no_thread_and_no_connection(
    recycled_postgres_url: str, call: Call
) -> None:
    connected = "SELECT 1 FROM pg_stat_activity WHERE application_name = current_setting('application_name')"
    before = threading.active_count()
    others = len(execute(recycled_postgres_url, connected))
    task = asyncio.create_task(open_store(recycled_postgres_url)._open())
    async with asyncio.timeout(LONG):
        while threading.active_count() == before:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    until(lambda: threading.active_count() == before)
    until(lambda: len(execute(recycled_postgres_url, connected)) == others)
    async with open_store(recycled_postgres_url) as store:
        assert (await store.requester.submit(call)).created


# --- not ours to write -------------------------------------------------------------------------


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (["CREATE TABLE requests (id integer)"], "it has a table of another program"),
        (
            ["CREATE TABLE approval_tui (version integer)", f"INSERT INTO approval_tui VALUES ({SCHEMA_VERSION + 1})"],
            f"newer approval-tui (schema {SCHEMA_VERSION + 1}; this one knows {SCHEMA_VERSION})",
        ),
    ],
    ids=["foreign", "newer"],
)
async def test_a_database_that_is_not_ours_to_write_is_left_as_it_is(
    postgres_url: str, made: list[str], words: str, readonly: bool
) -> None:
    execute(postgres_url, *made)
    before = tables(postgres_url)
    with pytest.raises(StoreIncompatible) as caught:
        open_store_blocking(postgres_url, readonly=readonly)
    assert words in caught.value.happened
    assert "left as it is" in caught.value.not_done
    assert_three_parts(caught.value)
    with pytest.raises(StoreIncompatible):
        await open_store(postgres_url, readonly=readonly)
    assert tables(postgres_url) == before


# --- migrations --------------------------------------------------------------------------------


def test_a_store_of_an_older_version_is_brought_up_to_date_by_writers_alone(of_version_one: str, call: Call) -> None:
    before = tables(of_version_one)
    with pytest.raises(StoreIncompatible, match=f"schema 1; this one reads {SCHEMA_VERSION}") as caught:
        open_store_blocking(of_version_one, readonly=True)
    assert_three_parts(caught.value)
    assert tables(of_version_one) == before
    with open_store_blocking(of_version_one, create=False) as store:
        submit(store, call)
        assert_sound(store)
    assert execute(of_version_one, "SELECT version FROM approval_tui") == [(SCHEMA_VERSION,)]


def test_many_processes_bring_a_store_up_to_date_once(of_version_one: str) -> None:
    (ids,) = json.loads(run_worker("races", "open_at_once", of_version_one, "turns", "8", "1"))
    with open_store_blocking(of_version_one) as store:
        assert {request.id for request in store.reviewer.list()} == set(ids)
        assert len(set(ids)) == 8
        assert_sound(store)
    assert execute(of_version_one, "SELECT version FROM approval_tui") == [(SCHEMA_VERSION,)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    of_version_one: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(postgres_migrations._FOLDER, folder)
    (folder / "broken.sql").write_text("CREATE TABLE half (x integer); INSERT INTO nowhere VALUES (1);")
    before = tables(of_version_one)
    with monkeypatch.context() as today:
        today.setattr(postgres_migrations, "_FOLDER", str(folder))
        today.setattr(postgres_migrations, "MIGRATIONS", (*MIGRATIONS, "broken.sql"))
        today.setattr(postgres_migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        with pytest.raises(StoreUnavailable, match="nowhere"):
            open_store_blocking(of_version_one)
    assert tables(of_version_one) == before
    assert execute(of_version_one, "SELECT version FROM approval_tui") == [(1,)]


# --- reading only ------------------------------------------------------------------------------


async def test_a_store_that_is_read_only_sees_everything_and_writes_nothing(
    recycled_postgres_url: str, clock: ManualClock, call: Call
) -> None:
    with (
        open_store_blocking(recycled_postgres_url, clock=clock) as store,
        open_store_blocking(recycled_postgres_url, clock=clock, readonly=True) as watcher,
    ):
        first = submit(store, call)
        denied = deny(store, submit(store, Call("mail", {}, "bot")))
        head = store.reviewer.head()
        assert watcher.reviewer.list() == (first,)
        assert watcher.reviewer.history() == (denied,)
        assert watcher.reviewer.verify().is_sound
        assert watcher.reviewer.expire_due() == 0
        attempts: list[Callable[[], object]] = [
            lambda: watcher.requester.submit(call),
            lambda: watcher.reviewer.decide(first.id, "approve", reviewer=ANN, digest=first.digest),
            lambda: watcher.reviewer.expire(first.id, reviewer=ANN),
        ]
        for attempt in attempts:
            with pytest.raises(StoreReadOnly, match="opened for reading only") as caught:
                attempt()
            assert_three_parts(caught.value)
        assert store.reviewer.head() == head


def test_a_reader_sees_the_commits_of_others_and_its_version_tells_of_them(recycled_postgres_url: str) -> None:
    with (
        open_store_blocking(recycled_postgres_url) as store,
        open_store_blocking(recycled_postgres_url, readonly=True) as watcher,
    ):
        seen = [watcher._engine.data_version()]
        for number in range(3):
            submit(store, Call("shell", {"n": number}, "bot"))
            assert watcher.reader.overview().pending == number + 1
            seen.append(watcher._engine.data_version())
            assert watcher._engine.data_version() == seen[-1]
        assert len(set(seen)) == 4


# --- guards that only a database has -----------------------------------------------------------


@pytest.fixture
def told_store(recycled_postgres_url: str, call: Call) -> Any:
    with open_store_blocking(recycled_postgres_url) as store:
        approve(store, submit(store, call))
        yield store


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE events",
        "TRUNCATE requests",
        "TRUNCATE grants",
        "TRUNCATE tokens",
        "TRUNCATE holds",
        "TRUNCATE audit_head",
        "UPDATE audit_head SET seq = 0",
        "DELETE FROM audit_head",
        "INSERT INTO events SELECT seq + 1, request_id, name, at, body, hash FROM events WHERE seq = 2",
        "INSERT INTO audit_head VALUES (true, 0, '', 0)",
    ],
)
def test_who_owns_the_tables_is_refused_too(told_store: BlockingStore, statement: str) -> None:
    with closing(raw(told_store)) as connection, pytest.raises(REFUSED):
        connection.execute(statement)
    assert_sound(told_store)
    assert told_store.reviewer.head() is not None
