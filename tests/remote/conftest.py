"""Gates that reach a server, in both forms, and the desk behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui import Gate
from tests.remote.gates import remote_gate
from tests.server.serving import Served, serve


@pytest.fixture
def served(store_path: str) -> Iterator[Served]:
    """A server that is asked about every call; the agent is `bot`, the reviewer `ann`."""
    server, served = serve(store_path)
    yield served
    server.stop()
    served.desk.close()


@pytest.fixture
def gate(served: Served) -> Iterator[Gate]:
    with remote_gate(served) as opened:
        yield opened
