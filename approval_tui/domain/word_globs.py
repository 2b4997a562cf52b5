"""Patterns in which a star stands for one word, or for several parts of one path, and for nothing beyond.

`*` is one or more letters, digits and `_ . + : @ , -`; `**` is the same with `/` in it. Neither takes a space, a sign
that a shell or a URL gives a meaning to, a letter that cannot be seen or that other programs write otherwise, `..`, or
a `.` by itself, which is the whole folder. Where a word begins they take none of `+ : @ , -` either: it would be an
option, a file to read, or a branch to force. What may run unasked must not be more than who wrote the pattern could
think of. Every other character stands for itself.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

STAR, DEEP_STAR = "*", "**"
LONGEST_PATTERN = 1_000
MOST_STARS = 8
LONGEST_FITTING = 4_000
"""Characters of a text beyond which nothing is held against a pattern: it does not fit."""

_SIGNS = frozenset("_.+:@,-")
_BEGINNING_SIGNS = frozenset("_.")
_BLANK_LETTERS = frozenset("\u115f\u1160\U00013441\U00013442")
_LONE_DOT = re.compile(r"(?<![\w.+:@,*-])\.(?![\w.+:@,*-])")
_UP = ".."


def why_unusable(pattern: object) -> str | None:
    """Why that is no pattern; None where it is one."""
    if not isinstance(pattern, str) or not pattern:
        return "a pattern is text"
    if len(pattern) > LONGEST_PATTERN:
        return f"a pattern has at most {LONGEST_PATTERN} characters"
    if "***" in pattern:
        return "more than two stars in a row mean nothing"
    if not 1 <= pattern.replace(DEEP_STAR, STAR).count(STAR) <= MOST_STARS:
        return f"a pattern has 1 to {MOST_STARS} stars"
    if _UP in pattern:
        return "a pattern with .. in it would fit nothing"
    return None


def fits_words(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern, in time that grows with the text alone."""
    if len(text) > LONGEST_FITTING or _UP in text or _lone_dots(text) > _lone_dots(pattern):
        return False
    places = _places(pattern)
    next_at, within = 1, 0  # sets of places: before which the text so far may end, and within which stars
    for character in text:
        is_word = _is_of_word(character)
        taking = places.stars if is_word else places.deep_stars if character == "/" else 0
        begun = next_at & taking
        if is_word and character in _SIGNS and character not in _BEGINNING_SIGNS:
            begun &= ~places.beginnings
        within = begun | (within & taking)
        next_at = ((next_at & places.literals.get(character, 0)) | within) << 1
        if not next_at:
            return False
    return bool(next_at >> places.length & 1)


def proposed_pattern(text: str) -> str | None:
    """The narrowest pattern that comes to mind: the last part of a path or of a line may be another one.

    None where no pattern would fit the text itself, and where the last part is the host of a URL.
    """
    cut = max(text.rfind("/"), text.rfind(" ")) + 1
    pattern = text[:cut] + STAR
    is_usable = STAR not in text and why_unusable(pattern) is None and fits_words(pattern, text)
    return pattern if is_usable and not text[:cut].endswith("//") else None


class _Places(NamedTuple):
    """Where in a pattern is what; each set of places is a number with a bit for each.

    `beginnings` are the stars with which a word begins. After the last place the pattern is at its end.
    """

    literals: dict[str, int]
    stars: int
    deep_stars: int
    beginnings: int
    length: int


@lru_cache(maxsize=256)
def _places(pattern: str) -> _Places:
    literals: dict[str, int] = {}
    stars = deep_stars = beginnings = 0
    tokens = re.findall(r"\*\*|.", pattern, re.DOTALL)
    for index, token in enumerate(tokens):
        place = 1 << index
        if token not in (STAR, DEEP_STAR):
            literals[token] = literals.get(token, 0) | place
            continue
        stars |= place
        deep_stars |= place if token == DEEP_STAR else 0
        before = tokens[index - 1] if index else ""
        beginnings |= place if not before or not (before == "/" or _is_of_word(before)) else 0
    return _Places(literals, stars, deep_stars, beginnings, len(tokens))


def _is_of_word(character: str) -> bool:
    """Whether a star takes that character: a sign, or a letter or digit that is the same for every program."""
    if character.isascii():
        return character.isalnum() or character in _SIGNS
    return (
        character.isalnum()
        and character not in _BLANK_LETTERS
        and unicodedata.normalize("NFKC", character) == character
    )


def _lone_dots(text: str) -> int:
    """How often a `.` stands by itself; those of a pattern are in the text, too, and no star takes one more."""
    return len(_LONE_DOT.findall(text))
