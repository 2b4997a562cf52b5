"""Visible text: nothing that cannot be seen, nothing stripped, and no two texts that look the same (rule R8)."""

from __future__ import annotations

import itertools
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.visible import (
    MOST_MARKS,
    is_all_visible,
    is_invisible,
    visible_lines,
    visible_text,
)
from approval_tui.domain.names import quoted_name
from tests.display.hostile import LINEAR, any_texts, growth, undo_escapes

#: Every class of rule R8, written down here once more: name, first and last character.
CLASSES = [
    ("C0 controls", 0x0000, 0x001F),
    ("delete and the C1 controls", 0x007F, 0x009F),
    ("soft hyphen", 0x00AD, 0x00AD),
    ("combining grapheme joiner", 0x034F, 0x034F),
    ("Arabic letter mark", 0x061C, 0x061C),
    ("Hangul fillers", 0x115F, 0x1160),
    ("Khmer inherent vowels", 0x17B4, 0x17B5),
    ("Mongolian variation selectors and vowel separator", 0x180B, 0x180F),
    ("zero-width characters and directional marks", 0x200B, 0x200F),
    ("line and paragraph separator", 0x2028, 0x2029),
    ("bidirectional embeddings and overrides", 0x202A, 0x202E),
    ("word joiner and invisible operators", 0x2060, 0x2064),
    ("bidirectional isolates and deprecated formats", 0x2065, 0x206F),
    ("blank Braille pattern", 0x2800, 0x2800),
    ("Hangul filler", 0x3164, 0x3164),
    ("surrogates", 0xD800, 0xDFFF),
    ("private use", 0xE000, 0xF8FF),
    ("noncharacters of the first plane", 0xFDD0, 0xFDEF),
    ("variation selectors", 0xFE00, 0xFE0F),
    ("byte order mark", 0xFEFF, 0xFEFF),
    ("halfwidth Hangul filler", 0xFFA0, 0xFFA0),
    ("specials without a shape", 0xFFF0, 0xFFFB),
    ("noncharacters at the end of the first plane", 0xFFFE, 0xFFFF),
    ("Egyptian blanks", 0x13441, 0x13442),
    ("Khitan filler", 0x16FE4, 0x16FE4),
    ("shorthand format controls", 0x1BCA0, 0x1BCA3),
    ("musical null notehead", 0x1D159, 0x1D159),
    ("musical format controls", 0x1D173, 0x1D17A),
    ("tags", 0xE0000, 0xE007F),
    ("ignorables between the tags and the variation selectors", 0xE0080, 0xE00FF),
    ("variation selectors of the supplement", 0xE0100, 0xE01EF),
    ("the rest of the ignorables", 0xE01F0, 0xE0FFF),
    ("old Hangul vowels and finals", 0xD7B0, 0xD7FF),
    ("regional indicators", 0x1F1E6, 0x1F1FF),
    ("skin tones", 0x1F3FB, 0x1F3FF),
    ("private use of plane 15", 0xF0000, 0xFFFFD),
    ("private use of plane 16", 0x100000, 0x10FFFD),
]


@pytest.mark.parametrize(("first", "last"), [(first, last) for _, first, last in CLASSES], ids=[c[0] for c in CLASSES])
def test_every_character_of_an_invisible_class_is_shown_by_its_number(first: int, last: int) -> None:
    for code in range(first, last + 1):
        assert visible_text(f"a{chr(code)}b") == f"a\\u{{{code:X}}}b"
        assert is_invisible(chr(code))
        assert not is_all_visible(f"a{chr(code)}b")


def test_every_space_but_the_plain_one_is_shown_by_its_number() -> None:
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Zs"]
    assert "\u00a0" in spaces
    assert "\u3000" in spaces
    for space in spaces:
        assert visible_text(f"{space}x") == (" x" if space == " " else f"\\u{{{ord(space):X}}}x")


def test_characters_that_unicode_has_not_assigned_are_shown_by_their_number() -> None:
    unassigned = [chr(code) for code in range(0xE000) if unicodedata.category(chr(code)) == "Cn"]
    assert "\u0378" in unassigned
    for character in unassigned:
        assert visible_text(character) == f"\\u{{{ord(character):X}}}"


