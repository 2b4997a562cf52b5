"""Cells: nothing lost by wrapping, nothing wider than asked, and never counted narrower than it is drawn."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from approval_tui.display.glyphs import ASCII, UNICODE, Glyphs
from approval_tui.display.visible import is_invisible, is_mark, visible_text
from approval_tui.display.width import cell_width, cut, pad, wrap, wrap_words
from tests.display.hostile import LINEAR, any_texts, growth

shown_texts = st.one_of(
    any_texts.map(visible_text),
    st.text(st.sampled_from("ab 漢字ｗ\u0301\u0308é🙂\u4dc0"), max_size=40),
)


glyph_sets = st.sampled_from([UNICODE, ASCII])


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


def test_every_visible_character_is_counted_as_textual_counts_it() -> None:
    """Else a row would reach beyond the edge, or over its neighbour, and its end would never be seen."""
    visible = [chr(code) for code in range(sys.maxunicode + 1) if not is_invisible(chr(code))]
    assert len(visible) > 100_000
    assert [character for character in visible if cell_len(character) != cell_width(character)] == []


def test_a_character_of_no_width_is_a_mark_that_needs_another_one() -> None:
    """Else it would be there and not be seen."""
    for code in range(sys.maxunicode + 1):
        if not is_invisible(chr(code)):
            assert (
                (cell_width(chr(code)) == 0)
                == is_mark(chr(code))
                == (visible_text(chr(code)) not in (chr(code), "\\u{20}"))
            )


@given(shown_texts)
def test_visible_text_is_counted_as_textual_counts_it(text: str) -> None:
    assert cell_len(text) == cell_width(text)


@given(shown_texts, st.integers(-3, 60), glyph_sets)
def test_cut_text_fits_and_says_that_it_was_cut(text: str, width: int, glyphs: Glyphs) -> None:
    shown = cut(text, width, glyphs)
    ellipsis = glyphs.ellipsis[: max(0, width)]
    assert cell_width(shown) <= max(0, width)
    if width <= 0:
        assert shown == ""
    elif cell_width(text) <= width:
        assert shown == text
    else:
        assert shown.endswith(ellipsis)
        assert text.startswith(shown.removesuffix(ellipsis))


@given(shown_texts, st.integers(3, 60), glyph_sets)
def test_cutting_leaves_off_no_more_than_it_must(text: str, width: int, glyphs: Glyphs) -> None:
    kept = cut(text, width, glyphs).removesuffix(glyphs.ellipsis)
    if cell_width(text) > width:
        assert cell_width(text[: len(kept) + 1]) > width - len(glyphs.ellipsis)


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


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("漢漢漢漢", ["漢漢", "漢漢"]),
        ("漢漢a漢", ["漢漢a", "漢"]),
        ("漢漢e\u0301\u0301漢", ["漢漢e\u0301\u0301", "漢"]),
        ("abcde\u0301f", ["abcde\u0301", "f"]),
        ("ab 漢 漢", ["ab 漢", " 漢"]),
        ("abcd 漢", ["abcd", " 漢"]),
        ("a    b", ["a", "    b"]),
        ("       b", ["     ", "  b"]),
    ],
)
def test_rows_of_five_cells_are_as_full_as_they_can_be(text: str, rows: list[str]) -> None:
    assert wrap(text, 5) == rows


@given(shown_texts, st.integers(2, 60))
def test_a_row_ends_only_where_no_more_fits_or_before_blanks_that_could_not_be_seen(text: str, width: int) -> None:
    rows = wrap(text, width)
    for index, row in enumerate(rows[:-1]):
        following = "".join(rows[index + 1 :])
        blanks = len(following) - len(following.lstrip(" "))
        assert cell_width(row + following[: blanks + 1]) > width
        assert not row.endswith(" ") or not row.strip(" ")


@given(shown_texts, st.integers(2, 60))
def test_a_mark_stays_on_the_row_of_its_letter(text: str, width: int) -> None:
    text = visible_text(text)
    for row in wrap(text, width)[1:]:
        assert cell_width(row[0]) > 0


@pytest.mark.parametrize("character", ["a", "é", "漢", " ", "漢a", "a " * 40, "e\u0301"])
def test_wrapping_a_long_text_costs_no_more_than_its_length(character: str) -> None:
    assert growth(lambda text: wrap(text, 80), lambda size: character * (size // len(character)), size=50_000) < LINEAR


@given(st.text(st.sampled_from("ab \u00e9c,"), max_size=120), st.integers(10, 40))
def test_prose_is_broken_at_blanks_and_can_be_read_back(text: str, width: int) -> None:
    rows = wrap_words(text, width)
    assert "".join(rows) == text
    shown = [row.rstrip(" ") if index < len(rows) - 1 else row for index, row in enumerate(rows)]
    assert all(cell_width(row) <= width for row in rows)
    read = "".join(row if len(row) == width else f"{row} " for row in shown[:-1]) + shown[-1]
    if "  " not in text:  # runs of blanks are shown as escapes before they come here
        assert read == text


def test_a_word_is_cut_only_where_it_is_longer_than_a_row() -> None:
    assert wrap_words("Not on a Friday, said the owner of it", 12) == [
        "Not on a ",
        "Friday, ",
        "said the ",
        "owner of it",
    ]
    assert wrap_words("abcdefghijklmnop q", 10) == ["abcdefghij", "klmnop q"]
