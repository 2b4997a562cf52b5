"""One store for many tests: emptied between them, which takes a quarter of a millisecond where making one takes 70."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.postgres.servers import SUPERUSER, Server
from tests.support import LONG

if TYPE_CHECKING:
    from psycopg import Connection

_TABLES = (
    "requests", "events", "segments", "grants", "counters", "reservations", "proxies", "tokens", "submissions",
    "sinks", "deliveries", "holds",
)  # fmt: skip
"""Everything but the end of the log, which is set back."""

_MOST_USES = 200
"""After so many tests a new schema is made: what was deleted stays in the tables for a while."""

_SHAPE = """
SELECT (SELECT count(*) || ' ' || coalesce(max(xmin::text::bigint), 0) FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace),
  (SELECT count(*) || ' ' || coalesce(max(t.xmin::text::bigint), 0) FROM pg_trigger t
   JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = current_schema()::regnamespace),
  (SELECT count(*) || ' ' || coalesce(max(a.xmin::text::bigint), 0) FROM pg_attribute a
   JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = current_schema()::regnamespace),
  (SELECT count(*) || ' ' || coalesce(max(xmin::text::bigint), 0) FROM pg_proc
   WHERE pronamespace = current_schema()::regnamespace),
  (SELECT string_agg(version::text, ' ') FROM approval_tui)
"""
"""What changes when somebody takes a trigger, a check or a column away."""


class Recycler:
    """A schema of this process's own in which each test finds a store that holds nothing."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._schema: str | None = None
        self._connection: Connection[Any] | None = None
        self._shape: Any = None
        self._uses = 0

    def fresh(self) -> str:
        """Where a store is that holds nothing; whoever was connected to it before is so no longer."""
        if self._schema is None or self._uses >= _MOST_USES or not self._emptied():
            self.end()
            self._make()
        self._uses += 1
        assert self._schema is not None
        return self._url(self._schema)

    def end(self) -> None:
        """Drops the schema."""
        if self._connection is not None:
            self._disconnect_others()
            self._connection.close()
            self._connection = None
        if self._schema is not None:
            self._server.drop_schema(self._schema)
            self._schema = None

    def _url(self, schema: str, *user: str) -> str:
        return f"{self._server.url(schema, *user)}&application_name={schema}"

    def _make(self) -> None:
        import psycopg

        from approval_tui.store import open_store_blocking

        self._schema, self._uses = self._server.new_schema(), 0
        open_store_blocking(self._url(self._schema)).close()
        self._connection = psycopg.connect(self._url(self._schema, SUPERUSER), autocommit=True)
        self._shape = self._connection.execute(_SHAPE).fetchone()

    def _emptied(self) -> bool:
        """Empties the tables; gives whether that can be done, and they are as approval-tui made them."""
        import psycopg

        assert self._connection is not None
        self._disconnect_others()
        try:
            if self._connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            empty(self._connection)
        except psycopg.Error:
            return False
        return True

    def _disconnect_others(self) -> None:
        """Ends the connections that a test left, and what they were doing, for no test reaches into the next one."""
        assert self._connection is not None
        deadline = time.monotonic() + LONG
        others = "FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"
        while self._connection.execute(
            f"SELECT pg_terminate_backend(pid) {others}".encode(), [self._schema]
        ).fetchall():
            assert time.monotonic() < deadline, "a connection does not end"


def empty(connection: Connection[Any]) -> None:
    """Deletes all that the store holds, over a connection of the super-user's; its guards are not asked."""
    from approval_tui.domain.chain import GENESIS

    with unguarded(connection), connection.transaction():
        deletions = ";".join(f"DELETE FROM {table}" for table in _TABLES)
        connection.execute(f"{deletions}; UPDATE audit_head SET seq = 0, at = 0, hash = '{GENESIS}'".encode())


def copy(connection: Connection[Any], schema: str) -> None:
    """Fills the empty store with what another one holds, over a connection of the super-user's."""
    with unguarded(connection), connection.transaction():
        copies = ";".join(f'INSERT INTO {table} SELECT * FROM "{schema}".{table}' for table in _TABLES)
        head = f'(SELECT seq, hash, at FROM "{schema}".audit_head)'
        connection.execute(f"{copies}; UPDATE audit_head SET (seq, hash, at) = {head}".encode())


@contextlib.contextmanager
def unguarded(connection: Connection[Any]) -> Iterator[None]:
    """No trigger is asked on this connection of the super-user's."""
    connection.execute("SET session_replication_role = replica")
    yield
    connection.execute("RESET session_replication_role")
