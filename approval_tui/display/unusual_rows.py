"""What the rows about the unusual have in common: their lead, and how a text of others stands in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.reading_aids import MARK, NOTE, AidRow
from approval_tui.domain.names import in_quotes
from approval_tui.domain.precedents import Precedents

MOST_ROWS_OF_A_KIND = 5
"""Marks of one kind that are listed; one more row says how many there are beyond them."""

_LONGEST = 80

T = TypeVar("T")


def marked(text: str, glyphs: Glyphs) -> AidRow:
    """One mark, which begins with words of ours."""
    return AidRow(f"{glyphs.new} ", text, MARK)


def noted(text: str, glyphs: Glyphs) -> AidRow:
    """What is to be said of the marks themselves."""
    return AidRow(f"{glyphs.new} ", text, NOTE)


def quoted(text: str, glyphs: Glyphs) -> str:
    """A text of others inside of a sentence, or its beginning: visible, and in quotes that it cannot end."""
    shown = glyphs.visible(in_quotes(text[:_LONGEST]))
    return shown if len(text) <= _LONGEST else f"{shown}{glyphs.ellipsis} (+{len(text) - _LONGEST:,} characters)"


def some(found: Sequence[T], words: Callable[[T], str], more: str, glyphs: Glyphs) -> list[AidRow]:
    """A mark for each of the first ones, and one that says how many there are beyond them."""
    rows = [marked(words(each), glyphs) for each in found[:MOST_ROWS_OF_A_KIND]]
    beyond = len(found) - len(rows)
    return [*rows, marked(f"{beyond:,} more {more}", glyphs)] if beyond else rows


def none_approved(precedents: Precedents) -> str:
    """Which calls are meant where it is said that none of them was so."""
    if precedents.is_whole:
        return "no approved call of this tool"
    count = len(precedents.approved)
    return f"none of the last {'' if count == 1 else f'{count:,} '}approved calls of this tool"
