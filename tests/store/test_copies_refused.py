"""What is no place for a copy, and what is said where one cannot be made."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput, StoreCorrupt, StoreFull, StoreMissing, StoreReadOnly
from approval_tui.store import is_database_url, open_store_blocking
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.drivers import sqlite
from tests.permissions import said_with_permissions
from tests.postgres.servers import Server
from tests.store.copies import ONE_OF_EACH, Places, all_rows, quiet, raw, stop_copy
from tests.support import ManualClock, submit


@ONE_OF_EACH
def test_a_store_is_not_copied_over_another_one_or_over_itself(lived: Places, clock: ManualClock, call: Call) -> None:
    with open_store_blocking(lived.target, clock=clock) as target:
        submit(target, call)
    before = all_rows(lived.source), all_rows(lived.target)
    for target_location in (lived.target, lived.source):
        with pytest.raises(InvalidInput, match="is a store already") as caught:
            copy_store(lived.source, target_location, quiet)
        assert caught.value.not_done == "Nothing was copied, and what is there was left as it is."
    assert (all_rows(lived.source), all_rows(lived.target)) == before


@pytest.mark.parametrize("places", [("sqlite", "sqlite")], ids=" to ".join, indirect=True)
def test_nothing_else_is_a_place_for_a_copy(lived: Places, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("kept")
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE requests (id)")
    foreign.close()
    for name, what in (("text", "another file"), ("foreign.db", "another file"), ("home", "a folder")):
        before = (tmp_path / name).read_bytes() if name != "home" else b""
        with pytest.raises(InvalidInput, match=f"{name} is {what}"):
            copy_store(lived.source, str(tmp_path / name), quiet)
        assert name == "home" or (tmp_path / name).read_bytes() == before
    for source, target in (("", "x"), (lived.source, "")):
        with pytest.raises(InvalidInput, match="is empty"):
            copy_store(source, target, quiet)
    assert sorted(os.listdir(tmp_path)) == ["foreign.db", "home", "source", "text"]


def test_a_schema_with_a_table_of_another_program_is_no_place_for_a_copy(
    store_path: str, postgres_url: str, clock: ManualClock
) -> None:
    open_store_blocking(store_path, clock=clock).close()
    with raw(postgres_url) as connection:
        connection.execute("CREATE TABLE requests (id text)")
        with pytest.raises(InvalidInput, match="is the database of another program"):
            copy_store(store_path, postgres_url, quiet)
        assert connection.execute("SELECT to_regclass('approval_tui')").fetchone() == (None,)


@ONE_OF_EACH
def test_an_unfinished_copy_of_another_store_is_not_gone_on_with(
    lived: Places, tmp_path: Path, clock: ManualClock, call: Call
) -> None:
    stop_copy(lived, "requests compared")
    other = str(tmp_path / "other.db")
    open_store_blocking(other, clock=clock).close()
    with pytest.raises(InvalidInput, match=r"is an unfinished copy of .*, and not of "):
        copy_store(other, lived.target, quiet)
    before = all_rows(lived.target)
    if not is_database_url(lived.source):
        replace_log(lived.source, clock, call)
        with pytest.raises(StoreCorrupt, match=r"is not the one that .* was begun from"):
            copy_store(*lived, quiet)
    assert all_rows(lived.target) == before


def replace_log(path: str, clock: ManualClock, call: Call) -> None:
    """Another store comes to be where that one was."""
    for name in os.listdir(os.path.dirname(path)):
        os.unlink(os.path.join(os.path.dirname(path), name))
    with open_store_blocking(path, clock=clock) as store:
        submit(store, call)


def test_a_store_that_is_not_there_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        copy_store(str(tmp_path / "none.db"), str(tmp_path / "target" / "new.db"), quiet)
    assert os.listdir(tmp_path) == ["home"]


@pytest.mark.parametrize("places", [("postgres", "sqlite")], ids=" to ".join, indirect=True)
def test_a_full_disk_says_so_and_the_copy_goes_on_when_there_is_room(
    lived: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small:
        small.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, "PRAGMA max_page_count = 200"))
        with pytest.raises(StoreFull, match=r"disk of the store .* is full"):
            copy_store(*lived, quiet)
    assert copy_store(*lived, quiet).was_resumed
    assert all_rows(lived.target) == all_rows(lived.source)


@pytest.mark.parametrize("places", [("sqlite", "sqlite")], ids=" to ".join, indirect=True)
def test_a_folder_that_is_not_ones_own_says_so(lived: Places, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    said = said_with_permissions(
        "import sys\nfrom approval_tui.store.copying.procedure import copy_store\n"
        "try:\n copy_store(*sys.argv[1:], print)\n"
        "except Exception as error:\n print(type(error).__name__, error)",
        lived.source,
        str(tmp_path / "locked" / "new.db"),
    )
    assert "StoreReadOnly The store " in said
    assert "cannot be made: Permission denied" in said


def test_a_schema_that_is_not_ones_own_says_so(
    postgres_server: Server, postgres_superuser_url: str, postgres_schema: str, store_path: str, clock: ManualClock
) -> None:
    open_store_blocking(store_path, clock=clock).close()
    with raw(postgres_superuser_url) as connection:
        connection.execute(f"REVOKE CREATE ON SCHEMA {postgres_schema} FROM approvals_owner")
        connection.execute(f"ALTER SCHEMA {postgres_schema} OWNER TO postgres")
        connection.execute(f"GRANT USAGE ON SCHEMA {postgres_schema} TO approvals_owner")
    with pytest.raises(StoreReadOnly, match="permission denied for schema"):
        copy_store(store_path, postgres_server.url(postgres_schema), quiet)
