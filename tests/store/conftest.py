"""A store in which every way that a life can take was taken."""

from __future__ import annotations

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.store.lives import every_life
from tests.support import ManualClock


@pytest.fixture
def told(store: BlockingStore, clock: ManualClock, call: Call) -> dict[str, Request]:
    """One request for each way that a life can take."""
    return every_life(store, clock, call)
