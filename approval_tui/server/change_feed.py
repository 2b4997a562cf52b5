"""Who waits for what: one watch over the store wakes the polls that a commit concerns, however many there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator

from approval_tui.domain.clock import SECOND
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.http_names import LONGEST_POLL
from approval_tui.store.asynchronous import AsyncStore

LONGEST_WAIT = LONGEST_POLL * SECOND
"""How long one poll is held at most, in ms."""

_MOST_EVENTS = 1000
_TRY_AGAIN = 1.0
"""Seconds after which a store that could not be read is read again."""

_log = logging.getLogger("approval_tui.server")


class ChangeFeed:
    """Follows the log, and rings for each request that an event speaks of."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store
        self._waiting: defaultdict[str | None, set[asyncio.Event]] = defaultdict(set)
        self.is_stopping = False

    async def run(self) -> None:
        """Rings until it is cancelled; a store that is away is tried again."""
        after: int | None = None
        while True:
            try:
                if after is None:
                    head = await self._store.reviewer.head()
                    after = 0 if head is None else head.seq
                    self._ring_all()  # what came before the first look
                async for _ in self._store.reviewer.changes():
                    after = await self._follow(after)
            except ApprovalTuiError as error:
                _log.warning("the store cannot be watched: %s", error)
                self._ring_all()
                await asyncio.sleep(_TRY_AGAIN)

    def stop(self) -> None:
        """Ends every wait, so that each caller gets an answer before the server goes."""
        self.is_stopping = True
        self._ring_all()

    def until(self, wait: int) -> int:
        """When a poll ends that is to be held for so many ms."""
        return self._store.now() + min(wait, LONGEST_WAIT)

    @contextlib.contextmanager
    def listening(self, request_id: str | None) -> Iterator[asyncio.Event]:
        """An event that is set when the request changed, or for None when any did; for the time of the context."""
        rung = asyncio.Event()
        self._waiting[request_id].add(rung)
        try:
            yield rung
        finally:
            self._waiting[request_id].discard(rung)
            if not self._waiting[request_id]:
                del self._waiting[request_id]

    async def _follow(self, after: int) -> int:
        while True:
            newest, ids = await self._store.server.requests_touched(after, _MOST_EVENTS)
            if newest == after:
                return after
            after = newest
            for request_id in (*ids, None):
                for rung in self._waiting.get(request_id, ()):
                    rung.set()

    def _ring_all(self) -> None:
        for waiting in self._waiting.values():
            for rung in waiting:
                rung.set()


async def rung_within(rung: asyncio.Event, seconds: float, gone: Callable[[], Awaitable[None]] | None) -> None:
    """Waits for the ring, for at most so long, or until the caller is gone, which raises CallerGone."""
    ring = asyncio.ensure_future(rung.wait())
    leaving = None if gone is None else asyncio.ensure_future(gone())
    waits = {ring} if leaving is None else {ring, leaving}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if leaving is not None and leaving.done():
            raise CallerGone
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    rung.clear()


class CallerGone(Exception):
    """The caller hung up while it waited; nobody is there to be answered."""
