"""What anybody can do to a store who can write its file, or who owns its database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Protocol

import psycopg
import pytest
from _pytest.mark import ParameterSet
from psycopg import errors
from psycopg.sql import SQL, Identifier

from approval_tui.domain import chain
from approval_tui.domain.audit import Head, Problem
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.database_urls import is_database_url
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers.postgres_texts import with_every_text
from tests.postgres.servers import OWNER, SUPERUSER

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What the database raises where one of its guards refuses a change."""

NOT_OF_ITS_TYPE = (*REFUSED, psycopg.DataError, errors.DatatypeMismatch)
"""The same where a value is none that the column holds; PostgreSQL knows that without a guard."""

TRIGGERS = (
    "requests_lifecycle",
    "requests_call_is_fixed",
    "requests_attempt_is_fixed",
    "requests_are_kept",
    "events_are_append_only_update",
    "events_are_append_only_delete",
    "grants_are_fixed",
    "grants_stay_revoked",
    "grants_are_kept",
    "grants_matchers_are_fixed",
    "grants_are_not_unused",
    "holds_are_kept",
    "requests_edit_taken_as_is_fixed",
    "tokens_are_fixed",
    "tokens_stay_revoked",
    "tokens_are_kept",
)


def sqlite_alone(*values: Any) -> ParameterSet:
    """A case that cannot be on PostgreSQL, whose columns hold no value of another type, or shows nothing more there."""
    return pytest.param(*values, marks=pytest.mark.sqlite_alone)


class Cursor(Protocol):
    """What a statement gave: rows as tuples."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """One's own connection to either engine; each statement is a transaction of its own, with `?` and `:name`."""

    def execute(self, statement: str, parameters: Any = (), /) -> Cursor: ...
    def close(self) -> None: ...


class PostgresConnection:
    """A connection of psycopg's that takes statements as SQLite writes them."""

    def __init__(self, location: str) -> None:
        self.connection = psycopg.connect(location, autocommit=True)
        with_every_text(self.connection)

    def execute(self, statement: str, parameters: Any = (), /) -> Cursor:
        """Raises psycopg's errors."""
        return self.connection.execute(_TOKEN.sub(_translated, statement).encode(), parameters)

    def close(self) -> None:
        self.connection.close()


class UnguardedPostgresConnection(PostgresConnection):
    """The super-user's, on which no trigger is asked; a check that is in the way is dropped."""

    def __init__(self, location: str) -> None:
        super().__init__(location.replace(f"user={OWNER}", f"user={SUPERUSER}"))
        self.connection.execute("SET session_replication_role = replica")

    def execute(self, statement: str, parameters: Any = (), /) -> Cursor:
        """Raises psycopg's errors."""
        while True:
            try:
                return super().execute(statement, parameters)
            except errors.CheckViolation as error:
                change = SQL("ALTER TABLE {} DROP CONSTRAINT {}")
                parts = (error.diag.table_name, error.diag.constraint_name)
            except errors.NotNullViolation as error:
                change = SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL")
                parts = (error.diag.table_name, error.diag.column_name)
            self.connection.execute(change.format(*(Identifier(part or "") for part in parts)))


_TOKEN = re.compile(r"'[^']*'|:(?P<name>[a-z_0-9]+)|(?P<place>\?)|%|(?P<cast>::)")


def _translated(found: re.Match[str]) -> str:
    if found["name"] is not None:
        return f"%({found['name']})s"
    return "%s" if found["place"] else found[0].replace("%", "%%")


def raw(store: BlockingStore) -> Connection:
    """What anybody has who can write the file, or as whom approval-tui made the tables."""
    if is_database_url(store.location):
        return PostgresConnection(store.location)
    return sqlite3.connect(store.location, isolation_level=None)


def unguarded(store: BlockingStore) -> Connection:
    """What somebody has who takes the triggers and checks out of the way first."""
    if is_database_url(store.location):
        return UnguardedPostgresConnection(store.location)
    connection = sqlite3.connect(store.location, isolation_level=None)
    for trigger in TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    return connection


def attack(store: BlockingStore, statement: str, parameters: Any = ()) -> None:
    """Changes the store as somebody would who takes the triggers and checks out of the way first."""
    with closing(unguarded(store)) as connection:
        assert connection.execute(statement, parameters).rowcount > 0


def columns_of(store: BlockingStore, table: str) -> tuple[str, ...]:
    """The names of the table's columns, in order."""
    catalog = (
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 ORDER BY attnum"
        if is_database_url(store.location)
        else "SELECT name FROM pragma_table_info(?) ORDER BY cid"
    )
    with closing(raw(store)) as connection:
        return tuple(name for (name,) in connection.execute(catalog, (table,)))


def forge(
    store: BlockingStore,
    name: str,
    request_id: str | None,
    body: Any,
    at: int | None = None,
    connection: Connection | None = None,
) -> None:
    """Appends an event whose hash is right, as one can who knows the format."""
    head = store.reviewer.head()
    assert head is not None
    text = canonical_json(body)
    with closing(raw(store)) as own:
        (connection or own).execute(
            "INSERT INTO events (seq, request_id, name, at, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
            (head.seq + 1, request_id, name, head.at if at is None else at, text.decode(),
             chain.link(head.seq + 1, head.hash, text)),
        )  # fmt: skip


def problems(store: BlockingStore, expected: Head | None = None) -> tuple[Problem, ...]:
    found = store.reviewer.verify(expected).problems
    assert found
    return found
