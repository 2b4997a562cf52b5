"""What tests of copies share: pairs of places, and all that a store holds."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from approval_tui.store import is_database_url
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.copying.tables import SMALL_TABLES

ONE_OF_EACH = pytest.mark.parametrize(
    "places", [("sqlite", "postgres"), ("postgres", "sqlite")], ids=" to ".join, indirect=True
)
"""Each engine once as the source and once as the target."""

TABLES = ("events", "requests", "submissions", "segments", *(table.name for table in SMALL_TABLES))
KINDS = ("sqlite", "postgres")


class Places(NamedTuple):
    """Where a store is to be, and where its copy."""

    source: str
    target: str


def quiet(what: str, done: int, total: int) -> None:
    """A progress of which nobody is told."""


@contextlib.contextmanager
def raw(location: str) -> Iterator[Any]:
    """A connection beside all that approval-tui does; each statement is a transaction of its own."""
    if is_database_url(location):
        import psycopg

        connection: Any = psycopg.connect(location, autocommit=True)
    else:
        connection = sqlite3.connect(location, isolation_level=None)
    with contextlib.closing(connection):
        yield connection


def all_rows(location: str) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table, read beside the store; of a PostgreSQL text, what stands for a NUL is put back."""
    found = {}
    with raw(location) as connection:
        for table in TABLES:
            cursor = connection.execute(f"SELECT * FROM {table} LIMIT 0")
            columns = sorted({column[0] for column in cursor.description} - {"submitted_by"})
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            found[table] = {tuple(_as_told(value, location) for value in row) for row in rows}
    return found


def _as_told(value: Any, location: str) -> Any:
    if isinstance(value, str) and is_database_url(location):
        return value.replace("\U0010ffff0", "\0").replace("\U0010ffff1", "\U0010ffff")
    return value


def names_in(folder: str) -> list[str]:
    """What is in the folder."""
    return sorted(os.listdir(folder))


class Stopped(Exception):
    """What ends a copy in a test."""


def stop_copy(places: Places, what: str, times: int = 1) -> None:
    """Copies until so many batches of that kind are done."""
    left = [times]

    def stop(done: str, _count: int, _total: int) -> None:
        left[0] -= done == what
        if left[0] == 0:
            raise Stopped

    with pytest.raises(Stopped):
        copy_store(*places, stop)


def once_at(when: tuple[str, str], act: Callable[[], object]) -> Callable[[str, int, int], None]:
    """A progress that acts once: when it is told the second of these for the first time after the first."""
    still_to_come = list(when)

    def progress(what: str, _done: int, _total: int) -> None:
        if still_to_come and what == still_to_come[0]:
            still_to_come.pop(0)
            if not still_to_come:
                act()

    return progress


def without_guards(location: str, statement: str, parameters: tuple[Any, ...] = ()) -> None:
    """What anybody can do who can write to the store."""
    with raw(location) as connection:
        if is_database_url(location):
            for table in ("events", "requests", "grants", "submissions"):
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            assert connection.execute(statement.replace("?", "%s"), parameters).rowcount == 1
            for table in ("events", "requests", "grants", "submissions"):
                connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            return
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement, parameters).rowcount == 1
        for _, sql in guards:
            connection.execute(sql)
