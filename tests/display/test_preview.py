"""The preview: the most telling keys first, and it always says how much it does not show (rule R9)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.preview import LONGEST_VALUE, MOST_KEYS, preview_line, preview_lines, scalar_text
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible, visible_text
from approval_tui.domain.canonical import parse_json
from tests.display.hostile import LINEAR, growth, json_texts

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), json_texts
)
values = st.one_of(leaves, st.lists(leaves, max_size=3), st.dictionaries(json_texts, leaves, max_size=3))
arguments = st.dictionaries(json_texts, values, max_size=9)


def test_the_most_telling_keys_come_first_and_the_others_in_the_agents_order() -> None:
    call = {"zeta": 1, "path": "a.txt", "alpha": 2, "Command": "ls", "url": "https://example.org"}
    assert preview_lines(call, Redactor()) == [
        "Command: ls",
        "url: https://example.org",
        "path: a.txt",
        "zeta: 1",
        "alpha: 2",
    ]


@pytest.mark.parametrize(
    ("keys", "said"), [(6, "(and 1 more key)"), (7, "(and 2 more keys)"), (500, "(and 495 more keys)")]
)
def test_keys_that_are_not_shown_are_counted(keys: int, said: str) -> None:
    lines = preview_lines({f"k{number}": number for number in range(keys)}, Redactor())
    assert lines[:MOST_KEYS] == [f"k{number}: {number}" for number in range(MOST_KEYS)]
    assert lines[MOST_KEYS:] == [said]


def test_five_keys_hide_nothing_and_say_nothing() -> None:
    assert len(preview_lines({f"k{number}": number for number in range(5)}, Redactor())) == 5


@pytest.mark.parametrize("hidden", [1, 2, 4000])
def test_the_characters_of_a_long_value_that_are_not_shown_are_counted(hidden: int) -> None:
    text = "a" * (LONGEST_VALUE + hidden)
    assert preview_lines({"note": text}, Redactor()) == [f"note: {'a' * LONGEST_VALUE}… (+{hidden} characters)"]
    assert preview_line({"note": text}, Redactor()) == f"{'a' * LONGEST_VALUE}… (+{hidden} characters)"


def test_a_value_of_just_the_longest_length_is_shown_whole() -> None:
    text = "é" * LONGEST_VALUE
    assert preview_lines({"note": text}, Redactor()) == [f"note: {text}"]


def test_a_long_key_is_cut_with_its_number_too() -> None:
    assert preview_lines({"k" * 45: 1}, Redactor()) == [f'"{"k" * 40}… (+5 characters)": 1']


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({}, "{0 keys}"),
        ({"a": 1}, "{1 key}"),
        ({"a": 1, "b": {"c": 2}}, "{2 keys}"),
        ([], "[0 items]"),
        ([1], "[1 item]"),
        ([1, [2]], "[2 items]"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (-0.0, "-0.0"),
        (2**60, str(2**60)),
        ("", ""),
    ],
)
def test_nested_values_are_counted_and_plain_ones_written_as_json(value: Any, shown: str) -> None:
    assert preview_lines({"k": value}, Redactor()) == [f"k: {shown}"]
    assert preview_line({"k": value}, Redactor()) == shown


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_reads_back_as_the_same_value(value: Any) -> None:
    again = parse_json(scalar_text(value))
    assert (type(again), again) == (type(value), value)


def test_secrets_are_masked_by_name_and_by_shape() -> None:
    call = {"password": "hunter22", "command": "mysql --password=hunter22", "tokens": ["a"], "secret": ""}
    assert preview_lines(call, Redactor()) == [
        f"command: mysql --password={mask('hunter22')}",
        f"password: {mask('hunter22')}",
        "tokens: [1 item]",
        "secret: ",
    ]
    assert preview_line({"password": "hunter22"}, Redactor()) == mask("hunter22")
    assert "hunter22" in preview_line({"password": "hunter22"}, Redactor().lifted())


def test_a_secret_is_masked_before_the_value_is_cut() -> None:
    text = "x" * (LONGEST_VALUE - 10) + " token=hunter22-hunter22"
    assert "hunter" not in preview_line({"command": text}, Redactor())


def test_the_line_for_a_table_says_when_there_are_no_arguments() -> None:
    assert preview_line({}, Redactor()) == "(no arguments)"


def test_the_line_for_a_table_joins_the_keys_and_counts_the_rest() -> None:
    call = {f"k{number}": "v" * 61 for number in range(6)}
    line = preview_line(call, Redactor())
    assert line.count("… (+1 characters)") == 5
    assert line.endswith("  (and 1 more key)")


@given(arguments)
def test_a_preview_shows_only_visible_characters_in_few_short_lines(arguments: dict[str, Any]) -> None:
    lines = preview_lines(arguments, Redactor())
    assert all(is_all_visible(line) for line in [*lines, preview_line(arguments, Redactor())])
    assert len(lines) <= MOST_KEYS + 1
    assert len(lines) == min(len(arguments), MOST_KEYS) + (len(arguments) > MOST_KEYS)


@given(json_texts, st.integers(1, 30))
def test_what_is_shown_and_what_is_counted_make_up_the_whole_value(text: str, longest: int) -> None:
    (line,) = preview_lines({"k": text}, Redactor().lifted(), longest=longest)
    shown = line.removeprefix("k: ")
    if len(text) <= longest:
        assert shown == visible_text(text)
    else:
        counted = re.search(r"… \(\+(\d+) characters\)$", shown)
        assert counted is not None
        assert shown[: counted.start()] == visible_text(text[: len(text) - int(counted.group(1))])
        assert int(counted.group(1)) == len(text) - longest


@pytest.mark.parametrize(
    "make",
    [lambda size: {str(number): 1 for number in range(size // 4)}, lambda size: {"a": "é" * size}],
    ids=["keys", "text"],
)
def test_previewing_large_arguments_costs_no_more_than_their_size(make: Any) -> None:
    assert growth(lambda call: preview_line(call, Redactor()), make, size=50_000) < LINEAR
