"""What a coding agent learns of a reviewer's edit, and what a reviewer learns of an agent that takes none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approval_tui.domain.models import DENIAL
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import read_hook_input
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit
from tests.hostile import HOSTILE_TEXTS
from tests.integrations.coding_agents.support_hooks import BOTH, CLAUDE, CODEX, Setting, event, waiting_for
from tests.integrations.coding_agents.support_scenes import asked
from tests.support import approve

TOLD = 'A reviewer changed the arguments of this call before approving it: command was "make deploy", is "make test".'
EDITED = {"command": "make test"}

pytestmark = pytest.mark.usefixtures("sound_desk")


def said_after(agent: CodingAgent, **fields: Any) -> HookAnswer:
    return Setting(agent).answer(event(agent, fields.pop("name", "PostToolUse"), **fields))


def test_claude_codes_user_reads_what_was_changed_with_the_approval(desk: BlockingStore) -> None:
    hook = asked(CLAUDE, event(CLAUDE))
    edit(desk, waiting_for(desk), EDITED)
    assert hook.answer.reason.endswith(TOLD)
    assert hook.answer.arguments == EDITED


@BOTH
def test_the_model_reads_it_beside_the_result_once(desk: BlockingStore, agent: CodingAgent) -> None:
    hook = asked(agent, event(agent))
    edit(desk, waiting_for(desk), EDITED)
    assert hook.answer.arguments == EDITED
    answer = said_after(agent, tool_input=EDITED, tool_response="")
    assert (answer.decision, answer.told) == (NOTHING, TOLD)
    said = json.loads(agent.speak("PostToolUse", answer).stdout)
    assert said == {"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": TOLD}}
    assert said_after(agent, tool_input=EDITED, tool_response="").told == ""


def test_so_it_does_of_a_call_that_failed_and_of_one_that_was_edited_at_its_own_question(desk: BlockingStore) -> None:
    hook = asked(CLAUDE, event(CLAUDE, "PermissionRequest"))
    edit(desk, waiting_for(desk), EDITED)
    assert hook.answer.arguments == EDITED
    answer = said_after(CLAUDE, name="PostToolUseFailure", tool_input=EDITED, error="Exit code 1")
    assert answer.told == TOLD


@BOTH
def test_nothing_is_told_of_a_call_that_nobody_changed_or_that_ran_otherwise(
    desk: BlockingStore, agent: CodingAgent
) -> None:
    for changes in (None, EDITED):
        hook = asked(agent, event(agent))
        request = waiting_for(desk)
        approve(desk, request) if changes is None else edit(desk, request, changes)
        assert hook.answer.decision == "allow"
        ran = {"command": "make deploy"}
        answer = said_after(agent, tool_input=ran, tool_response="")
        assert answer.told == ""
        assert agent.speak("PostToolUse", answer).stdout == "{}\n"


@BOTH
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_whatever_is_told_is_one_line_of_ascii(agent: CodingAgent, text: str) -> None:
    spoken = agent.speak("PostToolUse", HookAnswer(NOTHING, told=text))
    assert spoken.stdout.isascii()
    assert spoken.stdout.count("\n") == 1
    inner = json.loads(spoken.stdout)["hookSpecificOutput"]
    assert inner["additionalContext"] == (text if text.strip() else "Not approved.")


@pytest.mark.parametrize(
    ("agent", "name", "tool", "taken_as"),
    [
        (CLAUDE, "PreToolUse", "Bash", None),
        (CLAUDE, "PermissionRequest", "Edit", None),
        (CODEX, "PreToolUse", "Bash", None),
        (CODEX, "PreToolUse", "apply_patch", None),
        (CODEX, "PreToolUse", "mcp__lab__write", None),
        (CODEX, "PreToolUse", "spawn_agent", DENIAL),
        (CODEX, "PermissionRequest", "Bash", DENIAL),
        (CODEX, "PermissionRequest", "mcp__lab__write", DENIAL),
    ],
)
def test_a_request_says_where_no_edit_could_run(
    desk: BlockingStore, agent: CodingAgent, name: str, tool: str, taken_as: str | None
) -> None:
    hook = asked(agent, event(agent, name, tool_name=tool))
    request = waiting_for(desk)
    assert request.edit_taken_as == taken_as
    never = agent.never_takes_edits(read_hook_input(event(agent, name, tool_name=tool)))
    assert never is (taken_as == DENIAL)
    approve(desk, request)
    assert hook.answer.decision in ("allow", "nothing")
