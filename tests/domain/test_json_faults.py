"""Where a text is no JSON object, as a person who writes it is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.canonical import parse_json
from approval_tui.domain.errors import InvalidJson
from approval_tui.domain.json_faults import JsonFault, object_or_fault

MISSING_KEY = "a key in double quotes is missing here."


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        ("", 1, 1, "a value is missing here."),
        ("{", 1, 2, MISSING_KEY),
        ("{'a': 1}", 1, 2, MISSING_KEY),
        ('{\n  "a" 1\n}', 2, 7, "a colon is missing here, between a key and its value."),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3, "a comma is missing here, or a closing bracket."),
        ('{"a": }', 1, 7, "a value is missing here."),
        ('{\n  "a": "x\n}', 2, 10, "a line break or another control character stands inside a text; write it as \\n."),
        ('{"a": "x', 1, 7, "this text has no closing quote."),
        ('{"a": "\\x"}', 1, 8, "a backslash stands before what it does not escape; write two of them."),
        ('{"a": "\\u12"}', 1, 9, "four hexadecimal digits are missing after \\u."),
        ("{}\n{}", 2, 1, "the JSON has ended before this; one object is all that may stand here."),
        ('{"a": 1,\n "b": 2,\n "a": 3}', 3, 2, "The key 'a' stands twice in one object."),
        ('{"a": {"b": 1}, "c": [{"b": 1,\n "b": 2}]}', 2, 2, "The key 'b' stands twice in one object."),
        ('{"\\u0061": 1,\n"a": 2}', 2, 1, "The key 'a' stands twice in one object."),
        ('{"a": NaN}', 1, 7, "NaN is not JSON."),
        ('{"a": [1,\n-Infinity]}', 2, 1, "-Infinity is not JSON."),
        (
            '{"a": 0.1,\n "b": 0.10000000000000000555}',
            2,
            7,
            "0.10000000000000000555 is a number of more digits",
        ),
        ('{"a": "NaN", "b":\n"\\ud800"}', 2, 1, "'$.b' holds a lone surrogate, which is no character."),
        ("[1, 2]", 0, 0, "The arguments must be a JSON object, in curly brackets; this is a list."),
        ("7", 0, 0, "The arguments must be a JSON object, in curly brackets; this is a number."),
        ("[" * 100_000, 0, 0, "The JSON is nested deeper than 100 levels."),
    ],
)
def test_the_first_fault_is_named_with_its_place(text: str, line: int, column: int, problem: str) -> None:
    fault = object_or_fault(text)
    assert isinstance(fault, JsonFault)
    assert (fault.line, fault.column) == (line, column)
    assert fault.problem.startswith(problem)
    assert fault.words == (f"Line {line}, column {column}: {fault.problem}" if line else fault.problem)


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"a": [{"a": 2}, {"a": 3}]}}', ' \n{"{": "}", "[": ",:\\""}\n', "{}"])
def test_an_object_is_given_as_it_is(text: str) -> None:
    assert object_or_fault(text) == parse_json(text)


@given(st.text(alphabet='{}[]:,"\\ \nabu01.-eNI\u202e', max_size=40))
def test_a_text_is_an_object_exactly_where_the_store_takes_it_for_one(text: str) -> None:
    try:
        expected: Any = parse_json(text, exact_numbers=True)
    except InvalidJson:
        expected = None
    found = object_or_fault(text)
    if isinstance(expected, dict):
        assert found == expected
    else:
        assert isinstance(found, JsonFault)
        lines = text.split("\n")
        assert 0 <= found.line <= len(lines)
        assert found.line == 0 or 1 <= found.column <= len(lines[found.line - 1]) + 1
