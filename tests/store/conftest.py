"""Every test here runs on each engine, unless it says otherwise; and a store in which every way of a life was taken."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.postgres.recycling import Recycler
from tests.postgres.servers import Server
from tests.store.engines import POSTGRES, SQLITE
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, deny, submit, submit_approved


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

    def a_call(name: str, quorum: int = 1) -> Call:
        return dataclasses.replace(
            call, tool=name, server="s", context={"c": 1}, reason="why", risk="low", rule_hash="r",
            requirements=Requirements(quorum=quorum),
        )  # fmt: skip

    requests = {}
    for name in ("pending", "denied", "cancelled", "expired"):
        requests[name] = submit(store, a_call(name))
        clock.move(7)
    requests["voted"] = approve(store, submit(store, a_call("voted", quorum=2)), BO)
    deny(store, requests["denied"], "no")
    store.requester.cancel(requests["cancelled"].id, requester=call.requester)
    store.reviewer.expire(requests["expired"].id, reviewer=ANN)
    requests["approved"] = submit_approved(store, a_call("approved"))
    requests["revoked"] = submit_approved(store, a_call("revoked"))
    store.reviewer.revoke(requests["revoked"].id, reviewer=BO)
    edited = submit(store, a_call("edited"))
    requests["edited"] = store.reviewer.decide(
        edited.id, "approve", reviewer=ANN, digest=edited.digest, edited_arguments={"a": 1.5}
    )
    for name in ("doubtful", "succeeded", "given back"):
        requests[name] = submit_approved(store, a_call(name))
        claim = consume(store, requests[name])
        if name == "succeeded":
            store.requester.report_outcome(requests[name].id, claim.id, "succeeded", detail="fine")
        elif name == "given back":
            store.requester.rollback(requests[name].id, claim.id)
    store.requester.submit(a_call("approved"))
    assert_sound(store)
    return {name: store.reviewer.get(request.id) for name, request in requests.items()}
