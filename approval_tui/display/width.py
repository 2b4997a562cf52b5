"""How many cells of a terminal a text takes, and cutting and wrapping by cells (Unicode UAX 11)."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"


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
    head, _ = _split(text, width - 1)
    return head + ELLIPSIS


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text cut or filled with spaces to exactly `width` cells."""
    text = cut(text, width)
    fill = " " * (width - cell_width(text))
    return fill + text if right else text + fill


def wrap(text: str, width: int) -> list[str]:
    """The text in rows of at most `width` cells; nothing is dropped, not even spaces."""
    width = max(2, width)
    rows = []
    while cell_width(text) > width:
        head, text = _split(text, width)
        rows.append(head)
    rows.append(text)
    return rows


def _split(text: str, width: int) -> tuple[str, str]:
    if text.isascii():
        return text[:width], text[width:]
    taken = 0
    for index, character in enumerate(text):
        taken += _character_width(character)
        if taken > width and index > 0:
            return text[:index], text[index:]
    return text, ""


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
