"""The one function through which every outside string passes before a person sees it (rule R8).

A character that cannot be seen is shown as `\\u{202E}`; it is never stripped, because then what is shown
would not be what runs. So are characters that terminals draw with different widths, since a row that is wider
than thought runs over its neighbours; combining marks without a letter to stand on; and spaces that could be there
or not. Backslashes before a literal `u{`, or before what is escaped, are doubled, so that no text can pass for
another.
"""

from __future__ import annotations

import re
import unicodedata

#: Without a shape, blank, or (spacing marks, Mc) given a cell by one terminal and none by the next.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mc"})

#: Default-ignorable or blank characters whose category says otherwise (Unicode DerivedCoreProperties).
_BLANK = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x13441, 0x13442, 0x16FE4, 0x1D159}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
)
_BLANK_PLANE = range(0xE0000, 0xE1000)

#: Old Hangul jamo, regional indicators and skin tones: one terminal gives them a cell more than the next.
_OF_DISPUTED_WIDTH = frozenset([*range(0xD7B0, 0xD800), *range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400)])

#: Vowels and final consonants of Hangul, which join the syllable before them.
_JOINING_JAMO = frozenset(map(chr, range(0x1161, 0x1200)))

MOST_MARKS = 4
"""Combining marks that one character may carry; a taller stack would cover other rows."""

LONGEST_BLANK = 15
"""Spaces in a row that are shown as they are; the last one of a longer run is escaped.

A long run pushes text out of sight, and a row that is nothing but blanks has no end that could be seen.
"""

_BLANK_BEFORE_WIDE = 11
"""The same right before a character that may be wide: where that one begins a row, the row above is not full."""

_MANY = " " * (_BLANK_BEFORE_WIDE + 1)
_TOO_MANY = " " * (LONGEST_BLANK + 1)
_LONG_BLANK = re.compile(f"{_TOO_MANY}+|{_MANY} {{0,{LONGEST_BLANK - len(_MANY)}}}(?=[^\\x00-\\x7f])")
_SPACE = "\\u{20}"
_BACKSLASHES = re.compile(r"\\+")
_FEW = 8
"""Different characters up to which replacing each by itself is quicker than looking at every character."""


def is_invisible(character: str) -> bool:
    """Whether a character draws nothing, a blank that is no space, moves others, or is of disputed width."""
    if character.isascii():
        return not character.isprintable()
    code = ord(character)
    return (
        unicodedata.category(character) in _ESCAPED_CATEGORIES
        or code in _BLANK
        or code in _BLANK_PLANE
        or code in _OF_DISPUTED_WIDTH
    )


def is_mark(character: str) -> bool:
    """Whether a character takes no cell of its own but is drawn onto the one before it."""
    if character.isascii():
        return False
    return (unicodedata.category(character) in ("Mn", "Me") or character in _JOINING_JAMO) and not is_invisible(
        character
    )


def visible_text(text: str, *, ascii_only: bool = False, quoted: bool = False) -> str:
    """One line in which every character can be seen; line breaks and tabs are escaped too.

    `ascii_only` escapes everything that is not ASCII, for a terminal that can draw nothing else. `quoted` says
    that a quote will follow, so that a space at the end is seen without an escape.
    """
    if text.isascii() and "\\u{" not in text and text.isprintable() and (quoted or text[-1:] != " "):
        return text if _TOO_MANY not in text else _LONG_BLANK.sub(_with_last_space_escaped, text)
    characters = set(text)
    escaped = {each for each in characters if is_invisible(each) or (ascii_only and not each.isascii())}
    marks = {each for each in characters - escaped if is_mark(each)}
    shown = text
    if "\\" in characters:
        shown = _with_backslashes_doubled(text, escaped | marks, quoted)
    if marks:
        shown = re.sub(f"[{''.join(sorted(marks))}]+", _bare_marks_escaped, shown)
    if _MANY in shown:
        shown = _LONG_BLANK.sub(_with_last_space_escaped, shown)
    if not quoted and shown[-1:] == " ":
        shown = shown[:-1] + _SPACE
    if len(escaped) > _FEW:
        return shown.translate({ord(each): _escape(each) for each in escaped})
    for each in escaped:
        shown = shown.replace(each, _escape(each))
    return shown


def _escape(character: str) -> str:
    return f"\\u{{{ord(character):X}}}"


def _with_backslashes_doubled(text: str, escaped: set[str], quoted: bool) -> str:
    """The text with each run of backslashes doubled where `u{`, or what may be escaped there, will follow it."""

    def doubled(backslashes: re.Match[str]) -> str:
        run, end = backslashes.group(), backslashes.end()
        following = text[end : end + 2]
        if following == "u{" or following[:1] in escaped:
            return run * 2
        return run * 2 if following == " " and end + 1 == len(text) and not quoted else run

    return _BACKSLASHES.sub(doubled, text)


def _with_last_space_escaped(blanks: re.Match[str]) -> str:
    return blanks.group()[:-1] + _SPACE


def _bare_marks_escaped(marks: re.Match[str]) -> str:
    """A run of marks, escaped from the first one on that the character before it cannot carry.

    Letters, digits and signs carry marks; on a quote or a blank they could not be told from what belongs to us.
    """
    run, base = marks.group(), marks.string[marks.start() - 1 : marks.start()]
    kept = 0
    if _carries_marks(base):
        is_hangul = "\u1100" <= base <= "\u11ff" or "\ua960" <= base <= "\ua97c" or "\uac00" <= base <= "\ud7a3"
        for mark in run[:MOST_MARKS]:
            if mark in _JOINING_JAMO and not is_hangul:
                break
            is_hangul = mark in _JOINING_JAMO
            kept += 1
    return run[:kept] + "".join(map(_escape, run[kept:]))


def _carries_marks(base: str) -> bool:
    if base.isascii():
        return base.isalnum()
    return not is_invisible(base) and not unicodedata.category(base).startswith("P")


def visible_lines(text: str, *, ascii_only: bool = False) -> list[str]:
    """The lines of a text, each visible; only U+000A ends a line."""
    return [visible_text(line, ascii_only=ascii_only) for line in text.split("\n")]


def is_all_visible(text: str) -> bool:
    """Whether the text holds no character that `visible_text` escapes wherever it stands."""
    return (text.isascii() and text.isprintable()) or not any(is_invisible(character) for character in text)
