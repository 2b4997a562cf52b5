"""Codex: its hook's format, as its binary was seen to take it (0.169.0).

It goes on as if there were no hook after every answer that it does not know to the letter: a key too many, `allow`
without new input, a denial without a reason, `ask`, exit code 1, or one that comes too late. Only a denial with a
reason stops a call, or exit code 2 with words on stderr; so nothing here can have it ask its own user before a call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.coding_agents import CODEX
from approval_tui.integrations.coding_agents.agent import (
    BLOCKED,
    USER,
    Spoken,
    as_json,
    settings_folder,
    stop_in_shell,
    tell_model,
    words,
)
from approval_tui.integrations.coding_agents.hook_answer import ALLOW, ASK, DENY, HookAnswer
from approval_tui.integrations.coding_agents.hook_input import (
    PERMISSION_REQUEST,
    POST_TOOL_USE,
    PRE_TOOL_USE,
    HookInput,
)

if TYPE_CHECKING:
    from approval_tui.integrations.coding_agents.finding import Finding
    from approval_tui.integrations.coding_agents.installed_hook import FoundHook

_MODE_THAT_ASKS = "default"
_COMMAND = "Bash"
_TOOLS_OF_A_COMMAND = frozenset({_COMMAND, "apply_patch"})
"""Of what a reviewer puts in place of their arguments, Codex takes the command and drops the rest."""

_OF_A_SERVER = "mcp__"


class Codex:
    """See `CodingAgent`."""

    name = CODEX
    title = "Codex"
    after_install = (
        "Codex runs no hook before you trust it: start codex and choose `Trust all and continue`, or /hooks."
    )
    runs_the_same_once = False
    needs_matcher = False
    undecided = "the call is denied; only where Codex was about to ask anyway does it ask"
    unasked_tools = frozenset(
        {
            "get_goal",
            "list_mcp_resource_templates",
            "list_mcp_resources",
            "tool_search",
            "update_plan",
            "view_image",
        }
    )
    own_questions: frozenset[str] = frozenset()
    hook_events: tuple[str, ...] = (PRE_TOOL_USE, PERMISSION_REQUEST, POST_TOOL_USE)

    def settings_path(self, scope: str, environment: Mapping[str, str], working_directory: str) -> str:
        """In the user's folder, which CODEX_HOME may name, or in that of the project."""
        return os.path.join(_folder(scope, environment, working_directory), "hooks.json")

    def fallback(self, event: str, *, fail_closed: bool) -> str:
        """Before a call nothing but a denial holds it; its own prompt comes where it was about to ask anyway."""
        return stop_in_shell() if event == PRE_TOOL_USE or (event == PERMISSION_REQUEST and fail_closed) else ""

    def check_settings(
        self, path: str, hooks: Sequence[FoundHook], environment: Mapping[str, str]
    ) -> Iterator[Finding]:
        """It runs what its user has trusted, and nothing else."""
        from approval_tui.integrations.coding_agents.codex_trust import check_trust  # only doctor needs it

        return check_trust(path, hooks, _folder(USER, environment)) if hooks else iter(())

    def speak(self, event: str, answer: HookAnswer) -> Spoken:
        """The answer in exactly the keys that it knows; to go on is to say nothing."""
        if answer.decision == DENY and answer.is_about_nothing:
            return Spoken("", f"{words(answer.reason)}\n", BLOCKED)
        if answer.told:
            return tell_model(event, answer.told)
        said: dict[str, Any] = {"hookEventName": event}
        is_question_of_its_own = event == PERMISSION_REQUEST
        is_denied = answer.decision == DENY or (answer.decision == ASK and not is_question_of_its_own)
        if is_question_of_its_own and (is_denied or answer.arguments is not None):
            said["decision"] = {"behavior": DENY, "message": words(answer.reason)}
        elif is_question_of_its_own and answer.decision == ALLOW:
            said["decision"] = {"behavior": ALLOW}
        elif is_denied:
            said |= {"permissionDecision": DENY, "permissionDecisionReason": words(answer.reason)}
        elif answer.decision == ALLOW and answer.arguments is not None:
            said |= {"permissionDecision": ALLOW, "updatedInput": answer.arguments}
        else:
            return Spoken("{}\n")
        return Spoken(as_json({"hookSpecificOutput": said}))

    def can_ask(self, asked: HookInput | None, _environment: Mapping[str, str]) -> bool:
        """Only where it is about to ask anyway, and not where it was started to ask nobody, as `codex exec` is."""
        return asked is not None and asked.event == PERMISSION_REQUEST and asked.mode in (None, _MODE_THAT_ASKS)

    def plain_arguments(self, event: HookInput) -> JsonObject | None:
        """Of a command only itself: its own question adds a justification, and takes a patch's last newline away."""
        arguments = event.arguments
        if event.tool not in _TOOLS_OF_A_COMMAND or arguments is None or type(arguments.get("command")) is not str:
            return arguments
        return {"command": arguments["command"].removesuffix("\n")}

    def never_takes_edits(self, asked: HookInput) -> bool:
        """Not where it is about to ask its own user, and of tools only those of commands and servers."""
        if asked.event != PRE_TOOL_USE or asked.tool is None:
            return True
        return asked.tool not in _TOOLS_OF_A_COMMAND and not asked.tool.startswith(_OF_A_SERVER)

    def takes_edit(self, asked: HookInput, arguments: JsonObject) -> bool:
        """Before a call, and of commands only the command itself."""
        if self.never_takes_edits(asked):
            return False
        if asked.tool in _TOOLS_OF_A_COMMAND:
            return arguments.keys() == {"command"} and type(arguments["command"]) is str
        return True

    def asks_the_same(self, asked: HookInput) -> bool:
        """Of a server's tool only: a command may be about to leave the sandbox, which the event before did not say."""
        return asked.tool is not None and asked.tool.startswith(_OF_A_SERVER)

    def tells_failures(self, ended: HookInput) -> bool:
        """Not of commands; of other calls that failed it says nothing at all."""
        return ended.tool != _COMMAND

    def failure(self, _ended: HookInput) -> str | None:
        """It has no event for them."""
        return None


def _folder(scope: str, environment: Mapping[str, str], working_directory: str = "") -> str:
    return settings_folder(".codex", "CODEX_HOME", scope, environment, working_directory)


AGENT = Codex()
