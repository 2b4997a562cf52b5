"""What a coding agent hands to its hook on stdin, read strictly where it decides, and leniently elsewhere."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject, canonical_hash, parse_json
from approval_tui.domain.errors import InvalidInput, InvalidJson
from approval_tui.domain.limits import LONGEST_NAME

PRE_TOOL_USE = "PreToolUse"  #: the agent is about to run a tool
PERMISSION_REQUEST = "PermissionRequest"  #: the agent is about to ask its own user
POST_TOOL_USE = "PostToolUse"  #: a tool ran and returned
POST_TOOL_USE_FAILURE = "PostToolUseFailure"  #: a tool ran and failed
PERMISSION_DENIED = "PermissionDenied"  #: the agent itself did not let a tool run

QUESTIONS = (PRE_TOOL_USE, PERMISSION_REQUEST)
OUTCOMES = (POST_TOOL_USE, POST_TOOL_USE_FAILURE, PERMISSION_DENIED)

MOST_BYTES = 32 * 1024 * 1024
"""More than any arguments that the store accepts can take, escapes and a tool's answer beside them included."""


class HookInput(NamedTuple):
    """One event of an agent. Fields that it did not send, or not as text, are None; others are ignored.

    `arguments` are the tool's, exactly as the agent would run it, or None where that could be read in two ways.
    `call_id` is the agent's own id of the call, which the event before the call and the one after it share. `mode` is
    the agent's permission mode.
    """

    event: str
    tool: str | None = None
    arguments: JsonObject | None = None
    session: str | None = None
    working_directory: str | None = None
    call_id: str | None = None
    mode: str | None = None
    error: str | None = None
    concerns_tool: bool = False
    """Whether it is about the call of a tool, be it named or not."""

    @property
    def is_question(self) -> bool:
        """Whether it is one of those that wait for an answer, and names a call that can be asked about."""
        return self.event in QUESTIONS and self.tool is not None and self.arguments is not None

    @property
    def call_hash(self) -> str:
        """Names the tool and its arguments, for events that bring no id; empty where they cannot be named."""
        try:
            return canonical_hash({"tool": self.tool, "arguments": self.arguments})
        except InvalidJson:
            return ""


def read_hook_input(data: bytes) -> HookInput:
    """The event that the agent's JSON speaks of; raises InvalidInput where it is no event at all.

    What a question would run is read strictly, and left out where two readers could read two things. Around it, and
    in what a tool answered, anything may stand but a key twice.
    """
    if len(data) > MOST_BYTES:
        raise _not_understood(f"more than {MOST_BYTES:,} bytes")
    try:
        said, is_plain = parse_json(data), True
    except InvalidJson as error:
        said, is_plain = _read_leniently(data, error), False
    if type(said) is not dict or type(said.get("hook_event_name")) is not str:
        raise _not_understood("no object with a hook_event_name")
    tool, arguments = said.get("tool_name"), said.get("tool_input")
    is_certain = is_plain or said["hook_event_name"] in OUTCOMES
    return HookInput(
        event=said["hook_event_name"],
        tool=tool if type(tool) is str and tool and is_certain else None,
        arguments=arguments if type(arguments) is dict and is_certain else None,
        session=_name(said, "session_id"),
        working_directory=_text(said, "cwd"),
        call_id=_name(said, "tool_use_id"),
        mode=_text(said, "permission_mode"),
        error=_text(said, "error") or _text(said, "reason"),
        concerns_tool="tool_name" in said or "tool_input" in said or said["hook_event_name"] in QUESTIONS,
    )


def _read_leniently(data: bytes, error: InvalidJson) -> Any:
    """What the standard library makes of it; raises InvalidInput where that is nothing, or has a key of ours twice."""
    last: list[tuple[str, Any]] = []

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal last
        last = pairs  # the outermost object comes last
        return dict(pairs)

    try:
        said = json.loads(data.decode("utf-8", "replace"), object_pairs_hook=read_object)
    except (ValueError, RecursionError):
        raise _not_understood(error.happened) from None
    if type(said) is dict and len(said) != len(last):
        raise _not_understood(error.happened)
    return said


def _text(said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    return value.encode("utf-8", "replace").decode() if type(value) is str and value else None


def _name(said: dict[str, Any], key: str) -> str | None:
    """A text that the store takes for a name; a longer one is none, as it could not be kept."""
    value = _text(said, key)
    return value if value is not None and value.strip() and len(value) <= LONGEST_NAME else None


def _not_understood(what: str) -> InvalidInput:
    return InvalidInput(
        f"What the agent sent was not understood: {what.rstrip('.')}.",
        not_done="Nobody was asked in approval-tui.",
        to_do="Look whether the agent is of a version that approval-tui knows (`approval-tui hook doctor`).",
    )
