"""Numbered migrations, each in one transaction, safe with many processes opening at once."""

from __future__ import annotations

import os
import sqlite3

from approval_tui.domain.errors import StoreIncompatible
from approval_tui.store.drivers.sqlite_errors import not_a_store
from approval_tui.store.locations import unfinished_copy

APPLICATION_ID = 0x41505254
"""'APRT' in the file's header: says that a database is ours."""

COPY_ID = 0x41505243
"""'APRC' in its place: a store that is still being copied, which nobody may use."""

MIGRATIONS = (
    "0001_initial.sql",
    "0002_lists.sql",
    "0003_policy.sql",
    "0004_proxies.sql",
    "0005_attempts_and_grants.sql",
    "0006_server.sql",
    "0007_notices.sql",
    "0008_deciding.sql",
    "0009_pruning.sql",
)
SCHEMA_VERSION = len(MIGRATIONS)

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "migrations")


def bring_up_to_date(connection: sqlite3.Connection, path: str) -> None:
    """Applies the migrations that the file lacks.

    Raises StoreIncompatible for a foreign database and for a store of a newer version; nothing is written then.
    """
    if state(connection) == (APPLICATION_ID, SCHEMA_VERSION):
        return
    for number, name in enumerate(MIGRATIONS, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _check_state(connection, path) < number:
                migrate(connection, name, number)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def migrate(connection: sqlite3.Connection, name: str, number: int) -> None:
    """Applies one migration inside the transaction that is open."""
    for statement in _statements(name):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {number}")


def refuse_outdated(connection: sqlite3.Connection, path: str) -> None:
    """Raises StoreIncompatible unless the store has today's schema; nothing is written."""
    version = _check_state(connection, path)
    if version < SCHEMA_VERSION:
        raise StoreIncompatible(
            f"The store {path} was written by an older approval-tui (schema {version}; this one reads "
            f"{SCHEMA_VERSION}).",
            not_done="It was left as it is, because it was to be read only.",
            to_do="Open it once for writing, for example with `approval-tui list`; that brings it up to date.",
        )


def state(connection: sqlite3.Connection) -> tuple[int, int]:
    """Whose database it is, and the version of its tables; both are 0 for an empty file."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _check_state(connection: sqlite3.Connection, path: str) -> int:
    """The schema's version; raises StoreIncompatible unless the file is empty or ours and not newer."""
    application, version = state(connection)
    if application == COPY_ID:
        raise unfinished_copy(path, connection.execute("SELECT source FROM unfinished_copy").fetchone()[0])
    if application == APPLICATION_ID and version > SCHEMA_VERSION:
        raise StoreIncompatible(
            f"The store {path} was written by a newer approval-tui (schema {version}; this one knows "
            f"{SCHEMA_VERSION}).",
            not_done="It was left as it is, and nothing may run.",
            to_do="Upgrade with `pip install --upgrade approval-tui`.",
        )
    if application == APPLICATION_ID:
        return version
    if application or version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise not_a_store(path, "it is the database of another program")
    return 0


def _statements(name: str) -> list[str]:
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        lines = file.read().splitlines(keepends=True)
    statements, current = [], ""
    for line in lines:
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
