"""Gates that reach a server, and the desk behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui import Gate
from tests.remote.gates import remote_gate
from tests.server.conftest import served
from tests.server.serving import Served

__all__ = ["served"]


@pytest.fixture
def gate(served: Served) -> Iterator[Gate]:
    with remote_gate(served) as opened:
        yield opened
