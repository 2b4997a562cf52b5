"""The real command, as an agent starts it: one line, the right exit code, and the answer that is this session's."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from approval_tui.integrations.coding_agents.agent import CodingAgent, Spoken
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import ALLOW_ALL, DENY_ALL, edit, policy_file
from tests.integrations.coding_agents.support_hooks import (
    AGENTS,
    ALL_RECORDED,
    ATTENDED,
    BOTH,
    CLAUDE,
    CODEX,
    HEADLESS,
    LONG_WAIT,
    NO_WAIT,
    PERMISSION,
    PRE,
    event,
    kept_files,
    recorded,
    run_hook,
    said_by,
    started_hook,
    taken,
    undecided,
    waiting_for,
)
from tests.support import approve, deny, until

pytestmark = pytest.mark.usefixtures("sound_desk")


# --- the answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(("agent", "name"), [each for each in ALL_RECORDED if "-none-" in each[1]])
def test_an_event_that_concerns_no_tool_is_none_of_ours(desk: BlockingStore, agent: str, name: str) -> None:
    assert run_hook(AGENTS[agent], recorded(agent, name)) == Spoken("{}\n")
    assert desk.reviewer.history() == ()


@BOTH
@pytest.mark.parametrize("policy", [ALLOW_ALL, DENY_ALL])
def test_what_a_policy_says_is_said_at_once(agent: CodingAgent, policy: str, tmp_path: Path) -> None:
    path = policy_file(tmp_path, policy).path
    for _ in range(2):  # the second reads what the first kept of the policy
        does = taken(agent, PRE, run_hook(agent, event(agent), "--policy", path, *LONG_WAIT))
        assert does.decision == ("deny" if policy == DENY_ALL else "nothing" if agent is CODEX else "allow")


@BOTH
def test_an_approval_lets_the_call_run_and_its_end_is_reported(desk: BlockingStore, agent: CodingAgent) -> None:
    with started_hook(agent, event(agent), *LONG_WAIT) as process:
        request = approve(desk, waiting_for(desk))
        spoken = said_by(process)
    assert taken(agent, PRE, spoken).decision == ("nothing" if agent is CODEX else "allow")
    assert run_hook(agent, event(agent, "PostToolUse", tool_response="")) == Spoken("{}\n")
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert kept_files(desk) == []


@BOTH
def test_an_edit_reaches_the_agent(desk: BlockingStore, agent: CodingAgent) -> None:
    edited = {"command": "make test # 漢\u202e\x1b[2J\n"}
    with started_hook(agent, event(agent), *LONG_WAIT) as process:
        edit(desk, waiting_for(desk), edited)
        assert taken(agent, PRE, said_by(process)).arguments == edited


@BOTH
@pytest.mark.parametrize("name", [PRE, PERMISSION])
@pytest.mark.parametrize("fail_closed", [False, True])
def test_where_nobody_decides_there_is_an_answer_and_nothing_is_left(
    desk: BlockingStore, agent: CodingAgent, name: str, fail_closed: bool
) -> None:
    options = (*NO_WAIT, *(["--fail-closed"] if fail_closed else []))
    does = taken(agent, name, run_hook(agent, event(agent, name), *options))
    open_prompt = "nothing" if name == PERMISSION else undecided(agent)
    assert does.decision == ("deny" if fail_closed else open_prompt)
    assert [each.status for each in desk.reviewer.history()] == ["cancelled"]
    assert desk.reviewer.list() == ()


GARBLED = {"nothing": b"", "no JSON": b"{", "not UTF-8": b"\xff", "no event": b"{}", "10 MB": b"[" * 10_000_000}


@BOTH
@pytest.mark.parametrize("data", [*GARBLED.values()], ids=[*GARBLED])
def test_what_was_not_understood_stops_the_call_where_nobody_can_be_asked(agent: CodingAgent, data: bytes) -> None:
    assert taken(agent, PRE, run_hook(agent, data, environment=HEADLESS)).decision == "deny"


MISTAKES = {
    "a wait that is none": ("--wait", "banana"),
    "an option that is none": ("--policies", "x"),
    "a word too many": ("now",),
    "no value": ("--wait",),
    "an empty store": ("--store", ""),
    "an empty configuration": ("--config", ""),
    "an empty policy": ("--policy", ""),
    "a configuration that is not there": ("--config", "/nowhere/config.yaml"),
    "a policy that is not there": ("--policy", "/nowhere/policy.yaml"),
    "a store of another kind": ("--store", "postgres://there/db"),
    "a requester without a name": ("--requester", " "),
}


@BOTH
@pytest.mark.parametrize("options", [*MISTAKES.values()], ids=[*MISTAKES])
def test_a_mistake_on_the_command_line_stops_the_call(agent: CodingAgent, options: tuple[str, ...]) -> None:
    """Only exit code 2 with words, or a denial: everything else lets the call run in a mode that does not ask."""
    spoken = run_hook(agent, event(agent, permission_mode="bypassPermissions"), *options)
    assert taken(agent, PRE, spoken).decision == "deny"


# --- many at once ------------------------------------------------------------------------------


def test_of_two_hooks_for_the_same_call_one_approval_lets_one_run(desk: BlockingStore) -> None:
    with (
        started_hook(CLAUDE, event(CLAUDE, tool_use_id="call-1"), *LONG_WAIT) as one,
        started_hook(CLAUDE, event(CLAUDE, tool_use_id="call-2", session_id="session-2"), *LONG_WAIT) as other,
    ):
        first = approve(desk, waiting_for(desk, waiters=2))
        second = waiting_for(desk)
        assert second.id != first.id
        deny(desk, second)
        does = sorted(taken(CLAUDE, PRE, said_by(process)).decision for process in (one, other))
    assert does == ["allow", "deny"]
    assert len(kept_files(desk)) == 1


def test_ten_sessions_at_once_get_the_answers_that_are_theirs(desk: BlockingStore) -> None:
    sessions = [f"session-{number}" for number in range(10)]
    questions = {
        each: event(CLAUDE, session_id=each, tool_input={"command": f"make {each}"}, tool_use_id=f"call-of-{each}")
        for each in sessions
    }
    edited = {"command": "make test"}
    with contextlib.ExitStack() as stack:
        hooks = {each: stack.enter_context(started_hook(CLAUDE, data, *LONG_WAIT)) for each, data in questions.items()}
        until(lambda: len(desk.reviewer.list()) == len(sessions))
        requests = {request.session: request for request in desk.reviewer.list()}
        for number, each in enumerate(sessions):
            if number % 3 == 0:
                approve(desk, requests[each])
            elif number % 3 == 1:
                deny(desk, requests[each], each)
            else:
                edit(desk, requests[each], edited)
        does = {each: taken(CLAUDE, PRE, said_by(process)) for each, process in hooks.items()}
        for number, each in enumerate(sessions):
            assert does[each].decision == ("deny" if number % 3 == 1 else "allow")
            assert (each in does[each].reason) == (number % 3 != 0), "a denial's words, or what was edited"
            assert does[each].arguments == (edited if number % 3 == 2 else None)
        runs = [each for each in sessions if does[each].decision == "allow"]
        ends = {}
        for number, each in enumerate(runs):
            said = {"tool_input": does[each].arguments or {"command": f"make {each}"}, "tool_use_id": f"call-of-{each}"}
            name = ("PostToolUse", "PostToolUseFailure")[number % 2]
            ends[each] = stack.enter_context(started_hook(CLAUDE, event(CLAUDE, name, session_id=each, **said)))
        for number, each in enumerate(runs):
            end = said_by(ends[each])
            assert ("A reviewer changed the arguments" in end.stdout) == (does[each].arguments is not None)
            assert end == Spoken(end.stdout if does[each].arguments is not None else "{}\n")
            found = desk.reviewer.get(requests[each].id)
            assert (found.outcome, found.session) == (("succeeded", "failed")[number % 2], each)
            assert found.outcome_detail in (None, "failed")
    assert kept_files(desk) == []


# --- where it runs -----------------------------------------------------------------------------


def test_what_lies_in_the_working_directory_is_not_loaded(tmp_path: Path) -> None:
    names = ("json", "os", "signal", "threading", "sitecustomize", "usercustomize", "approval_tui/__init__", "yaml")
    for name in names:
        path = tmp_path / "project" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(tmp_path / 'was loaded')!r}, 'w')")
    spoken = run_hook(CLAUDE, event(CLAUDE), *NO_WAIT, folder=str(tmp_path / "project"))
    assert taken(CLAUDE, PRE, spoken).decision == "ask"
    assert not (tmp_path / "was loaded").exists()


@BOTH
@pytest.mark.parametrize("store_is_named", [True, False])
def test_without_a_home_there_is_an_answer(
    desk: BlockingStore, agent: CodingAgent, store_is_named: bool, tmp_path: Path
) -> None:
    environment: dict[str, str | None] = {"HOME": None, "XDG_DATA_HOME": str(tmp_path / "data"), **HEADLESS}
    if not store_is_named:
        environment |= {"APPROVAL_TUI_STORE": None, "APPROVAL_TUI_CONFIG": None}
    spoken = run_hook(agent, event(agent), *NO_WAIT, environment=environment)
    assert taken(agent, PRE, spoken).decision == "deny"
    assert len(desk.reviewer.history()) == int(store_is_named)


@BOTH
def test_a_folder_that_is_not_utf_8_cannot_break_the_answer(agent: CodingAgent, tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"\xff\xfe")
    os.mkdir(folder)
    for options in (("--config", "config.yaml"), ("--policy", "policy.yaml"), ("--store", "file/approvals.db")):
        Path(os.fsdecode(folder), "file").write_text("")
        spoken = run_hook(agent, event(agent), *options, *NO_WAIT, folder=os.fsdecode(folder), environment=HEADLESS)
        assert taken(agent, PRE, spoken).decision == "deny"


@BOTH
def test_an_answer_is_ascii_whatever_the_language(desk: BlockingStore, agent: CodingAgent) -> None:
    environment = {**ATTENDED, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    with started_hook(agent, event(agent), *LONG_WAIT, environment=environment) as process:
        deny(desk, waiting_for(desk), "не сегодня 漢\u202e")
        spoken = said_by(process)
    assert json.loads(spoken.stdout)
    assert "не сегодня 漢\u202e" in taken(agent, PRE, spoken).reason


@BOTH
def test_what_goes_to_stderr_is_visible(desk: BlockingStore, agent: CodingAgent) -> None:
    """The agent shows it in its terminal, and it quotes what was sent."""
    sent = json.dumps({"hook_event_name": "X\x1b]0;owned\x07\u202e", "tool_name": "Bash"}).encode()
    spoken = run_hook(agent, sent, "--fail-closed")
    assert spoken.exit_code == 2
    assert "\\u{1B}" in spoken.stderr
    assert "\\u{202E}" in spoken.stderr
    assert "\x1b" not in spoken.stderr
