"""What an edit changed, and the sentence in which an agent is told of it: exact, bounded, and honest about that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.domain.canonical import exact_json, stored_json
from approval_tui.domain.edits import (
    LONGEST_TOLD,
    MOST_TOLD,
    Change,
    changes_between,
    changes_told,
)
from tests.hostile import HOSTILE_TEXTS

SAID = "A reviewer changed the arguments of this call before approving it: "


def told(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    return changes_told(changes_between(before, after))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"path": "/a"}, {"path": "/b"}, 'path was "/a", is "/b"'),
        ({"a": 1}, {}, "a was taken out (it was 1)"),
        ({}, {"a": None}, "a was added: null"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b[1] was 2, is 3"),
        ({"a": [1, 2]}, {"a": [1]}, "a was [1,2], is [1]"),
        ({"a": 1}, {"a": True}, "a was 1, is true"),
        ({"a": 1}, {"a": 1.0}, "a was 1, is 1.0"),
        ({"a": 2**60}, {"a": 2**60 + 1}, f"a was {2**60}, is {2**60 + 1}"),
        ({"a": {}}, {"a": []}, "a was {}, is []"),
        ({"a b": {"": 1}}, {"a b": {"": 2}}, '["a b"][""] was 1, is 2'),
        ({"a": "x", "b": 1}, {"b": 2, "c": 3}, 'a was taken out (it was "x"); b was 1, is 2; c was added: 3'),
        ({"a": "rm\u202e"}, {"a": "ls\n"}, 'a was "rm\\u202e", is "ls\\n"'),
        ({"user-name": 1}, {"user-name": 2}, "user-name was 1, is 2"),
    ],
)
def test_each_place_is_named_with_what_was_there_and_what_is(
    before: dict[str, Any], after: dict[str, Any], words: str
) -> None:
    assert told(before, after) == f"{SAID}{words}."


def test_nothing_is_told_where_nothing_differs_but_the_order_of_keys() -> None:
    assert told({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}) is None


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    words = told({"text": "x" * 1000}, {"text": ""})
    assert words is not None
    assert words.endswith('xxx... (1,002 characters in all), is "".')
    assert len(words) < 400


def test_of_many_places_the_first_are_named_and_the_others_counted() -> None:
    words = told({}, {f"k{number}": number for number in range(1000)})
    assert words is not None
    assert words.endswith(f"k{MOST_TOLD - 1} was added: {MOST_TOLD - 1}; and {1000 - MOST_TOLD} more places.")
    one_more = told({}, {f"k{number}": number for number in range(MOST_TOLD + 1)})
    assert one_more is not None
    assert one_more.endswith("; and 1 more place.")


def test_a_place_deep_down_is_cut_too() -> None:
    before: Any = 1
    after: Any = 2
    for _ in range(90):
        before, after = {"deep": before}, {"deep": after}
    words = told(before, after)
    assert words is not None
    assert "(90 levels deep) was 1, is 2." in words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=6)


@given(OBJECTS, OBJECTS)
def test_the_changes_make_of_the_one_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    made = stored_json(exact_json(before))
    for change in changes_between(before, after):
        apply(made, change)
    assert exact_json_without_order(made) == exact_json_without_order(after)


@given(OBJECTS, OBJECTS)
def test_a_sentence_is_one_printable_line_of_bounded_length(before: dict[str, Any], after: dict[str, Any]) -> None:
    words = told(before, after)
    assert (words is None) == (exact_json_without_order(before) == exact_json_without_order(after))
    assert words is None or (words.isprintable() and len(words) <= LONGEST_TOLD)


def test_hostile_texts_are_told_in_printable_words() -> None:
    for text in HOSTILE_TEXTS.values():
        words = told({text: text}, {text: f"{text}!", f"{text}2": [text] * 50})
        assert words is not None
        assert words.isprintable()
        assert len(words) <= LONGEST_TOLD


def apply(made: Any, change: Change) -> None:
    """Does to the value what the change says."""
    *way, last = change.path
    for step in way:
        made = made[step]
    if change.now is None:
        del made[last]
    else:
        assert change.was is None or exact_json(made[last]) == change.was
        made[last] = stored_json(change.now)


def exact_json_without_order(value: Any) -> str:
    """The exact JSON with the keys of every object in order."""
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{exact_json(key)}:{exact_json_without_order(value[key])}" for key in sorted(value)) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(exact_json_without_order, value)) + "]"
    return exact_json(value)
