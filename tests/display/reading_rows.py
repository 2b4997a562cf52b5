"""Reads a payload's rows back into arguments, knowing only what a person knows who looks at them."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.display.hostile import undo_escapes

_LABEL = re.compile(r'(?P<plain>[A-Za-z0-9_.-]+)|\[(?P<index>\d+)\]|"(?P<quoted>(?:[^"\\]|\\.)*)"', re.DOTALL)
_BLOCK = re.compile(r"\((\d+) lines, \d+ characters\)")


def joined_rows(rows: list[str]) -> list[str]:
    """The rows with those that begin with a turned arrow put back to the end of the row above."""
    joined: list[str] = []
    for row in rows:
        bare = row.lstrip(" ")
        if bare.startswith("↳ "):
            joined[-1] += bare.removeprefix("↳ ")
        else:
            joined.append(row)
    return joined


def arguments_of(rows: list[str]) -> dict[str, Any]:
    """The arguments that these rows show; fails on rows that could not have come from any."""
    joined = joined_rows(rows)
    if joined == ["(no arguments)"]:
        return {}
    value = _Reader(joined).children(0)
    assert isinstance(value, dict)
    return value


class _Reader:
    def __init__(self, rows: list[str]) -> None:
        self._rows = rows
        self._next = 0

    def children(self, indent: int) -> dict[str, Any] | list[Any]:
        """The rows at this indent, and what stands below each of them."""
        names: list[str | int] = []
        values: list[Any] = []
        while self._next < len(self._rows) and self._indent_of(self._next) == indent:
            content = self._rows[self._next][indent:]
            self._next += 1
            label = _LABEL.match(content)
            assert label is not None, content
            assert content[label.end() :].startswith(": "), content
            names.append(_name(label))
            values.append(self._value(content[label.end() + 2 :], indent + 2))
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
        assert all(line.startswith(" " * below + "│ ") for line in lines)
        return "\n".join(undo_escapes(line[below + 2 :]) for line in lines)

    def _indent_of(self, index: int) -> int:
        row = self._rows[index]
        return len(row) - len(row.lstrip(" "))


def _name(label: re.Match[str]) -> str | int:
    if label["index"] is not None:
        return int(label["index"])
    if label["plain"] is not None:
        return label["plain"]
    return re.sub(r"\\(.)", r"\1", undo_escapes(label["quoted"]), flags=re.DOTALL)
