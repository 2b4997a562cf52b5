"""What tests of copies share: pairs of places, and all that a store holds."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from approval_tui.store import is_database_url
from approval_tui.store.copying_tables import SMALL_TABLES

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
