"""Spellings that a shell undoes, and where its brackets and here-documents end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_tui.display.shell_tokens import Source, here_document_end, without_ansi_c_escapes


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("curl", "curl"),
        (r"\x63\165\u0072\U0000006c", "curl"),
        (r"\a\b\e\E\f\n\r\t\v", "\a\b\x1b\x1b\f\n\r\t\v"),
        (r"\\\'\"\?", "\\'\"?"),
        (r"a\0b", "a"),
        (r"a\x00b", "a"),
        (r"\cA\q", "\x01\\q"),
        (r"\UFFFFFFFF", r"\UFFFFFFFF"),
        (r"\xg\u", r"\xg\u"),
        ("\\", "\\"),
    ],
)
def test_ansi_c_escapes_are_undone_as_bash_undoes_them(written: str, read: str) -> None:
    assert without_ansi_c_escapes(written) == read


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("((1))", 3),
        ("((1 + (2)))", 9),
        ("((a) | b)", None),
        ("((a) )", None),
        ("((1)", None),
        ("(1)", None),
        ("((')' ))", 6),
        ('((")" ))', 6),
        ('(("$(a ")")" ))', 13),
        (r"((\) ))", 5),
    ],
)
def test_two_brackets_are_arithmetic_where_they_close_together(text: str, end: int | None) -> None:
    assert Source(text, range(len(text) + 1)).arithmetic_end(0, len(text)) == end


def test_arithmetic_that_ends_behind_the_limit_is_none() -> None:
    assert Source("((1))", range(6)).arithmetic_end(0, 4) is None


@pytest.mark.parametrize(
    ("text", "delimiter", "with_tabs", "in_substitution", "span"),
    [
        ("a\nE\nb", "E", False, False, (2, 3)),
        ("E", "E", False, False, (0, 1)),
        ("EE\n E\nE ", "E", False, False, None),
        ("\t\tE\n", "E", True, False, (0, 3)),
        ("\tE\n", "E", False, False, None),
        ("E)", "E", False, True, (0, 1)),
        ("E)", "E", False, False, None),
        ("a.c\n", "a.c", False, False, (0, 3)),
        ("abc\n", "a.c", False, False, None),
        ("x\n\ny", "", False, False, (2, 2)),
        ("a\nb\n", "a\nb", False, False, None),
    ],
)
def test_a_here_document_ends_with_its_line(
    text: str, delimiter: str, with_tabs: bool, in_substitution: bool, span: tuple[int, int] | None
) -> None:
    found = here_document_end(text, 0, len(text), delimiter, with_tabs=with_tabs, in_substitution=in_substitution)
    assert found == span


@given(st.text(st.sampled_from("a\\`$ "), max_size=20), st.integers(0, 5))
def test_what_stands_in_backticks_keeps_the_places_of_its_characters(text: str, start: int) -> None:
    outer = Source("x" * start + text, range(len(text) + start + 1))
    inner = outer.within_backticks(start, start + len(text))
    assert [outer.text[place] for place in inner.places[:-1]] == list(inner.text)
    assert inner.places[-1] == len(outer.text)
    assert sorted(set(inner.places)) == list(inner.places)
