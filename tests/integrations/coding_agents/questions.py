"""Questions of agents, understood and not: the rows of the table of `test_hook_table`."""

from __future__ import annotations

from typing import Any, NamedTuple

from approval_tui.integrations.coding_agents.agent import CodingAgent
from tests.integrations.coding_agents.support_hooks import CLAUDE, CODEX, event

NOT_UNDERSTOOD = "?"
COMMAND = {"command": "make deploy"}
OTHER = {"command": "make test"}


class Question(NamedTuple):
    """One event, and what is known of it: whether somebody could be asked there, and whether it is a question."""

    agent: CodingAgent
    data: bytes
    can_ask: bool
    tool: str = "Bash"
    is_question: bool = True
    is_unasked: bool = False
    takes_edit: bool = True
    headless: bool = False

    @property
    def event(self) -> str:
        """Its event, as far as the agent is concerned."""
        return "PermissionRequest" if b'"PermissionRequest"' in self.data else "PreToolUse"


def question(agent: CodingAgent, can_ask: bool, name: str = "PreToolUse", **parts: Any) -> Question:
    """The event with the fields that are not a question's own."""
    own = {key: parts.pop(key) for key in ("is_question", "is_unasked", "takes_edit", "headless") if key in parts}
    tool = parts.get("tool_name", "Bash")
    return Question(agent, event(agent, name, **parts), can_ask, tool if type(tool) is str else NOT_UNDERSTOOD, **own)


BYPASS = {"permission_mode": "bypassPermissions"}
QUESTIONS = {
    "claude, before a call": question(CLAUDE, True),
    "claude, before a call, plan": question(CLAUDE, True, permission_mode="plan"),
    "claude, before a call, bypass": question(CLAUDE, False, **BYPASS),
    "claude, before a call, never asked": question(CLAUDE, False, permission_mode="dontAsk"),
    "claude, before a call, headless": question(CLAUDE, False, headless=True),
    "claude, before a call, a mode of the future": question(CLAUDE, False, permission_mode="yolo"),
    "claude, about to ask": question(CLAUDE, True, "PermissionRequest", permission_mode="auto"),
    "claude, about to ask, headless": question(CLAUDE, False, "PermissionRequest", headless=True),
    "claude, only looks": question(CLAUDE, True, tool_name="Read", is_unasked=True),
    "claude, only looks, bypass": question(CLAUDE, False, tool_name="Read", is_unasked=True, **BYPASS),
    "claude, no arguments": question(CLAUDE, True, tool_input=None, is_question=False),
    "claude, no arguments, bypass": question(CLAUDE, False, tool_input=["make"], is_question=False, **BYPASS),
    "claude, about to ask, no tool, bypass": question(
        CLAUDE, False, "PermissionRequest", tool_name=7, is_question=False, **BYPASS
    ),
    "claude, an event of the future": question(CLAUDE, True, "PreToolUseV2", is_question=False),
    "claude, no JSON": Question(CLAUDE, event(CLAUDE)[:-9], True, NOT_UNDERSTOOD, is_question=False),
    "claude, no JSON, headless": Question(
        CLAUDE, b"\xff" + event(CLAUDE), False, NOT_UNDERSTOOD, is_question=False, headless=True
    ),
    "codex, before a call": question(CODEX, False),
    "codex, before a call, bypass": question(CODEX, False, **BYPASS),
    "codex, before a server's call": question(CODEX, False, tool_name="mcp__lab__write"),
    "codex, before a tool of its own": question(CODEX, False, tool_name="spawn_agent", takes_edit=False),
    "codex, only looks": question(CODEX, False, tool_name="view_image", is_unasked=True, **BYPASS),
    "codex, about to ask": question(CODEX, True, "PermissionRequest", takes_edit=False),
    "codex, about to ask, never asked": question(
        CODEX, False, "PermissionRequest", tool_name="mcp__lab__write", takes_edit=False, **BYPASS
    ),
    "codex, no tool": question(CODEX, False, tool_name=None, is_question=False),
    "codex, about to ask, no arguments": question(CODEX, True, "PermissionRequest", tool_input=5, is_question=False),
    "codex, no JSON": Question(CODEX, b"[]", False, NOT_UNDERSTOOD, is_question=False),
}
