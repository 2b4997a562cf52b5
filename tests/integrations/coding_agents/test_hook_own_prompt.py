"""The agent's own question about a call: one yes is never taken for two, nor for another call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import policy_file
from tests.integrations.coding_agents.support_hooks import (
    CLAUDE,
    CODEX,
    AnswerToCome,
    Setting,
    changed,
    event,
    kept_files,
    recorded,
    waiting_for,
)
from tests.integrations.coding_agents.support_scenes import allowed, asked, details, ended
from tests.support import approve, deny, until

pytestmark = pytest.mark.usefixtures("sound_desk")


# --- the agent's own question ------------------------------------------------------------------


def test_in_plan_mode_one_approval_answers_the_agents_own_question_once(desk: BlockingStore) -> None:
    before, question = (recorded("claude-code", f"{name}-Write-plan") for name in ("PreToolUse", "PermissionRequest"))
    request = allowed(desk, CLAUDE, before)
    assert Setting(CLAUDE, wait=1).answer(question).decision == "allow"
    assert len(desk.reviewer.history()) == 1
    assert Setting(CLAUDE, wait=1).answer(question).decision == "ask"
    after = changed(before, hook_event_name="PostToolUse", tool_response={})
    ended(CLAUDE, after)
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert Setting(CLAUDE, wait=1).answer(question).decision == "ask"


def test_an_approval_answers_no_question_about_a_later_call_like_it(desk: BlockingStore) -> None:
    allowed(desk, CLAUDE, event(CLAUDE, tool_use_id="call-1"))
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, tool_use_id="call-2")).decision == "ask"
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision == "ask"


@pytest.mark.parametrize(
    "fields", [{"tool_input": {"command": "make all"}}, {"tool_name": "Write"}, {"session_id": "session-2"}]
)
def test_an_approval_answers_no_question_about_another_call(desk: BlockingStore, fields: dict[str, Any]) -> None:
    allowed(desk, CLAUDE, event(CLAUDE))
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest", **fields)).decision == "ask"


def test_of_two_calls_at_once_one_approval_lets_one_run(desk: BlockingStore) -> None:
    """One gives up, the agent asks its own user about it, and the other one's approval is no answer to that."""
    setting = Setting(CLAUDE, wait=800)
    hooks = [AnswerToCome(setting, event(CLAUDE, tool_use_id=call_id)) for call_id in ("call-1", "call-2")]
    approve(desk, waiting_for(desk, waiters=2))
    assert sorted(hook.answer.decision for hook in hooks) == ["allow", "ask"]
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision == "ask"


def test_an_approval_for_one_folder_answers_no_question_about_another(desk: BlockingStore) -> None:
    elsewhere = {"cwd": "/work/production", "tool_use_id": "call-2"}
    second = AnswerToCome(Setting(CLAUDE, wait=1500), event(CLAUDE, **elsewhere))
    waiting_for(desk)
    first = asked(CLAUDE, event(CLAUDE))
    until(lambda: len(desk.reviewer.list()) == 2)
    (request,) = [each for each in desk.reviewer.list() if each.context["working_directory"] == "/work/project"]
    approve(desk, request)
    assert (first.answer.decision, second.answer.decision) == ("allow", "ask")
    question = event(CLAUDE, "PermissionRequest", cwd="/work/production")
    assert Setting(CLAUDE, wait=1).answer(question).decision == "ask"


def test_codex_own_question_about_a_servers_tool_is_answered_by_the_approval(desk: BlockingStore) -> None:
    before, question = (
        recorded("codex", f"{name}-mcp__lab__write-tui-onrequest-workspacewrite")
        for name in ("PreToolUse", "PermissionRequest")
    )
    allowed(desk, CODEX, before)
    assert Setting(CODEX, wait=1).answer(question).decision == "allow"
    assert Setting(CODEX, wait=1).answer(question).decision == "ask"


CODEX_ASKS_TWICE = {
    "a command": "Bash-tui-onrequest-workspacewrite",
    "a patch": "apply_patch-tui-onrequest-workspacewrite",
}


@pytest.mark.parametrize("name", [*CODEX_ASKS_TWICE.values()], ids=[*CODEX_ASKS_TWICE])
def test_where_codex_leaves_its_sandbox_both_approvals_have_an_outcome(desk: BlockingStore, name: str) -> None:
    """The second question has other arguments than the call, and no id."""
    first = allowed(desk, CODEX, recorded("codex", f"PreToolUse-{name}"))
    second = allowed(desk, CODEX, recorded("codex", f"PermissionRequest-{name}"))
    ended(CODEX, recorded("codex", f"PostToolUse-{name}"))
    assert [desk.reviewer.get(each.id).outcome for each in (first, second)] == ["succeeded", "succeeded"]
    assert kept_files(desk) == []


def test_a_question_that_was_answered_at_the_agents_own_prompt_is_withdrawn(desk: BlockingStore) -> None:
    hook = asked(CLAUDE, recorded("claude-code", "PermissionRequest-Bash-auto"))
    request = waiting_for(desk)
    ended(CLAUDE, recorded("claude-code", "PostToolUse-Bash-auto"))
    assert hook.answer.decision == "ask"
    assert desk.reviewer.get(request.id).status == "cancelled"
    assert details(desk, request)[-1]["reason"] == "answered at the agent's own prompt"
    assert kept_files(desk) == []


def test_an_answer_at_one_agents_prompt_withdraws_no_other_sessions_question(desk: BlockingStore) -> None:
    asked(CLAUDE, event(CLAUDE, session_id="session-2", permission_mode="bypassPermissions"))
    request = waiting_for(desk)
    mine = asked(CLAUDE, event(CLAUDE, "PermissionRequest"))
    waiting_for(desk, waiters=2)
    ended(CLAUDE, event(CLAUDE, "PostToolUse", tool_response={}))
    assert desk.reviewer.get(request.id).status == "pending"
    deny(desk, request)
    assert mine.answer.decision == "deny"


def test_a_question_that_was_approved_here_is_reported_when_the_call_ended(desk: BlockingStore) -> None:
    request = allowed(desk, CLAUDE, recorded("claude-code", "PermissionRequest-Bash-auto"))
    ended(CLAUDE, recorded("claude-code", "PostToolUse-Bash-auto"))
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert kept_files(desk) == []


BUDGET = """
tools:
  Bash:
    rules:
      - name: one at a time
        action: evaluate
        conditions:
          - {path: state.Bash.spend, op: lte, value: 100}
        state: {counter: spend, window: day, increment_from: args.amount}
        on_deny: Today's money is spent.
"""


def test_what_a_policy_lets_run_counts_once_though_the_agent_asks_about_it(desk: BlockingStore, tmp_path: Path) -> None:
    setting = Setting(CLAUDE, wait=1, policy=policy_file(tmp_path, BUDGET).path)
    paying: dict[str, Any] = {"tool_input": {"command": "pay", "amount": 60}, "permission_mode": "plan"}
    assert setting.answer(event(CLAUDE, **paying)).decision == "allow"
    assert setting.answer(event(CLAUDE, "PermissionRequest", **paying)).decision == "allow"
    assert setting.answer(event(CLAUDE, tool_use_id="call-2", **paying)).decision == "deny"
    assert desk.reviewer.list() == ()
