"""Cells: nothing lost by wrapping, nothing wider than asked, and never counted narrower than it is drawn."""

from __future__ import annotations

import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from approval_tui.display.visible import is_invisible, visible_text
from approval_tui.display.width import ELLIPSIS, cell_width, cut, pad, wrap
from tests.display.hostile import LINEAR, any_texts, growth

shown_texts = st.one_of(
    any_texts.map(visible_text),
    st.text(st.sampled_from("ab 漢字ｗ\u0301\u0308é🙂\u4dc0"), max_size=40),
)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("漢字", 4),
        ("ｗ", 2),
        ("🙂", 2),
        ("한", 2),
        ("\u4dc0", 2),
        ("a漢\u0301b", 4),
    ],
)
def test_a_character_takes_two_cells_when_it_is_wide_and_none_when_it_combines(text: str, cells: int) -> None:
    assert cell_width(text) == cells


def test_no_visible_character_is_drawn_wider_than_it_is_counted() -> None:
    """Else a row would reach beyond the edge, and its end would never be seen."""
    visible = [chr(code) for code in range(sys.maxunicode + 1) if not is_invisible(chr(code))]
    assert len(visible) > 100_000
    assert [character for character in visible if cell_len(character) > cell_width(character)] == []


def test_where_rich_counts_less_it_is_for_marks_jamo_and_emoji_modifiers_only() -> None:
    """There the row is shorter than counted, which hides nothing."""
    differing = {
        chr(code)
        for code in range(sys.maxunicode + 1)
        if not is_invisible(chr(code)) and cell_len(chr(code)) != cell_width(chr(code))
    }
    assert {character for character in differing if cell_len(character)} == set()
    assert "\u1161" in differing
    assert "\U0001f3fb" in differing
    assert not {"a", "é", "漢", "🙂"} & differing


@given(shown_texts)
def test_no_visible_text_is_drawn_wider_than_it_is_counted(text: str) -> None:
    assert cell_len(text) <= cell_width(text)


@given(st.text(st.characters(exclude_categories=["M", "C", "Z"], max_codepoint=0x10FF), max_size=60))
def test_text_of_common_alphabets_is_counted_as_rich_counts_it(text: str) -> None:
    assert cell_width(text) == cell_len(text)


@given(shown_texts, st.integers(-3, 60))
def test_cut_text_fits_and_says_that_it_was_cut(text: str, width: int) -> None:
    shown = cut(text, width)
    assert cell_width(shown) <= max(0, width)
    if width <= 0:
        assert shown == ""
    elif cell_width(text) <= width:
        assert shown == text
    else:
        assert shown.endswith(ELLIPSIS)
        assert text.startswith(shown.removesuffix(ELLIPSIS))


@given(shown_texts, st.integers(0, 60))
def test_cutting_leaves_off_no_more_than_it_must(text: str, width: int) -> None:
    kept = cut(text, width).removesuffix(ELLIPSIS)
    if 0 < width < cell_width(text):
        assert cell_width(text[: len(kept) + 1]) > width - 1


@given(shown_texts, st.integers(0, 60), st.booleans())
def test_padded_text_takes_exactly_the_cells_that_were_asked_for(text: str, width: int, right: bool) -> None:
    shown = pad(text, width, right=right)
    assert cell_width(shown) == width
    if width > 0 and cell_width(text) <= width:
        assert shown.strip(" ") == text.strip(" ")
        assert shown.endswith(text) if right else shown.startswith(text)


@given(shown_texts, st.integers(-2, 60))
def test_wrapping_loses_nothing_and_no_row_is_wider_than_asked(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert "".join(rows) == text
    assert all(cell_width(row) <= max(2, width) for row in rows)
    assert all(rows) or rows == [""]


@given(shown_texts, st.integers(2, 40), st.integers(2, 40))
def test_rows_after_the_first_may_have_another_width(text: str, first: int, onward: int) -> None:
    rows = wrap(text, first, onward=onward)
    assert "".join(rows) == text
    assert cell_width(rows[0]) <= first
    assert all(cell_width(row) <= onward for row in rows[1:])


@given(shown_texts, st.integers(2, 60))
def test_a_row_ends_only_where_the_next_character_does_not_fit(text: str, width: int) -> None:
    rows = wrap(text, width)
    for row, following in itertools.pairwise(rows):
        assert cell_width(row + following[0]) > width


@given(shown_texts, st.integers(2, 60))
def test_a_combining_mark_stays_on_the_row_of_its_letter(text: str, width: int) -> None:
    for row in wrap(text, width)[1:]:
        assert cell_width(row[0]) > 0


@pytest.mark.parametrize("character", ["a", "é", "漢"])
def test_wrapping_a_long_text_costs_no_more_than_its_length(character: str) -> None:
    assert growth(lambda text: wrap(text, 80), lambda size: character * size, size=50_000) < LINEAR
