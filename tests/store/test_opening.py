"""Opening without making a store, opening for reading only, and what is said when the store has trouble."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import (
    ApprovalTuiError,
    StoreBusy,
    StoreFull,
    StoreIncompatible,
    StoreMissing,
    StoreReadOnly,
    StoreReplaced,
    StoreUnavailable,
)
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite, sqlite_errors, sqlite_readonly
from approval_tui.store.drivers.sqlite_migrations import SCHEMA_VERSION
from approval_tui.store.transactions.queries import Filter, Word
from tests.store.older_versions import five_lives, make_store_of_version
from tests.support import ANN, LONG, ManualClock, approve, deny, run_worker, sqlite_engine, submit

pytestmark = pytest.mark.sqlite_alone

Opener = Callable[..., Awaitable[Any]]


async def open_blocking_form(path: str, **options: Any) -> Any:
    return open_store_blocking(path, **options)


async def open_async_form(path: str, **options: Any) -> Any:
    return await open_store(path, **options)


BOTH_FORMS = pytest.mark.parametrize("form", [open_blocking_form, open_async_form])


async def settled(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) else result


@contextlib.asynccontextmanager
async def opened(form: Opener, path: str, **options: Any) -> AsyncIterator[Any]:
    """The store in that form, closed at the end."""
    store = await form(path, **options)
    try:
        yield store
    finally:
        await settled(store.close())


def content(folder: str | Path) -> dict[str, object]:
    """Everything below the folder; of the memory that SQLite's users share, only that it is there."""
    found: dict[str, object] = {}
    for path in sorted(Path(folder).rglob("*")):
        status = path.lstat()
        if path.is_file() and not path.name.endswith("-shm"):
            found[str(path)] = (status.st_mode, status.st_mtime_ns, path.read_bytes())
        else:
            found[str(path)] = status.st_mode
    return found


def assert_three_parts(error: ApprovalTuiError) -> None:
    assert error.happened
    assert error.not_done
    assert error.to_do


# --- no store ----------------------------------------------------------------------------------


@BOTH_FORMS
@pytest.mark.parametrize("options", [{"create": False}, {"readonly": True}, {"create": False, "readonly": True}])
async def test_a_store_that_is_not_there_is_not_made_where_nobody_wants_that(
    tmp_path: Path, form: Opener, options: dict[str, bool]
) -> None:
    before = content(tmp_path)
    for path in (tmp_path / "approvals.db", tmp_path / "no" / "folder" / "approvals.db"):
        with pytest.raises(StoreMissing) as caught:
            await form(str(path), **options)
        assert str(path) in caught.value.happened
        assert "first request" in caught.value.to_do
        assert "approval-tui demo" in caught.value.to_do
        assert_three_parts(caught.value)
    assert content(tmp_path) == before


@BOTH_FORMS
async def test_a_store_that_is_there_is_opened_without_making_one(store_path: str, form: Opener, call: Call) -> None:
    open_store_blocking(store_path).close()
    async with opened(form, store_path, create=False) as store:
        assert (await settled(store.requester.submit(call))).created


@pytest.mark.parametrize("name", ["a b", "per%20cent", "question?mode=memory", "hash#tag", "ünï", "amp&ersand"])
def test_any_name_of_a_file_can_be_opened_in_every_way(tmp_path: Path, name: str, call: Call) -> None:
    path = str(tmp_path / name)
    with open_store_blocking(path) as store:
        submit(store, call)
    with open_store_blocking(path, create=False) as store:
        assert store.reader.overview().pending == 1
    with open_store_blocking(path, readonly=True) as store:
        assert store.reader.overview().pending == 1
    assert {each.name.removesuffix(".turn") for each in tmp_path.iterdir()} == {name, "home"}


# --- reading only ------------------------------------------------------------------------------


@BOTH_FORMS
async def test_a_store_that_is_read_only_sees_everything_and_writes_nothing(
    store: BlockingStore, clock: ManualClock, form: Opener, call: Call
) -> None:
    first = submit(store, call)
    deny(store, submit(store, Call("mail", {}, "bot")))
    folder = os.path.dirname(store.location)
    before = content(folder)
    async with opened(form, store.location, readonly=True, clock=clock) as watcher:
        reviewer = watcher.reviewer
        assert await settled(reviewer.list()) == (first,)
        assert await settled(reviewer.get(first.id)) == first
        assert await settled(reviewer.pending_page()) == store.reader.pending_page()
        assert await settled(reviewer.history()) == store.reader.history()
        assert len((await settled(reviewer.search_history(Filter(words=(Word("mail"),))))).requests) == 1
        assert (await settled(reviewer.verify())).is_sound
        assert await settled(reviewer.expire_due()) == 0
        assert content(folder) == before
    assert content(folder) == before


