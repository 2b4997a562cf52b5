"""What tests on PostgreSQL ask for, and what a run says in which they could not be run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.postgres.programs import Unavailable, programs
from tests.postgres.recycling import Recycler
from tests.postgres.servers import SUPERUSER, OwnServer, Run, RunOwner, Server

NOT_TESTED = "POSTGRESQL IS NOT TESTED"
"""How every reason begins for which these tests are skipped."""

_owner = pytest.StashKey[RunOwner]()


@pytest.fixture(scope="session")
def postgres_run(request: pytest.FixtureRequest) -> Run:
    """The run's folder of servers; skips where there is no PostgreSQL."""
    try:
        programs()
    except Unavailable as why:
        pytest.skip(f"{NOT_TESTED}: {why}")
    of_controller = getattr(request.config, "workerinput", None)
    return request.config.stash[_owner].run if of_controller is None else Run(of_controller["postgres_run"])


@pytest.fixture(scope="session")
def postgres_server(postgres_run: Run) -> Iterator[Server]:
    """The server that all tests of this run share."""
    server = postgres_run.shared()
    yield server
    server.leave()


@pytest.fixture
def postgres_schema(postgres_server: Server) -> Iterator[str]:
    """The name of a schema on the shared server that is empty, and this test's alone."""
    schema = postgres_server.new_schema()
    yield schema
    postgres_server.drop_schema(schema)


@pytest.fixture
def postgres_url(postgres_server: Server, postgres_schema: str) -> str:
    """Where a store of this test can be made: its schema, for the role that owns it and is no super-user."""
    return postgres_server.url(postgres_schema)


@pytest.fixture
def postgres_superuser_url(postgres_server: Server, postgres_schema: str) -> str:
    """The same schema for the super-user, whom no permission stops."""
    return postgres_server.url(postgres_schema, SUPERUSER)


@pytest.fixture(scope="session")
def recycler(postgres_server: Server) -> Iterator[Recycler]:
    """Gives a store that holds nothing and was made for an earlier test; see `recycled_postgres_url`."""
    recycler = Recycler(postgres_server)
    yield recycler
    recycler.end()


@pytest.fixture
def recycled_postgres_url(recycler: Recycler) -> str:
    """Where a store is that holds nothing: the cheapest one for a test that neither makes nor damages its schema."""
    return recycler.fresh()


@pytest.fixture
def own_postgres(postgres_run: Run) -> Iterator[OwnServer]:
    """A server for this test alone, to be stopped and started; it takes half a second to make."""
    with postgres_run.own() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Begins a run of servers in the process that no other pytest started, and forgets this machine's servers."""
    for name in list(os.environ):
        if name.startswith("PG"):
            del os.environ[name]
    if not hasattr(config, "workerinput"):
        config.stash[_owner] = RunOwner()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker where the run's servers are."""
    node.workerinput["postgres_run"] = node.config.stash[_owner].run.folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the run's servers."""
    if _owner in config.stash:
        config.stash[_owner].end()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Says in red, after everything else, when there was no PostgreSQL."""
    yield
    skipped = [report for report in terminalreporter.getreports("skipped") if NOT_TESTED in str(report.longrepr)]
    if skipped:
        reason = str(skipped[0].longrepr[-1] if isinstance(skipped[0].longrepr, tuple) else skipped[0].longrepr)
        terminalreporter.write_sep("!", f"{len(skipped)} tests on PostgreSQL did NOT run", red=True)
        terminalreporter.write_line(reason.removeprefix("Skipped: "), red=True)
