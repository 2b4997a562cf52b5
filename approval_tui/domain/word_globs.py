"""Patterns in which a star stands for one word, or for several parts of one path, and for nothing beyond.

`*` is one or more letters, digits and `_ . + : @ , -`; `**` is the same with `/` in it. Neither takes a space, a sign
that a shell or a URL gives a meaning to, a hyphen where a word begins (it would be an option), or `..`: what may run
unasked must not be more than who wrote the pattern could think of. Every other character stands for itself.
"""

from __future__ import annotations

from functools import lru_cache

STAR, DEEP_STAR = "*", "**"
LONGEST_PATTERN = 1_000
MOST_STARS = 8
LONGEST_FITTING = 4_000
"""Characters of a text beyond which nothing is held against a pattern: it does not fit."""

_SIGNS = frozenset("_.+:@,-")
_UP = ".."


def why_unusable(pattern: object) -> str | None:
    """Why that is no pattern; None where it is one."""
    if not isinstance(pattern, str) or not pattern:
        return "a pattern is text"
    if len(pattern) > LONGEST_PATTERN:
        return f"a pattern has at most {LONGEST_PATTERN} characters"
    if "***" in pattern:
        return "more than two stars in a row mean nothing"
    stars = sum(token in (STAR, DEEP_STAR) for token in _tokens(pattern))
    if not 1 <= stars <= MOST_STARS:
        return f"a pattern has 1 to {MOST_STARS} stars"
    if _UP in pattern:
        return "a pattern with .. in it would fit nothing"
    return None


def fits_words(pattern: str, text: str) -> bool:
    """Whether the whole text fits the pattern, in time that grows with both."""
    if len(text) > LONGEST_FITTING or _UP in text:
        return False
    tokens = _tokens(pattern)
    states = {(0, False)}  # where in the tokens, and whether a star there has taken something already
    for character in text:
        states = {after for state in states for after in _after(tokens, state, character)}
        if not states:
            return False
    return (len(tokens), False) in states


def proposed_pattern(text: str) -> str | None:
    """The narrowest pattern that comes to mind: the last part of a path or of a line may be another one.

    None where no pattern would fit the text itself.
    """
    cut = max(text.rfind("/"), text.rfind(" ")) + 1
    pattern = text[:cut] + STAR
    is_usable = STAR not in text and why_unusable(pattern) is None and fits_words(pattern, text)
    return pattern if is_usable else None


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> tuple[str, ...]:
    """The pattern's characters, two stars in a row being one."""
    parts: list[str] = []
    for character in pattern:
        if character == STAR and parts and parts[-1] == STAR:
            parts[-1] = DEEP_STAR
        else:
            parts.append(character)
    return tuple(parts)


def _after(tokens: tuple[str, ...], state: tuple[int, bool], character: str) -> tuple[tuple[int, bool], ...]:
    """Where the pattern may stand after that character."""
    index, has_begun = state
    if index == len(tokens):
        return ()
    token = tokens[index]
    if token not in (STAR, DEEP_STAR):
        return ((index + 1, False),) if token == character else ()
    is_taken = character.isalnum() or character in _SIGNS or (token == DEEP_STAR and character == "/")
    begins_word = not has_begun and (index == 0 or tokens[index - 1].isspace())
    if not is_taken or (begins_word and character == "-"):
        return ()
    return ((index, True), (index + 1, False))
