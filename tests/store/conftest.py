"""A store in which every way that a life can take was taken, and places for stores and their copies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.postgres.servers import Server
from tests.store.copies import KINDS, Places
from tests.store.lives import every_life, everything
from tests.support import ManualClock


@pytest.fixture
def told(store: BlockingStore, clock: ManualClock, call: Call) -> dict[str, Request]:
    """One request for each way that a life can take."""
    return every_life(store, clock, call)


@pytest.fixture(params=[(one, other) for one in KINDS for other in KINDS], ids=" to ".join)
def places(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[Places]:
    """Where a store is to be, and where its copy."""
    server: Server | None = request.getfixturevalue("postgres_server") if "postgres" in request.param else None
    schemas = []
    found = []
    for name, kind in zip(Places._fields, request.param, strict=True):
        if kind == "sqlite":
            found.append(f"{tmp_path}/{name}/approvals.db")
        else:
            assert server is not None
            schemas.append(server.new_schema())
            found.append(server.url(schemas[-1]))
    yield Places(*found)
    for schema in schemas:
        assert server is not None
        server.drop_schema(schema)


@pytest.fixture
def lived(places: Places, clock: ManualClock, call: Call) -> Places:
    """The same places, of which one is a store."""
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
    return places