@BOTH_FORMS
async def test_a_store_that_nobody_else_has_open_is_read_without_making_a_file(
    store_path: str, form: Opener, call: Call
) -> None:
    with open_store_blocking(store_path) as store:
        request = submit(store, call)
    folder = os.path.dirname(store_path)
    before = content(folder)
    async with opened(form, store_path, readonly=True) as watcher:
        assert await settled(watcher.reviewer.get(request.id)) == request
        assert content(folder) == before
    assert content(folder) == before


@BOTH_FORMS
async def test_every_write_to_a_store_opened_for_reading_is_refused(
    store: BlockingStore, clock: ManualClock, form: Opener, call: Call
) -> None:
    request = submit(store, call)
    approved = approve(store, submit(store, Call("mail", {}, "bot")))
    async with opened(form, store.location, readonly=True, clock=clock) as watcher:
        ask, judge = watcher.requester, watcher.reviewer
        digest = request.digest
        attempts: list[Callable[[], Any]] = [
            lambda: ask.submit(call),
            lambda: ask.consume(approved.id, approved.fingerprint, requester="bot"),
            lambda: ask.cancel(request.id, requester=call.requester),
            lambda: judge.decide(request.id, "approve", reviewer=ANN, digest=digest),
            lambda: judge.decide(request.id, "approve", reviewer=ANN, digest=digest, grant=FOR_SESSION),
            lambda: judge.decide(request.id, "deny", reviewer=ANN, digest=digest),
            lambda: judge.revoke_grant("grt_0", reviewer=ANN),
            lambda: judge.revoke(approved.id, reviewer=ANN),
            lambda: judge.expire(request.id, reviewer=ANN),
            lambda: judge.resolve(request.id, "failed", reviewer=ANN),
        ]
        for attempt in attempts:
            with pytest.raises(StoreReadOnly, match="opened for reading only") as caught:
                await settled(attempt())
            assert_three_parts(caught.value)
    assert store.reader.get(request.id) == request
    assert store.reader.get(approved.id) == approved