#: Marks where they belong: accents, points, tones, voicing, and Hangul in its parts.
CARRIED_MARKS = [
    "Vie\u0302\u0323t",
    "ש\u05b8\u05c1",
    "م\u064f\u062d\u064e\u0645\u0651\u064e",
    "ก\u0e35\u0e48",
    "か\u3099",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
]


@pytest.mark.parametrize(
    "text", ["", "make deploy", "Grüße, Ωμέγα, жизнь", "漢字 かな 한글", "مرحبا", "e\u0301", "🙂", "•│↳"]
)
def test_text_that_can_be_seen_is_left_as_it_is(text: str) -> None:
    assert visible_text(text) == text
    assert is_all_visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\\u{202E}", "\\\\u{202E}"),
        ("\\\\u{202E}", "\\\\\\\\u{202E}"),
        ("\\\u202e", "\\\\\\u{202E}"),
        ("\\\\\u202e", "\\\\\\\\\\u{202E}"),
        ("\\u{", "\\\\u{"),
        ("C:\\users\\u", "C:\\users\\u"),
        ("\\n \\\\ \\", "\\n \\\\ \\"),
        ("é\\u{41}", "é\\\\u{41}"),
        ("\\\u0301", "\\\\\\u{301}"),
        ("\\ ", "\\\\\\u{20}"),
        ("\\ x", "\\ x"),
        ("\\  ", "\\ \\u{20}"),
    ],
)
def test_backslashes_are_doubled_exactly_where_they_could_be_taken_for_an_escape(text: str, shown: str) -> None:
    assert visible_text(text) == shown


def test_no_two_texts_out_of_confusing_pieces_look_the_same() -> None:
    pieces = ["\\", "u{", "\u202e", "202E}", "\\u{202E}", "\n"]
    texts = {"".join(each) for count in range(6) for each in itertools.product(pieces, repeat=count)}
    assert len(texts) > 5000
    assert len({visible_text(text) for text in texts}) == len(texts)


@given(any_texts)
def test_what_is_shown_can_be_turned_back_into_exactly_the_text(text: str) -> None:
    shown = visible_text(text)
    assert undo_escapes(shown) == text
    assert is_all_visible(shown)
    assert not any(is_invisible(character) for character in shown)


@given(any_texts, any_texts)
def test_two_different_texts_never_look_the_same(one: str, other: str) -> None:
    assert (visible_text(one) == visible_text(other)) == (one == other)


@given(any_texts)
def test_a_text_counts_as_visible_exactly_when_it_holds_no_invisible_character(text: str) -> None:
    assert is_all_visible(text) == (not any(map(is_invisible, text)))
    assert is_all_visible(text) or visible_text(text) != text


@given(any_texts)
def test_a_terminal_with_ascii_only_gets_nothing_else_and_loses_nothing(text: str) -> None:
    shown = visible_text(text, ascii_only=True)
    assert shown.isascii()
    assert is_all_visible(shown)
    assert undo_escapes(shown) == text


@given(any_texts)
def test_a_quoted_text_differs_by_its_last_space_only(text: str) -> None:
    quoted = visible_text(text, quoted=True)
    assert undo_escapes(quoted) == text
    assert text.endswith(" ") or quoted == visible_text(text)


@pytest.mark.parametrize("before", ["", " ", '"', "'", "“", "\\", "│ ", ":", "\u200b", "\u0903", "("])
@pytest.mark.parametrize("mark", ["\u0301", "\u0338", "\u20dd", "\u3099"])
def test_a_mark_without_a_letter_to_stand_on_is_shown_by_its_number(before: str, mark: str) -> None:
    shown = visible_text(f"{before}{mark}x")
    assert mark not in shown
    assert shown.endswith(f"\\u{{{ord(mark):X}}}x")


