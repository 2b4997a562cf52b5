"""Asks a server that froze, closes the store, and ends: frozen.py URL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from approval_tui.domain.errors import StoreAway
from approval_tui.store import open_store
from approval_tui.store.drivers import postgres_async


async def ask(url: str) -> None:
    """Says `away` where the store says so."""
    postgres_async.LONGEST_SILENCE = 0.5
    async with open_store(url, patience=0.0) as store:
        backend = await store.reviewer._engine.read(lambda tx: tx._connection.info.backend_pid)  # type: ignore[attr-defined]
        os.kill(backend, signal.SIGSTOP)
        try:
            while True:  # it stops soon after it is told to
                await store.reviewer.list()
        except StoreAway:
            print("away")


if __name__ == "__main__":
    asyncio.run(ask(sys.argv[1]))
