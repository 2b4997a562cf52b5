"""PostgreSQL from asyncio: each whole transaction is one hop to a thread, and several may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.store.drivers.daemon_threads import DaemonThreads
from approval_tui.store.drivers.postgres import PostgresEngine
from approval_tui.store.drivers.postgres_connections import MOST_CONNECTIONS
from approval_tui.store.drivers.postgres_errors import away, closed, unanswered
from approval_tui.store.transaction import Transaction

LONGEST_SILENCE = 20.0
"""Seconds after which a server that says nothing counts as away; it waits for locks for half as long."""

P = ParamSpec("P")
R = TypeVar("R")


class AsyncPostgresEngine:
    """A PostgresEngine with threads of its own."""

    def __init__(self, engine: PostgresEngine, threads: DaemonThreads) -> None:
        self._engine = engine
        self._threads: DaemonThreads | None = threads
        self.location = engine.location
        self.clock = engine.clock
        self.may_decide = engine.may_decide
        self.knows_roles = engine.knows_roles
        self.wakeups = engine.wakeups

    @classmethod
    async def open(cls, make: Callable[[], PostgresEngine]) -> AsyncPostgresEngine:
        """Opens the store on a new thread, with the engine that `make` gives; raises what that raises."""
        threads = DaemonThreads(MOST_CONNECTIONS, name="approval-tui-store")
        opening = threads.submit(make)
        try:
            engine = await asyncio.wrap_future(opening)
        except BaseException:
            opening.add_done_callback(_close_unwanted)
            threads.shutdown()
            raise
        return cls(engine, threads)

    async def write(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One hop: the whole transaction runs on a thread; see PostgresEngine.write.

        Raises StoreInDoubt where the server takes it and then says nothing for too long.
        """
        return await self._hop(partial(self._engine.write, function, *args, **kwargs), unanswered)

    async def read(self, function: Callable[Concatenate[Transaction, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One hop; see PostgresEngine.read."""
        return await self._hop(partial(self._engine.read, function, *args, **kwargs), away)

    async def data_version(self) -> Hashable:
        """One hop; see PostgresEngine.data_version."""
        return await self._hop(self._engine.data_version, away)

    async def close(self) -> None:
        """Ends the threads and closes the connections; closing twice is harmless."""
        await asyncio.shield(self._close())  # a cancelled task must not leave it half closed

    async def _close(self) -> None:
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(threads, self._engine.close)
            threads.shutdown()

    async def _hop(self, function: Callable[[], R], silent: Callable[[str, str], StoreUnavailable]) -> R:
        """What the function gives; a server that froze, or a network that swallows all, must not look calm."""
        if self._threads is None:
            raise closed(self.location)
        answer = asyncio.get_running_loop().run_in_executor(self._threads, function)
        try:
            await asyncio.wait({answer}, timeout=LONGEST_SILENCE)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if not answer.done():
            answer.cancel()
            raise silent(self.location, f"it has not answered for {LONGEST_SILENCE:g} s")
        return answer.result()


def _close_unwanted(opening: Future[PostgresEngine]) -> None:
    """Closes what was opened for a task that was cancelled meanwhile."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
