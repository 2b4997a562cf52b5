"""The short form of a call's arguments: the most telling keys first, and never a silent cut (rule R9)."""

from __future__ import annotations

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
        f"{_short(key, 40, glyphs)}: {_preview_value(key, arguments[key], redactor, longest, glyphs)}"
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
        return _short(redactor.redact(value, glyphs), longest, glyphs)
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
