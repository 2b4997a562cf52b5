"""How a call differs from another one: what is said of each value, what is left out, and what stays masked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.differences import LARGEST_COMPARED, LONGEST_SHOWN, differences
from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.canonical import record_json
from tests.display.hostile import json_texts

SECRET = "sk-live-abcdefghij0123456789"


def said(before: dict[str, Any], after: dict[str, Any], redactor: Redactor | None = None, most: int = 100) -> list[str]:
    return differences("argument", before, after, redactor or Redactor(), most=most).said


CHANGES = {
    "a text": ({"path": "/srv/a"}, {"path": "/etc/b"}, 'path: was "/srv/a", is "/etc/b"'),
    "a number": ({"n": 1}, {"n": 2}, "n: was 1, is 2"),
    "numbers that look alike": ({"n": 1}, {"n": 1.0}, "n: was 1, is 1.0"),
    "true and one": ({"n": 1}, {"n": True}, "n: was 1, is true"),
    "a text and a number": ({"n": "1"}, {"n": 1}, 'n: was "1", is 1'),
    "nothing and null": ({}, {"n": None}, "n: is new: null"),
    "something new": ({}, {"force": True}, "force: is new: true"),
    "something missing": ({"dry": "yes"}, {}, 'dry: is missing, was "yes"'),
    "deep inside": ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, "a.b[0].c: was 1, is 2"),
    "one of a list": ({"to": ["x", "y"]}, {"to": ["x", "z"]}, 'to[1]: was "y", is "z"'),
    "one more in a list": (
        {"to": ["x"]},
        {"to": ["x", "evil@z.example"]},
        'to: was ["x"], is ["x","evil@z.example"]; new in it: "evil@z.example"',
    ),
    "fewer in a list": ({"to": ["x", "y"]}, {"to": ["x"]}, 'to: was ["x","y"], is ["x"]'),
    "more in a long list": (
        {"to": ["someone@somewhere.example"] * 3},
        {"to": ["someone@somewhere.example"] * 3 + ["evil", "worse"]},
        'to: was [3 items], is [5 items]; new in it: "evil" (+1)',
    ),
    "an object and a list": ({"a": {}}, {"a": []}, "a: was {0 keys}, is [0 items]"),
    "a quote that ends nothing": ({"a": "x"}, {"a": '", is "y'}, 'a: was "x", is "\\", is \\"y"'),
    "a line break": ({"a": "x"}, {"a": "x\nb: 1"}, 'a: was "x", is "x\\u{A}b: 1"'),
    "an odd key": ({}, {"a: was 1": 2}, '"a: was 1": is new: 2'),
}


@pytest.mark.parametrize(("before", "after", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_each_change_is_said_in_words(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    expected = words.replace("{0 keys}", "{}").replace("[0 items]", "[]")
    assert said(before, after) == [f"argument {expected}"]


def test_the_order_of_keys_is_no_difference() -> None:
    assert (
        said({"a": 1, "b": {"c": [1, {"x": 1, "y": 2}], "d": 2}}, {"b": {"d": 2, "c": [1, {"y": 2, "x": 1}]}, "a": 1})
        == []
    )


def test_a_long_text_is_shown_from_a_little_before_what_is_other() -> None:
    common = "make deploy " * 20
    (words,) = said({"c": f"{common}ENV=staging" + "x" * 200}, {"c": f"{common}ENV=production"})
    was, _, now = words.partition(", is ")
    assert was.startswith('argument c: was …"')
    assert "ENV=staging" in was
    assert was.endswith(" characters)")
    assert now.startswith('…"')
    assert now.endswith('ENV=production"')
    assert len(words) < 4 * LONGEST_SHOWN


def test_a_text_that_is_very_long_is_only_said_to_be_other() -> None:
    assert said({"c": "x" * LARGEST_COMPARED}, {"c": "x" * LARGEST_COMPARED + "y"}) == [
        f"argument c: is other, {LARGEST_COMPARED:,} characters before and {LARGEST_COMPARED + 1:,} now"
    ]
    (new,) = said({}, {"c": "x" * (LARGEST_COMPARED + 1)})
    assert new == f"argument c: is new: {LARGEST_COMPARED + 1:,} characters"


def test_what_is_beyond_the_most_is_counted() -> None:
    found = differences("argument", {}, {f"k{number}": number for number in range(10)}, Redactor(), most=3)
    assert (len(found.said), found.more) == (3, 7)


def test_secrets_stay_masked_and_a_change_of_them_is_said() -> None:
    before = {"password": "hunter22", "command": f"login {SECRET}", "list": {"token": ["aaa", "bbb"]}}
    after = {"password": "hunter33", "command": f"login {SECRET[:-1]}0", "list": {"token": ["aaa", "ccc"]}}
    words = said(before, after)
    assert words == [
        "argument password: is other in what is masked",
        "argument command: is other in what is masked",
        "argument list.token[1]: is other in what is masked",
    ]
    assert said({}, {"password": "hunter22"}) == [f'argument password: is new: "{mask("hunter22")}"']
    lifted = said(before, after, Redactor().lifted())
    assert lifted[0] == 'argument password: was "hunter22", is "hunter33"'
    assert "redacted" not in "".join(lifted)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(json_texts, json_values, max_size=4)


@given(json_objects, json_objects, st.sampled_from([UNICODE, ASCII]))
def test_any_two_calls_can_be_compared(before: dict[str, Any], after: dict[str, Any], glyphs: Any) -> None:
    found = differences("argument", before, after, Redactor(), glyphs, most=3)
    assert (not found.said) == (record_json(before) == record_json(after))
    for words in found.said:
        assert words.startswith("argument ")
        assert is_all_visible(words)
        assert words.isascii() or not glyphs.is_ascii
        assert len(words) < 5_000
