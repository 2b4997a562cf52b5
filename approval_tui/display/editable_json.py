"""Arguments as the JSON in which a reviewer edits them: exact, indented, and nothing in it that cannot be seen (R8).

Whatever draws nothing, moves others, is of disputed width, or stands on another character is a JSON escape, a pair of
them beyond U+FFFF; so are long runs of blanks. The cursor stands where it seems to stand, and what is read back is the
very value.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.visible import is_invisible, is_mark
from approval_tui.domain.canonical import JsonObject, exact_json

_STEP = 2
_DEEPEST_INDENT = 7
"""Levels that are indented: deeper ones stand in one row, as a longer run of blanks is none that could be counted."""

_BLANKS = " " * 11
"""As many blanks as may stand in a row, before one that is an escape: a run that long has an end that is seen."""

_TABS_OF_INDENT = re.compile(r"(?<=\n)\t+")
_LINE_BREAKS = re.compile("\r\n?")
_SHORT = {"\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def editable_json(arguments: JsonObject, glyphs: Glyphs = UNICODE) -> str:
    """The arguments as indented JSON that `parse_json` reads back as the very same values, in the same order."""
    return _indented(arguments, 0, glyphs)


def without_unseen(text: str, glyphs: Glyphs = UNICODE) -> str:
    """A text that was typed or pasted, with JSON's escapes in place of what cannot be seen.

    Line breaks of any kind become one kind, and tabs that indent a line become blanks.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_BREAKS.sub("\n", text)
    text = _TABS_OF_INDENT.sub(lambda tabs: " " * (_STEP * len(tabs.group())), text)
    return "\n".join(_escaped(line, glyphs) for line in text.split("\n"))


def _indented(value: Any, level: int, glyphs: Glyphs) -> str:
    """The value as it stands behind an indent of that many levels."""
    if level >= _DEEPEST_INDENT or not isinstance(value, dict | list) or not value:
        return _scalar_or_row(value, glyphs)
    inner, outer = " " * (_STEP * (level + 1)), " " * (_STEP * level)
    if isinstance(value, dict):
        rows = [f"{_text(key, glyphs)}: {_indented(item, level + 1, glyphs)}" for key, item in value.items()]
        opening, closing = "{}"
    else:
        rows = [_indented(item, level + 1, glyphs) for item in value]
        opening, closing = "[]"
    joined = f",\n{inner}".join(rows)
    return f"{opening}\n{inner}{joined}\n{outer}{closing}"


def _scalar_or_row(value: Any, glyphs: Glyphs) -> str:
    if isinstance(value, str):
        return _text(value, glyphs)
    if isinstance(value, dict):
        items = (f"{_text(key, glyphs)}: {_scalar_or_row(item, glyphs)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_scalar_or_row(item, glyphs) for item in value)}]"
    return exact_json(value)


def _text(text: str, glyphs: Glyphs) -> str:
    return _escaped(exact_json(text), glyphs).replace(f"{_BLANKS} ", f"{_BLANKS}\\u0020")


def _escaped(text: str, glyphs: Glyphs) -> str:
    if text.isascii() and text.isprintable():
        return text
    of_ascii = glyphs.is_ascii
    unseen = [each for each in set(text) if is_invisible(each) or is_mark(each) or (of_ascii and not each.isascii())]
    return text.translate({ord(each): _escape(each) for each in unseen}) if unseen else text


@lru_cache(4096)
def _escape(character: str) -> str:
    """The JSON escape of one character; a lone surrogate, which no JSON may hold, stays as such an escape."""
    if character in _SHORT:
        return _SHORT[character]
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
