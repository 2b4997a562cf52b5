"""How many cells of a terminal a text takes, and cutting and wrapping by cells (Unicode UAX 11)."""

from __future__ import annotations

import functools
import unicodedata

ELLIPSIS = "…"

#: Wide since Unicode 16: Python's tables may be older than the terminal's, and a row must not be cut unseen.
_LATELY_WIDE = ((0x2630, 0x2637), (0x268A, 0x268F), (0x4DC0, 0x4DFF), (0x1D300, 0x1D356), (0x1D360, 0x1D376))


def cell_width(text: str) -> int:
    """The cells that a visible text takes: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def cut(text: str, width: int) -> str:
    """The text if it fits, else its beginning and an ellipsis, `width` cells in all."""
    if width <= 0:
        return ""
    if cell_width(text) <= width:
        return text
    return _head(text, width - 1) + ELLIPSIS


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text cut or filled with spaces to exactly `width` cells."""
    text = cut(text, width)
    fill = " " * (width - cell_width(text))
    return fill + text if right else text + fill


def wrap(text: str, width: int, *, onward: int | None = None) -> list[str]:
    """The text in rows of at most `width` cells; nothing is dropped, not even spaces.

    The rows after the first have `onward` cells where that is given. A row has never less than two.
    """
    room, later = max(2, width), max(2, width if onward is None else onward)
    if text.isascii():
        return [text[:room], *(text[start : start + later] for start in range(room, len(text), later))]
    rows = []
    start = taken = 0
    for index, character in enumerate(text):
        cells = _character_width(character)
        if taken + cells > room:
            rows.append(text[start:index])
            start, taken, room = index, 0, later
        taken += cells
    rows.append(text[start:])
    return rows


def _head(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _character_width(character)
        if taken > width:
            return text[:index]
    return text


@functools.cache
def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 2
    return 2 if any(first <= ord(character) <= last for first, last in _LATELY_WIDE) else 1
