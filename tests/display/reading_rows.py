"""Reads a payload back from a screen, knowing only what a person knows who looks at it.

A screen is rows of equally many cells: whether a row ends in blanks or in nothing cannot be seen.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from rich.cells import cell_len

from approval_tui.display.glyphs import UNICODE, Glyphs
from tests.display.hostile import undo_escapes

_LABEL = re.compile(r'(?P<plain>[A-Za-z0-9_.-]+)|\[(?P<index>\d+)\]|"(?P<quoted>(?:[^"\\]|\\.)*)"', re.DOTALL)
_BLOCK = re.compile(r"\((\d+) lines, \d+ characters\)")
_LEVEL = re.compile(r"#(\d+) ")


class _Row(NamedTuple):
    """One row of the payload, put together from the screen's rows: how deep it stands, and what it says."""

    level: int
    content: str


def on_screen(rows: list[str], width: int) -> list[str]:
    """The rows as a terminal of this width has them, filled with blanks."""
    return [row + " " * (width - cell_len(row)) for row in rows]


def arguments_of(screen: list[str], glyphs: Glyphs = UNICODE) -> dict[str, Any]:
    """The arguments that a screen shows; fails on rows that could not have come from any."""
    rows = _joined(screen, glyphs)
    if [row.content for row in rows] == ["(no arguments)"]:
        return {}
    reader = _Reader(rows, glyphs)
    value = reader.children(0)
    assert isinstance(value, dict)
    reader.assert_at_end()
    return value


def _joined(screen: list[str], glyphs: Glyphs) -> list[_Row]:
    """The rows with those that begin with a turned arrow put back to the end of the row above."""
    levels: list[int] = []
    parts: list[list[str]] = []
    for row, below in zip(screen, [*screen[1:], ""], strict=True):
        bare = row.lstrip(" ")
        goes_on = below.lstrip(" ").startswith(glyphs.continued)
        if bare.startswith(glyphs.continued):
            parts[-1].append(_seen(bare.removeprefix(glyphs.continued), goes_on))
            continue
        level = _LEVEL.match(row)
        rest = row[level.end() :] if level else bare
        bar = glyphs.bar if rest.startswith(glyphs.bar) else ""
        levels.append(int(level[1]) if level else (len(row) - len(bare)) // 2)
        parts.append([bar, _seen(rest.removeprefix(bar), goes_on)])
    return [_Row(level, "".join(pieces)) for level, pieces in zip(levels, parts, strict=True)]


def _seen(content: str, goes_on: bool) -> str:
    """What a part of a row holds: blanks at its end are nothing, but a part that is blank and goes on is full."""
    return content if goes_on and not content.strip(" ") else content.rstrip(" ")


class _Reader:
    def __init__(self, rows: list[_Row], glyphs: Glyphs) -> None:
        self._rows = rows
        self._bar = glyphs.bar
        self._next = 0

    def assert_at_end(self) -> None:
        assert self._next == len(self._rows)

    def children(self, level: int) -> dict[str, Any] | list[Any]:
        """The rows at this level, and what stands below each of them."""
        names: list[str | int] = []
        values: list[Any] = []
        while self._next < len(self._rows) and self._rows[self._next].level == level:
            content = self._rows[self._next].content
            self._next += 1
            label = _LABEL.match(content)
            assert label is not None, content
            rest = content[label.end() :]
            assert rest == ":" or rest.startswith(": "), content
            names.append(_name(label))
            values.append(self._value(rest[2:], level + 1))
        assert names
        if all(isinstance(name, str) for name in names):
            assert len(set(names)) == len(names)
            return {str(name): value for name, value in zip(names, values, strict=True)}
        assert names == list(range(len(names)))
        return values

    def _value(self, text: str, below: int) -> Any:
        if not text:
            return self.children(below)
        if text.startswith('"'):
            assert text.endswith('"')
            assert len(text) > 1
            return undo_escapes(text[1:-1])
        block = _BLOCK.fullmatch(text)
        if block is None:
            return json.loads(text)
        lines = self._rows[self._next : self._next + int(block.group(1))]
        self._next += len(lines)
        assert all(line.level == below and line.content.startswith(self._bar) for line in lines)
        return "\n".join(undo_escapes(line.content.removeprefix(self._bar)) for line in lines)


def _name(label: re.Match[str]) -> str | int:
    if label["index"] is not None:
        return int(label["index"])
    if label["plain"] is not None:
        return label["plain"]
    return re.sub(r"\\(.)", r"\1", undo_escapes(label["quoted"]), flags=re.DOTALL)
