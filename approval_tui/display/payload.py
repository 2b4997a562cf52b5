"""The whole of a call's arguments as rows: nothing hidden, nothing that could pass for something else.

Each value has a row of its own. A string runs to the end of its row in quotes; one with line breaks stands
below its key, each of its lines behind a bar, so that no text can imitate another key. A row that goes on
from the one above begins with a turned arrow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from approval_tui.display.preview import scalar_text
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import visible_lines, visible_text
from approval_tui.display.width import cell_width, wrap

BAR = "│ "
CONTINUED = "↳ "

KEY = "key"
STRING = "string"
NUMBER = "number"
NOTE = "note"

_NARROWEST = 8
_LEAST_TEXT = _NARROWEST - len(BAR)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,60}\Z")


@dataclass(frozen=True)
class PayloadRow:
    """One row before wrapping: its indent in cells, its label, its text, and what kind of text that is."""

    indent: int
    label: str
    text: str
    kind: str


@dataclass(frozen=True)
class ShownRow:
    """One row as it fits on the screen: what goes before the text, the text, and its kind."""

    lead: str
    label: str
    text: str
    kind: str

    @property
    def plain(self) -> str:
        """The row as plain text."""
        return self.lead + self.label + self.text


def payload_rows(arguments: dict[str, Any], redactor: Redactor) -> list[PayloadRow]:
    """All rows of the arguments, in the agent's order of keys."""
    if not arguments:
        return [PayloadRow(0, "", "(no arguments)", NOTE)]
    rows: list[PayloadRow] = []
    for key, value in arguments.items():
        _append(rows, 0, key, key_label(key), value, redactor)
    return rows


def key_label(key: str) -> str:
    """The key as it is shown; in quotes unless it is a plain word, so that it cannot imitate a value."""
    if _PLAIN_KEY.match(key):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')  # so that its closing quote is the only bare one
    return f'"{visible_text(escaped)}"'


def wrap_rows(rows: list[PayloadRow], width: int) -> list[ShownRow]:
    """The rows wrapped to `width` cells, none of their characters dropped."""
    shown = []
    for row in rows:
        lead = " " * min(row.indent, max(0, width - _NARROWEST))
        onward = lead + CONTINUED
        room, onward_room = width - cell_width(lead), width - cell_width(onward)
        *labels, label = wrap(row.label, room, onward=onward_room)
        for piece in labels:
            shown.append(ShownRow(lead, piece, "", KEY))
            lead, room = onward, onward_room
        room -= cell_width(label)
        if row.text and room < _LEAST_TEXT:
            shown.append(ShownRow(lead, label, "", KEY))
            lead, label, room = onward, "", onward_room
        for piece in wrap(row.text, room, onward=onward_room):
            shown.append(ShownRow(lead, label, piece, row.kind))
            lead, label = onward, ""
    return shown


def _append(rows: list[PayloadRow], indent: int, key: str, label: str, value: Any, redactor: Redactor) -> None:
    lead = f"{label}: "
    if isinstance(value, dict):
        rows.append(PayloadRow(indent, lead, "" if value else "{}", NUMBER))
        for inner_key, item in value.items():
            _append(rows, indent + 2, inner_key, key_label(inner_key), item, redactor)
    elif isinstance(value, list):
        rows.append(PayloadRow(indent, lead, "" if value else "[]", NUMBER))
        for index, item in enumerate(value):
            _append(rows, indent + 2, key, f"[{index}]", item, redactor)
    elif isinstance(value, str):
        _append_string(rows, indent, key, lead, value, redactor)
    else:
        rows.append(PayloadRow(indent, lead, scalar_text(value), NUMBER))


def _append_string(rows: list[PayloadRow], indent: int, key: str, lead: str, value: str, redactor: Redactor) -> None:
    if value and redactor.is_secret_name(key):
        rows.append(PayloadRow(indent, lead, mask(value), NOTE))
        return
    text = redactor.redact(value)
    if "\n" not in text:
        rows.append(PayloadRow(indent, lead, f'"{visible_text(text)}"', STRING))
        return
    lines = visible_lines(text)
    rows.append(PayloadRow(indent, lead, f"({len(lines)} lines, {len(value)} characters)", NOTE))
    rows.extend(PayloadRow(indent + 2, BAR, line, STRING) for line in lines)
