"""Numbered migrations of a PostgreSQL store, all in one transaction, safe with many programs opening at once."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from psycopg import Connection

from approval_tui.domain.errors import StoreIncompatible, StoreMissing
from approval_tui.store.locations import unfinished_copy

MIGRATIONS = ("0001_tables.sql", "0002_guards.sql", "0003_agents.sql")
SCHEMA_VERSION = len(MIGRATIONS)
LOCK = 0x41505254
"""'APRT': who holds this advisory lock makes tables, and nobody else does."""

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "migrations", "postgres")

_STATE = """
SELECT current_schema() AS schema,
  (SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()) AS number,
  to_regclass('approval_tui') IS NOT NULL AS is_store, to_regclass('requests') IS NOT NULL AS has_requests,
  to_regclass('unfinished_copy') IS NOT NULL AS is_unfinished
"""

_PINNED_PATH = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
"""Functions keep it (`SET search_path FROM CURRENT`), so that nobody's temporary tables come before the store's."""


class State(NamedTuple):
    """The number of a schema, whether a store is there, a table of requests, and the marker of an unfinished copy."""

    number: int
    is_store: bool
    has_requests: bool
    is_unfinished: bool


def bring_up_to_date(connection: Connection[Any], location: str, *, create: bool) -> int:
    """Makes the tables that are lacking, and gives the number of the schema in which the store is.

    Raises StoreMissing where there is none and none is to be made, and StoreIncompatible for a foreign database and
    for a store of a newer version; nothing is written then.
    """
    version, number = _check_state(connection, location)
    if version == SCHEMA_VERSION:
        return number
    if version == 0 and not create:
        raise StoreMissing(
            f"There is no store in the database {location}.",
            not_done="Nothing was made there and nothing may run.",
            to_do="Check --store and APPROVAL_TUI_STORE, or make one with `approval-tui store init`.",
        )
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        version, number = _check_state(connection, location)
        migrate(connection, version)
    return number


def migrate(connection: Connection[Any], version: int) -> None:
    """Makes what tables of that version lack, inside the transaction that is open."""
    connection.execute(_PINNED_PATH)
    if version == 0:
        connection.execute("CREATE TABLE approval_tui (version integer NOT NULL)")
        connection.execute("INSERT INTO approval_tui VALUES (0)")
    for name in MIGRATIONS[version:]:
        connection.execute(migration_text(name).encode())
    connection.execute("UPDATE approval_tui SET version = %s", [SCHEMA_VERSION])


def migration_text(name: str) -> str:
    """The statements of a migration."""
    with open(os.path.join(_FOLDER, name), encoding="utf-8") as file:
        return file.read()


def refuse_outdated(connection: Connection[Any], location: str) -> int:
    """Raises StoreMissing or StoreIncompatible unless there is a store with today's tables; gives its schema."""
    version, number = _check_state(connection, location)
    if version == 0:
        bring_up_to_date(connection, location, create=False)
    if version < SCHEMA_VERSION:
        raise StoreIncompatible(
            f"The store {location} was written by an older approval-tui (schema {version}; this one reads "
            f"{SCHEMA_VERSION}).",
            not_done="It was left as it is, because it was to be read only.",
            to_do="Bring it up to date with `approval-tui store init`, as its owner.",
        )
    return number


def state(connection: Connection[Any], location: str) -> State:
    """What is in the schema in which this user looks first; raises StoreIncompatible where there is no such schema."""
    row = connection.execute(_STATE).fetchone()
    assert row is not None
    if row["schema"] is None:
        raise StoreIncompatible(
            f"The database {location} has no schema in which this user looks.",
            not_done="Nothing was made there and nothing may run.",
            to_do="Make the schema, or name one with ?options=-csearch_path%3DNAME.",
        )
    return State(row["number"], row["is_store"], row["has_requests"], row["is_unfinished"])


def _check_state(connection: Connection[Any], location: str) -> tuple[int, int]:
    """The version of the tables, 0 for none, and the number of their schema; raises StoreIncompatible."""
    found = state(connection, location)
    if not found.is_store:
        if found.has_requests:
            raise StoreIncompatible(
                f"The database {location} is not an approval store: it has a table of another program.",
                not_done="It was left as it is, and nothing may run.",
                to_do="Use another database or schema.",
            )
        return 0, found.number
    if found.is_unfinished:
        row = connection.execute("SELECT source FROM unfinished_copy").fetchone()
        raise unfinished_copy(location, "another store" if row is None else row["source"])
    row = connection.execute("SELECT version FROM approval_tui").fetchone()
    version = 0 if row is None else row["version"]
    if version > SCHEMA_VERSION:
        raise StoreIncompatible(
            f"The store {location} was written by a newer approval-tui (schema {version}; this one knows "
            f"{SCHEMA_VERSION}).",
            not_done="It was left as it is, and nothing may run.",
            to_do="Upgrade with `pip install --upgrade approval-tui`.",
        )
    return version, found.number
