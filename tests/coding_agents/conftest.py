"""The agents, each with a home, a project and a store of its own, and the reviewer's side of that store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.coding_agents.agent_packages import NOT_THERE, agents, claude_code, codex_program
from tests.coding_agents.claude_running import BYPASS, DEFAULT, NEWER, OLDER, Claude, settle_in
from tests.coding_agents.codex_running import Codex
from tests.coding_agents.running import Place

__all__ = ["agents"]


@pytest.fixture
def place(tmp_path: Path, own_home: Path, store_path: str) -> Place:
    """Where an agent of this test works."""
    return Place.at(tmp_path, own_home, Path(store_path))


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    """The store as reviewers use it, on the machine's clock as the hook is."""
    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.fixture(
    params=[(version, mode) for version in (OLDER, NEWER) for mode in (DEFAULT, BYPASS)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def claude(request: pytest.FixtureRequest, agents: Path, place: Place) -> Claude:
    """Claude Code of two versions, in its default mode and in the one in which it asks nobody."""
    version, mode = request.param
    settle_in(place)
    return Claude(claude_code(agents, version), mode, place)


@pytest.fixture
def codex(agents: Path, place: Place) -> Codex:
    """Codex."""
    return Codex(codex_program(agents), place)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Says in red, after everything else, when the agents could not be had."""
    yield
    skipped = [report for report in terminalreporter.getreports("skipped") if NOT_THERE in str(report.longrepr)]
    if skipped:
        reason = str(skipped[0].longrepr[-1] if isinstance(skipped[0].longrepr, tuple) else skipped[0].longrepr)
        terminalreporter.write_sep("!", f"{len(skipped)} tests of the real coding agents did NOT run", red=True)
        terminalreporter.write_line(reason.removeprefix("Skipped: "), red=True)
