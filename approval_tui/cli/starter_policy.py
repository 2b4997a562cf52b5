"""A policy to start from: every tool of a server asks, with what the server says of it in comments."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from approval_tui.display.visible import visible_text
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.limits import LONGEST_NAME
from approval_tui.policy.globs import is_glob

_WIDTH = 100
_LONGEST_DESCRIPTION = 600
_MOST_ARGUMENTS = 30

_HEAD = """\
# A policy to start from, for {server}.
# Every tool asks a person. What the server says of its tools stands in comments: hints, and no promises.
#   To let a tool run unasked, write  rules: []  in the place of its rules.
#   To keep a tool from agents, list it under hide.
# `approval-tui policy validate` checks this file; the README's section on the policy has the language.
version: "1"
default: require_approval # what is not listed here, as a tool that the server gets later, asks too
hide: []

tools:
"""


def starter_policy(server: str, tools: Sequence[JsonObject]) -> str:
    """The text of the policy; `tools` are those of the server's list, whose words are nobody's but its own."""
    head = _HEAD.format(server=_one_line(server))
    named = {tool["name"]: tool for tool in tools}
    if not named:
        return head.replace("\ntools:\n", "\ntools: {} # the server lists none\n")
    return head + "\n".join(_entry(name, tool) for name, tool in named.items())


def _entry(name: str, tool: JsonObject) -> str:
    lines = _comment(_cut(_one_line(tool.get("description") or "(the server says nothing of it)")))
    lines += _comment("arguments: " + _arguments(tool.get("inputSchema")))
    hints = _hints(tool.get("annotations"))
    lines += _comment(f"says of itself: {hints}") if hints else []
    if not _can_be_named(name):
        return (
            "\n".join([*lines, *_comment(f"{_one_line(name)} cannot be named by a policy; what is not listed asks")])
            + "\n"
        )
    lines += [
        f"  {_quoted(name)}:",
        "    rules:",
        "      - name: asks",
        "        action: require_approval",
    ]
    annotations = tool.get("annotations")
    if isinstance(annotations, dict) and annotations.get("destructiveHint") is True:
        lines.append("        risk: high")
    return "\n".join(lines) + "\n"


def _can_be_named(name: str) -> bool:
    """Whether a policy can have rules for the tool of that name, and for no other."""
    has_surrogates = any("\ud800" <= letter <= "\udfff" for letter in name)
    return not is_glob(name) and bool(name.strip()) and len(name) <= LONGEST_NAME and not has_surrogates


def _cut(text: str) -> str:
    more = len(text) - _LONGEST_DESCRIPTION
    return text if more <= 0 else f"{text[:_LONGEST_DESCRIPTION]} ... ({more:,} more characters)"


def _hints(annotations: Any) -> str:
    """What the tool's annotations claim (MCP, ToolAnnotations), in words."""
    if not isinstance(annotations, dict):
        return ""
    words = {
        "readOnlyHint": ("it only reads", "it changes things"),
        "destructiveHint": ("it may destroy", "it destroys nothing"),
        "idempotentHint": ("once more changes nothing more", "each time counts"),
        "openWorldHint": ("it reaches outside", "it stays inside"),
    }
    said = {name: annotations.get(name) for name in words}
    if said["readOnlyHint"] is True:
        said["destructiveHint"] = said["idempotentHint"] = None
    return ", ".join(words[name][value is False] for name, value in said.items() if isinstance(value, bool))


def _arguments(schema: Any) -> str:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return "none"
    required = schema.get("required")
    parts = []
    for name, value in list(properties.items())[:_MOST_ARGUMENTS]:
        kind = value.get("type") if isinstance(value, dict) else None
        is_optional = not isinstance(required, list) or name not in required
        details = ", ".join([kind] if isinstance(kind, str) else []) + (", optional" if is_optional else "")
        parts.append(_one_line(name) + (f" ({_one_line(details.removeprefix(', '))})" if details else ""))
    more = len(properties) - _MOST_ARGUMENTS
    return ", ".join(parts) + (f", and {more} more" if more > 0 else "")


def _comment(text: str) -> list[str]:
    return [f"  # {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def _one_line(text: object) -> str:
    """Outside text as one visible line, which cannot end a comment."""
    return visible_text(" ".join(str(text).split()))


def _quoted(text: str) -> str:
    """A double-quoted scalar of YAML 1.2, in ASCII, whatever the text holds."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"