@pytest.mark.parametrize("base", ["a", "7", "é", "漢", "🙂", "ψ"])
@pytest.mark.parametrize("count", [1, MOST_MARKS, MOST_MARKS + 1, 200])
def test_a_letter_carries_a_few_marks_and_the_others_are_shown_by_their_number(base: str, count: int) -> None:
    few = min(count, MOST_MARKS)
    assert visible_text(base + "\u0301" * count) == base + "\u0301" * few + "\\u{301}" * (count - few)


@pytest.mark.parametrize("before", ["", "a", "漢", "\u0301", "\u1112\u0301"])
def test_a_hangul_vowel_without_its_syllable_is_shown_by_its_number(before: str) -> None:
    assert visible_text(before + "\u1161").endswith("\\u{1161}")


@pytest.mark.parametrize("run", [16, 17, 5000])
def test_the_last_space_of_a_long_run_is_shown_by_its_number(run: int) -> None:
    for text in (f"a{' ' * run}b", f"é{' ' * run}b", f"{' ' * run}b"):
        assert visible_text(text) == text.replace(" b", "\\u{20}b")
    assert visible_text(" " * (run - 2) + "b") == visible_text(" " * (run - 2) + "b", quoted=True)
    assert visible_text(" " * run) == " " * (run - 1) + "\\u{20}"


@given(any_texts)
def test_lines_and_blocks_end_a_line_only_at_a_line_feed(text: str) -> None:
    lines = visible_lines(text)
    assert [undo_escapes(line) for line in lines] == text.split("\n")
    assert all(is_all_visible(line) for line in lines)


@given(st.text("\\u{}AB\u202e", max_size=30))
def test_dense_mixtures_of_escapes_can_be_undone(text: str) -> None:
    assert undo_escapes(visible_text(text)) == text


@pytest.mark.parametrize(
    "piece", ["\\", "\\u{", "\\\u202e", "\u202e", "a\\", "é", "e\u0301", "\u0301", " ", "            漢"]
)
def test_a_long_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    assert growth(visible_text, lambda size: piece * size, size=25_000) < LINEAR


# --- names in our sentences ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ann", "release-bot", "mcp__files__read.file", "ann@example.org", "a/b:c+d", "x" * 64]
)
def test_a_name_that_is_a_plain_word_stands_as_it_is(name: str) -> None:
    assert quoted_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ann, via console, 99 rows shown", '"ann, via console, 99 rows shown"'),
        ("shell for ann", '"shell for ann"'),
        ("ann\n", '"ann\n"'),
        ("аnn", '"аnn"'),  # it begins with a Cyrillic letter
        ('"ann"', '"\\"ann\\""'),
        ("ann\\", '"ann\\\\"'),
        ('ann\\"', '"ann\\\\\\""'),
        ("", '""'),
        ("x" * 65, f'"{"x" * 65}"'),
    ],
)
def test_any_other_name_stands_in_quotes_that_it_cannot_end(name: str, shown: str) -> None:
    assert quoted_name(name) == shown


@pytest.mark.parametrize("ascii_only", [False, True])
@given(name=any_texts)
def test_a_name_in_a_sentence_can_be_read_back_from_it(name: str, ascii_only: bool) -> None:
    shown = visible_text(f"by {quoted_name(name)}: fine", ascii_only=ascii_only)
    found = re.fullmatch(r'by (?:([A-Za-z0-9_.@+/:-]+)|"((?:[^"\\]|\\.)*)"): fine', shown)
    assert found is not None, shown
    plain, quoted = found.groups()
    assert name == (plain if quoted is None else re.sub(r"\\(.)", r"\1", undo_escapes(quoted), flags=re.DOTALL))


@given(any_texts, st.integers(1, 50))
def test_a_long_name_is_cut_inside_its_quotes_and_says_so(name: str, longest: int) -> None:
    shown = quoted_name(name, longest)
    assert len(shown) <= longest + len('"..."')
    if len(name) <= longest:
        assert shown == quoted_name(name) or shown.endswith('..."')
    else:
        assert shown.startswith('"')
        assert shown.endswith('..."')
    assert re.fullmatch(r'[A-Za-z0-9_.@+/:-]+|"(?:[^"\\]|\\.)*"', shown, re.DOTALL)
