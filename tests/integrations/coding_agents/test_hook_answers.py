"""What is said to an agent: every decision, for every event, exactly as its binary was seen to take it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, ASK, DENY, NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import OUTCOMES, QUESTIONS, read_hook_input
from tests.hostile import HOSTILE_TEXTS, MEGABYTE
from tests.integrations.coding_agents.support_hooks import (
    ATTENDED,
    BOTH,
    CLAUDE,
    CODEX,
    HEADLESS,
    PERMISSION,
    PRE,
    Setting,
    Taken,
    changed,
    event,
    taken,
)

EDITED = {"command": "make test"}

#: The event, the answer, and what Claude Code and Codex then do.
ANSWERS: list[tuple[str, HookAnswer, Taken, Taken]] = [
    (PRE, HookAnswer(ALLOW, "fine"), Taken("allow", "fine"), Taken("nothing")),
    (PRE, HookAnswer(ALLOW, "fine", EDITED), Taken("allow", "fine", EDITED), Taken("allow", "", EDITED)),
    (PRE, HookAnswer(ALLOW, "fine", {}), Taken("allow", "fine", {}), Taken("allow", "", {})),
    (PRE, HookAnswer(DENY, "no"), Taken("deny", "no"), Taken("deny", "no")),
    (PRE, HookAnswer(ASK, "gone"), Taken("ask", "gone"), Taken("deny", "gone")),
    (PRE, HookAnswer(NOTHING), Taken("nothing"), Taken("nothing")),
    (PRE, HookAnswer(DENY, "no", is_about_nothing=True), Taken("deny", "no\n"), Taken("deny", "no\n")),
    (PRE, HookAnswer(ASK, "gone", is_about_nothing=True), Taken("ask", "gone"), Taken("deny", "gone")),
    (PERMISSION, HookAnswer(ALLOW, "fine"), Taken("allow"), Taken("allow")),
    (PERMISSION, HookAnswer(DENY, "no"), Taken("deny", "no"), Taken("deny", "no")),
    (PERMISSION, HookAnswer(ASK, "gone"), Taken("nothing"), Taken("nothing")),
    (PERMISSION, HookAnswer(NOTHING), Taken("nothing"), Taken("nothing")),
    (PERMISSION, HookAnswer(DENY, "no", is_about_nothing=True), Taken("deny", "no\n"), Taken("deny", "no\n")),
    *((name, HookAnswer(NOTHING, "why"), Taken("nothing"), Taken("nothing")) for name in (*OUTCOMES, "Stop", "漢")),
    *(
        (name, HookAnswer(DENY, "no", is_about_nothing=True), Taken("deny", "no\n"), Taken("deny", "no\n"))
        for name in ("PreToolUseV2", "漢")
    ),
]


@pytest.mark.parametrize(("name", "answer", "by_claude", "by_codex"), ANSWERS)
def test_every_answer_is_taken_as_it_is_meant(name: str, answer: HookAnswer, by_claude: Taken, by_codex: Taken) -> None:
    assert taken(CLAUDE, name, CLAUDE.speak(name, answer)) == by_claude
    assert taken(CODEX, name, CODEX.speak(name, answer)) == by_codex


def test_claude_code_takes_a_reviewers_arguments_where_it_is_about_to_ask() -> None:
    spoken = CLAUDE.speak(PERMISSION, HookAnswer(ALLOW, "fine", EDITED))
    assert taken(CLAUDE, PERMISSION, spoken) == Taken("allow", arguments=EDITED)


def test_codex_does_not_run_its_own_arguments_where_it_is_about_to_ask_and_a_reviewer_put_others() -> None:
    spoken = CODEX.speak(PERMISSION, HookAnswer(ALLOW, "fine", EDITED))
    assert taken(CODEX, PERMISSION, spoken).decision != "allow"


@BOTH
@pytest.mark.parametrize("name", [*QUESTIONS, *OUTCOMES, "Stop"])
@pytest.mark.parametrize("decision", [DENY, ASK])
def test_no_answer_that_is_no_yes_lets_a_call_run(agent: CodingAgent, name: str, decision: str) -> None:
    for is_about_nothing in (False, True):
        spoken = agent.speak(name, HookAnswer(decision, "no", is_about_nothing=is_about_nothing))
        said = json.loads(spoken.stdout or "{}").get("hookSpecificOutput", {})
        assert said.get("permissionDecision") != "allow"
        assert said.get("decision", {}).get("behavior") != "allow"
        if name == PRE:
            assert taken(agent, name, spoken).decision in (DENY, ASK)


@BOTH
@pytest.mark.parametrize("reason", ["", " ", "\n\t "])
@pytest.mark.parametrize("is_about_nothing", [False, True])
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_denial_always_has_words(agent: CodingAgent, name: str, reason: str, is_about_nothing: bool) -> None:
    answer = HookAnswer(DENY, reason, is_about_nothing=is_about_nothing)
    assert taken(agent, name, agent.speak(name, answer)).decision == DENY


# --- strange reasons and arguments -------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("reason", [*HOSTILE_TEXTS.values(), "x" * MEGABYTE], ids=[*HOSTILE_TEXTS, "a megabyte"])
def test_a_hostile_reason_reaches_the_agent_unchanged(agent: CodingAgent, name: str, reason: str) -> None:
    assert taken(agent, name, agent.speak(name, HookAnswer(DENY, f"no: {reason}"))).reason == f"no: {reason}"


@BOTH
@pytest.mark.parametrize("text", [*HOSTILE_TEXTS.values(), "x" * 4 * MEGABYTE], ids=[*HOSTILE_TEXTS, "4 megabytes"])
def test_hostile_arguments_reach_the_agent_unchanged(agent: CodingAgent, text: str) -> None:
    arguments: dict[str, Any] = {"command": text, text: [text, {text: None}]}
    assert taken(agent, PRE, agent.speak(PRE, HookAnswer(ALLOW, "fine", arguments))).arguments == arguments


@BOTH
@pytest.mark.parametrize("number", [0, -0.0, 1.5, 1e22, 5e-324, 2**53 + 1, 2**4096 - 1])
def test_numbers_reach_the_agent_unchanged(agent: CodingAgent, number: Any) -> None:
    spoken = agent.speak(PRE, HookAnswer(ALLOW, "fine", {"command": "x", "number": number}))
    read = taken(agent, PRE, spoken).arguments
    assert read is not None
    assert repr(read["number"]) == repr(number)


@BOTH
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("is_about_nothing", [False, True])
def test_a_reason_with_a_lone_surrogate_is_still_an_answer(
    agent: CodingAgent, name: str, is_about_nothing: bool
) -> None:
    """A path that is not UTF-8 has such a thing in Python; Codex's reader would call the whole answer no JSON."""
    answer = HookAnswer(DENY, "no store at /srv/\udcff\ud83d", is_about_nothing=is_about_nothing)
    assert taken(agent, name, agent.speak(name, answer)).decision == DENY


