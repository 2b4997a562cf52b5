"""Claude Code: its hook's format, as its binary was seen to take it (2.1.197 and 2.1.330).

Only exit code 2 and an answer that it can read hold a call in its bypass mode: with silence, another exit code,
half an answer, or one that comes after its timeout, it goes on as if there were no hook.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.coding_agents import CLAUDE_CODE
from approval_tui.integrations.coding_agents.agent import (
    BLOCKED,
    COULD_NOT_START,
    Spoken,
    as_json,
    say_in_shell,
    settings_folder,
    stop_in_shell,
    tell_model,
    words,
)
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, ASK, DENY, NOTHING, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import (
    OUTCOMES,
    PERMISSION_REQUEST,
    POST_TOOL_USE_FAILURE,
    PRE_TOOL_USE,
    HookInput,
)

if TYPE_CHECKING:
    from approval_tui.integrations.coding_agents.finding import Finding
    from approval_tui.integrations.coding_agents.installed_hook import FoundHook

_MODES_THAT_ASK = frozenset({"default", "acceptEdits", "plan", "auto"})
"""In the others (`bypassPermissions`, `dontAsk`) its own prompt never opens; nor may it in one we do not know."""

_ATTENDED = "CLAUDE_CODE_SESSION_ATTENDED"
_ENTRY_POINT = "CLAUDE_CODE_ENTRYPOINT"
_HEADLESS = "sdk-cli"
"""The entry point of `claude -p`; versions before the variable above say no more."""


class ClaudeCode:
    """See `CodingAgent`."""

    name = CLAUDE_CODE
    title = "Claude Code"
    after_install = ""
    runs_the_same_once = True
    needs_matcher = True
    undecided = "the agent itself asks, or the call is denied where nobody is there"
    unasked_tools = frozenset(
        {
            "BashOutput",
            "CronList",
            "Glob",
            "Grep",
            "LS",
            "ListAgents",
            "ListMcpResourcesTool",
            "NotebookRead",
            "Read",
            "ReportFindings",
            "TaskCreate",
            "TaskGet",
            "TaskList",
            "TaskOutput",
            "TaskUpdate",
            "TodoRead",
            "TodoWrite",
            "ToolSearch",
        }
    )

    own_questions = frozenset({"AskUserQuestion", "EnterPlanMode", "ExitPlanMode"})
    hook_events: tuple[str, ...] = (PRE_TOOL_USE, PERMISSION_REQUEST, *OUTCOMES)

    def settings_path(self, scope: str, environment: Mapping[str, str], working_directory: str) -> str:
        """In the user's folder, which CLAUDE_CONFIG_DIR may name, or in that of the project."""
        folder = settings_folder(".claude", "CLAUDE_CONFIG_DIR", scope, environment, working_directory)
        return os.path.join(folder, "settings.json")

    def fallback(self, event: str, *, fail_closed: bool) -> str:
        """Exit code 2 stops a call whatever was printed before; asking needs an answer on stdout."""
        if event == PRE_TOOL_USE:
            return stop_in_shell() if fail_closed else say_in_shell(self.speak(event, HookAnswer(ASK, COULD_NOT_START)))
        if event == PERMISSION_REQUEST and fail_closed:
            return say_in_shell(self.speak(event, HookAnswer(DENY, COULD_NOT_START)))
        return ""

    def check_settings(
        self, path: str, _hooks: Sequence[FoundHook], _environment: Mapping[str, str]
    ) -> Iterator[Finding]:
        """It runs what its settings name, unless one of its files switches all of that off."""
        from approval_tui.integrations.coding_agents.claude_settings import check_settings  # only doctor needs it

        return check_settings(path)

    def speak(self, event: str, answer: HookAnswer) -> Spoken:
        """The answer as JSON; a denial of what was not understood is an exit code that stops every event."""
        if answer.is_about_nothing and answer.decision == DENY:
            return Spoken("", f"{words(answer.reason)}\n", BLOCKED)
        if answer.told:
            return tell_model(event, answer.told)
        if answer.decision == NOTHING or (event == PERMISSION_REQUEST and answer.decision == ASK):
            return Spoken("{}\n")  # its prompt is about to open, or open already
        said: dict[str, Any] = {"hookEventName": event}
        if event == PERMISSION_REQUEST:
            said["decision"] = _permission(answer)
        else:
            said["permissionDecision"] = answer.decision
            if answer.reason or answer.decision == DENY:
                said["permissionDecisionReason"] = words(answer.reason)
            if answer.arguments is not None:
                said["updatedInput"] = answer.arguments
        return Spoken(as_json({"hookSpecificOutput": said}))

    def can_ask(self, asked: HookInput | None, environment: Mapping[str, str]) -> bool:
        """By its mode and its surroundings; a version that says nothing of a mode has one that asks."""
        attended = environment.get(_ATTENDED)
        if (environment.get(_ENTRY_POINT) == _HEADLESS) if attended is None else attended != "1":
            return False
        return asked is None or asked.mode is None or asked.mode in _MODES_THAT_ASK

    def plain_arguments(self, event: HookInput) -> JsonObject | None:
        """All of them."""
        return event.arguments

    def never_takes_edits(self, _asked: HookInput) -> bool:
        """It takes them of every tool."""
        return False

    def takes_edit(self, _asked: HookInput, _arguments: JsonObject) -> bool:
        """Of every tool, before a call and where it is about to ask."""
        return True

    def asks_the_same(self, _asked: HookInput) -> bool:
        """Its question, as in its plan mode, has the same arguments."""
        return True

    def tells_failures(self, _ended: HookInput) -> bool:
        """Of every tool."""
        return True

    def failure(self, said: HookInput) -> str | None:
        """It has an event of its own for calls that failed."""
        return (said.error or "failed") if said.event == POST_TOOL_USE_FAILURE else None


def _permission(answer: HookAnswer) -> dict[str, Any]:
    if answer.decision != ALLOW:
        return {"behavior": "deny", "message": words(answer.reason)}
    return {"behavior": "allow"} | ({} if answer.arguments is None else {"updatedInput": answer.arguments})


AGENT = ClaudeCode()
