"""The payload's rows: all of the arguments, in order, and no row that could pass for another (rules R8 and R9)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.payload import (
    KEY,
    NOTE,
    NUMBER,
    STRING,
    PayloadRow,
    ShownRow,
    key_label,
    payload_rows,
    span_total,
    wrap_row,
    wrap_rows,
)
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.visible import is_all_visible
from approval_tui.display.width import cell_width
from approval_tui.domain.canonical import exact_json
from tests.display.hostile import LINEAR, growth, json_texts
from tests.display.reading_rows import arguments_of, on_screen

BAR, CONTINUED = UNICODE.bar, UNICODE.continued
EVERYTHING = Redactor().lifted()

#: Texts that look like rows of the payload.
row_like_texts = st.sampled_from(
    [
        'command: "ls"',
        '"a": "b',
        'a": "b',
        '"',
        '": ',
        "[0]: 1",
        "{}",
        "[]",
        "null",
        "(2 lines, 3 characters)",
        'x\ncommand: "ls"',
        "│ x",
        "↳ x",
        "  │ x\n│ y",
        "> x",
        "| x",
        "#3 x",
        "x  \n  ",
        " " * 15 + "漢",
        " " * 40,
        "\\ ",
        "\n",
        "\n\n",
        "(no arguments)",
        "•••• 3 characters redacted",
    ]
)
texts = st.one_of(json_texts, row_like_texts, st.text("ab\n", max_size=60))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4))
)
arguments = st.dictionaries(texts, values, max_size=4)
widths = st.integers(20, 200)


glyph_sets = st.sampled_from([UNICODE, ASCII])


def screen_of(arguments: dict[str, Any], width: int, glyphs: Glyphs = UNICODE) -> list[str]:
    """The arguments on a screen, where blanks at the end of a row cannot be told from nothing."""
    rows = payload_rows(arguments, EVERYTHING, glyphs)
    return on_screen([row.plain for row in wrap_rows(rows, width, glyphs)], width)


def shown_rows(arguments: dict[str, Any], width: int) -> list[str]:
    return [row.rstrip(" ") for row in screen_of(arguments, width)]


@given(arguments, widths, glyph_sets)
def test_a_reader_of_the_screen_gets_exactly_the_arguments_back(
    arguments: dict[str, Any], width: int, glyphs: Glyphs
) -> None:
    assert exact_json(arguments_of(screen_of(arguments, width, glyphs), glyphs)) == exact_json(arguments)


@given(arguments, arguments, widths)
def test_different_arguments_never_have_the_same_rows(one: dict[str, Any], other: dict[str, Any], width: int) -> None:
    same_rows = screen_of(one, width) == screen_of(other, width)
    assert same_rows == (exact_json(one) == exact_json(other))


@given(arguments, st.integers(10, 200), glyph_sets)
def test_no_row_is_wider_than_the_screen_and_wrapping_drops_nothing(
    arguments: dict[str, Any], width: int, glyphs: Glyphs
) -> None:
    rows = payload_rows(arguments, EVERYTHING, glyphs)
    shown = wrap_rows(rows, width, glyphs)
    assert all(cell_width(row.plain) <= width and cell_len(row.plain) <= width for row in shown)
    assert "".join(row.label + row.text for row in shown) == "".join(row.label + row.text for row in rows)
    assert all(is_all_visible(row.plain) for row in shown)
    assert glyphs is UNICODE or all(row.plain.isascii() for row in shown)


@given(arguments, st.integers(8, 300), glyph_sets)
def test_the_spans_of_the_rows_follow_one_another_and_do_not_depend_on_the_width(
    arguments: dict[str, Any], width: int, glyphs: Glyphs
) -> None:
    rows = payload_rows(arguments, EVERYTHING, glyphs)
    shown = wrap_rows(rows, width, glyphs)
    everything = "".join(row.label + row.text for row in rows)
    assert shown[0].begin == 0
    assert shown[-1].end == span_total(rows) == len(everything)
    assert [row.begin for row in shown[1:]] == [row.end for row in shown[:-1]]
    assert all(row.begin < row.end and everything[row.begin : row.end] == row.label + row.text for row in shown)


def test_an_empty_row_has_a_position_of_its_own() -> None:
    rows = [PayloadRow(0, "", "", NOTE), PayloadRow(0, "a: ", "1", NUMBER), PayloadRow(2, "", "", NOTE)]
    assert [(row.begin, row.end) for row in wrap_rows(rows, 40)] == [(0, 1), (1, 5), (5, 6)]
    assert span_total(rows) == 6


@given(arguments, widths)
def test_rows_wrapped_one_by_one_are_those_wrapped_together(arguments: dict[str, Any], width: int) -> None:
    rows = payload_rows(arguments, EVERYTHING)
    shown: list[ShownRow] = []
    for row in rows:
        shown += wrap_row(row, width, shown[-1].end if shown else 0)
    assert shown == wrap_rows(rows, width)


@given(arguments, widths)
def test_a_row_begins_with_an_arrow_exactly_when_it_goes_on_from_the_one_above(
    arguments: dict[str, Any], width: int
) -> None:
    for row in payload_rows(arguments, EVERYTHING):
        first, *more = wrap_rows([row], width)
        assert first.lead == " " * row.indent or first.lead == f"#{row.indent // 2} "
        assert all(each.lead.strip(" ") == CONTINUED.strip() for each in more)
        assert not (first.label + first.text).startswith(CONTINUED)


@given(arguments, widths)
def test_a_row_that_goes_on_ends_in_no_blank_unless_it_is_blank_to_its_end(
    arguments: dict[str, Any], width: int
) -> None:
    shown = wrap_rows(payload_rows(arguments, EVERYTHING), width)
    for row, below in itertools.pairwise(shown):
        if below.lead.endswith(CONTINUED) and row.plain.endswith(" "):
            assert not row.text.strip(" ")
            assert cell_width(row.plain) == width


@given(arguments)
def test_only_keys_and_lines_of_text_are_labels(arguments: dict[str, Any]) -> None:
    for row in payload_rows(arguments, EVERYTHING):
        assert row.label == BAR or row.label.endswith(": " if row.text else ":") or row.text == "(no arguments)"


@given(texts, texts)
def test_two_keys_never_have_the_same_label(one: str, other: str) -> None:
    assert (key_label(one) == key_label(other)) == (one == other)
    assert is_all_visible(key_label(one))


def test_each_value_has_a_row_and_lines_stand_behind_a_bar() -> None:
    call = {
        "command": "make deploy",
        "two words": True,
        "steps": [{"name": "a", "wait": 1.5}, "b", []],
        "note": "one\ntwo\n",
        "nothing": {},
        "none": None,
    }
    assert [" " * row.indent + row.label + row.text for row in payload_rows(call, Redactor())] == [
        'command: "make deploy"',
        '"two words": true',
        "steps:",
        "  [0]:",
        '    name: "a"',
        "    wait: 1.5",
        '  [1]: "b"',
        "  [2]: []",
        "note: (3 lines, 8 characters)",
        "  │ one",
        "  │ two",
        "  │ ",
        "nothing: {}",
        "none: null",
    ]


def test_a_call_without_arguments_says_so() -> None:
    assert payload_rows({}, Redactor()) == [PayloadRow(0, "", "(no arguments)", NOTE)]


def test_a_quote_in_a_key_cannot_move_the_border_between_key_and_value() -> None:
    assert shown_rows({'a b": "x': "y"}, 80) == ['"a b\\": \\"x": "y"']
    assert shown_rows({"a b": 'x": "y'}, 80) == ['"a b": "x": "y"']


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_long_key_cannot_put_a_row_of_its_own_on_the_screen(width: int) -> None:
    honest = shown_rows({"command": "ls"}, width)
    key = "a" * (width - 1) + honest[0].ljust(width) + "z"
    rows = shown_rows({key: 1}, width)
    assert len(rows) > 2
    assert not set(honest) & {row.rstrip() for row in rows}
    assert all(row.startswith(CONTINUED) for row in rows[1:])


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_value_below_a_long_key_cannot_pass_for_another_key(width: int) -> None:
    rows = shown_rows({"k" * 60 + " " * (3 * width): 'command x": "ls'}, width)
    assert rows[-1].startswith(CONTINUED)


def test_what_stands_too_deep_for_an_indent_says_its_level() -> None:
    nested: Any = 'x\ncommand: "ls"'
    for _ in range(90):
        nested = {"a": nested}
    rows = [row.plain for row in wrap_rows(payload_rows({"a": nested}, Redactor()), 30)]
    assert rows[:8] == [*(" " * indent + "a:" for indent in range(0, 12, 2)), "#6 a:", "#7 a:"]
    assert rows[-4:] == ["#90 a: (2 lines, 15 characters)"[:30], "          ↳ )", "#91 │ x", '#91 │ command: "ls"']


def test_a_trailing_space_of_a_line_is_shown_by_its_number() -> None:
    rows = payload_rows({"note": "a \n \nb\\ \nc\\\\ \n\\d  "}, Redactor())
    assert [row.text for row in rows[1:]] == [
        "a\\u{20}",
        "\\u{20}",
        "b\\\\\\u{20}",
        "c" + "\\" * 5 + "u{20}",
        "\\d \\u{20}",
    ]


def test_spaces_before_a_quote_are_seen_as_they_are() -> None:
    assert shown_rows({"note": "a  ", "b  ": 1}, 80) == ['note: "a  "', '"b  ": 1']


def test_the_last_of_many_spaces_is_shown_by_its_number() -> None:
    assert shown_rows({"a": " " * 15 + "b", "b": " " * 16 + "b"}, 80) == [
        f'a: "{" " * 15}b"',
        f'b: "{" " * 15}\\u{{20}}b"',
    ]


@pytest.mark.parametrize("spaces", range(20))
@pytest.mark.parametrize("width", [20, 21, 22, 23, 24])
def test_two_numbers_of_spaces_before_a_wide_character_never_look_the_same(width: int, spaces: int) -> None:
    deep: Any = f"{' ' * spaces}漢"
    for call in ({"a": deep}, {"a": f"x\n{deep}"}, {"a": "b" * 13 + deep}, {deep: deep}):
        assert arguments_of(screen_of(call, width)) == call


def test_a_secret_is_masked_at_any_depth_and_nothing_beside_it() -> None:
    call = {"tokens": ["abc", {"api_key": "defg", "name": "ci"}], "password": "", "url": "https://u:hunter22@h"}
    rows = [row.label + row.text for row in payload_rows(call, Redactor())]
    assert rows == [
        "tokens:",
        f"[0]: {mask('abc')}",
        "[1]:",
        f"api_key: {mask('defg')}",
        'name: "ci"',
        'password: ""',
        f'url: "https://u:{mask("hunter22")}@h"',
    ]


def test_a_mask_over_lines_says_how_long_the_whole_text_is() -> None:
    text = "a\ntoken=hunter22\nb"
    rows = payload_rows({"script": text}, Redactor())
    assert [row.text for row in rows] == [f"(3 lines, {len(text)} characters)", "a", f"token={mask('hunter22')}", "b"]


@given(arguments)
def test_lifting_the_masks_shows_everything(arguments: dict[str, Any]) -> None:
    shown = [row.plain for row in wrap_rows(payload_rows(arguments, Redactor().lifted()), 400)]
    assert exact_json(arguments_of(on_screen(shown, 400))) == exact_json(arguments)


def test_what_a_piece_is_stays_known_after_wrapping() -> None:
    shown = wrap_rows(payload_rows({"command words": "make deploy now", "n": 12345678901}, Redactor()), 13)
    kinds = [(row.kind, row.plain) for row in shown]
    assert kinds == [
        (KEY, '"command word'),
        (STRING, '↳ s": "make d'),
        (STRING, '↳ eploy now"'),
        (NUMBER, "n: 1234567890"),
        (NUMBER, "↳ 1"),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda size: {"a": "x" * size},
        lambda size: {"a": "é" * size},
        lambda size: {"a": "\u202e" * (size // 4)},
        lambda size: {"a": "\n" * (size // 4)},
        lambda size: {"a": "漢" * size},
        lambda size: {"a": "漢" + " " * size},
        lambda size: {"a": "e\u0301" * (size // 4)},
        lambda size: {"é" * size: 1},
        lambda size: {str(number): number for number in range(size // 8)},
        lambda size: {"a": list(range(size // 8))},
    ],
    ids=["letters", "accents", "invisible", "lines", "wide", "spaces", "marks", "key", "keys", "items"],
)
def test_a_large_payload_costs_no_more_than_its_size(make: Any) -> None:
    def rows(call: dict[str, Any]) -> object:
        return wrap_rows(payload_rows(call, Redactor()), 80)

    assert growth(rows, make, size=20_000) < LINEAR
