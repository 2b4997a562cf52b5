"""Connections to PostgreSQL: how one is made, and who may use it when."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from approval_tui.domain.database_urls import shown_location
from approval_tui.domain.errors import ApprovalTuiError, StoreBusy, StoreIncompatible
from approval_tui.store.drivers.postgres_errors import closed, first_line, in_our_words
from approval_tui.store.drivers.postgres_texts import Row, rows_by_column, with_every_text

OLDEST_SERVER = 130000
"""PostgreSQL 13 is the first that tells what became of a transaction by a number that no other ever has."""

LONGEST_LOCK = 10
"""Seconds that a statement waits for what another transaction holds."""

MOST_CONNECTIONS = 8
"""Transactions of one program that run at once on an asynchronous store."""

_LONGEST_WAIT_FOR_TURN = 10.0

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of is raised as an error as well
_OPTIONS: dict[str, Any] = {
    "application_name": "approval-tui",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""What holds where the URL says nothing else: a server that vanished without a word is missed within seconds."""

_SETTINGS = f"""
SELECT set_config('lock_timeout', '{LONGEST_LOCK}s', false),
  set_config('idle_in_transaction_session_timeout', '30s', false),
  set_config('TimeZone', 'UTC', false),
  CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
""".encode()


class Connecting:
    """How connections to one store are made."""

    def __init__(self, url: str) -> None:
        """Raises StoreIncompatible for a URL that libpq cannot read."""
        self.location = shown_location(url)
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise self._unreadable(_without_quotations(first_line(error), self.location)) from None
        hosts = [host for host in str(given.get("host", "")).split(",") if not host.startswith("/")]
        if any("@" in host[1:] for host in hosts) or not re.fullmatch(r"[0-9,]*", str(given.get("port", ""))):
            raise self._unreadable("its password holds a character that ends it")
        self.options: dict[str, Any] = {**_OPTIONS, **given, "client_encoding": "UTF8"}

    def connect(self) -> Connection[Row]:
        """A connection that begins no transaction by itself; raises StoreAway, or why the server refused."""
        try:
            connection = Connection.connect(
                **self.options, autocommit=True, row_factory=rows_by_column, prepare_threshold=3
            )
        except psycopg.Error as error:
            raise in_our_words(error, self.location) from error
        try:
            self.prepare(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, psycopg.Error):
                raise in_our_words(error, self.location) from error
            raise
        return connection

    def prepare(self, connection: Connection[Row]) -> None:
        """Sets what every connection needs; raises StoreIncompatible for a server that is too old or not UTF-8."""
        if connection.info.server_version < OLDEST_SERVER:
            raise self._unfit(f"its PostgreSQL {connection.info.server_version // 10000} is older than 13")
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise self._unfit(f"its encoding is {encoding} and not UTF8")
        with_every_text(connection)
        connection.execute(_SETTINGS)

    def _unreadable(self, why: str) -> StoreIncompatible:
        return StoreIncompatible(
            f"{self.location} is no URL of a PostgreSQL database: {why}.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Give one such as postgresql://user@host/database, with / as %2F and @ as %40 in a password.",
        )

    def _unfit(self, why: str) -> StoreIncompatible:
        return StoreIncompatible(
            f"The database {self.location} cannot be a store: {why}.",
            not_done="Nothing was opened and nothing may run.",
            to_do="Use another database.",
        )


def _without_quotations(message: str, location: str) -> str:
    """The message without what it quotes of a URL, as far as the location that may be shown does not say it."""
    return re.sub(r'"([^"]{2,})"', lambda quoted: quoted[0] if quoted[1] in location else '"****"', message)


class Connections(Protocol):
    """Connections that are lent, one for a transaction."""

    def lent(self) -> contextlib.AbstractContextManager[Connection[Row]]:
        """One for the time of the context; it may turn out to be lost."""

    def forget(self) -> None:
        """Lends nothing again that was open until now, because the server went away."""

    def close(self) -> None:
        """Closes them all."""


class OneConnection:
    """A single connection, which threads use in turn; it is made when it is first needed."""

    def __init__(self, connecting: Connecting) -> None:
        self._connecting = connecting
        self._turn = threading.Lock()
        self._kept: Connection[Row] | None = None

    @contextlib.contextmanager
    def lent(self) -> Iterator[Connection[Row]]:
        """See Connections; raises StoreAway, and StoreBusy where another thread has it for too long."""
        if not self._turn.acquire(timeout=_LONGEST_WAIT_FOR_TURN):
            raise _all_in_use(self._connecting.location)
        try:
            if self._kept is None or self._kept.closed:
                self._kept = self._connecting.connect()
            yield self._kept
        finally:
            if self._kept is not None and self._kept.info.transaction_status != TransactionStatus.IDLE:
                self._kept.close()  # interrupted in the middle of something
            self._turn.release()

    def forget(self) -> None:
        """See Connections."""
        self.close()

    def close(self) -> None:
        """See Connections."""
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None


class PooledConnections:
    """psycopg's pool, for programs that run several transactions at once."""

    def __init__(self, connecting: Connecting, most: int = MOST_CONNECTIONS) -> None:
        self._connecting = connecting
        self._most = most
        self._opening = threading.Lock()
        self._pool: Any = None
        self._is_closed = False
        self._lent_here = threading.local()

    @contextlib.contextmanager
    def lent(self) -> Iterator[Connection[Row]]:
        """See Connections; raises StoreAway, and StoreBusy where all are in use for too long."""
        from psycopg_pool import PoolClosed, PoolTimeout

        while True:
            self._lent_here.by = pool = self._opened()
            try:
                connection = pool.getconn()
                break
            except PoolClosed:
                continue  # another thread found the server gone, and forgot this pool
            except PoolTimeout as error:
                self.forget()
                self._connecting.connect().close()  # says why there is none
                raise _all_in_use(self._connecting.location) from error
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def forget(self) -> None:
        """See Connections; what other threads opened since this one was lent its connection stays."""
        with self._opening:
            pool = self._pool if self._pool is getattr(self._lent_here, "by", None) else None
            if pool is not None:
                self._pool = None
        if pool is not None:
            pool.close(timeout=0)

    def close(self) -> None:
        """See Connections."""
        with self._opening:
            self._is_closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened(self) -> Any:
        with self._opening:
            if self._is_closed:
                raise closed(self._connecting.location)
            if self._pool is None:
                from psycopg_pool import ConnectionPool

                self._connecting.connect().close()  # a pool would wait long, and not say why there is no connection
                self._pool = ConnectionPool(
                    connection_class=Connection,
                    kwargs={
                        **self._connecting.options,
                        "autocommit": True,
                        "row_factory": rows_by_column,
                        "prepare_threshold": 3,
                    },
                    min_size=1,
                    max_size=self._most,
                    max_idle=60.0,
                    timeout=_LONGEST_WAIT_FOR_TURN,
                    reconnect_timeout=5.0,
                    configure=self._connecting.prepare,
                    num_workers=1,
                    name="approval-tui",
                    open=True,
                )
            return self._pool


def _all_in_use(location: str) -> StoreBusy:
    return StoreBusy(
        f"All connections of this program to the store {location} are in use.",
        not_done="Nothing was read or written.",
        to_do="Try again.",
    )


FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try, doubling up to a limit."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def tried_for(seconds: float, action: Callable[[], Any], *, passing: type[ApprovalTuiError]) -> Any:
    """What the action gives, tried again with growing pauses while it raises that error, for so many seconds."""
    deadline = time.monotonic() + seconds
    for pause in pauses():
        try:
            return action()
        except passing:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
    raise AssertionError("pauses have no end")
