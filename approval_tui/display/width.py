"""How many cells of a terminal a visible text takes, and cutting and wrapping by cells (Unicode UAX 11)."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from itertools import accumulate

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.visible import is_mark

#: Wide since Unicode 16: Python's tables may be older than the terminal's, and a row must not be cut unseen.
_LATELY_WIDE = ((0x2630, 0x2637), (0x268A, 0x268F), (0x4DC0, 0x4DFF), (0x1D300, 0x1D356), (0x1D360, 0x1D376))

#: Characters of one cell and of two, by far the most common ones of each; a match costs less than counting.
_NARROW = "[ -~\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0556\u05d0-\u05ea\u0620-\u064a\u1e00-\u1fff\u2190-\u2319]*"
_WIDE = (
    "[\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
    "\U00020000-\U0002a6df]*"
)

_MOST_REMEMBERED = 65_536

_compiled = cache(re.compile)
"""Compiles a pattern when it is first needed: most screens hold ASCII only."""


class _Widths(dict[str, int]):
    """The cells of each character, worked out once, as long as they are not too many."""

    def __missing__(self, character: str) -> int:
        cells = _character_width(character)
        if len(self) < _MOST_REMEMBERED:
            self[character] = cells
        return cells


def _character_width(character: str) -> int:
    if is_mark(character):
        return 0
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 2
    return 2 if any(first <= ord(character) <= last for first, last in _LATELY_WIDE) else 1


_width_of = _Widths().__getitem__


def cell_width(text: str) -> int:
    """The cells that a visible text takes: two for a wide character, none for a mark on another one."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def cut(text: str, width: int, glyphs: Glyphs = UNICODE) -> str:
    """The text if it fits, else its beginning and an ellipsis, `width` cells in all."""
    if width <= 0:
        return ""
    if len(text) <= width and text.isascii():
        return text
    if _fitting(text, 0, width) == len(text):
        return text
    return text[: _fitting(text, 0, max(0, width - len(glyphs.ellipsis)))] + glyphs.ellipsis[:width]


def pad(text: str, width: int, *, right: bool = False, glyphs: Glyphs = UNICODE) -> str:
    """The text cut or filled with spaces to exactly `width` cells."""
    text = cut(text, width, glyphs)
    fill = " " * (width - cell_width(text))
    return fill + text if right else text + fill


def wrap(text: str, width: int, *, onward: int | None = None) -> list[str]:
    """The text in rows of at most `width` cells; nothing is dropped, not even spaces.

    The rows after the first have `onward` cells where that is given; a row has never less than two. A row that
    another one follows does not end in spaces, which could not be seen there, unless it is nothing but spaces.
    """
    room, later = max(2, width), max(2, width if onward is None else onward)
    if len(text) <= room and text.isascii():
        return [text]
    rows = []
    start, length, is_ascii = 0, len(text), text.isascii()
    while True:
        end = start + room if is_ascii else _fitting(text, start, room)
        if end >= length:
            rows.append(text[start:])
            return rows
        row = text[start:end]
        if row[-1] == " ":
            row = row.rstrip(" ") or row
        rows.append(row)
        start += len(row)
        room = later


def wrap_words(text: str, width: int) -> list[str]:
    """Prose in rows of at most `width` cells, broken behind a blank where a row has one; nothing is dropped.

    A row that another one follows is either full or ends in one blank, so that it can be read back. Text with
    wide characters, which need no blanks, is wrapped as everything else.
    """
    if cell_width(text) != len(text):
        return wrap(text, width)
    rows: list[str] = []
    rest = text
    while len(rest) > width:
        blank = rest.rfind(" ", 0, width)
        while blank > 0 and rest[blank - 1] == " ":
            blank -= 1
        end = width if blank <= 0 else blank + 1
        rows.append(rest[:end])
        rest = rest[end:]
    return [*rows, rest]


def _fitting(text: str, start: int, room: int) -> int:
    """Where the longest part of the text ends that begins at `start` and takes at most `room` cells."""
    length = len(text)
    end = start
    if _compiled(_NARROW).fullmatch(text, start, start + room):
        end = min(length, start + room)
        room = 0
    elif _compiled(_WIDE).fullmatch(text, start, start + room // 2):
        end = min(length, start + room // 2)
        room %= 2
    while room and end < length:
        cells = list(accumulate(map(_width_of, text[end : end + room])))
        count = bisect_right(cells, room)
        end += count
        if count < len(cells):
            return end
        room -= cells[-1]
    while end < length and not _width_of(text[end]):
        end += 1
    return end
