"""`init_store` makes the tables and the roles, as often as one likes, and refuses roles that nothing would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput, StoreMissing, StoreReadOnly
from approval_tui.store import open_store_blocking
from approval_tui.store.drivers.postgres_roles import DatabaseRole
from approval_tui.store.initializing import init_store
from tests.postgres.servers import OWNER, Server
from tests.store.postgres_roles.arena import Arena
from tests.support import approve, submit


@pytest.fixture
def place(postgres_server: Server, postgres_schema: str) -> Arena:
    """An empty schema, and names for roles that are not there."""
    return Arena(postgres_server, postgres_schema)


@pytest.fixture
def role(place: Arena) -> Iterator[Callable[[str], str]]:
    """Makes a role with these attributes, which is gone after the test."""
    made: list[str] = []

    def make(attributes: str) -> str:
        name = f"odd {len(made)} of {place.schema}"
        place.server.administer(SQL("CREATE ROLE {} " + attributes).format(Identifier(name)))
        made.append(name)
        return name

    yield make
    place.drop_roles(*made) if made else None


def privileges(place: Arena) -> list[tuple[Any, ...]]:
    """Everything that anybody was given in the schema, and its policies."""
    with Connection.connect(place.owner) as connection:
        given = connection.execute(
            "SELECT relname, relacl::text, (SELECT array_agg(attacl::text ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = c.oid) FROM pg_class c WHERE relnamespace = current_schema()::regnamespace ORDER BY 1"
        ).fetchall()
        return [
            *given,
            *connection.execute(
                "SELECT polname, polrelid, polroles FROM pg_policy JOIN pg_class c ON c.oid = polrelid "
                "WHERE relnamespace = current_schema()::regnamespace ORDER BY 1, 2"
            ).fetchall(),
        ]


def test_a_second_time_changes_nothing_and_more_roles_can_be_added(place: Arena, call: Call) -> None:
    first = init_store(place.owner, agents=[place.agent_role], reviewers=[place.reviewer_role])
    assert not first.was_there
    assert first.roles == (
        DatabaseRole(place.agent_role, "agent", True), DatabaseRole(place.reviewer_role, "reviewer", True))  # fmt: skip
    before = privileges(place)
    second = init_store(place.owner, agents=[place.agent_role], reviewers=[place.reviewer_role])
    assert second.was_there
    assert [role.is_new for role in second.roles] == [False, False]
    assert privileges(place) == before
    init_store(place.owner, reviewers=[place.other_role])
    init_store(place.owner)
    with open_store_blocking(place.agent) as agent, open_store_blocking(place.other) as reviewer:
        request = approve(reviewer, submit(agent, call))
    with open_store_blocking(place.reviewer) as reviewer:
        assert reviewer.reader.find(request.id).status == "approved"
    place.drop_roles()


def test_a_new_agent_keeps_others_waiting_for_seconds_at_most(place: Arena) -> None:
    init_store(place.owner, agents=[place.agent_role])
    with place.connected(place.agent) as connection:
        for setting, value in (("lock_timeout", "10s"), ("statement_timeout", "1min")):
            assert connection.execute(SQL("SHOW {}").format(Identifier(setting))).fetchone() == (value,)
    place.drop_roles(place.agent_role)


def test_without_roles_it_makes_the_tables_alone(place: Arena) -> None:
    assert init_store(place.owner) == init_store(place.owner)._replace(was_there=False)
    open_store_blocking(place.owner, create=False).close()


def test_of_a_file_it_makes_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "approvals.db")
    assert [init_store(path).was_there, init_store(path).was_there] == [False, True]
    with pytest.raises(InvalidInput, match="knows no roles"):
        init_store(path, agents=["bot"])


@pytest.mark.parametrize("name", ["", "a" * 64, "é" * 32, "pg_monitor", "public", "none", "a\nb", "a\0b"])
def test_what_is_no_name_of_a_role_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        init_store("postgresql:///nowhere", agents=[name])


def test_nobody_is_both(place: Arena) -> None:
    with pytest.raises(InvalidInput, match="both"):
        init_store(place.owner, agents=["bot"], reviewers=["bot"])
    init_store(place.owner, agents=[place.agent_role], reviewers=[place.reviewer_role])
    for agents, reviewers in (([place.reviewer_role], []), ([], [place.agent_role])):
        with pytest.raises(InvalidInput, match="already"):
            init_store(place.owner, agents=agents, reviewers=reviewers)
    place.drop_roles(place.agent_role, place.reviewer_role)


@pytest.mark.parametrize(
    "attributes",
    ["SUPERUSER", "CREATEROLE", "BYPASSRLS", "REPLICATION", f"IN ROLE {OWNER}", "IN ROLE pg_read_all_data",
     "IN ROLE pg_write_all_data", "NOINHERIT IN ROLE pg_execute_server_program"],
)  # fmt: skip
@pytest.mark.parametrize("may", ["agents", "reviewers"])
def test_a_role_that_nothing_here_would_hold_is_refused(
    place: Arena, role: Callable[[str], str], attributes: str, may: str
) -> None:
    mighty = role(attributes)
    init_store(place.owner)
    before = privileges(place)
    with pytest.raises(InvalidInput, match="nothing here would hold it"):
        init_store(place.owner, **{may: [mighty]})
    assert privileges(place) == before


def test_an_agent_that_is_a_reviewer_by_another_role_is_refused(place: Arena, role: Callable[[str], str]) -> None:
    init_store(place.owner, reviewers=[place.reviewer_role])
    member = role(f'IN ROLE "{place.reviewer_role}"')
    with pytest.raises(InvalidInput, match="as a member of"):
        init_store(place.owner, agents=[member])
    place.drop_roles(place.reviewer_role)


def test_the_owner_is_no_agent(place: Arena) -> None:
    with pytest.raises(InvalidInput, match="owns the store"):
        init_store(place.owner, agents=[OWNER])


def test_only_the_owner_gives_roles(place: Arena) -> None:
    init_store(place.owner, agents=[place.agent_role], reviewers=[place.reviewer_role])
    for url in (place.agent, place.reviewer):
        with pytest.raises(StoreReadOnly, match=f"belongs to the database role {OWNER}"):
            init_store(url, agents=["more"])
    place.drop_roles(place.agent_role, place.reviewer_role)


def test_members_of_an_agents_role_are_agents_each_for_itself(
    place: Arena, role: Callable[[str], str], call: Call
) -> None:
    init_store(place.owner, agents=[place.agent_role])
    one, two = (role(f'LOGIN IN ROLE "{place.agent_role}"') for _ in range(2))
    with open_store_blocking(place.url_of(one)) as first, open_store_blocking(place.url_of(two)) as second:
        request = submit(first, call)
        with pytest.raises(StoreReadOnly, match="belongs to another"):
            second.requester.submit(call)
        with pytest.raises(StoreReadOnly):
            approve(first, request)
    place.drop_roles(place.agent_role)


def test_an_agent_makes_no_store(place: Arena, role: Callable[[str], str]) -> None:
    stranger = role("LOGIN")
    place.server.administer(
        SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(place.schema), Identifier(stranger)))  # fmt: skip
    with pytest.raises(StoreReadOnly):
        open_store_blocking(place.url_of(stranger))
    with pytest.raises(StoreMissing):
        open_store_blocking(place.url_of(stranger), create=False)
