"""SQLite from asyncio: aiosqlite's thread runs each whole transaction in one hop.

aiosqlite's public calls cost one hop a statement; `_execute` is its one-hop call. It is private there, so
it is used in this file alone, and a test says when it changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.store.drivers.sqlite import SqliteEngine
from approval_tui.store.transaction import Transaction

P = ParamSpec("P")
R = TypeVar("R")


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, quiet when it is forgotten: a gate lives as long as its program, past the event loop."""

    close_engine: Callable[[], None]

    def __del__(self) -> None:
        if self._connection is not None:
            self._running = False
            self._tx.put_nowait((None, partial(_end, self.close_engine)))  # no future: the loop may end before


def _end(close_engine: Callable[[], None]) -> object:
    """Closes the engine on the connection's thread, and ends that thread."""
    with contextlib.suppress(sqlite3.Error):
        close_engine()
    return _STOP_RUNNING_SENTINEL


class AsyncSqliteEngine:
    """A SqliteEngine that lives on a thread of its own."""

    def __init__(self, engine: SqliteEngine, connection: aiosqlite.Connection) -> None:
        self._engine = engine
        self._connection = connection
        self.location = engine.location
        self.clock = engine.clock
        self.may_decide = engine.may_decide
        self.knows_roles = engine.knows_roles
        self.wakeups = engine.wakeups

    @classmethod
    async def open(cls, make: Callable[[], SqliteEngine]) -> AsyncSqliteEngine:
        """Opens the store on a new thread, with the engine that `make` gives; raises what that raises."""
        opened: list[SqliteEngine] = []

        def connect() -> sqlite3.Connection:
            engine = make()
            opened.append(engine)
            return engine.connection

        connection = _Connection(connect, iter_chunk_size=64)
        # A program that forgets to close must still be able to end; SQLite survives a thread that stops.
        connection._thread.daemon = True
        try:
            await connection
        except BaseException:
            # aiosqlite lets its thread end by itself, which then may find the loop closed and complain on stderr.
            await asyncio.to_thread(connection._thread.join)
            for engine in opened:
                engine.close()
            raise
        connection.close_engine = opened[0].close
        return cls(opened[0], connection)

    async def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One hop: the whole transaction runs on the thread; see SqliteEngine.write."""
        return await self._hop(partial(self._engine.write, function, *args, **kwargs))

    async def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One hop; see SqliteEngine.read."""
        return await self._hop(partial(self._engine.read, function, *args, **kwargs))

    async def data_version(self) -> int:
        """One hop; see SqliteEngine.data_version."""
        return await self._hop(self._engine.data_version)

    async def close(self) -> None:
        """Ends the thread and closes the connection; closing twice is harmless."""
        await asyncio.shield(self._close())  # a cancelled task must not leave it half closed

    async def _close(self) -> None:
        if self._connection._connection is not None:
            await self._hop(self._engine.close)
            await self._connection.close()

    async def _hop(self, function: Callable[[], R]) -> R:
        try:
            result: R = await self._connection._execute(function)  # type: ignore[no-untyped-call]
        except ValueError as error:
            if "closed" not in str(error):
                raise
            raise StoreUnavailable(
                f"The store {self.location} was closed.", not_done="Nothing was done.", to_do="Open it again."
            ) from None
        return result
