"""SQLite for those who only look: nothing of the store is written, and the commits of others are seen.

Who reads a write-ahead log needs its two files, and makes them where they are missing. They are missing while no
program has the store open; then the file alone is the store, and it is read as one that does not change. Whether
it did is looked at before and after each transaction: a writer makes the log before it touches the file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from approval_tui.domain.clock import Clock
from approval_tui.domain.errors import ApprovalTuiError, StoreBusy
from approval_tui.domain.ids import IdFactory
from approval_tui.store.bells import Bells
from approval_tui.store.drivers.sqlite import (
    SqliteEngine,
    SqliteTransaction,
    connect,
    file_identity,
    refuse_missing,
    refuse_old_sqlite,
    uri,
)
from approval_tui.store.drivers.sqlite_errors import in_our_words, opened_for_reading, replaced
from approval_tui.store.drivers.sqlite_migrations import refuse_outdated

R = TypeVar("R")

_MOST_TRIES = 20
_OPENINGS_APART = 2**40
"""Keeps the versions of two connections apart; SQLite counts up to 2**32."""

_State = tuple[int, int, int, int]


class ReadonlySqliteEngine(SqliteEngine):
    """A SqliteEngine that writes nothing: every write raises StoreReadOnly."""

    def __init__(self, path: str, *, clock: Clock, new_id: IdFactory) -> None:
        """Raises StoreMissing, StoreIncompatible for a store of another version, and StoreUnavailable."""
        self._still: _State | None = None
        self._openings = 0
        super().__init__(path, clock=clock, new_id=new_id, create=False)
        self.wakeups = self.bells = Bells(f"{path}.bells", makes_folders=False)

    def write(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises StoreReadOnly."""
        raise opened_for_reading(self.path)

    def data_version(self) -> int:
        """Changes whenever another connection commits; raises StoreReplaced when the file was replaced."""
        version = super().data_version()
        return self._openings * _OPENINGS_APART + version

    def _open(self) -> sqlite3.Connection:
        refuse_old_sqlite()
        self._prepare_place()
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        """A connection that reads the log where there is one, and else the file as one that stays as it is."""
        self._openings += 1
        for _ in range(_MOST_TRIES):
            self._still = _state_without_log(self.path)
            try:
                return self._connect_as_it_is()
            except ApprovalTuiError:
                if _state_without_log(self.path) == self._still:
                    raise  # else a log came or went on the way
        raise self._busy()

    def _connect_as_it_is(self) -> sqlite3.Connection:
        connection = None
        try:
            connection = connect(uri(self.path, "mode=ro" + ("&immutable=1" if self._still else "")), is_uri=True)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            refuse_outdated(connection, self.path)
            return connection
        except (sqlite3.Error, ApprovalTuiError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                refuse_missing(self.path)
                raise in_our_words(error, self.path) from error
            raise

    def _refuse_foreign_use(self) -> None:
        super()._refuse_foreign_use()
        if self._has_changed():
            self._connect_again()

    def _transact(
        self,
        begin: str,
        transaction: SqliteTransaction,
        function: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> R:
        """Runs the function until the file stayed as it was meanwhile; it only reads, so it may run twice."""
        for _ in range(_MOST_TRIES):
            try:
                result = super()._transact(begin, transaction, function, args, kwargs)
            except Exception:
                if not self._has_changed():
                    raise
            else:
                if not self._has_changed():
                    return result
            self._connect_again()
        raise self._busy()

    def _has_changed(self) -> bool:
        return self._still is not None and _state_without_log(self.path) != self._still

    def _connect_again(self) -> None:
        if file_identity(self.path) != self._file_identity:
            raise replaced(self.path)
        self.connection.close()
        self.connection = self._connect()

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"The store {self.path} changed each time while it was read.",
            not_done="Nothing was read.",
            to_do="Try again.",
        )


def _state_without_log(path: str) -> _State | None:
    """What tells that a file did not change; None where a write-ahead log holds something, or there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    try:
        if os.stat(f"{path}-wal").st_size > 0:
            return None
    except FileNotFoundError:
        pass
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
