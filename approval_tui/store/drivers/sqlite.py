"""SQLite: one connection that runs whole transaction functions in place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from approval_tui.domain.clock import Clock
from approval_tui.domain.errors import ApprovalTuiError, StoreIncompatible, StoreUnavailable
from approval_tui.domain.ids import IdFactory
from approval_tui.settings.permissions import ensure_private_file, ensure_private_folder
from approval_tui.store.bells import Bells
from approval_tui.store.drivers.forks import Forks, opened_before_fork
from approval_tui.store.drivers.sqlite_errors import in_our_words, missing, of_its_kind, replaced
from approval_tui.store.drivers.sqlite_migrations import bring_up_to_date
from approval_tui.store.linking import link_new_events
from approval_tui.store.statements import STATEMENTS
from approval_tui.store.transaction import NewEvent, NothingToDo, Parameters, RecordedRefusal, Transaction
from approval_tui.store.turns import Turn

if TYPE_CHECKING:
    from approval_tui.domain.store_checks import Check

P = ParamSpec("P")
R = TypeVar("R")

OLDEST_SQLITE = (3, 35, 0)
BUSY_TIMEOUT = 10.0
"""Seconds that SQLite waits for a lock that a writer without turns may hold."""

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA journal_size_limit = 67108864",
)

LOOK_EVERY = 0.05
"""Seconds after which a transaction looks again whether the file is still the one that was opened."""

_SQLITE_FAILURES = (sqlite3.Error, OverflowError, UnicodeError)


class SqliteTransaction:
    """One open transaction; see `store.transaction.Transaction`."""

    __slots__ = ("is_committed", "new_events", "new_id", "now", "run", "touched")

    may_decide = True

    run: Callable[..., sqlite3.Cursor]

    def __init__(self, new_id: IdFactory) -> None:
        self.now = 0
        self.touched: set[str] = set()
        self.new_events: list[NewEvent] = []
        self.new_id = new_id
        self.is_committed = False

    def rows(self, statement: str, parameters: Parameters) -> list[sqlite3.Row]:
        return self.run(STATEMENTS[statement], parameters).fetchall()

    def execute(self, statement: str, parameters: Parameters) -> int:
        return self.run(STATEMENTS[statement], parameters).rowcount

    def add(self, statement: str, parameters: Parameters) -> None:
        self.run(STATEMENTS[statement], parameters)

    def serialize(self, key: str) -> None:
        """Nothing to do: BEGIN IMMEDIATE already keeps every other writer out."""


class SqliteEngine:
    """The connection to one store file; threads may share it, forked children may not."""

    may_decide = True
    knows_roles = False

    def __init__(self, path: str, *, clock: Clock, new_id: IdFactory, create: bool = True) -> None:
        """Raises StoreUnavailable, and StoreMissing where there is no file and none is to be made."""
        self.path = self.location = path
        self.clock = clock
        self.wakeups = self.bells = Bells(f"{path}.bells")
        self._create = create
        self._new_id = new_id
        self.lock = threading.Lock()
        self._forks = Forks.count
        self._turn = Turn(f"{path}.turn")
        self.connection = self._open()
        self._file_identity = file_identity(self.path)
        self._looked_at = time.monotonic()
        Forks.register(self)

    def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function in one writing transaction, commits it, and rings the bells it calls for."""
        transaction = SqliteTransaction(self._new_id)
        try:
            with self.lock:
                self._refuse_foreign_use()
                with self._turn:
                    return self._transact("BEGIN IMMEDIATE", transaction, function, args, kwargs)
        except _SQLITE_FAILURES as error:
            raise self._in_our_words(error) from error
        finally:
            if transaction.is_committed:
                self.bells.ring(transaction.touched)

    def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function on one consistent state of the store, without keeping any writer waiting."""
        transaction = SqliteTransaction(self._new_id)
        try:
            with self.lock:
                self._refuse_foreign_use()
                return self._transact("BEGIN", transaction, function, args, kwargs)
        except _SQLITE_FAILURES as error:
            raise self._in_our_words(error) from error

    def data_version(self) -> int:
        """Changes whenever another connection commits; raises StoreUnavailable when the file was replaced."""
        try:
            with self.lock:
                self._refuse_foreign_use()
                version: int = self.connection.execute("PRAGMA data_version").fetchone()[0]
        except _SQLITE_FAILURES as error:
            raise self._in_our_words(error) from error
        return version

    def checks(self, *, quick: bool) -> tuple[Check, ...]:
        """Whether the file is sound and fit; see `sqlite_checks`."""
        from approval_tui.store.drivers.sqlite_checks import sqlite_checks  # only one command asks

        try:
            with self.lock:
                self._refuse_foreign_use()
                return sqlite_checks(self.path, self.connection, quick=quick)
        except OSError as error:
            raise replaced(self.path) from error
        except _SQLITE_FAILURES as error:
            raise self._in_our_words(error) from error

    def close(self) -> None:
        """Closes the connection; what was committed stays."""
        with self.lock:
            if self._forks == Forks.count:
                self.connection.close()
                self._turn.close()

    def _transact(
        self,
        begin: str,
        transaction: SqliteTransaction,
        function: Callable[..., R],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> R:
        execute = transaction.run = self.connection.cursor().execute  # one for all: each is read to its end
        try:
            execute(begin)
            transaction.now = self.clock()
            try:
                result = function(transaction, *args, **kwargs)
            except RecordedRefusal as refusal:
                link_new_events(transaction)
                execute("COMMIT")
                transaction.is_committed = True
                raise refusal.error from None
            except NothingToDo as found:
                self._undo()
                done: R = found.result
                return done
            link_new_events(transaction)
            execute("COMMIT")
            transaction.is_committed = True
        except BaseException:
            self._undo()
            raise
        return result

    def _undo(self) -> None:
        if self.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def _refuse_foreign_use(self) -> None:
        """Raises StoreUnavailable in a forked child, and soon after the file was moved or replaced."""
        if self._forks != Forks.count:
            raise opened_before_fork(self.path)
        moment = time.monotonic()
        if moment - self._looked_at < LOOK_EVERY:
            return
        if file_identity(self.path) != self._file_identity:
            raise replaced(self.path)
        self._looked_at = moment

    def _in_our_words(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.ProgrammingError):
            if "closed" not in str(error).lower():
                return error
            return StoreUnavailable(
                f"The store {self.path} was closed.", not_done="Nothing was done.", to_do="Open it again."
            )
        assert isinstance(error, _SQLITE_FAILURES)
        return in_our_words(error, self.path)

    def _open(self) -> sqlite3.Connection:
        refuse_old_sqlite()
        self._prepare_place()
        connection = None
        try:
            # What is not to be made is opened by a URI that says so: it may vanish only now.
            connection = connect(self.path if self._create else uri(self.path, "mode=rw"), is_uri=not self._create)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            with self._turn:
                if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    self._prepare_tables(connection)  # refuses a foreign file before touching it
                    _use_write_ahead_log(connection)
                self._prepare_tables(connection)
            return connection
        except (sqlite3.Error, ApprovalTuiError) as error:
            if connection is not None:
                connection.close()
            self._turn.close()
            if isinstance(error, sqlite3.Error):
                raise in_our_words(error, self.path) from error
            raise

    def _prepare_tables(self, connection: sqlite3.Connection) -> None:
        """Sees to it that the tables are today's."""
        bring_up_to_date(connection, self.path)

    def _prepare_place(self) -> None:
        """Makes the folder and the file where they may be made; refuses a file that others may write."""
        try:
            if self._create:
                ensure_private_folder(os.path.dirname(self.path))
            else:
                refuse_missing(self.path)
            ensure_private_file(self.path)
        except StoreUnavailable as error:
            raise of_its_kind(error) from None


def refuse_old_sqlite() -> None:
    """Raises StoreIncompatible where the SQLite library is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreIncompatible(
            f"SQLite {sqlite3.sqlite_version} is older than 3.35.",
            not_done="The store was not opened and nothing may run.",
            to_do="Use a Python with a newer SQLite library.",
        )


def refuse_missing(path: str) -> None:
    """Raises StoreMissing where there is no file, or one without a byte, which is no store yet.

    One that may not be looked at is left to whoever opens it.
    """
    try:
        if os.stat(path).st_size == 0:
            raise missing(path, "Only an empty file is")
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path) from None
    except OSError:
        pass


def connect(database: str, *, is_uri: bool) -> sqlite3.Connection:
    """A connection that begins no transaction by itself and may be used by several threads in turn."""
    connection = sqlite3.connect(
        database,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        uri=is_uri,
    )
    connection.row_factory = sqlite3.Row
    return connection


def uri(path: str, options: str) -> str:
    """SQLite's URI for an absolute path."""
    path = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{path if os.sep == '/' else '/' + path.replace(os.sep, '/')}?{options}"


def file_identity(path: str) -> tuple[int, int] | None:
    """What tells one file from another; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turns it on, once for the file; SQLite does not wait here for others who do the same, so this does."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.005)
