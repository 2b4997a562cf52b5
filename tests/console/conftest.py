"""A console on a seeded store, driven by a pilot with clocks that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from approval_tui.console import edit_screen, store_work
from approval_tui.console.app import ConsoleApp
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.driver import Console
from tests.seeded import counting_ids, seed
from tests.support import ManualClock

OpenConsole = Callable[..., AbstractAsyncContextManager[Console]]


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor rests for a moment only before what is shown is looked at, which the driver waits for each time."""
    monkeypatch.setattr(store_work, "_REST_BEFORE_MARKS", 0.005)
    monkeypatch.setattr(edit_screen, "_REST", 0.005)


@pytest.fixture
def requests(store_path: str, clock: ManualClock) -> list[Request]:
    return seed(store_path, clock)


@pytest.fixture
def reviewing_store(store_path: str, clock: ManualClock, requests: list[Request]) -> BlockingStore:
    """The same store for somebody else, who decides or asks meanwhile."""
    return open_store_blocking(store_path, clock=clock, new_id=counting_ids(100))


@pytest.fixture
def open_console(store_path: str, clock: ManualClock) -> OpenConsole:
    """Opens the console and waits until it has loaded."""

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = (140, 34), *, armed: bool = True, **options: Any
    ) -> AsyncIterator[Console]:
        monotonic = ManualClock(0)
        app = ConsoleApp(
            store_path, reviewer=Reviewer("ann", via="console"), clock=clock, monotonic=monotonic, **options
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            console = Console(pilot, clock, monotonic)
            await console.until(lambda: console.screen.is_live and console.app.contract.is_painted)
            await console.settle()
            if armed:
                monotonic.move(1000)
            yield console

    return opened
