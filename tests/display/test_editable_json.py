"""Arguments as the text that a reviewer edits: exact, and nothing in it that cannot be seen (R8)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.editable_json import editable_json, without_unseen
from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.visible import is_all_visible, is_mark, visible_text
from approval_tui.domain.canonical import exact_json, parse_json
from tests.hostile import HOSTILE_CALLS, HOSTILE_TEXTS

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([*HOSTILE_TEXTS.values()]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
OBJECTS = st.dictionaries(st.text() | st.sampled_from([*HOSTILE_TEXTS.values()]), JSON, max_size=5)


def assert_exact_and_visible(arguments: dict[str, Any], glyphs: Glyphs) -> None:
    text = editable_json(arguments, glyphs)
    assert exact_json(parse_json(text, exact_numbers=True)) == exact_json(arguments)
    for line in text.split("\n"):
        plain = line.replace("\\", "/")  # a backslash is JSON's own here, and doubled for nobody
        assert visible_text(plain, ascii_only=glyphs.is_ascii) == plain
        assert not any(map(is_mark, line))
    assert without_unseen(text, glyphs) == text


@given(OBJECTS, st.sampled_from([UNICODE, ASCII]))
def test_any_object_is_read_back_exactly_and_holds_nothing_unseen(arguments: dict[str, Any], glyphs: Glyphs) -> None:
    assert_exact_and_visible(arguments, glyphs)


@pytest.mark.parametrize("name", HOSTILE_CALLS)
def test_so_is_every_hostile_call(name: str) -> None:
    for glyphs in (UNICODE, ASCII):
        assert_exact_and_visible(dict(HOSTILE_CALLS[name].arguments), glyphs)


def test_it_is_indented_as_a_person_writes_it_and_what_is_deep_stands_in_one_row() -> None:
    assert editable_json({"a": [1, {"b": []}], "c": {}}) == (
        '{\n  "a": [\n    1,\n    {\n      "b": []\n    }\n  ],\n  "c": {}\n}'
    )
    deep: Any = {"x": [1, {"y": "z"}]}
    for _ in range(8):
        deep = {"d": deep}
    longest = max(editable_json(deep).split("\n"), key=len)
    assert longest == " " * 14 + '"d": {"d": {"x": [1, {"y": "z"}]}}'


@pytest.mark.parametrize(
    ("typed", "stands"),
    [
        ("plain", "plain"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\u0301", "\\u0301"),
        ("a\tb", "a\\tb"),
        ('{\r\n\t\t"a": 1\r}', '{\n    "a": 1\n}'),
        ("\x1b[2J", "\\u001b[2J"),
        ("\u2028\x85\x0b", "\\u2028\\u0085\\u000b"),
        ("漢字", "漢字"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_typed_or_pasted_and_cannot_be_seen_becomes_an_escape(typed: str, stands: str) -> None:
    assert without_unseen(typed) == stands


@given(st.text())
def test_nothing_unseen_is_left_of_whatever_is_pasted(text: str) -> None:
    for glyphs in (UNICODE, ASCII):
        for line in without_unseen(text, glyphs).split("\n"):
            assert is_all_visible(line)
            assert not glyphs.is_ascii or line.isascii()
            assert line.splitlines() in ([], [line])