@BOTH
def test_a_path_that_is_not_utf_8_cannot_break_the_answer(agent: CodingAgent, own_home: Path) -> None:
    folder = os.fsdecode(os.path.join(os.fsencode(own_home), b"\xff"))
    os.mkdir(folder)
    for setting in (
        Setting(agent, environment=HEADLESS, store=folder),
        Setting(agent, environment=HEADLESS, policy=folder),
        Setting(agent, environment=HEADLESS, config=folder),
    ):
        answer = setting.answer(event(agent))
        assert answer.decision == DENY
        assert taken(agent, PRE, agent.speak(PRE, answer)).decision == DENY


HUGE_QUESTIONS = {
    "an event": {"hook_event_name": "x" * MEGABYTE},
    "a tool": {"tool_name": "x" * MEGABYTE},
    "a key with a lone surrogate": {"tool_input": {"k" * MEGABYTE: "\ud83d"}},
    "a folder": {"cwd": "/" + "x" * MEGABYTE},
    "arguments": {"tool_input": {"command": "x" * 5 * MEGABYTE}},
}


@BOTH
@pytest.mark.parametrize("fields", [*HUGE_QUESTIONS.values()], ids=[*HUGE_QUESTIONS])
def test_what_is_said_of_a_question_that_cannot_be_asked_is_short(agent: CodingAgent, fields: dict[str, Any]) -> None:
    answer = Setting(agent, environment=HEADLESS).answer(changed(event(agent), **fields))
    assert answer.decision == DENY
    assert answer.reason.strip()
    assert len(answer.reason) < 20_000


# --- in the shell ------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("fail_closed", [False, True])
@pytest.mark.parametrize("name", [*QUESTIONS, *OUTCOMES])
def test_what_the_shell_says_when_the_hook_cannot_start_is_taken(
    agent: CodingAgent, name: str, fail_closed: bool
) -> None:
    fallback = agent.fallback(name, fail_closed=fail_closed)
    if not fallback:
        assert name in OUTCOMES or (name == PERMISSION and not fail_closed)
        return
    ended = subprocess.run(["/bin/sh", "-c", f"false || {fallback}"], capture_output=True, text=True, check=False)
    spoken = agent.speak(name, HookAnswer(NOTHING))._replace(
        stdout=ended.stdout, stderr=ended.stderr, exit_code=ended.returncode
    )
    expected = DENY if fail_closed or agent is CODEX else ASK
    assert taken(agent, name, spoken).decision == expected


