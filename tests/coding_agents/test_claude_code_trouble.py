"""The real Claude Code while something of ours is broken: without a yes nothing runs, not in its bypass mode either."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from approval_tui.integrations.coding_agents.agent import COULD_NOT_START
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents.claude_model import bash
from tests.coding_agents.claude_running import BYPASS, DEFAULT, NEWER, OLDER, Claude
from tests.coding_agents.own_program import OwnProgram
from tests.coding_agents.reviewing import MAKE, only_request
from tests.coding_agents.running import CLAUDE_CODE, hooks_of, install, kill_hook, kill_shell_of_hook
from tests.support import LONG, until

pytestmark = pytest.mark.agents

open_or_closed = pytest.mark.parametrize("fail_closed", [False, True], ids=["fails-open", "fail-closed"])


def _under_a_file(store: Path) -> None:
    store.parent.write_text("no folder")


def _garbage(store: Path) -> None:
    store.parent.mkdir()
    store.write_bytes(bytes(range(256)) * 64)


def _damaged(store: Path) -> None:
    with open_store_blocking(str(store)):
        pass
    size = store.stat().st_size
    with open(store, "r+b") as file:
        file.seek(100)
        file.write(os.urandom(size - 100))


def _a_folder(store: Path) -> None:
    store.mkdir(parents=True)


@open_or_closed
@pytest.mark.parametrize("spoil", [_under_a_file, _garbage, _damaged, _a_folder])
@pytest.mark.parametrize("claude", [(OLDER, BYPASS), (NEWER, DEFAULT)], indirect=True)
def test_a_command_does_not_run_while_the_store_is_away(
    claude: Claude, spoil: Callable[[Path], None], fail_closed: bool
) -> None:
    claude.install(fail_closed=fail_closed)
    spoil(claude.place.store)
    call = bash(MAKE)
    with claude.run([call]) as run:
        run.wait()
        assert str(claude.place.store.parent) in run.model.told(call)
    assert claude.place.text("made.txt") is None


@open_or_closed
@pytest.mark.parametrize("spoil", [OwnProgram.remove, OwnProgram.spoil])
def test_a_command_does_not_run_when_the_hook_cannot_start(
    claude: Claude, spoil: Callable[[OwnProgram], None], fail_closed: bool, tmp_path: Path
) -> None:
    program = OwnProgram(tmp_path / "program")
    install(claude.place, CLAUDE_CODE, fail_closed=fail_closed, command=program.command)
    spoil(program)
    call = bash(MAKE)
    with claude.run([call]) as run:
        run.wait()
        assert COULD_NOT_START in run.model.told(call)
    assert claude.place.text("made.txt") is None


@open_or_closed
def test_a_command_does_not_run_when_the_hook_is_killed_while_it_waits(
    claude: Claude, desk: BlockingStore, fail_closed: bool
) -> None:
    claude.install(fail_closed=fail_closed)
    with claude.run([bash(MAKE)]) as run:
        one_pending(desk)
        kill_hook(claude.place)
        run.wait()
    assert claude.place.text("made.txt") is None


@pytest.mark.parametrize("claude", [(OLDER, BYPASS), (NEWER, BYPASS)], indirect=True)
def test_a_command_does_not_run_when_the_shell_of_a_hook_is_killed(claude: Claude, desk: BlockingStore) -> None:
    """The fallback is gone with the shell; the hook sees that it is alone, and answers at once."""
    claude.install(fail_closed=True, wait="300s")
    with claude.run([bash(MAKE)]) as run:
        one_pending(desk)
        kill_shell_of_hook(claude.place)
        run.wait()
    assert claude.place.text("made.txt") is None
    until(lambda: not desk.reviewer.list())
    assert only_request(desk).status == "cancelled"


def test_the_question_of_an_agent_that_was_killed_is_withdrawn(claude: Claude, desk: BlockingStore) -> None:
    claude.install(wait="300s")
    with claude.run([bash(MAKE)]) as run:
        request = one_pending(desk)
        run.process.kill()
        until(lambda: not hooks_of(claude.place))
    assert desk.reviewer.get(request.id).status == "cancelled"
    assert claude.place.text("made.txt") is None


@pytest.mark.parametrize("claude", [(OLDER, BYPASS), (NEWER, BYPASS)], indirect=True)
def test_a_question_is_withdrawn_when_the_agent_is_interrupted(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    with claude.run([bash(MAKE)]) as run:
        one_pending(desk)
        run.process.interrupt()
        run.process.wait()
        until(lambda: not desk.reviewer.list(), LONG + 10)
    assert only_request(desk).status in ("cancelled", "expired")
    assert claude.place.text("made.txt") is None
