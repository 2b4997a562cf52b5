"""The reviewer's side of a store in real time, and gates on the same file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui import Gate
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import new_gate


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    """The store as reviewers use it, on the machine's clock as a gate is."""
    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.fixture
def gate(store_path: str) -> Iterator[Gate]:
    """A gate for blocking code; `both_forms.use` serves both."""
    with new_gate(store_path, session="run-1") as opened:
        yield opened
