"""What every test gets: a home of its own, a store in a scratch folder, and a clock that it moves itself."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from approval_tui.domain.calls import Call
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite
from tests.support import ManualClock

pytest_plugins = ["tests.postgres.plugin"]

settings.register_profile("patient", deadline=None)  # timings never decide a test
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads this machine's configuration or store, and none writes them."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name in list(os.environ):
        if name.startswith(("APPROVAL_TUI_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder beside the home in which an agent works, with a file of three lines."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "f.py").write_text("one\ntwo\nthree\n")
    return folder


@pytest.fixture
def store_path(tmp_path: Path) -> str:
    return str(tmp_path / "store" / "approvals.db")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(store_path: str, clock: ManualClock) -> Iterator[BlockingStore]:
    """A blocking store whose time stands still until the test moves it."""
    with open_store_blocking(store_path, clock=clock) as opened:
        yield opened


@pytest.fixture
async def async_store(store_path: str, clock: ManualClock) -> AsyncIterator[AsyncStore]:
    """The async store on the same file and the same clock."""
    async with open_store(store_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def store_looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transaction notices a file that was moved or replaced, and not only one a moment later."""
    monkeypatch.setattr(sqlite, "LOOK_EVERY", 0.0)


@pytest.fixture
def call() -> Call:
    return Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot", session="run-1")
