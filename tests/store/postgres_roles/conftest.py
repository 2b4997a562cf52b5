"""One store of a database with its owner, two agents and a reviewer, each with credentials of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from psycopg import Connection

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.initializing import init_store
from tests.postgres.servers import Server
from tests.store.postgres_roles.arena import Arena
from tests.store.postgres_roles.attacks import Attacker, requests_of_all_kinds


@pytest.fixture(scope="module")
def arena(postgres_server: Server) -> Iterator[Arena]:
    """The store that all tests of a module share; each asks in a requester's name of its own."""
    schema = postgres_server.new_schema()
    arena = Arena(postgres_server, schema)
    init_store(arena.owner, agents=[arena.agent_role, arena.other_role], reviewers=[arena.reviewer_role])
    yield arena
    arena.drop_roles()
    postgres_server.drop_schema(schema)


@pytest.fixture(scope="module")
def opened(arena: Arena) -> Iterator[dict[str, BlockingStore]]:
    stores = {name: open_store_blocking(getattr(arena, name), create=False)
              for name in ("owner", "agent", "other", "reviewer")}  # fmt: skip
    yield stores
    for store in stores.values():
        store.close()


@pytest.fixture
def agent(opened: dict[str, BlockingStore]) -> BlockingStore:
    """The store as the agent has it."""
    return opened["agent"]


@pytest.fixture
def other(opened: dict[str, BlockingStore]) -> BlockingStore:
    """The store as another agent has it."""
    return opened["other"]


@pytest.fixture
def reviewer(opened: dict[str, BlockingStore]) -> BlockingStore:
    """The store as the reviewer has it."""
    return opened["reviewer"]


@pytest.fixture
def owner(opened: dict[str, BlockingStore]) -> BlockingStore:
    """The store as its owner has it."""
    return opened["owner"]


@pytest.fixture
def a_call(arena: Arena) -> Callable[..., Call]:
    """Makes a call that nobody made before, of a requester and a session that nobody else of the module has."""
    number = arena.next_number()

    def make(requester: str = "bot", **parts: object) -> Call:
        given = {"tool": "shell", "arguments": {"command": f"make {arena.next_number()}"}, "session": f"run-{number}"}
        return Call(requester=f"{requester}-{number}", **{**given, **parts})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="module")
def ids(opened: dict[str, BlockingStore]) -> dict[str, str]:
    """Requests of the agent and of another one, each in another state, by what they are."""
    return requests_of_all_kinds(opened)


@pytest.fixture(scope="module")
def connection(arena: Arena) -> Iterator[Attacker]:
    """What somebody has who has the agent's credentials."""
    with Connection.connect(arena.agent) as connected:
        yield connected


@pytest.fixture
def attacker(connection: Attacker) -> Iterator[Attacker]:
    """The agent's own connection, in a transaction that is never committed."""
    yield connection
    connection.rollback()
