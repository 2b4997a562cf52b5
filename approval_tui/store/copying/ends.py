"""The two ends of a copy: a store that is only read, and a new one that nobody else can use until it is finished."""

from __future__ import annotations

from typing import Protocol

from approval_tui.domain.database_urls import is_database_url
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.ids import new_request_id
from approval_tui.store import PATIENCE
from approval_tui.store.engine import Engine
from approval_tui.store.locations import resolved_location
from approval_tui.store.opening import Opening, refuse_without_psycopg


class Target(Engine, Protocol):
    """A store that is being copied into."""

    keeps_submitters: bool
    """Whether the database roles that asked are kept here."""

    last_statements: tuple[str, ...]
    """What makes it a store, in one transaction."""


def named_location(location: str, what: str) -> str:
    """The absolute path or the URL of an end that was named; raises InvalidInput where the name is empty."""
    if not location:
        raise InvalidInput(f"{what} is empty.", not_done="Nothing was copied.", to_do="Give a path or a URL.")
    return resolved_location(location)


def open_source(location: str) -> Engine:
    """The store that is copied, opened for reading only."""
    engine = Opening(location, False, True, None, new_request_id, PATIENCE).engine()
    if is_database_url(location):
        from approval_tui.store.drivers.postgres_copying import learn_statements
    else:
        from approval_tui.store.drivers.sqlite_copying import learn_statements
    learn_statements()
    return engine


def is_unfinished_copy(location: str) -> bool:
    """Whether an unfinished copy is there; raises InvalidInput where anything else is, and touches nothing."""
    if is_database_url(location):
        refuse_without_psycopg(location)
        from approval_tui.store.drivers import postgres_copying

        return postgres_copying.is_unfinished_copy(location)
    from approval_tui.store.drivers import sqlite_copying

    return sqlite_copying.is_unfinished_copy(location)


def open_target(location: str, source: str) -> Target:
    """The copy of that source, begun where there is none yet; `source` is a location as it may be shown.

    Raises InvalidInput for an unfinished copy of another store, and where anything else came there meanwhile.
    """
    if is_database_url(location):
        from approval_tui.store.drivers.postgres_copying import PostgresTarget

        return PostgresTarget(location, source)
    from approval_tui.store.drivers.sqlite_copying import SqliteTarget

    return SqliteTarget(location, source)
