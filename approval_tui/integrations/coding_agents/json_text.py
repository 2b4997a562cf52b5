"""Edits of strict JSON that leave every other byte alone: where each value stands, and texts put in and taken out.

What was put in can be taken out again without a trace, and for that a container that was found empty stays to be
told from one that came with what was put in: its last item is followed by a blank line, or in one line by a blank.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from math import isinf
from typing import Any, NamedTuple

from approval_tui.domain.lazy import lazy_property

DEEPEST_NESTING = 100
OBJECT = "object"
ARRAY = "array"
SCALAR = "scalar"

_BLANK = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_WORD = re.compile(r"true|false|null")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_DEFAULT_UNIT = "  "


class JsonFault(Exception):
    """The text is no strict JSON, or not of the shape that was asked for; `position` is where, in characters."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.what = what
        self.position = position


class Node(NamedTuple):
    """A value: its kind and where it stands; `indentation` is that of the line on which it, or its key, begins."""

    kind: str
    start: int
    end: int
    indentation: str
    items: tuple[Item, ...] = ()


class Item(NamedTuple):
    """A value in a container, with its key in an object; `gap` is the blank between it and what comes before."""

    start: int
    gap: str
    key: str | None
    value: Node


class Edit(NamedTuple):
    """A text in the place of another."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after the edits, which must not overlap."""
    pieces, end = [], 0
    for edit in sorted(edits):
        assert edit.start >= end
        pieces += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join(pieces) + text[end:]


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The place of a character for people, both counted from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


class JsonText:
    """A text of strict JSON whose value is an object; raises JsonFault for any other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = _Reader(text).document()
        if self.root.kind != OBJECT:
            raise JsonFault("an object must stand here, in braces", self.root.start)

    def value(self, node: Node) -> Any:
        """The node's value in Python; of equal keys the last one counts."""
        return json.loads(self.text[node.start : node.end])

    def only(self, node: Node, key: str) -> Item | None:
        """The object's member of that name; None where there is none. Raises JsonFault where there are two."""
        found = [item for item in node.items if item.key == key]
        if len(found) > 1:
            raise JsonFault(f"the key {key!a} stands here once more", found[1].start)
        return found[0] if found else None

    # --- putting in ----------------------------------------------------------------------------

    def appended(self, container: Node, values: Sequence[tuple[str | None, Any]]) -> Edit:
        """Puts values, with their keys in an object, after what is in the container, laid out as their surroundings."""
        if container.items:
            return self._appended_to_others(container, values)
        found = self.text[container.start + 1 : container.end - 1]
        if self._newline is None:
            body = f",{self._comma}".join(self._written(key, value, None) for key, value in values)
            return Edit(container.start + 1, container.end - 1, body + found + self._mark(container))
        indentation = container.indentation + self._unit
        lead = self._newline + indentation
        body = f",{lead}".join(self._written(key, value, indentation) for key, value in values)
        end = self._before_bracket(container) if container is self.root else self._mark(container)
        return Edit(container.start + 1, container.end - 1, lead + body + found + end)

    def replaced(self, node: Node, value: Any) -> Edit:
        """Puts the value in the node's place, in as many lines as that one had: one, or one for each item."""
        is_one_line = _NEWLINE.search(self.text, node.start, node.end) is None
        return Edit(node.start, node.end, self._written(None, value, None if is_one_line else node.indentation))

    def _appended_to_others(self, container: Node, values: Sequence[tuple[str | None, Any]]) -> Edit:
        last = container.items[-1]
        has_line = _NEWLINE.search(last.gap) is not None
        indentation = last.value.indentation if has_line and self._newline is not None else None
        if self._newline is not None and indentation is not None:
            lead = self._newline + indentation
        else:
            lead = last.gap if has_line or len(container.items) > 1 else self._comma
        text = "".join(f",{lead}{self._written(key, value, indentation)}" for key, value in values)
        return Edit(last.value.end, last.value.end, text)

    def _written(self, key: str | None, value: Any, indentation: str | None) -> str:
        """The value in ASCII, in lines that begin with the indentation, or in one line for None."""
        colon = f":{self._colon}"
        if indentation is None:
            text = json.dumps(value, separators=(f",{self._comma}", colon))
        else:
            text = json.dumps(value, indent=self._unit, separators=(",", colon))
            text = text.replace("\n", (self._newline or "\n") + indentation)
        return text if key is None else json.dumps(key) + colon + text

    # --- taking out ----------------------------------------------------------------------------

    def without(self, container: Node, indexes: Collection[int]) -> list[Edit]:
        """Takes the items of these indexes out; of a container that becomes empty, what `appended` found stays."""
        items = container.items
        if len(indexes) == len(items):
            end = self._before_bracket(container) if container is self.root else self._mark(container)
            left = self.text[items[-1].value.end : container.end - 1].removesuffix(end)
            return [Edit(container.start + 1, container.end - 1, left)]
        edits = []
        for index in sorted(indexes):
            if index - 1 in indexes:
                continue  # the run that it belongs to is out already
            after = next(each for each in range(index, len(items) + 1) if each not in indexes)
            if index == 0:
                edits.append(Edit(items[0].start, items[after].start, ""))
            else:
                edits.append(Edit(items[index - 1].value.end, items[after - 1].value.end, ""))
        return edits

    def was_empty(self, container: Node) -> bool:
        """Whether `appended` found the container empty."""
        if not container.items:
            return True
        left = self.text[container.items[-1].value.end : container.end - 1]
        return container is self.root or left.endswith(self._mark(container))

    # --- the layout ----------------------------------------------------------------------------

    def _before_bracket(self, container: Node) -> str:
        return "" if self._newline is None else self._newline + container.indentation

    def _mark(self, container: Node) -> str:
        """What follows the last item where the container was found empty."""
        return " " if self._newline is None else self._newline + self._before_bracket(container)

    @lazy_property
    def _newline(self) -> str | None:
        """How lines end; None where the text is in one line."""
        if not self.root.items:
            found = _NEWLINE.search(self.text)
            return "\n" if found is None else found.group()
        found = _NEWLINE.search(self.root.items[0].gap)
        return None if found is None else found.group()

    @lazy_property
    def _unit(self) -> str:
        """The indentation of one level."""
        return self.root.items[0].value.indentation if self.root.items else _DEFAULT_UNIT

    @lazy_property
    def _colon(self) -> str:
        """What follows a colon."""
        if not self.root.items:
            return " "
        first = self.root.items[0]
        return "" if self.text[first.value.start - 1] == ":" else " "

    @lazy_property
    def _comma(self) -> str:
        """What follows a comma in a line."""
        items = self.root.items
        if self._newline is not None or len(items) < 2:
            return self._colon
        return " " if items[1].gap else ""


