"""The texts of a call one by one, each with the words that say where it stands; so many and so long ones at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.payload import key_label
from approval_tui.display.redaction import Redactor
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Request

MOST_VALUES = 5_000
MOST_CHARACTERS = 200_000
LONGEST_TEXT = 20_000
"""Values of one call, characters of all its texts and of one, that are looked at."""

_LONGEST_KEY, _MOST_KEYS = 40, 4
_HIDDEN = "\0"


Keys = tuple[str | int, ...]
"""What stands above a value: keys of objects, and numbers of items."""


class CallText(NamedTuple):
    """One text: where it stands, in words safe to show; the key above it; and what it says without its secrets."""

    where: str
    key: str
    text: str


class CallTexts(NamedTuple):
    """The texts of one call, and whether they are all of it."""

    texts: list[CallText]
    is_whole: bool


def call_texts(request: Request, redactor: Redactor, glyphs: Glyphs = UNICODE) -> CallTexts:
    """The keys and texts of a call's arguments and context, as far as they are looked at.

    Texts that are masked by their key are left out; in the place of other secrets stand as many NULs. Raises
    StoreCorrupt.
    """
    found: list[CallText] = []
    is_whole, left = True, MOST_CHARACTERS
    for number, text in enumerate(_texts(request, redactor, glyphs)):
        if number == MOST_VALUES or left <= 0:
            return CallTexts(found, False)
        if text is None:
            continue
        looked_at = text.text[: min(LONGEST_TEXT, left)]
        is_whole = is_whole and len(looked_at) == len(text.text)
        left -= len(looked_at)
        found.append(text._replace(text=without_secrets(looked_at, redactor)))
    return CallTexts(found, is_whole)


def without_secrets(text: str, redactor: Redactor) -> str:
    """The text with a NUL in the place of each character of a secret."""
    pieces, end = [], 0
    for start, stop in redactor.hidden_spans(text):
        pieces += [text[end:start], _HIDDEN * (stop - start)]
        end = stop
    return "".join(pieces) + text[end:]


def place_label(what: str, keys: Keys, glyphs: Glyphs) -> str:
    """Where a value stands, as `argument lines[2].number`; dots say that a key is longer, or the place deeper."""
    label = f"{what} "
    for number, key in enumerate(keys[:_MOST_KEYS]):
        if isinstance(key, int):
            label += f"[{key}]"
            continue
        label += ("." if number else "") + key_label(key[:_LONGEST_KEY], glyphs)
        label += glyphs.ellipsis if len(key) > _LONGEST_KEY else ""
    return label + (glyphs.ellipsis if len(keys) > _MOST_KEYS else "")


def _texts(request: Request, redactor: Redactor, glyphs: Glyphs) -> Iterator[CallText | None]:
    """The texts; None for any other value, which is looked at, too."""
    for what, object_ in (("context", request.context), ("argument", request.effective_arguments)):
        for keys, value, is_item in _values(object_):
            if not is_item and not keys[-1].isascii():
                yield CallText(place_label(f"the key of {what}", keys, glyphs), "", keys[-1])
            if isinstance(value, str) and not redactor.is_secret_name(keys[-1]):
                yield CallText(place_label(what, keys, glyphs), keys[-1], value)
            else:
                yield None


def _values(arguments: JsonObject) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Every value at any depth, in order, with the keys above it, and whether it is one of a list."""
    stack = [_members((), arguments)]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        yield found
        stack.append(_members(found[0], found[1]))


def _members(keys: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    if isinstance(value, dict):
        return (((*keys, key), item, False) for key, item in value.items())
    return ((keys, item, True) for item in value) if isinstance(value, list) else iter(())
