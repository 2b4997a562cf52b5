"""Every test here runs on each engine, unless it says otherwise; stores with a past, and places for copies."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.postgres.recycling import Recycler
from tests.postgres.servers import Server
from tests.store.copies import KINDS, Places
from tests.store.engines import POSTGRES, SQLITE
from tests.store.lives import every_life, everything
from tests.support import ManualClock


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Takes out what is marked `sqlite_alone` and would run on PostgreSQL."""
    items[:] = [
        item
        for item in items
        if not (
            isinstance(item, pytest.Function)
            and item.get_closest_marker("sqlite_alone")
            and hasattr(item, "callspec")
            and item.callspec.params.get("engine") == POSTGRES
        )
    ]


@pytest.fixture(params=[SQLITE, POSTGRES])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine on which the test runs."""
    name: str = request.param
    return name


@pytest.fixture
def processes(engine: str) -> int:
    """How many race; on PostgreSQL each needs a process of the server's, too."""
    return 64 if engine == SQLITE else 32


@pytest.fixture
def store_location(request: pytest.FixtureRequest, engine: str) -> str:
    """Where a store is or can be made that holds nothing."""
    location: str = request.getfixturevalue("store_path" if engine == SQLITE else "recycled_postgres_url")
    return location


@pytest.fixture
def next_location(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Callable[[], str]:
    """Gives such a place each time that it is called, for one store after another."""
    if engine == POSTGRES:
        recycler: Recycler = request.getfixturevalue("recycler")
        return recycler.fresh
    numbers = itertools.count()
    return lambda: str(tmp_path / "stores" / f"{next(numbers)}.db")


@pytest.fixture
def fresh_locations(request: pytest.FixtureRequest, engine: str, store_path: str) -> Iterator[Callable[[int], str]]:
    """Gives so many places, as a text with {} for their number, in which nothing was ever made."""
    if engine == SQLITE:
        yield lambda _most: f"{store_path}.{{}}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    names: list[str] = []

    def make(most: int) -> str:
        first = server.new_schema()
        names.append(first)
        for number in range(most):
            names.append(server.new_schema(f"{first}_{number}"))
        return server.url(f"{first}_{{}}")

    yield make
    for name in names:
        server.drop_schema(name)


@pytest.fixture
def store(store_location: str, clock: ManualClock) -> Iterator[BlockingStore]:
    """A blocking store whose time stands still until the test moves it."""
    with open_store_blocking(store_location, clock=clock) as opened:
        yield opened


@pytest.fixture
async def async_store(store_location: str, clock: ManualClock) -> AsyncIterator[AsyncStore]:
    """The async store in the same place and with the same clock."""
    async with open_store(store_location, clock=clock) as opened:
        yield opened


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
