"""What every test of an integration gets: a scratch store as the default one, and no wait without an end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore


@pytest.fixture(autouse=True)
def default_store(own_home: Path, store_path: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the store that is opened where nobody names one; what is asked there waits a minute at most."""
    config = own_home / "approval-tui.yaml"
    config.write_text("requests:\n  timeout: 1m\n")
    monkeypatch.setenv("APPROVAL_TUI_STORE", store_path)
    monkeypatch.setenv("APPROVAL_TUI_CONFIG", str(config))
    return store_path


@pytest.fixture
def desk(default_store: str) -> Iterator[BlockingStore]:
    """That store as reviewers use it, on the machine's clock as gates are."""
    with open_store_blocking(default_store) as opened:
        yield opened
