"""The agent's own question about a call: one yes is never taken for two, nor for another call."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from approval_tui.integrations.coding_agents.hook_input import read_hook_input
from approval_tui.integrations.coding_agents.kept_calls import KeptCall, KeptCalls
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import policy_file
from tests.integrations.coding_agents.support_hooks import (
    CLAUDE,
    CODEX,
    LONG_WAIT,
    PRE,
    AnswerToCome,
    Setting,
    changed,
    event,
    kept_files,
    recorded,
    said_by,
    started_hook,
    taken,
    waiting_for,
)
from tests.integrations.coding_agents.support_scenes import allowed, asked, details, ended
from tests.support import LONG, approve, deny

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
    allowed(desk, CLAUDE, event(CLAUDE))
    question = event(CLAUDE, "PermissionRequest", cwd="/work/production")
    assert Setting(CLAUDE, wait=1).answer(question).decision == "ask"


@pytest.mark.parametrize(
    "fields", [{"session_id": "session-2"}, {"tool_input": {"command": "make all"}}, {"tool_name": "Write"}]
)
def test_what_was_approved_is_what_the_store_says_and_not_the_file_beside_it(
    desk: BlockingStore, fields: dict[str, Any]
) -> None:
    request = allowed(desk, CLAUDE, event(CLAUDE))
    (name,) = kept_files(desk)
    claim = json.loads(Path(f"{desk.location}.hook", name).read_text())[1]
    question = event(CLAUDE, "PermissionRequest", **fields)
    about = read_hook_input(question)
    forged = KeptCall(request.id, claim, about.call_hash, is_answer=True)
    KeptCalls(lambda: f"{desk.location}.hook", CLAUDE.name).keep(about, forged)
    assert Setting(CLAUDE, wait=1).answer(question).decision == "ask"


def test_a_call_whose_hook_failed_takes_the_answer_of_an_earlier_one_like_it_away(
    desk: BlockingStore, tmp_path: Path
) -> None:
    """The agent's own question that follows may be about this one, which nobody has seen."""
    allowed(desk, CLAUDE, event(CLAUDE, tool_use_id="call-1"))
    broken = policy_file(tmp_path, "default: perhaps").path
    assert Setting(CLAUDE, wait=1, policy=broken).answer(event(CLAUDE, tool_use_id="call-2")).decision == "ask"
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision == "ask"


def test_the_approval_of_a_call_answers_no_question_about_one_like_it_whose_hook_was_stopped(
    desk: BlockingStore,
) -> None:
    first = asked(CLAUDE, event(CLAUDE, tool_use_id="call-1"))
    waiting_for(desk)
    with started_hook(CLAUDE, event(CLAUDE, tool_use_id="call-2"), *LONG_WAIT) as process:
        waiting_for(desk, waiters=2)
        process.send_signal(signal.SIGTERM)
        assert taken(CLAUDE, PRE, said_by(process)).decision == "ask"
    approve(desk, waiting_for(desk))
    assert first.answer.decision == "allow"
    assert Setting(CLAUDE, wait=1).answer(event(CLAUDE, "PermissionRequest")).decision == "ask"


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


def test_a_question_of_a_killed_hook_that_was_decided_since_is_no_trouble(desk: BlockingStore) -> None:
    with started_hook(CLAUDE, event(CLAUDE, "PermissionRequest"), *LONG_WAIT) as process:
        request = waiting_for(desk)
        process.kill()
        process.wait(LONG)
    assert len(kept_files(desk)) == 1
    deny(desk, request)
    assert ended(CLAUDE, event(CLAUDE, "PostToolUse", tool_response={})).reason == ""
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


def test_what_a_policy_counted_for_a_call_that_the_agent_did_not_let_run_is_given_back(
    desk: BlockingStore, tmp_path: Path
) -> None:
    setting = Setting(CLAUDE, wait=1, policy=policy_file(tmp_path, BUDGET).path)
    paying: dict[str, Any] = {"tool_input": {"command": "pay", "amount": 60}}
    assert setting.answer(event(CLAUDE, **paying)).decision == "allow"
    ended(CLAUDE, event(CLAUDE, "PermissionDenied", reason="no", **paying))
    assert setting.answer(event(CLAUDE, tool_use_id="call-2", **paying)).decision == "allow"
    assert setting.answer(event(CLAUDE, tool_use_id="call-3", **paying)).decision == "deny"


def test_a_policy_that_has_changed_answers_no_question_about_what_it_let_run_before(
    desk: BlockingStore, tmp_path: Path
) -> None:
    file = policy_file(tmp_path, "default: allow")
    setting = Setting(CLAUDE, wait=1, policy=file.path)
    assert setting.answer(event(CLAUDE)).decision == "allow"
    file.write("default: require_approval")
    assert setting.answer(event(CLAUDE, "PermissionRequest")).decision == "ask"