class _Reader:
    """Reads a text once, from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text

    def document(self) -> Node:
        root = self._value(self._after_blank(0), "", 1)
        end = self._after_blank(root.end)
        if end < len(self._text):
            raise self._fault(end, "nothing may follow the end of the value")
        return root

    def _value(self, position: int, indentation: str, depth: int) -> Node:
        first = self._text[position : position + 1]
        if first in ("{", "["):
            if depth > DEEPEST_NESTING:
                raise JsonFault(f"more than {DEEPEST_NESTING} levels lie inside each other", position)
            return self._container(position, indentation, depth, first == "{")
        for pattern in (_STRING, _NUMBER, _WORD):
            found = pattern.match(self._text, position)
            if found is None:
                continue
            if pattern is _NUMBER and isinf(float(found.group())):
                raise JsonFault("a number too large for those who read it", position)
            return Node(SCALAR, position, found.end(), indentation)
        raise self._fault(position, "no JSON value begins here")

    def _container(self, start: int, indentation: str, depth: int, is_object: bool) -> Node:
        close = "}" if is_object else "]"
        kind = OBJECT if is_object else ARRAY
        items: list[Item] = []
        before = start + 1
        while True:
            position = self._after_blank(before)
            if self._text.startswith(close, position):
                if items:
                    raise JsonFault("a comma with nothing after it", before - 1)
                return Node(kind, start, position + 1, indentation)
            items.append(self._item(before, position, indentation, depth, is_object))
            position = self._after_blank(items[-1].value.end)
            if self._text.startswith(close, position):
                return Node(kind, start, position + 1, indentation, tuple(items))
            if not self._text.startswith(",", position):
                raise self._fault(position, f"a comma or {close} must stand here")
            before = position + 1

    def _item(self, before: int, start: int, indentation: str, depth: int, is_object: bool) -> Item:
        gap = self._text[before:start]
        if _NEWLINE.search(gap) is not None:
            indentation = _NEWLINE.split(gap)[-1]
        if not is_object:
            return Item(start, gap, None, self._value(start, indentation, depth + 1))
        found = _STRING.match(self._text, start)
        if found is None:
            raise self._fault(start, "a key in double quotes must stand here")
        position = self._after_blank(found.end())
        if not self._text.startswith(":", position):
            raise self._fault(position, "a colon must stand here")
        value = self._value(self._after_blank(position + 1), indentation, depth + 1)
        return Item(start, gap, json.loads(found.group()), value)

    def _after_blank(self, position: int) -> int:
        found = _BLANK.match(self._text, position)
        assert found is not None
        return found.end()

    def _fault(self, position: int, what: str) -> JsonFault:
        if position >= len(self._text):
            return JsonFault("the text ends before the JSON does" if self._text.strip() else "it is empty", position)
        if self._text.startswith(("//", "/*", "#"), position):
            return JsonFault("a comment, and JSON has none", position)
        return JsonFault(what, position)
