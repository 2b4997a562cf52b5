"""The short form of a call's arguments: the most telling keys first, and never a silent cut (rule R9)."""

from __future__ import annotations

import re
from typing import Any

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import visible_text

MOST_KEYS = 5
LONGEST_VALUE = 120

#: Keys that say most about a call, the most telling first.
_TELLING = (
    "command",
    "cmd",
    "script",
    "sql",
    "query",
    "url",
    "uri",
    "method",
    "path",
    "file_path",
    "filename",
    "file",
    "source",
    "destination",
    "target",
    "to",
    "recipient",
    "amount",
    "currency",
    "name",
    "branch",
    "id",
    "content",
    "body",
    "message",
    "text",
)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_LONGEST_KEY = 40
_MARGIN = 8192
"""Characters behind those that are shown in which a secret may end that began among them."""

_RANK = {name: rank for rank, name in enumerate(_TELLING)}


def preview_lines(
    arguments: dict[str, Any],
    redactor: Redactor,
    *,
    longest: int = LONGEST_VALUE,
    most: int = MOST_KEYS,
    glyphs: Glyphs = UNICODE,
) -> list[str]:
    """One line a key, `key: value`, at most `most` of them; the last line says how many are not shown."""
    ranked = sorted(arguments, key=lambda key: _RANK.get(key.lower(), len(_RANK)))
    lines = [
        f"{_key(key, glyphs)}: {_preview_value(key, arguments[key], redactor, longest, glyphs)}"
        for key in ranked[:most]
    ]
    hidden = len(ranked) - most
    if hidden > 0:
        lines.append(f"(and {hidden} more {'key' if hidden == 1 else 'keys'})")
    return lines


def preview_line(arguments: dict[str, Any], redactor: Redactor, *, glyphs: Glyphs = UNICODE) -> str:
    """The preview in one line, for a table; a call without arguments is said to have none."""
    if not arguments:
        return "(no arguments)"
    if len(arguments) == 1:
        ((key, value),) = arguments.items()
        return _preview_value(key, value, redactor, LONGEST_VALUE, glyphs)
    return "  ".join(preview_lines(arguments, redactor, longest=60, glyphs=glyphs))


def _preview_value(key: str, value: Any, redactor: Redactor, longest: int, glyphs: Glyphs) -> str:
    if redactor.is_secret_name(key) and isinstance(value, str) and value:
        return mask(value, glyphs)
    if isinstance(value, str):
        return _short_redacted(value, redactor, longest, glyphs)
    if isinstance(value, dict):
        return f"{{{len(value)} {'key' if len(value) == 1 else 'keys'}}}"
    if isinstance(value, list):
        return f"[{len(value)} {'item' if len(value) == 1 else 'items'}]"
    return scalar_text(value)


def scalar_text(value: Any) -> str:
    """A number, true, false or null as JSON writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _short(text: str, longest: int, glyphs: Glyphs) -> str:
    shown = visible_text(text[:longest], ascii_only=glyphs.is_ascii)
    if len(text) <= longest:
        return shown
    return f"{shown}{glyphs.ellipsis} (+{len(text) - longest} characters)"


def _key(key: str, glyphs: Glyphs) -> str:
    """The key, in quotes unless it is a plain word, so that it cannot imitate a line of ours."""
    return key if _PLAIN_KEY.fullmatch(key) else f'"{_short(key, _LONGEST_KEY, glyphs)}"'


def _short_redacted(value: str, redactor: Redactor, longest: int, glyphs: Glyphs) -> str:
    """The beginning of a text with its secrets masked; only as much is looked through as can be shown."""
    head = value[: longest + _MARGIN]
    shown, beyond = redactor.redact(head, glyphs), len(value) - len(head)
    if len(shown) + beyond <= longest:
        return glyphs.visible(shown)
    rest = len(shown) - longest + beyond
    return f"{glyphs.visible(shown[:longest])}{glyphs.ellipsis} (+{rest} characters)"
