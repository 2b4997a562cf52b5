"""Events that follow each other, as agents send them: what is asked, what is edited, and how the call ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.canonical import exact_json
from approval_tui.domain.clock import system_clock
from approval_tui.domain.errors import StatusConflict
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.hook_answer import HookAnswer
from approval_tui.integrations.coding_agents.hook_times import GRACE
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit, policy_file
from tests.hostile import HOSTILE_TEXTS
from tests.integrations.coding_agents.support_hooks import (
    AGENTS,
    BOTH,
    CLAUDE,
    CODEX,
    AnswerToCome,
    Setting,
    event,
    kept_files,
    recorded,
    waiting_for,
)
from tests.integrations.coding_agents.support_scenes import PATIENT, allowed, asked, details, ended
from tests.support import approve, deny, event_names, until

NOT_SAID = "the agent does not say how it ended"


pytestmark = pytest.mark.usefixtures("sound_desk")


# --- before a call -----------------------------------------------------------------------------


@BOTH
def test_a_call_is_asked_with_all_that_a_reviewer_needs(desk: BlockingStore, agent: CodingAgent) -> None:
    hook = asked(agent, event(agent))
    request = waiting_for(desk)
    assert (request.tool, request.arguments) == ("Bash", {"command": "make deploy"})
    assert (request.requester, request.server, request.session) == (agent.name, agent.name, "session-1")
    assert request.context == {"working_directory": "/work/project"}
    assert details(desk, request)[0]["call_id"] == "call-1"
    approve(desk, request)
    assert hook.answer == HookAnswer("allow", f"Approved by ann in approval-tui ({request.id}).")


@BOTH
@pytest.mark.parametrize("reason", [*HOSTILE_TEXTS.values()], ids=[*HOSTILE_TEXTS])
def test_a_denial_carries_the_reviewers_words(desk: BlockingStore, agent: CodingAgent, reason: str) -> None:
    hook = asked(agent, event(agent))
    deny(desk, waiting_for(desk), reason)
    assert hook.answer.decision == "deny"
    assert reason in hook.answer.reason
    assert kept_files(desk) == []


@BOTH
def test_where_nobody_decides_the_request_is_withdrawn(desk: BlockingStore, agent: CodingAgent) -> None:
    answer = Setting(agent, wait=1).answer(event(agent))
    assert answer.decision == ("ask" if agent is CLAUDE else "deny")
    (request,) = desk.reviewer.history()
    assert request.status == "cancelled"
    assert details(desk, request)[-1]["reason"] == "nobody decided in time"
    assert kept_files(desk) == []


@BOTH
def test_a_decision_after_the_hook_gave_up_is_kept_and_changes_nothing(desk: BlockingStore, agent: CodingAgent) -> None:
    Setting(agent, wait=1).answer(event(agent))
    (request,) = desk.reviewer.history()
    with pytest.raises(StatusConflict):
        approve(desk, request)
    assert event_names(desk, request)[-1] == "decision_made_late"
    assert desk.reviewer.get(request.id).status == "cancelled"
    assert Setting(agent, wait=1).answer(event(agent)).decision != "allow"


@BOTH
def test_no_request_outlives_its_hook_for_long(desk: BlockingStore, agent: CodingAgent, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, "default: require_approval\napprovals: {timeout: 10m}")
    for path in (None, policy.path):
        hook = AnswerToCome(Setting(agent, wait=PATIENT, policy=path), event(agent))
        request = waiting_for(desk)
        assert request.expires_at <= request.created_at + PATIENT + GRACE
        deny(desk, request)
        assert hook.answer.decision == "deny"


@BOTH
def test_a_hook_that_asks_anew_waits_only_for_what_is_left(desk: BlockingStore, agent: CodingAgent) -> None:
    """Else its time is up before it has withdrawn what it asked anew, when another hook withdrew what both shared."""
    wait, used = 2000, 1000
    first = asked(agent, event(agent))
    shared = waiting_for(desk)
    second = AnswerToCome(Setting(agent, wait=wait), event(agent, session_id="session-2"))
    waiting_for(desk, waiters=2)
    began = system_clock()
    until(lambda: system_clock() >= began + used)
    desk.requester.cancel(shared.id, requester=agent.name)
    assert first.answer.decision == second.answer.decision == ("ask" if agent is CLAUDE else "deny")
    anew = desk.reviewer.history()[0]
    assert anew.id != shared.id
    assert anew.decided_at is not None
    assert anew.decided_at - anew.created_at < wait


# --- edits -------------------------------------------------------------------------------------


def test_claude_code_runs_what_the_reviewer_put_in_place(desk: BlockingStore) -> None:
    hook = asked(CLAUDE, event(CLAUDE))
    request = waiting_for(desk)
    edited = {"command": "make test", "note": "漢\u202e", "timeout": 5}
    edit(desk, request, edited)
    assert hook.answer.arguments == edited
    ended(CLAUDE, event(CLAUDE, "PostToolUse", tool_input=edited, tool_response={}))
    found = desk.reviewer.get(request.id)
    assert (found.outcome, found.outcome_detail) == ("succeeded", None)


def test_codex_runs_the_command_that_the_reviewer_put_in_place(desk: BlockingStore) -> None:
    hook = asked(CODEX, event(CODEX))
    request = edit(desk, waiting_for(desk), {"command": "make test"})
    assert hook.answer.arguments == {"command": "make test"}
    ended(CODEX, event(CODEX, "PostToolUse", tool_input={"command": "make test"}, tool_response=""))
    assert desk.reviewer.get(request.id).outcome_detail == NOT_SAID


@pytest.mark.parametrize(
    ("name", "tool", "edited"),
    [
        ("PreToolUse", "Bash", {"command": "make test", "workdir": "/"}),
        ("PreToolUse", "Bash", {"cmd": "make test"}),
        ("PreToolUse", "spawn_agent", {"command": "make test"}),
        ("PermissionRequest", "Bash", {"command": "make test"}),
        ("PermissionRequest", "mcp__lab__write", {"x": "漢\ud7ff"}),
    ],
)
def test_what_codex_does_not_take_is_denied_with_the_arguments_that_are_wanted(
    desk: BlockingStore, name: str, tool: str, edited: dict[str, Any]
) -> None:
    hook = asked(CODEX, event(CODEX, name, tool_name=tool))
    request = edit(desk, waiting_for(desk), edited)
    assert hook.answer.decision == "deny"
    assert hook.answer.reason.endswith(exact_json(edited))
    assert "did not run" in hook.answer.reason
    assert desk.reviewer.get(request.id).status == "cancelled"
    assert kept_files(desk) == []
    again = Setting(CODEX, wait=1).answer(event(CODEX, name, tool_name=tool))
    assert again.decision != "allow"


def test_a_call_that_ran_with_other_arguments_than_were_approved_is_noted(desk: BlockingStore) -> None:
    request = allowed(desk, CLAUDE, event(CLAUDE))
    ended(CLAUDE, event(CLAUDE, "PostToolUse", tool_input={"command": "make all"}, tool_response={}))
    found = desk.reviewer.get(request.id)
    assert found.outcome == "succeeded"
    assert found.outcome_detail == "the agent ran it with other arguments than those that were approved"


# --- after a call ------------------------------------------------------------------------------

ENDS: dict[str, tuple[str, str, str, str, str | None]] = {
    "claude ran": (
        "claude-code",
        "PreToolUse-Bash-bypassPermissions",
        "PostToolUse-Bash-bypassPermissions",
        "ok",
        None,
    ),
    "claude edited a file": ("claude-code", "PreToolUse-Edit-default", "PostToolUse-Edit-default", "ok", None),
    "claude wrote a file": (
        "claude-code",
        "PreToolUse-Write-bypassPermissions",
        "PostToolUse-Write-bypassPermissions",
        "ok",
        None,
    ),
    "claude failed": (
        "claude-code",
        "PreToolUse-Bash-plan-failing",
        "PostToolUseFailure-Bash-plan-failing",
        "failed",
        "Exit code 1",
    ),
    "claude did not let it": ("claude-code", "PreToolUse-Bash-plan", "PermissionDenied-Bash-plan", "back", None),
    "codex ran": ("codex", "PreToolUse-Bash-exec-bypass", "PostToolUse-Bash-exec-bypass", "ok", NOT_SAID),
    "codex patched": (
        "codex",
        "PreToolUse-apply_patch-tui-onrequest-workspacewrite",
        "PostToolUse-apply_patch-tui-onrequest-workspacewrite",
        "ok",
        None,
    ),
    "codex asked a server": (
        "codex",
        "PreToolUse-mcp__lab__write-tui-onrequest-workspacewrite",
        "PostToolUse-mcp__lab__write-tui-onrequest-workspacewrite",
        "ok",
        None,
    ),
}


@pytest.mark.parametrize(("agent", "before", "after", "how", "detail"), ENDS.values(), ids=[*ENDS])
def test_how_a_call_ended_is_in_the_store(
    desk: BlockingStore, agent: str, before: str, after: str, how: str, detail: str | None
) -> None:
    request = allowed(desk, AGENTS[agent], recorded(agent, before))
    ended(AGENTS[agent], recorded(agent, after))
    found = desk.reviewer.get(request.id)
    if how == "back":
        assert (found.status, found.outcome) == ("approved", None)
    else:
        assert (found.status, found.outcome) == ("consumed", {"ok": "succeeded"}.get(how, how))
    assert found.outcome_detail == detail
    assert kept_files(desk) == []
    ended(AGENTS[agent], recorded(agent, after))


@pytest.mark.parametrize("error", ["x" * 100_000, " ", "漢\u202e", 5, None], ids=["long", "blank", "odd", "5", "none"])
def test_a_failure_is_reported_whatever_it_says(desk: BlockingStore, error: Any) -> None:
    request = allowed(desk, CLAUDE, event(CLAUDE))
    ended(CLAUDE, event(CLAUDE, "PostToolUseFailure", error=error))
    assert desk.reviewer.get(request.id).outcome == "failed"


def test_an_output_that_was_cut_within_a_character_does_not_lose_the_outcome(desk: BlockingStore) -> None:
    request = allowed(desk, CLAUDE, event(CLAUDE))
    ended(CLAUDE, event(CLAUDE, "PostToolUse", tool_response={"stdout": "cut \ud83d"}))
    assert desk.reviewer.get(request.id).outcome == "succeeded"


@BOTH
def test_the_end_of_a_call_that_nobody_asked_about_is_no_matter(desk: BlockingStore, agent: CodingAgent) -> None:
    assert ended(agent, event(agent, "PostToolUse")).reason == ""
    assert desk.reviewer.history() == ()
