"""Where a text that a person writes is no JSON object, in words: the line, the column, and what stands wrong there."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from approval_tui.domain.canonical import DEEPEST_NESTING, JsonObject, parse_json
from approval_tui.domain.errors import InvalidJson


class JsonFault(NamedTuple):
    """What is wrong with a text; `line` and `column` count from 1 and are 0 where it is wrong as a whole."""

    problem: str
    line: int = 0
    column: int = 0

    @property
    def words(self) -> str:
        """The place and what is wrong there, as one sentence."""
        return f"Line {self.line}, column {self.column}: {self.problem}" if self.line else self.problem


def object_or_fault(text: str) -> JsonObject | JsonFault:
    """The object that the text is, exactly, or the first thing that is wrong with it."""
    try:
        value = parse_json(text, exact_numbers=True)
    except InvalidJson as error:
        return _fault(text, error)
    if isinstance(value, dict):
        return value
    kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    return JsonFault(f"The arguments must be a JSON object, in curly brackets; this is {kind}.")


_WORDS = {
    "Expecting value": "a value is missing here.",
    "Expecting ',' delimiter": "a comma is missing here, or a closing bracket.",
    "Expecting ':' delimiter": "a colon is missing here, between a key and its value.",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing here.",
    "Unterminated string starting at": "this text has no closing quote.",
    "Invalid control character at": "a line break or another control character stands inside a text; write it as \\n.",
    "Invalid \\escape": "a backslash stands before what it does not escape; write two of them.",
    "Invalid \\uXXXX escape": "four hexadecimal digits are missing after \\u.",
    "Extra data": "the JSON has ended before this; one object is all that may stand here.",
    "Illegal trailing comma before end of object": "a comma stands before the end of an object.",
    "Illegal trailing comma before end of array": "a comma stands before the end of a list.",
}
"""What Python's reader says, in our words."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN|-?[0-9][0-9.eE+-]*|true|false|null|[{}\[\]:,]')
_SCALAR = re.compile(r'["\-0-9IN]')


def _fault(text: str, error: InvalidJson) -> JsonFault:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as found:
        problem = _WORDS.get(found.msg.removesuffix(": "), "this is no JSON.")
        return JsonFault(problem, found.lineno, found.colno)
    except (ValueError, RecursionError):
        return JsonFault(error.happened)
    at = _first_unfit(text)
    if at is None:
        return JsonFault(error.happened)
    return JsonFault(error.happened, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def _first_unfit(text: str) -> int | None:
    """Where the first key, number or text stands that JSON's grammar admits, and we do not."""
    open_objects: list[set[str] | None] = []  # the keys of each object, None for a list
    before = ""
    for token in _TOKEN.finditer(text):
        said, at = token.group(), token.start()
        if said in "{[":
            open_objects.append(set() if said == "{" else None)
            if len(open_objects) > DEEPEST_NESTING:
                return at
        elif said in "}]":
            open_objects.pop()
        elif _SCALAR.match(said):
            try:
                value = parse_json(said, exact_numbers=True)
            except InvalidJson:
                return at
            keys = open_objects[-1] if open_objects else None
            if keys is not None and before in ("{", ","):
                if value in keys:
                    return at
                keys.add(value)
        before = said
    return None
