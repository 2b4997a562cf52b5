"""A store that the command finds by itself, and the command in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, system_clock
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import Cli, in_this_process
from tests.support import ManualClock, submit


@pytest.fixture
def store(store_path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingStore]:
    """The store that every command of the test uses unless it names another; its time is the real one."""
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("PYTHONUNBUFFERED", "")  # else what is written late is written at once
    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.fixture
def past(store: BlockingStore, store_path: str) -> Iterator[BlockingStore]:
    """The same store two hours ago: what is asked or claimed there is past its time by now."""
    with open_store_blocking(store_path, clock=ManualClock(system_clock() - 2 * HOUR)) as opened:
        yield opened


@pytest.fixture
def cli(store: BlockingStore, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command in this process."""
    return in_this_process(capsys)


@pytest.fixture
def request_(store: BlockingStore, call: Call) -> Request:
    """A request that waits."""
    return submit(store, call)
