"""The one function through which every outside string passes before a person sees it (rule R8).

A character that cannot be seen is shown as `\\u{202E}`; it is never stripped, because then what is shown
would not be what runs. Backslashes before a literal `u{`, or before such a character, are doubled, so that
no text can pass for another.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: Default-ignorable or blank characters whose category says otherwise (Unicode DerivedCoreProperties).
_BLANK = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x13441, 0x13442, 0x16FE4, 0x1D159}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0000, 0xE1000))
)

_BACKSLASHES = re.compile(r"\\+")


class _Escapes(dict[int, "int | str"]):
    """A table for `str.translate` that works out each character once."""

    def __missing__(self, code: int) -> int | str:
        shown: int | str = code
        if is_invisible(chr(code)):
            shown = f"\\u{{{code:X}}}"
        self[code] = shown
        return shown


def is_invisible(character: str) -> bool:
    """Whether a character draws nothing, draws a blank that is no space, or moves other characters."""
    if character.isascii():
        return not character.isprintable()
    code = ord(character)
    category = unicodedata.category(character)
    return category in _INVISIBLE_CATEGORIES or category == "Zs" or code in _BLANK


_ESCAPES = _Escapes()


def visible_text(text: str) -> str:
    """One line in which every character can be seen; line breaks and tabs are escaped too."""
    if text.isascii() and text.isprintable() and "\\u{" not in text:
        return text
    return _BACKSLASHES.sub(_doubled_before_escape, text).translate(_ESCAPES)


def _doubled_before_escape(backslashes: re.Match[str]) -> str:
    """The run of backslashes, doubled where `u{` or the escape of a character will follow it."""
    following = backslashes.string[backslashes.end() : backslashes.end() + 2]
    if following == "u{" or (following and is_invisible(following[0])):
        return backslashes.group() * 2
    return backslashes.group()


def visible_lines(text: str) -> list[str]:
    """The lines of a text, each visible; only U+000A ends a line."""
    return [visible_text(line) for line in text.split("\n")]


def visible_block(text: str) -> str:
    """The same as one string that keeps its line breaks."""
    return "\n".join(visible_lines(text))


def is_all_visible(text: str) -> bool:
    """Whether the text holds no character that `visible_text` would escape."""
    return (text.isascii() and text.isprintable()) or not any(is_invisible(character) for character in text)
