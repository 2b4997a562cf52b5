"""Deliverers at work, and waiting for what they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from approval_tui.domain.sinks import Sink, Webhook
from approval_tui.notify.deliverer import deliver
from approval_tui.store.asynchronous import AsyncStore
from tests.notify.receivers import Receiver
from tests.support import LONG

SECRET = "geheim"


async def soon(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Waits until the condition holds, and fails if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        await asyncio.sleep(0.002)


def sink_of(receiver: Receiver, *events: str) -> Webhook:
    """The receiver as a sink, which wants these events, or only what is requested."""
    return Webhook(receiver.url, SECRET, events or ("requested",), allow_private=True)


@asynccontextmanager
async def delivering(store: AsyncStore, sinks: Sequence[Sink], **options: Any) -> AsyncIterator[list[str]]:
    """A deliverer while the context lasts, from when it knows its webhooks; gives what it told."""
    told: list[str] = []
    task = asyncio.ensure_future(deliver(store, sinks, tell=told.append, **options))
    webhooks = tuple(sink.id for sink in sinks if isinstance(sink, Webhook))
    try:
        while (await store.deliverer.outlook(webhooks)).behind:
            assert not task.done()
        yield told
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
