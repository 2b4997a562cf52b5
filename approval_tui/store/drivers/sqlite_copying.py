"""Copies in SQLite: a file that says of itself that it is no store yet, and backups by SQLite's own means."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable

from approval_tui.domain.audit import Head
from approval_tui.domain.clock import system_clock
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.ids import new_request_id
from approval_tui.store.copying.refusals import copy_of_another, copy_of_another_version, not_new
from approval_tui.store.drivers.sqlite import SqliteEngine
from approval_tui.store.drivers.sqlite_errors import in_our_words
from approval_tui.store.drivers.sqlite_migrations import (
    APPLICATION_ID,
    COPY_ID,
    MIGRATIONS,
    SCHEMA_VERSION,
    migrate,
    state,
)
from approval_tui.store.drivers.sqlite_readonly import ReadonlySqliteEngine
from approval_tui.store.statements import STATEMENTS, read_blocks
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import log

_MAGIC = b"SQLite format 3\0"
_PLACE_OF_APPLICATION_ID = slice(68, 72)
_PAGES_AT_ONCE = 2048
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def learn_statements() -> None:
    """Lets transactions use the statements of a copy."""
    STATEMENTS.learn(read_blocks("copying/statements.sql"))


def is_unfinished_copy(path: str) -> bool:
    """Whether an unfinished copy is there; raises InvalidInput where anything else is, and touches nothing.

    What a file is stands in its header from its first transaction on, which is not written through a log.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(_PLACE_OF_APPLICATION_ID.stop)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        raise not_new(path, "a folder") from None
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be read: {error.strerror}.", not_done="Nothing was copied.", to_do="Name another place."
        ) from None
    if not header:
        return False
    application = header[_PLACE_OF_APPLICATION_ID] if header.startswith(_MAGIC) else b""
    if application == COPY_ID.to_bytes(4, "big"):
        return True
    raise not_new(path, "a store already" if application == APPLICATION_ID.to_bytes(4, "big") else "another file")


class SqliteTarget(SqliteEngine):
    """A file that is being copied into; see `copying_ends.Target`."""

    keeps_submitters = False
    last_statements: tuple[str, ...] = ("finish_copy", "call_it_a_store")

    def __init__(self, path: str, source: str) -> None:
        """See `copying_ends.open_target`."""
        self._source = source
        super().__init__(path, clock=system_clock, new_id=new_request_id)
        learn_statements()

    def _prepare_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            application, version = state(connection)
            if application == COPY_ID:
                self._refuse_another(connection, version)
            elif application == APPLICATION_ID:
                raise not_new(self.path, "a store already")
            elif application or version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise not_new(self.path, "the database of another program")
            else:
                for number, name in enumerate(MIGRATIONS, start=1):
                    migrate(connection, name, number)
                connection.execute(
                    "CREATE TABLE unfinished_copy (source TEXT NOT NULL, holder TEXT NOT NULL, head_seq INTEGER, "
                    "copied_id TEXT NOT NULL)"
                )
                connection.execute("INSERT INTO unfinished_copy VALUES (?, '', NULL, '')", [self._source])
                connection.execute(f"PRAGMA application_id = {COPY_ID}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _refuse_another(self, connection: sqlite3.Connection, version: int) -> None:
        source = connection.execute("SELECT source FROM unfinished_copy").fetchone()[0]
        if source != self._source:
            raise copy_of_another(self.path, source, self._source)
        if version != SCHEMA_VERSION:
            raise copy_of_another_version(self.path)


class SqliteSource(ReadonlySqliteEngine):
    """A store in a file, opened to be backed up."""

    def back_up(self, path: str, progress: Callable[[int, int], None]) -> Head | None:
        """Writes the store as it is at one moment to the file, which is empty, while others go on writing to it.

        Gives the checkpoint of the log at that moment; `progress` is told how many pages of how many are done.
        """

        def copy(transaction: Transaction) -> Head | None:
            head = log.head(transaction)  # from here on nothing changes for this connection

            def tell(_status: int, remaining: int, total: int) -> None:
                progress(total - remaining, total)

            try:
                with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as backup:
                    self.connection.backup(backup, pages=_PAGES_AT_ONCE, progress=tell)
            except sqlite3.Error as error:
                is_of_store = (getattr(error, "sqlite_errorname", "") or "").startswith(_DAMAGED)
                raise in_our_words(error, self.path if is_of_store else path) from error
            return head

        return self.read(copy)
