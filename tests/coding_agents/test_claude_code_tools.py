"""The real Claude Code: which of its calls ask, how often, and who else is heard."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.cli.running import one_pending
from tests.coding_agents import mcp_server
from tests.coding_agents.claude_model import ToolCall, bash
from tests.coding_agents.claude_running import BYPASS, DEFAULT, NEWER, OLDER, Claude
from tests.coding_agents.reviewing import MAKE, approve_all_until, details_of, only_request
from tests.support import approve, assert_sound, deny, event_names, until

pytestmark = pytest.mark.agents

one_each = pytest.mark.parametrize("claude", [(OLDER, DEFAULT), (NEWER, BYPASS)], indirect=True)
only_bypass = pytest.mark.parametrize("claude", [(OLDER, BYPASS), (NEWER, BYPASS)], indirect=True)


def test_a_tool_that_only_reads_runs_without_a_question(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    note = claude.place.project / "note.txt"
    note.write_text("what the note says\n")
    call = ToolCall("Read", {"file_path": str(note)})
    with claude.run([call]) as run:
        run.wait()
        assert "what the note says" in run.model.told(call)
    assert desk.reviewer.list() == desk.reviewer.history() == ()


def _write(project: Path) -> tuple[ToolCall, str, str]:
    path = project / "written.txt"
    return ToolCall("Write", {"file_path": str(path), "content": "new\n"}), path.name, "new\n"


def _edit(project: Path) -> tuple[ToolCall, str, str]:
    path = project / "edited.txt"
    path.write_text("one\ntwo\n")
    return ToolCall("Edit", {"file_path": str(path), "old_string": "two", "new_string": "2"}), path.name, "one\n2\n"


def _of_a_server(project: Path) -> tuple[ToolCall, str, str]:
    return ToolCall("mcp__lab__write", {"text": "by the server"}), "served.txt", "by the server"


def _servers(project: Path) -> str:
    command = {"command": sys.executable, "args": [mcp_server.__file__, str(project / "served.txt")]}
    return json.dumps({"mcpServers": {"lab": command}})


@one_each
@pytest.mark.parametrize("prepare", [_write, _edit, _of_a_server])
@pytest.mark.parametrize("verdict", [approve, deny])
def test_a_call_that_changes_something_asks(
    claude: Claude,
    desk: BlockingStore,
    prepare: Callable[[Path], tuple[ToolCall, str, str]],
    verdict: Callable[..., object],
) -> None:
    claude.install()
    call, name, done = prepare(claude.place.project)
    before = claude.place.text(name)
    turns = [ToolCall("Read", {"file_path": str(claude.place.project / name)})], [call]
    with claude.run(*turns, options=["--mcp-config", _servers(claude.place.project)]) as run:
        request = one_pending(desk)
        assert request.tool == call.tool
        assert request.arguments.items() >= call.arguments.items()
        assert claude.place.text(name) == before
        verdict(desk, request)
        run.wait()
    assert claude.place.text(name) == (done if verdict is approve else before)
    assert desk.reviewer.get(request.id).outcome == ("succeeded" if verdict is approve else None)


POLICY = """
version: "1"
default: allow
tools:
  Bash:
    rules:
      - name: nothing is removed
        conditions: [{path: args.command, op: not_regex, value: "^rm "}]
        on_deny: Nothing is removed here.
