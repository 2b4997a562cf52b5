"""A server on a thread, without a policy, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.server.serving import Served, Watched, serve, serving_all


@pytest.fixture
def served(store_path: str) -> Iterator[Served]:
    """A server that is asked about every call; the agent is `bot`, the reviewer `ann`."""
    server, served = serve(store_path)
    yield served
    server.stop()
    served.desk.close()


@pytest.fixture
def agent(served: Served) -> Iterator[httpx2.Client]:
    with served.client(served.agent_token) as client:
        yield client


@pytest.fixture
def reviewer(served: Served) -> Iterator[httpx2.Client]:
    with served.client(served.reviewer_token) as client:
        yield client


@pytest.fixture
def served_whole(store_path: str) -> Iterator[Served]:
    """The same with ToolWeaver's routes, as the command serves."""
    with serving_all(store_path) as served:
        yield served


@pytest.fixture
def watched(store_path: str) -> Iterator[Watched]:
    """A server whose tasks a test can count."""
    server, served = serve(store_path)
    yield Watched(server, served)
    server.stop()
    served.desk.close()
