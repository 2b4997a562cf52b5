"""The real Claude Code in a terminal: its own prompt comes where nobody decided, and goes where somebody did."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents.claude_model import ClaudeModel, ToolCall, bash
from tests.coding_agents.claude_running import DEFAULT, NEWER, OLDER, Claude, claude_environment
from tests.coding_agents.own_program import OwnProgram
from tests.coding_agents.reviewing import MAKE, only_request
from tests.coding_agents.running import CLAUDE_CODE, install
from tests.coding_agents.terminal import in_terminal, press_until, shows
from tests.console.test_tmux import Tmux
from tests.support import approve, deny, until

pytestmark = [
    pytest.mark.agents,
    pytest.mark.parametrize("claude", [(OLDER, DEFAULT), (NEWER, DEFAULT)], ids=[OLDER, NEWER], indirect=True),
]

QUESTION = "Do you want to proceed?"
SECRET = "what only that file says"


@dataclass(frozen=True)
class Session:
    """Claude Code on a screen, and its model."""

    tmux: Tmux
    model: ClaudeModel


@contextlib.contextmanager
def session(claude: Claude, *turns: Sequence[ToolCall], mode: str = "default") -> Iterator[Session]:
    """Claude Code in that mode, in which the model makes these calls."""
    with ClaudeModel(turns) as model:
        command = [claude.program, "--permission-mode", mode, "Do it."]
        with in_terminal(command, claude.place, claude_environment(model)) as tmux:
            yield Session(tmux, model)


def outside(claude: Claude) -> ToolCall:
    """A call that we leave to Claude Code's own rules, which have it ask: to read a file outside of the project."""
    path = claude.place.root / "outside" / "note.txt"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n")
    return ToolCall("Read", {"file_path": str(path)})


def test_a_command_approved_in_the_console_runs_without_the_agents_own_prompt(
    claude: Claude, desk: BlockingStore
) -> None:
    claude.install()
    with session(claude, [bash(MAKE)]) as running:
        request = approve(desk, one_pending(desk))
        shows(running.tmux, "All done.")
        assert QUESTION not in running.tmux.screen()
        until(lambda: desk.reviewer.get(request.id).outcome == "succeeded")
    assert claude.place.text("made.txt") == "made\n"


@pytest.mark.parametrize(("key", "made"), [("Enter", "made\n"), ("Escape", None)])
def test_the_agents_own_prompt_decides_where_nobody_did(
    claude: Claude, desk: BlockingStore, key: str, made: str | None
) -> None:
    claude.install(wait="1s")
    call = bash(MAKE)
    with session(claude, [call]) as running:
        shows(running.tmux, QUESTION)
        assert "Nobody decided in approval-tui" in running.tmux.screen()
        assert claude.place.text("made.txt") is None
        press_until(running.tmux, key, lambda screen: QUESTION not in screen)
        shows(running.tmux, "All done." if made else "nterrupted")
    assert claude.place.text("made.txt") == made
    until(lambda: not desk.reviewer.list())
    assert {request.status for request in desk.reviewer.history()} <= {"cancelled", "expired"}


def test_an_approval_in_the_console_closes_the_agents_prompt_and_runs_the_call(
    claude: Claude, desk: BlockingStore
) -> None:
    claude.install()
    call = outside(claude)
    with session(claude, [call]) as running:
        shows(running.tmux, QUESTION)
        request = approve(desk, one_pending(desk))
        shows(running.tmux, "All done.")
        assert SECRET in running.model.told(call)
        until(lambda: desk.reviewer.get(request.id).outcome == "succeeded")


def test_a_denial_in_the_console_closes_the_agents_prompt_and_the_model_is_told_why(
    claude: Claude, desk: BlockingStore
) -> None:
    claude.install()
    call = outside(claude)
    with session(claude, [call]) as running:
        shows(running.tmux, QUESTION)
        deny(desk, one_pending(desk), "none of your business")
        until(lambda: running.model.told(call))
        assert SECRET not in running.model.told(call)
        assert "none of your business" in running.model.told(call)


@pytest.mark.parametrize(("key", "then"), [("Enter", "All done."), ("Escape", "")])
def test_an_answer_at_the_agents_prompt_withdraws_our_question(
    claude: Claude, desk: BlockingStore, key: str, then: str
) -> None:
    claude.install()
    call = outside(claude)
    with session(claude, [call]) as running:
        shows(running.tmux, QUESTION)
        one_pending(desk)
        press_until(running.tmux, key, lambda screen: QUESTION not in screen)
        shows(running.tmux, then)
        until(lambda: not desk.reviewer.list())
        assert (SECRET in running.model.told(call)) == (key == "Enter")
    assert only_request(desk).status == "cancelled"


def test_in_bypass_mode_nobody_is_asked_at_the_prompt_and_nothing_runs(claude: Claude, desk: BlockingStore) -> None:
    claude.install(wait="1s")
    call = bash(MAKE)
    with session(claude, [call], mode="bypassPermissions") as running:
        shows(running.tmux, "All done.")
        assert "Nobody decided" in running.model.told(call)
    assert claude.place.text("made.txt") is None
    assert only_request(desk).status == "cancelled"


@pytest.mark.parametrize("mode", ["default", "bypassPermissions"])
def test_the_agents_own_prompt_decides_where_the_hook_cannot_start(claude: Claude, mode: str, tmp_path: Path) -> None:
    program = OwnProgram(tmp_path / "program")
    install(claude.place, CLAUDE_CODE, command=program.command)
    program.remove()
    with session(claude, [bash(MAKE)], mode=mode) as running:
        shows(running.tmux, QUESTION)
        assert "approval-tui could not start" in running.tmux.screen()
        assert claude.place.text("made.txt") is None
        press_until(running.tmux, "Enter", lambda screen: QUESTION not in screen)
        shows(running.tmux, "All done.")
    assert claude.place.text("made.txt") == "made\n"


@pytest.mark.parametrize("mode", ["default", "bypassPermissions"])
def test_a_hook_that_cannot_start_and_fails_closed_lets_nothing_run(claude: Claude, mode: str, tmp_path: Path) -> None:
    program = OwnProgram(tmp_path / "program")
    install(claude.place, CLAUDE_CODE, fail_closed=True, command=program.command)
    program.remove()
    call = bash(MAKE)
    with session(claude, [call], mode=mode) as running:
        shows(running.tmux, "All done.")
        assert "approval-tui could not start" in running.model.told(call)
    assert claude.place.text("made.txt") is None


def test_escape_while_the_hook_waits_runs_nothing_and_ends_the_question(claude: Claude, desk: BlockingStore) -> None:
    claude.install(wait="10s")
    with session(claude, [bash(MAKE)]) as running:
        one_pending(desk)
        running.tmux.press("Escape")
        until(lambda: not desk.reviewer.list())
        assert only_request(desk).status in ("cancelled", "expired")
        shows(running.tmux, "nterrupted")
    assert claude.place.text("made.txt") is None


def test_the_same_call_that_was_approved_once_is_asked_about_again(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    with session(claude, [bash(MAKE)], [bash(MAKE)]) as running:
        first = approve(desk, one_pending(desk))
        until(lambda: any(request.id != first.id for request in desk.reviewer.list()))
        assert claude.place.text("made.txt") == "made\n"
        deny(desk, one_pending(desk))
        shows(running.tmux, "All done.")
    assert claude.place.text("made.txt") == "made\n"