"""


def test_a_policy_decides_which_calls_ask(claude: Claude, desk: BlockingStore) -> None:
    claude.install(policy=POLICY)
    denied = bash("rm made.txt")
    with claude.run([bash(MAKE)], [denied]) as run:
        run.wait()
        assert "Nothing is removed here." in run.model.told(denied)
    assert claude.place.text("made.txt") == "made\n"
    assert desk.reviewer.list() == desk.reviewer.history() == ()


@only_bypass
def test_a_policy_that_cannot_be_read_lets_nothing_run(claude: Claude) -> None:
    claude.install(policy=POLICY)
    (claude.place.root / "policy.yaml").write_text("default: [")
    call = bash(MAKE)
    with claude.run([call]) as run:
        run.wait()
        assert "policy.yaml" in run.model.told(call)
    assert claude.place.text("made.txt") is None


@only_bypass
@pytest.mark.parametrize("in_background", [False, True], ids=["waited-for", "in-background"])
def test_the_calls_of_a_subagent_are_asked_about_too(claude: Claude, desk: BlockingStore, in_background: bool) -> None:
    claude.install()
    task = {"description": "a task", "prompt": "Do the errand.", "subagent_type": "general-purpose"}
    errand = ToolCall("Agent", {**task, "run_in_background": in_background})
    with claude.run([errand], subagents={"Do the errand.": [[bash(MAKE)]]}) as run:
        request = one_pending(desk)
        assert request.tool == "Agent"
        approve(desk, request)
        until(lambda: [waiting.tool for waiting in desk.reviewer.list()] == ["Bash"])
        assert claude.place.text("made.txt") is None
        approve(desk, one_pending(desk))
        run.wait()
    assert claude.place.text("made.txt") == "made\n"
    assert [request.outcome for request in desk.reviewer.history()] == ["succeeded", "succeeded"]


@only_bypass
def test_two_calls_of_one_turn_are_asked_about_one_by_one(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    first, second = bash("echo one >> one.txt"), bash("echo two >> two.txt")
    with claude.run([first, second]) as run:
        denied = deny(desk, one_pending(desk), "not this one")
        until(lambda: any(waiting.id != denied.id for waiting in desk.reviewer.list()))
        approve(desk, one_pending(desk))
        run.wait()
        assert "not this one" in run.model.told(first)
    assert (claude.place.text("one.txt"), claude.place.text("two.txt")) == (None, "two\n")


@only_bypass
def test_the_same_command_twice_in_one_turn_needs_two_approvals(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    with claude.run([bash(MAKE), bash(MAKE)]) as run:
        first = approve(desk, one_pending(desk))
        until(lambda: any(waiting.id != first.id for waiting in desk.reviewer.list()))
        assert claude.place.text("made.txt") == "made\n"
        deny(desk, one_pending(desk))
        run.wait()
    assert claude.place.text("made.txt") == "made\n"


@only_bypass
@pytest.mark.parametrize("scopes", [("project",), ("user", "project")], ids="-".join)
def test_a_hook_of_the_project_asks_and_one_of_both_scopes_asks_once(
    claude: Claude, desk: BlockingStore, scopes: tuple[str, ...]
) -> None:
    for scope in scopes:
        claude.install(scope=scope)
    with claude.run([bash(MAKE)]) as run:
        approve(desk, one_pending(desk))
        run.wait()
    assert claude.place.text("made.txt") == "made\n"
    assert only_request(desk).outcome == "succeeded"


@only_bypass
def test_hooks_of_two_scopes_with_other_options_record_the_end_of_every_call(
    claude: Claude, desk: BlockingStore
) -> None:
    claude.install(wait="40s")
    claude.install(wait="50s", scope="project")
    with claude.run([bash(MAKE)]) as run:
        approve_all_until(desk, run.process.has_ended)
    assert claude.place.text("made.txt") == "made\n"
    assert {request.outcome for request in desk.reviewer.history()} == {"succeeded"}


@pytest.mark.parametrize("claude", [(NEWER, "plan")], indirect=True)
def test_an_approval_that_the_agent_does_not_use_is_given_back(claude: Claude, desk: BlockingStore) -> None:
    """Its plan mode has commands checked by its vendor's server, which is not there."""
    claude.install()
    with claude.run([bash(MAKE)]) as run:
        request = approve(desk, one_pending(desk))
        run.process.wait()
    assert claude.place.text("made.txt") is None
    assert desk.reviewer.get(request.id).status == "approved"
    assert event_names(desk, request)[-1] == "claim_rolled_back"
    assert "Claude Code" in details_of(desk, request, "claim_rolled_back")["detail"]


def test_other_peoples_hooks_still_run(claude: Claude, desk: BlockingStore) -> None:
    theirs = f"cat >> {claude.place.root}/theirs.jsonl"
    group = {"matcher": "Bash", "hooks": [{"type": "command", "command": theirs}]}
    claude.settings().parent.mkdir()
    claude.settings().write_text(json.dumps({"hooks": {"PreToolUse": [group]}, "model": "opus"}))
    claude.install()
    with claude.run([bash(MAKE)]) as run:
        approve(desk, one_pending(desk))
        run.wait()
    assert claude.place.text("made.txt") == "made\n"
    assert MAKE in (claude.place.root / "theirs.jsonl").read_text()


@one_each
@pytest.mark.parametrize("scope", ["user", "project"])
def test_after_uninstall_the_agent_goes_on_without_us(claude: Claude, desk: BlockingStore, scope: str) -> None:
    claude.install(scope=scope)
    claude.uninstall(scope=scope)
    call = bash(MAKE)
    with claude.run([call]) as run:
        run.wait()
        assert run.model.told(call)
    is_bypass = claude.mode == BYPASS
    assert claude.place.text("made.txt") == ("made\n" if is_bypass else None)
    assert desk.reviewer.list() == desk.reviewer.history() == ()


@one_each
def test_many_calls_one_after_the_other_are_all_recorded(claude: Claude, desk: BlockingStore) -> None:
    claude.install()
    calls = [bash(f"echo {number} >> made.txt") for number in range(4)]
    with claude.run(*([call] for call in calls)) as run:
        approve_all_until(desk, run.process.has_ended)
        run.wait()
    assert claude.place.text("made.txt") == "0\n1\n2\n3\n"
    recorded = [(request.arguments, request.outcome) for request in reversed(desk.reviewer.history())]
    assert recorded == [(call.arguments, "succeeded") for call in calls]
    assert_sound(desk)
