"""Copies in PostgreSQL: a schema with a marker that says that it holds no store yet."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg
from psycopg import Connection

from approval_tui.domain.ids import new_request_id
from approval_tui.store import PATIENCE
from approval_tui.store.copying.refusals import copy_of_another, copy_of_another_version, not_new
from approval_tui.store.drivers import postgres_migrations
from approval_tui.store.drivers.postgres import PostgresEngine
from approval_tui.store.drivers.postgres_connections import Connecting, OneConnection
from approval_tui.store.drivers.postgres_errors import in_our_words
from approval_tui.store.drivers.postgres_migrations import SCHEMA_VERSION, State, migrate
from approval_tui.store.drivers.postgres_texts import STATEMENTS, Row


def learn_statements() -> None:
    """Lets transactions use the statements of a copy."""
    STATEMENTS.learn("copying/statements.sql", "copying/postgres.sql")


def is_unfinished_copy(url: str) -> bool:
    """Whether an unfinished copy is there; raises InvalidInput where anything else is, and touches nothing."""
    connecting = Connecting(url)
    with contextlib.closing(connecting.connect()) as connection:
        try:
            return _is_begun(postgres_migrations.state(connection, connecting.location), connecting.location)
        except psycopg.Error as error:
            raise in_our_words(error, connecting.location) from error


class PostgresTarget(PostgresEngine):
    """A schema that is being copied into; see `copying_ends.Target`."""

    keeps_submitters = True
    last_statements: tuple[str, ...] = ("keep_names", "finish_copy")

    def __init__(self, url: str, source: str) -> None:
        """See `copying_ends.open_target`."""
        self._source = source
        learn_statements()
        connecting = Connecting(url)
        super().__init__(
            connecting, OneConnection(connecting), clock=None, new_id=new_request_id, create=True, readonly=False,
            patience=PATIENCE,
        )  # fmt: skip

    def _prepare_tables(self, connection: Connection[Row], *, create: bool) -> int:  # noqa: ARG002 - always
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [postgres_migrations.LOCK])
            found = postgres_migrations.state(connection, self.location)
            if _is_begun(found, self.location):
                self._refuse_another(connection)
            else:
                migrate(connection, 0)
                connection.execute(
                    "CREATE TABLE unfinished_copy (source text NOT NULL, holder text NOT NULL, head_seq bigint, "
                    'copied_id text COLLATE "C" NOT NULL)'
                )
                connection.execute("INSERT INTO unfinished_copy VALUES (%s, '', NULL, '')", [self._source])
        return found.number

    def _refuse_another(self, connection: Connection[Any]) -> None:
        row = connection.execute(
            "SELECT (SELECT source FROM unfinished_copy) AS source, (SELECT version FROM approval_tui) AS version"
        ).fetchone()
        assert row is not None
        if row["source"] != self._source:
            raise copy_of_another(self.location, row["source"], self._source)
        if row["version"] != SCHEMA_VERSION:
            raise copy_of_another_version(self.location)


def _is_begun(found: State, location: str) -> bool:
    if found.is_unfinished:
        return True
    if found.is_store:
        raise not_new(location, "a store already")
    if found.has_requests:
        raise not_new(location, "the database of another program")
    return False
