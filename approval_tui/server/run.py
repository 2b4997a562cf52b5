"""Runs the server until it is told to stop, and then lets every caller have an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.gate.judging import EngineInForce
from approval_tui.gate.on_behalf import OnBehalf
from approval_tui.server.agent_api import AgentApi
from approval_tui.server.app import make_app
from approval_tui.server.change_feed import ChangeFeed
from approval_tui.server.http_protocol import PatientProtocol
from approval_tui.server.operations import Operation, Proposals, agent_operations, proposal_operations
from approval_tui.server.operations import reviewer_operations as operations_of_reviewers
from approval_tui.server.reviewer_api import ReviewerApi, Unusual
from approval_tui.settings.configuration import Settings
from approval_tui.store.asynchronous import AsyncStore

_SWEEP_EVERY = 5.0
"""Seconds after which requests whose time has passed are looked for, so that their expiry is an event."""

BEGUN_ANEW_AFTER = 1.0
"""Seconds after which work beside the serving that a defect ended is begun anew."""

_LONGEST_END = 10
"""Seconds that callers have to take their answers when the server ends."""

_log = logging.getLogger("approval_tui.server")

Work = Callable[[], Coroutine[Any, Any, None]]
Task = Callable[[AsyncStore], Coroutine[Any, Any, None]]

Started = Callable[[Callable[[], None]], object]
"""Is told that callers are let in, and what ends the server."""


@dataclass(frozen=True)
class Serving:
    """What is served, and how: `hosts` are the names by which it may be called, None for any.

    `unusual` finds what is unusual about a request. `tasks` run beside the serving for as long, each with the store.
    """

    engine: EngineInForce
    settings: Settings
    unusual: Unusual
    proposals: Proposals | None = None
    hosts: Collection[str] | None = None
    tls: ssl.SSLContext | None = None
    tasks: Sequence[Task] = ()


async def run_server(store: AsyncStore, serving: Serving, listening: socket.socket, started: Started) -> None:
    """Serves on that socket until SIGINT or SIGTERM; `started` is told when callers are let in."""
    feed = ChangeFeed(store)
    app = make_app(store, operations_for(store, feed, serving), serving.hosts)
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_LONGEST_END,
        h11_max_incomplete_event_size=32 * 1024,
    )
    config.load()
    config.ssl = serving.tls
    server = _Server(config, feed, started)
    own_works: list[Work] = [feed.run, partial(_sweep, store)]
    if store.knows_roles:
        own_works.append(partial(_apply_grants, store))
    async with _beside([*own_works, *(partial(task, store) for task in serving.tasks)]):
        await server.serve(sockets=[listening])


def operations_for(store: AsyncStore, feed: ChangeFeed, serving: Serving) -> tuple[Operation, ...]:
    """All that the server does."""
    on_behalf = OnBehalf(store, serving.engine, serving.settings.claim_lifetime)
    agents = agent_operations(AgentApi(store, on_behalf, feed, serving.settings))
    reviewers = operations_of_reviewers(ReviewerApi(store, feed, serving.unusual))
    proposals = () if serving.proposals is None else proposal_operations(serving.proposals)
    return (*agents, *reviewers, *proposals)


class _Server(uvicorn.Server):
    """uvicorn's server, which ends held polls before it waits for its callers to go."""

    def __init__(self, config: uvicorn.Config, feed: ChangeFeed, started: Started) -> None:
        super().__init__(config)
        self._feed = feed
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_started(self._stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends at the first signal and is done then; uvicorn would raise it once more, and the store stay open."""
        if threading.current_thread() is not threading.main_thread():  # where no signal comes
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.stop()
        await super().shutdown(sockets)
        if self.server_state.tasks:  # who were not done in time, and say so to their callers
            await asyncio.wait(self.server_state.tasks, timeout=1)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await asyncio.sleep(0)  # in which they close


async def _sweep(store: AsyncStore) -> None:
    while True:
        with contextlib.suppress(ApprovalTuiError):  # the next caller learns of it
            await store.reviewer.expire_due()
        await asyncio.sleep(_SWEEP_EVERY)


async def _apply_grants(store: AsyncStore) -> None:
    """Approves what grants cover as soon as agents ask that use the database themselves and may not approve."""
    after = 0
    while True:
        with contextlib.suppress(ApprovalTuiError):
            async for _ in store.reviewer.changes():
                after = await store.reviewer.apply_grants(after)
        await asyncio.sleep(BEGUN_ANEW_AFTER)


@contextlib.asynccontextmanager
async def _beside(works: Sequence[Work]) -> AsyncIterator[None]:
    """Does these works for as long as the context lasts."""
    tasks = [asyncio.create_task(kept_up(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def kept_up(work: Work) -> None:
    """Does the work; where a defect ends it, that is logged, and it is begun anew: polls and notices rely on it."""
    while True:
        try:
            return await work()
        except Exception as error:
            _log.error("a defect in approval-tui: %s: %s", type(error).__name__, error)
        await asyncio.sleep(BEGUN_ANEW_AFTER)
