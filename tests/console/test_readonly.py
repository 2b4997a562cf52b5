"""A console that may only look: nothing is written, and every key that would decide says why."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.support import approve


def version_and_bytes(path: str) -> tuple[bytes, dict[str, bytes]]:
    """Everything that a write would change."""
    with closing(sqlite3.connect(path)) as connection:
        (dump,) = ["\n".join(connection.iterdump()).encode()]
    with open(path, "rb") as file:
        return dump, {path: file.read()}


async def test_readonly_writes_nothing_even_when_times_pass(
    open_console: OpenConsole, store_path: str, requests: list[Request]
) -> None:
    before = version_and_bytes(store_path)
    async with open_console(readonly=True) as console:
        await console.see("READ ONLY")
        await console.see("--readonly")
        console.clock.move(40 * 60_000)  # all of them expire meanwhile
        await console.press("j", "k", "2", "3", "v", "1", "a", "s", "d", "x", "r")
    assert version_and_bytes(store_path) == before


async def test_every_deciding_key_says_why_it_does_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    why = "It was started with --readonly. Nothing can be decided here."
    async with open_console(readonly=True) as console:
        for key in ("a", "s", "d", "x", "r"):
            for opened in ((), ("enter",)):
                await console.press(*opened, "y")  # says something else
                assert why not in console.text()
                screen = console.app.screen
                await console.press(key)
                await console.see(why)
                assert console.app.screen is screen
            await console.press("escape")
            assert console.app.screen is console.screen
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_readonly_shows_what_others_decide(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(readonly=True) as console:
        approve(reviewing_store, requests[0])
        await console.until(lambda: console.shown.status == "approved")


async def test_a_readonly_console_makes_no_file_beside_the_store(
    open_console: OpenConsole, store_path: str, requests: list[Request]
) -> None:
    folder = os.path.dirname(store_path)
    before = {name for name in os.listdir(folder) if not name.endswith(("-wal", "-shm"))}
    async with open_console(readonly=True) as console:
        await console.see("READ ONLY")
        assert {name for name in os.listdir(folder) if not name.endswith(("-wal", "-shm"))} == before
