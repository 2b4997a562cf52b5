"""The whole of a call's arguments as rows: nothing hidden, nothing that could pass for something else.

Each value has a row of its own. A string runs to the end of its row in quotes; one with line breaks stands
below its key, each of its lines behind a bar, so that no text can imitate another key. A row that goes on
from the one above begins with a turned arrow. A row too deep for an indent says its level in its place (`#31 `).
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any, NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.preview import scalar_text
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import visible_lines, visible_text
from approval_tui.display.width import wrap

LEVEL = "#"

KEY = "key"
STRING = "string"
NUMBER = "number"
NOTE = "note"

_STEP = 2
_ROOM = 20
"""Cells that an indent leaves free; one that would leave fewer is written as a level."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,60}\Z")


class PayloadRow(NamedTuple):
    """One row before wrapping: its indent in cells, its label, its text, and what kind of text that is.

    A named tuple, as a text of a million lines has a million of them.
    """

    indent: int
    label: str
    text: str
    kind: str


class ShownRow(NamedTuple):
    """One row as it fits on the screen: what goes before the text, the text, and its kind.

    `begin` and `end` say which characters of the payload it shows, half-open, counted over the labels and texts
    of all rows; an empty row counts as one, and the count does not depend on the width.
    """

    lead: str
    label: str
    text: str
    kind: str
    begin: int
    end: int

    @property
    def plain(self) -> str:
        """The row as plain text."""
        return self.lead + self.label + self.text


def payload_rows(arguments: dict[str, Any], redactor: Redactor, glyphs: Glyphs = UNICODE) -> list[PayloadRow]:
    """All rows of the arguments, in the agent's order of keys."""
    if not arguments:
        return [PayloadRow(0, "", "(no arguments)", NOTE)]
    rows: list[PayloadRow] = []
    for key, value in arguments.items():
        _append(rows, 0, key, key_label(key, glyphs), value, redactor, glyphs)
    return rows


def key_label(key: str, glyphs: Glyphs = UNICODE) -> str:
    """The key as it is shown; in quotes unless it is a plain word, so that it cannot imitate a value."""
    if _PLAIN_KEY.match(key):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')  # so that its closing quote is the only bare one
    return f'"{visible_text(escaped, ascii_only=glyphs.is_ascii, quoted=True)}"'


def wrap_rows(rows: list[PayloadRow], width: int, glyphs: Glyphs = UNICODE) -> list[ShownRow]:
    """The rows wrapped to `width` cells (10 at least), none of their characters dropped.

    `glyphs` must be those that the rows were made with.
    """
    shown: list[ShownRow] = []
    begin = 0
    deepest = max(0, width - _ROOM)
    for row in rows:
        indent, label, text, kind = row
        length = len(label) + len(text)
        if indent <= deepest and indent + length <= width and length and _is_narrow(label, text, glyphs):
            end = begin + length  # most rows fit as they are, and a long text has very many of them
            shown.append(ShownRow(" " * indent, label, text, kind, begin, end))
        else:
            shown += wrap_row(row, width, begin, glyphs)
            end = shown[-1].end
        begin = end
    return shown


def wrap_row(row: PayloadRow, width: int, begin: int = 0, glyphs: Glyphs = UNICODE) -> list[ShownRow]:
    """One of the rows wrapped; `begin` is where the row before it ended."""
    indent, label, text, kind = row
    deepest = max(0, width - _ROOM)
    lead = " " * indent if indent <= deepest else f"{LEVEL}{indent // _STEP} "
    if not label and not text:
        return [ShownRow(lead, label, text, kind, begin, begin + 1)]
    onward = " " * min(indent, deepest) + glyphs.continued
    room, onward_room = width - len(lead), width - len(onward)
    shown = []
    if label == glyphs.bar:
        for piece in wrap(text, room - len(label), onward=onward_room):
            end = begin + len(label) + len(piece)
            shown.append(ShownRow(lead, label, piece, kind, begin, end))
            begin, lead, label = end, onward, ""
        return shown
    left = len(label)  # of the label's characters, those that are still to come
    for piece in wrap(label + text, room, onward=onward_room):
        end = begin + len(piece)
        is_key = len(piece) <= left and text != ""
        shown.append(ShownRow(lead, piece[:left], piece[left:], KEY if is_key else kind, begin, end))
        left = max(0, left - len(piece))
        begin, lead = end, onward
    return shown


def _is_narrow(label: str, text: str, glyphs: Glyphs) -> bool:
    """Whether each character takes one cell, as far as that can be said at once."""
    return text.isascii() and (label == glyphs.bar or label.isascii())


def span_total(rows: list[PayloadRow]) -> int:
    """How many positions the rows have in all: the `end` of the last row shown, at every width."""
    return sum(len(row.label) + len(row.text) or 1 for row in rows)


def _append(
    rows: list[PayloadRow], indent: int, key: str, label: str, value: Any, redactor: Redactor, glyphs: Glyphs
) -> None:
    lead = f"{label}: "
    if isinstance(value, dict | list) and value:
        rows.append(PayloadRow(indent, f"{label}:", "", NUMBER))
        if isinstance(value, dict):
            for inner_key, item in value.items():
                _append(rows, indent + _STEP, inner_key, key_label(inner_key, glyphs), item, redactor, glyphs)
        else:
            for index, item in enumerate(value):
                _append(rows, indent + _STEP, key, f"[{index}]", item, redactor, glyphs)
    elif isinstance(value, dict | list):
        rows.append(PayloadRow(indent, lead, "{}" if isinstance(value, dict) else "[]", NUMBER))
    elif isinstance(value, str):
        _append_string(rows, indent, key, lead, value, redactor, glyphs)
    else:
        rows.append(PayloadRow(indent, lead, scalar_text(value), NUMBER))


def _append_string(
    rows: list[PayloadRow], indent: int, key: str, lead: str, value: str, redactor: Redactor, glyphs: Glyphs
) -> None:
    if value and redactor.is_secret_name(key):
        rows.append(PayloadRow(indent, lead, mask(value, glyphs), NOTE))
        return
    text = redactor.redact(value, glyphs)
    if "\n" not in text:
        shown = visible_text(text, ascii_only=glyphs.is_ascii, quoted=True)
        rows.append(PayloadRow(indent, lead, f'"{shown}"', STRING))
        return
    lines = visible_lines(text, ascii_only=glyphs.is_ascii)
    rows.append(PayloadRow(indent, lead, f"({len(lines)} lines, {len(value)} characters)", NOTE))
    rows.extend(map(PayloadRow, repeat(indent + _STEP), repeat(glyphs.bar), lines, repeat(STRING)))
