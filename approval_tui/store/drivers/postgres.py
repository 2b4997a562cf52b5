"""PostgreSQL: whole transaction functions on a connection of psycopg's, in place.

Writers work beside each other here. What SQLite settles by letting in one writer at a time, row locks settle
(every command first takes its request, rule R7), and locks on names (`serialize`). Events are linked to the end of
the audit log by the database itself, last of all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from approval_tui.domain.clock import Clock
from approval_tui.domain.errors import ApprovalTuiError, StoreAway, StoreReadOnly
from approval_tui.domain.ids import IdFactory
from approval_tui.store.drivers.forks import Forks, opened_before_fork
from approval_tui.store.drivers.postgres_connections import Connecting, Connections, pauses, tried_for
from approval_tui.store.drivers.postgres_errors import (
    AGAIN,
    away,
    closed,
    commit_unknown,
    first_line,
    in_our_words,
    is_away,
    not_storable,
)
from approval_tui.store.drivers.postgres_migrations import bring_up_to_date, refuse_outdated
from approval_tui.store.drivers.postgres_texts import Row
from approval_tui.store.drivers.postgres_transaction import NOW, PostgresTransaction
from approval_tui.store.drivers.postgres_wakeups import PostgresWakeups
from approval_tui.store.linking import body_after_time
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction

if TYPE_CHECKING:
    from approval_tui.domain.store_checks import Check

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_DOUBT = 15.0
"""Seconds for which a server is asked what became of a transaction whose end it did not answer."""

_MOST_TRIES = 10
"""Times that a transaction is tried which others got in the way of."""

_FATE = b"""
SELECT pg_xact_status(%(number)s::xid8) AS status, EXISTS (
  SELECT 1 FROM events WHERE seq > (SELECT seq FROM audit_head) - 10000 AND xmin = %(number)s::xid8::xid
    AND right(body, length(%(body)s::text)) = %(body)s::text) AS is_told