def test_sqlite_itself_refuses_to_write_for_a_reader(store: BlockingStore) -> None:
    with open_store_blocking(store.location, readonly=True) as watcher:
        for statement in ("DELETE FROM requests", "PRAGMA user_version = 9", "CREATE TABLE t (x)"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                sqlite_engine(watcher).connection.execute(statement)


@BOTH_FORMS
async def test_a_reader_sees_the_commits_of_others_whoever_has_the_store_open(store_path: str, form: Opener) -> None:
    """Also those of writers that come and go, between which the store is one file without a log."""
    open_store_blocking(store_path).close()
    async with opened(form, store_path, readonly=True) as watcher:
        for number in range(3):
            assert (await settled(watcher.reviewer.overview())).pending == 2 * number
            with open_store_blocking(store_path) as store:
                submit(store, Call("shell", {"n": number}, "bot"))
                assert (await settled(watcher.reviewer.overview())).pending == 2 * number + 1
                submit(store, Call("mail", {"n": number}, "bot"))
                assert (await settled(watcher.reviewer.overview())).pending == 2 * number + 2
        assert (await settled(watcher.reviewer.verify())).is_sound


def test_the_version_of_the_data_tells_a_reader_of_every_commit(store_path: str, call: Call) -> None:
    open_store_blocking(store_path).close()
    with open_store_blocking(store_path, readonly=True) as watcher:
        seen = [watcher._engine.data_version()]
        assert watcher._engine.data_version() == seen[0]
        for number in range(2):
            with open_store_blocking(store_path) as store:
                submit(store, Call("shell", {"n": number}, "bot"))
                seen.append(watcher._engine.data_version())
                submit(store, Call("mail", {"n": number}, "bot"))
                seen.append(watcher._engine.data_version())
                assert watcher._engine.data_version() == seen[-1]
        assert len(set(seen)) == 5


def test_what_changes_while_it_is_read_is_read_again(
    store_path: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole life of a writer between the first look and the last one is noticed by the second look."""
    open_store_blocking(store_path).close()
    counts: list[int] = []

    with open_store_blocking(store_path, readonly=True) as watcher:

        def count_slowly(tx: Any) -> int:
            count = int(tx.rows("pending_count", {"now": 0})[0]["count"])
            if not counts:
                with open_store_blocking(store_path) as store:
                    submit(store, call)
            counts.append(count)
            return count

        assert watcher._engine.read(count_slowly) == 1
        assert counts == [0, 1]


def test_a_file_that_never_stands_still_is_busy(store_path: str) -> None:
    open_store_blocking(store_path).close()
    with open_store_blocking(store_path, readonly=True) as watcher:
        with pytest.raises(StoreBusy, match="changed each time") as caught:
            watcher._engine.read(lambda tx: os.utime(store_path))
        assert_three_parts(caught.value)
        assert watcher.reader.overview().pending == 0


async def next_change(changes: AsyncIterator[None]) -> None:
    async with asyncio.timeout(LONG):
        await anext(changes)


@pytest.mark.parametrize("has_folder_of_bells", [True, False])
async def test_a_reader_is_told_of_changes_and_leaves_nothing_behind(
    store: BlockingStore, clock: ManualClock, has_folder_of_bells: bool
) -> None:
    if has_folder_of_bells:
        os.makedirs(os.path.join(sqlite_engine(store).bells.folder, "consoles"))
    folder = os.path.dirname(store.location)
    names = set(content(folder))
    async with open_store(store.location, readonly=True, clock=clock) as watcher:
        changes = watcher.reviewer.changes()
        await next_change(changes)
        for number in range(3):
            submit(store, Call("shell", {"n": number}, "bot"))
            while (await watcher.reviewer.overview()).pending <= number:
                await next_change(changes)
            await next_change(changes)
        await changes.aclose()
    assert set(content(folder)) - names <= {f"{store.location}.turn"}


async def test_a_reader_of_a_closed_store_is_told_when_somebody_opens_it(store_path: str, call: Call) -> None:
    open_store_blocking(store_path).close()
    async with open_store(store_path, readonly=True) as watcher:
        changes = watcher.reviewer.changes()
        await next_change(changes)
        with open_store_blocking(store_path) as store:
            submit(store, call)
        await next_change(changes)
        assert (await watcher.reviewer.overview()).pending == 1
        await changes.aclose()


async def test_where_nothing_can_be_watched_looking_again_is_enough(
    store: BlockingStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_arguments: object, **_options: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", cannot)
    async with open_store(store.location, readonly=True, clock=clock) as watcher:
        changes = watcher.reviewer.changes()
        await next_change(changes)
        submit(store, Call("shell", {}, "bot"))
        await next_change(changes)
        assert (await watcher.reviewer.overview()).pending == 1
        await changes.aclose()


@BOTH_FORMS
@pytest.mark.parametrize("version", [1, SCHEMA_VERSION - 1])
async def test_a_store_of_an_older_version_is_not_brought_up_to_date_by_a_reader(
    store_path: str, form: Opener, version: int
) -> None:
    make_store_of_version(store_path, version, five_lives)
    before = content(os.path.dirname(store_path))
    with pytest.raises(StoreIncompatible, match=f"schema {version}; this one reads {SCHEMA_VERSION}") as caught:
        await form(store_path, readonly=True)
    assert "Open it once for writing" in caught.value.to_do
    assert_three_parts(caught.value)
    assert content(os.path.dirname(store_path)) == before
    open_store_blocking(store_path).close()
    async with opened(form, store_path, readonly=True) as store:
        assert (await settled(store.reviewer.overview())).pending == 1


def test_a_reader_refuses_what_is_no_store_and_leaves_it(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    (tmp_path / "text.db").write_text("no database" * 100)
    (tmp_path / "empty.db").touch()
    for path in (foreign, tmp_path / "text.db", tmp_path / "empty.db"):
        path.chmod(0o600)
    before = content(tmp_path)
    for path, error in ((foreign, StoreIncompatible), (tmp_path / "text.db", StoreIncompatible)):
        with pytest.raises(error, match="is not an approval store"):
            open_store_blocking(str(path), readonly=True)
    with pytest.raises(StoreMissing, match="Only an empty file"):
        open_store_blocking(str(tmp_path / "empty.db"), readonly=True)
    assert content(tmp_path) == before


def test_a_reader_without_the_right_to_write_sees_what_it_may(call: Call) -> None:
    answer = json.loads(run_worker("reading_without_permission"))
    assert answer["nobody has it open"] == [1]
    assert answer["a writer has it open"] == [2, 3]
    assert answer["changes came"] == [3, 4]
    assert answer["write"] == "StoreReadOnly"
    assert answer["unchanged"]


# --- trouble -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("store_looks_each_time")
@BOTH_FORMS
@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_file_that_was_replaced_or_removed_says_so(
    store_path: str, form: Opener, how: str, readonly: bool
) -> None:
    open_store_blocking(store_path).close()
    async with opened(form, store_path, readonly=readonly) as store:
        if how == "replaced":
            shutil.copy(store_path, f"{store_path}.copy")
            os.replace(f"{store_path}.copy", store_path)
        else:
            os.unlink(store_path)
        with pytest.raises(StoreReplaced, match="moved or replaced") as caught:
            await settled(store.reviewer.list())
        assert_three_parts(caught.value)


@pytest.mark.usefixtures("store_looks_each_time")
async def test_watching_a_file_that_was_replaced_ends_with_that(store: BlockingStore, clock: ManualClock) -> None:
    async with open_store(store.location, readonly=True, clock=clock) as watcher:
        changes = watcher.reviewer.changes()
        await next_change(changes)
        shutil.copy(store.location, f"{store.location}.copy")
        os.replace(f"{store.location}.copy", store.location)
        with pytest.raises(StoreReplaced):
            await next_change(changes)


def test_a_store_that_is_held_says_so_with_an_error_of_its_own(store: BlockingStore, call: Call) -> None:
    sqlite_engine(store).connection.execute("PRAGMA busy_timeout = 20")
    holder = sqlite3.connect(store.location, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="is held by another program"):
        submit(store, call)
    holder.close()


def test_a_full_disk_has_an_error_of_its_own(store: BlockingStore) -> None:
    connection = sqlite_engine(store).connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="is full"):
        submit(store, Call("shell", {"text": "x" * 100_000}, "bot"))


class _NamedError(sqlite3.OperationalError):
    """An error of SQLite with that name."""

    def __init__(self, name: str) -> None:
        super().__init__("as SQLite says it")
        self.sqlite_errorname = name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_BUSY", StoreBusy),
        ("SQLITE_BUSY_SNAPSHOT", StoreBusy),
        ("SQLITE_LOCKED", StoreBusy),
        ("SQLITE_READONLY_RECOVERY", StoreBusy),
        ("SQLITE_FULL", StoreFull),
        ("SQLITE_READONLY", StoreReadOnly),
        ("SQLITE_READONLY_DIRECTORY", StoreReadOnly),
        ("SQLITE_READONLY_DBMOVED", StoreReplaced),
        ("SQLITE_CANTOPEN", StoreUnavailable),
        ("SQLITE_IOERR_WRITE", StoreUnavailable),
    ],
)
def test_every_trouble_that_sqlite_tells_of_has_its_error(
    store: BlockingStore, name: str, kind: type[StoreUnavailable]
) -> None:
    error = sqlite_errors.in_our_words(_NamedError(name), store.location)
    assert type(error) is kind
    assert_three_parts(error)


def test_an_error_of_the_disk_on_a_disk_without_room_is_that_of_a_full_one(
    store: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_errors, "_is_disk_full", lambda path: path == store.location)
    error = sqlite_errors.in_our_words(_NamedError("SQLITE_IOERR_SHMSIZE"), store.location)
    assert type(error) is StoreFull


def test_a_reader_tries_again_where_the_log_goes_while_it_opens(
    store_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it takes the file for one with a log, and without the right to make one it could not open it."""
    open_store_blocking(store_path).close()
    looks = iter([None])
    look = sqlite_readonly._state_without_log
    monkeypatch.setattr(sqlite_readonly, "_state_without_log", lambda path: next(looks, look(path)))
    attempts = []
    connect = sqlite.connect

    def fail_once(database: str, *, is_uri: bool) -> sqlite3.Connection:
        attempts.append(database)
        if len(attempts) == 1:
            raise _NamedError("SQLITE_CANTOPEN")
        return connect(database, is_uri=is_uri)

    monkeypatch.setattr(sqlite_readonly, "connect", fail_once)
    with open_store_blocking(store_path, readonly=True) as store:
        assert store.reader.overview().pending == 0
    assert ["immutable" in database for database in attempts] == [False, True]