# --- whose prompt can be asked -----------------------------------------------------------------

CAN_ASK = [
    (CLAUDE, PRE, mode, ATTENDED, expected)
    for mode, expected in {
        "default": True,
        "acceptEdits": True,
        "plan": True,
        "auto": True,
        None: True,
        "bypassPermissions": False,
        "dontAsk": False,
        "Default": False,
        "of the future": False,
    }.items()
]
SURROUNDINGS: list[tuple[dict[str, str], bool]] = [
    (ATTENDED, True),
    (HEADLESS, False),
    ({}, True),
    ({"CLAUDE_CODE_ENTRYPOINT": "cli"}, True),
    ({"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}, False),
    ({"CLAUDE_CODE_SESSION_ATTENDED": "0", "CLAUDE_CODE_ENTRYPOINT": "cli"}, False),
    ({"CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}, True),
    ({"CLAUDE_CODE_SESSION_ATTENDED": ""}, False),
    ({"CLAUDE_CODE_SESSION_ATTENDED": "yes"}, False),
]


@pytest.mark.parametrize(("agent", "name", "mode", "environment", "expected"), CAN_ASK)
def test_claude_codes_prompt_opens_in_the_modes_that_ask(
    agent: CodingAgent, name: str, mode: str | None, environment: dict[str, str], expected: bool
) -> None:
    asked = read_hook_input(event(agent, name, permission_mode=mode))
    assert agent.can_ask(asked, environment) is expected


@pytest.mark.parametrize(("environment", "expected"), SURROUNDINGS)
def test_claude_codes_prompt_opens_where_somebody_sits(environment: dict[str, str], expected: bool) -> None:
    for name in QUESTIONS:
        assert CLAUDE.can_ask(read_hook_input(event(CLAUDE, name)), environment) is expected
        bypass = read_hook_input(event(CLAUDE, name, permission_mode="bypassPermissions"))
        assert not CLAUDE.can_ask(bypass, environment)
    assert CLAUDE.can_ask(None, environment) is expected


@pytest.mark.parametrize("mode", ["default", None, "bypassPermissions", "dontAsk", "plan", "of the future"])
@pytest.mark.parametrize("name", [*QUESTIONS, "of the future"])
def test_codex_prompt_opens_only_where_it_is_about_to_ask(name: str, mode: str | None) -> None:
    asked = read_hook_input(event(CODEX, name, permission_mode=mode))
    assert CODEX.can_ask(asked, ATTENDED) is (name == PERMISSION and mode in ("default", None))
    assert not CODEX.can_ask(None, ATTENDED)


# --- whose edits are taken ---------------------------------------------------------------------

TAKES_EDIT: list[tuple[str, str, dict[str, Any], bool]] = [
    (PRE, "Bash", {"command": "ls"}, True),
    (PRE, "apply_patch", {"command": "*** Begin Patch"}, True),
    (PRE, "Bash", {"command": ""}, True),
    (PRE, "Bash", {}, False),
    (PRE, "Bash", {"command": "ls", "workdir": "/"}, False),
    (PRE, "Bash", {"command": ["ls"]}, False),
    (PRE, "Bash", {"command": None}, False),
    (PRE, "bash", {"command": "ls"}, False),
    (PRE, "mcp__lab__write", {"x": 2}, True),
    (PRE, "mcp__lab__write", {}, True),
    (PRE, "view_image", {"path": "y.png"}, False),
    (PRE, "mcp", {"x": 2}, False),
    (PERMISSION, "Bash", {"command": "ls"}, False),
    (PERMISSION, "mcp__lab__write", {"x": 2}, False),
]


@pytest.mark.parametrize(("name", "tool", "arguments", "expected"), TAKES_EDIT)
def test_codex_takes_of_an_edit_only_what_it_was_seen_to_take(
    name: str, tool: str, arguments: dict[str, Any], expected: bool
) -> None:
    asked = read_hook_input(event(CODEX, name, tool_name=tool, tool_input={"command": "x"}))
    assert CODEX.takes_edit(asked, arguments) is expected
    assert CLAUDE.takes_edit(asked, arguments)