"""
_MAY_DECIDE = f"SELECT has_column_privilege('requests', 'decisions', 'UPDATE') AS may_decide, {NOW}".encode()
_VERSION = b"SELECT (SELECT seq FROM audit_head) AS seq, (SELECT max(heard_at) FROM proxies) AS heard_at"


class _LostBeforeCommit(Exception):
    """The connection was lost, and nothing was written."""

    def __init__(self, error: ApprovalTuiError) -> None:
        super().__init__(str(error))
        self.error = error


class PostgresEngine:
    """The connections to one store in a PostgreSQL database; threads may share it, forked children may not."""

    knows_roles = True

    def __init__(
        self,
        connecting: Connecting,
        connections: Connections,
        *,
        clock: Clock | None,
        new_id: IdFactory,
        create: bool,
        readonly: bool,
        patience: float,
    ) -> None:
        """Without a clock, the database's counts. Raises StoreUnavailable, and StoreMissing where there is no store."""
        self.location = connecting.location
        self._connecting = connecting
        self._connections = connections
        self._given_clock = clock
        self._new_id = new_id
        self._readonly = readonly
        self._patience = patience
        self._is_closed = False
        self._forks = Forks.count
        self._ahead_of_monotonic = 0
        try:
            self._schema, self.may_decide = self._open(create=create and not readonly)
        except BaseException:
            connections.close()
            raise
        self.wakeups = PostgresWakeups(connecting.connect, f"approval_tui_{self._schema}")

    def clock(self) -> int:
        """The time that counts in this store, in ms UTC: that of the database, as far as it is known."""
        if self._given_clock is not None:
            return self._given_clock()
        return time.monotonic_ns() // 1_000_000 + self._ahead_of_monotonic

    def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function in one writing transaction, commits it, and wakes those whom it concerns.

        Where others got in the way, or the connection was lost before the end, nothing was written, and it is tried
        again. What became of a transaction whose end got no answer is asked of the server.
        """
        if self._readonly:
            raise StoreReadOnly(
                f"The store {self.location} was opened for reading only.",
                not_done="Nothing was written.",
                to_do="Open it again without --readonly to decide.",
            )
        return self._tried(lambda: self._written(function, args, kwargs))

    def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the function on one consistent state of the store, without keeping any writer waiting."""
        return self._tried(lambda: self._read(function, args, kwargs))

    def data_version(self) -> Hashable:
        """Changes whenever somebody adds to the log or says something of a proxy; raises StoreAway."""

        def look() -> Hashable:
            with self._connections.lent() as connection:
                try:
                    row = connection.execute(_VERSION).fetchone()
                except psycopg.Error as error:
                    raise self._lost(error) from error
            assert row is not None
            return tuple(row)

        return self._tried(look)

    def checks(self, *, quick: bool) -> tuple[Check, ...]:  # noqa: ARG002 - none of them reads all
        """Whether the server, the schema and the role are sound and fit; see `postgres_checks`."""
        from approval_tui.store.drivers.postgres_checks import postgres_checks  # only one command asks

        def look() -> tuple[Check, ...]:
            with self._connections.lent() as connection:
                try:
                    return postgres_checks(connection, self._connecting.connect)
                except psycopg.Error as error:
                    raise self._lost(error) from error

        return self._tried(look)

    def close(self) -> None:
        """Closes the connections; what was committed stays."""
        self._is_closed = True
        if self._forks == Forks.count:
            self.wakeups.close()
            self._connections.close()

    def _open(self, *, create: bool) -> tuple[int, bool]:
        with self._connections.lent() as connection:
            try:
                schema = self._prepare_tables(connection, create=create)
                row = connection.execute(_MAY_DECIDE).fetchone()
            except psycopg.Error as error:
                raise in_our_words(error, self.location) from error
        assert row is not None
        self._note_clock(row["now"])
        return schema, row["may_decide"]

    def _prepare_tables(self, connection: Connection[Row], *, create: bool) -> int:
        """Sees to it that the tables are today's, and gives the number of their schema."""
        if self._readonly:
            return refuse_outdated(connection, self.location)
        return bring_up_to_date(connection, self.location, create=create)

    def _tried(self, action: Callable[[], R]) -> R:
        """What the action gives, tried again while the server is away or others get in the way."""
        deadline = time.monotonic() + self._patience
        waits = pauses()
        others = 0
        is_first = True
        while True:
            self._refuse_foreign_use()
            try:
                return action()
            except UnicodeError as unwritable:
                raise not_storable(unwritable) from unwritable
            except _LostBeforeCommit as lost:
                self._connections.forget()
                error: ApprovalTuiError = lost.error
                if is_first:
                    is_first = False
                    continue  # the server may be back, and only what was open before is lost
            except StoreAway as gone:
                error = gone
            except AGAIN as conflict:
                others += 1
                if others >= _MOST_TRIES:
                    raise in_our_words(conflict, self.location) from conflict
                continue
            pause = next(waits)
            if time.monotonic() + pause > deadline:
                raise error
            time.sleep(pause)

    def _written(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        with self._connections.lent() as connection:
            transaction = self._begin(connection, writes=True)
            refused: ApprovalTuiError | None = None
            result: Any = None
            try:
                try:
                    result = function(transaction, *args, **kwargs)
                except RecordedRefusal as refusal:
                    refused = refusal.error
            except NothingToDo as found:
                self._roll_back(connection)
                done: R = found.result
                return done
            except psycopg.Error as error:
                self._roll_back(connection)
                raise self._lost(error) from error
            except BaseException:
                self._roll_back(connection)
                raise
            self._commit(connection, transaction)
        if refused is not None:
            raise refused
        written: R = result
        return written

    def _commit(self, connection: Connection[Row], transaction: PostgresTransaction) -> None:
        try:
            transaction.commit(self.wakeups.channels(transaction.touched))
        except psycopg.Error as error:
            if not is_away(error):
                self._roll_back(connection)
                raise self._lost(error) from error
            with contextlib.suppress(psycopg.Error):
                connection.close()
            if not self._was_committed(transaction, first_line(error)):
                raise _LostBeforeCommit(away(self.location, first_line(error))) from error
        except BaseException:
            self._roll_back(connection)
            raise

    def _was_committed(self, transaction: PostgresTransaction, why: str) -> bool:
        """Whether the transaction is in the store; raises StoreInDoubt where that cannot be known.

        A server that crashes, or is replaced by its standby, may give the number of a transaction that it lost to
        another one. What committed under that number is therefore ours only with the last event of ours.
        """
        new = transaction.new_events[-1] if transaction.new_events else None
        asked = {"number": transaction.number, "body": "" if new is None else body_after_time(new)}

        def ask() -> bool:
            with contextlib.closing(self._connecting.connect()) as connection:
                try:
                    row = connection.execute(_FATE, asked).fetchone()
                except psycopg.Error as error:
                    raise in_our_words(error, self.location) from error
            assert row is not None
            if row["status"] == "in progress":
                raise away(self.location, "it still ends a transaction")
            if row["status"] == "committed" and new is not None and not row["is_told"]:
                raise commit_unknown(self.location, why)
            return bool(row["status"] == "committed")

        try:
            answer: bool = tried_for(LONGEST_DOUBT, ask, passing=StoreAway)
        except ApprovalTuiError:
            raise commit_unknown(self.location, why) from None
        return answer

    def _read(self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        with self._connections.lent() as connection:
            transaction = self._begin(connection, writes=False)
            try:
                return function(transaction, *args, **kwargs)
            except psycopg.Error as error:
                raise self._lost(error) from error
            finally:
                self._roll_back(connection)

    def _begin(self, connection: Connection[Row], *, writes: bool) -> PostgresTransaction:
        transaction = PostgresTransaction(
            connection, self._new_id, self._schema, may_decide=self.may_decide, writes=writes
        )
        try:
            there = transaction.begin(self._given_clock)
        except psycopg.Error as error:
            self._roll_back(connection)
            raise self._lost(error) from error
        self._note_clock(there)
        return transaction

    def _note_clock(self, there: int) -> None:
        self._ahead_of_monotonic = there - time.monotonic_ns() // 1_000_000

    def _lost(self, error: psycopg.Error) -> Exception:
        """What to raise for an error after which nothing was written."""
        if isinstance(error, AGAIN):
            return error
        if is_away(error):
            return _LostBeforeCommit(away(self.location, first_line(error)))
        return in_our_words(error, self.location)

    def _roll_back(self, connection: Connection[Row]) -> None:
        if connection.closed or connection.info.transaction_status == TransactionStatus.IDLE:
            return
        with contextlib.suppress(psycopg.Error):
            connection.execute(b"ROLLBACK")

    def _refuse_foreign_use(self) -> None:
        if self._forks != Forks.count:
            raise opened_before_fork(self.location)
        if self._is_closed:
            raise closed(self.location)
