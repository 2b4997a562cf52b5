"""Where each one's credentials lead, and what somebody can try who has them and writes SQL."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from approval_tui.domain.canonical import JsonObject
from approval_tui.store.linking import body_after_time
from approval_tui.store.transaction import NewEvent

if TYPE_CHECKING:
    from tests.postgres.servers import Server


class Arena:
    """The URLs of a store for its owner, an agent, another agent, and a reviewer."""

    def __init__(self, server: Server, schema: str) -> None:
        self.server = server
        self.schema = schema
        self.agent_role, self.other_role, self.reviewer_role = (
            f"{name} of {schema}" for name in ("agent", "other", "reviewer")
        )
        self.owner = server.url(schema)
        self.agent, self.other, self.reviewer = map(self.url_of, (self.agent_role, self.other_role, self.reviewer_role))
        self._numbers = itertools.count()

    def url_of(self, role: str) -> str:
        """The same store for that role."""
        return self.server.url(self.schema, role.replace(" ", "%20"))

    def next_number(self) -> str:
        """A number that no other test of the module has."""
        return f"{os.getpid()}-{next(self._numbers)}"

    def drop_roles(self, *names: str) -> None:
        """Drops these roles, or those of the arena."""
        for name in names or (self.agent_role, self.other_role, self.reviewer_role):
            self.server.administer(SQL("DROP OWNED BY {}").format(Identifier(name)))
            self.server.administer(SQL("DROP ROLE {}").format(Identifier(name)))

    @contextmanager
    def connected(self, url: str) -> Iterator[Connection[tuple[Any, ...]]]:
        """A connection of somebody with those credentials, in a transaction that is never committed here."""
        with Connection.connect(url) as connection:
            try:
                yield connection
            finally:
                connection.rollback()


def end(connection: Connection[Any]) -> None:
    """Checks what is checked where a transaction ends."""
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def append_and_end(
    connection: Connection[Any],
    name: str,
    request_id: str | None,
    changes: JsonObject,
    details: JsonObject | None = None,
) -> None:
    """Appends an event as the last thing of a transaction."""
    append(connection, name, request_id, changes, details=details)
    end(connection)


def append(
    connection: Connection[Any], name: str, request_id: str | None, changes: JsonObject, *,
    details: JsonObject | None = None, at: int | None = None,
) -> None:  # fmt: skip
    """Appends an event as our own statement does, as one can who knows it."""
    connection.execute(
        "INSERT INTO events (request_id, name, at, body) VALUES (%s, %s, coalesce(%s, now_in_ms()), %s)",
        [request_id, name, at, body_after_time(NewEvent(name, request_id, changes, details or {}))],
    )
