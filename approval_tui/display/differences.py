"""How the arguments of a call differ from those of another one, in a few words for each that is other, new or missing.

A long text is shown from a little before the place where it becomes another one. Secrets stay masked; where only they
differ, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from approval_tui.display.call_texts import Keys, place_label
from approval_tui.display.glyphs import UNICODE, Glyphs
from approval_tui.display.redaction import Redactor, mask
from approval_tui.display.request_view import masked_by_names
from approval_tui.domain.canonical import JsonObject, exact_json, record_json
from approval_tui.domain.names import in_quotes

LONGEST_SHOWN = 60
"""Characters of one value that are shown; how many more there are is said."""

LARGEST_COMPARED = 50_000
"""Characters of a text beyond which it is not shown but only said to be other, and of a list's JSON."""

MOST_ITEMS = 1_000
"""Items of a list up to which it is compared item by item."""

_BEFORE = 16
"""Characters shown before the first one that is other."""


class Differences(NamedTuple):
    """The first differences, in words safe to show, and how many there are beyond them."""

    said: list[str]
    more: int


def differences(
    what: str, before: JsonObject, after: JsonObject, redactor: Redactor, glyphs: Glyphs = UNICODE, *, most: int
) -> Differences:
    """How `after` differs from `before`; `what` is the word for one of their values."""
    said: list[str] = []
    more = 0
    for keys, was, value in _changes((), before, after):
        if len(said) == most:
            more += 1
            continue
        name = next(key for key in reversed(keys) if isinstance(key, str))
        words = _change(name, was, value, redactor, glyphs)
        said.append(f"{place_label(what, keys, glyphs)}: {words}")
    return Differences(said, more)


class _Missing:
    """What stands for a value that is not there."""


_MISSING = _Missing()


def _changes(keys: Keys, before: Any, after: Any) -> Iterator[tuple[Keys, Any, Any]]:
    """What is other, with the keys above it: as deep as objects, and lists of one length, go."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*after, *before)):
            yield from _changes((*keys, key), before.get(key, _MISSING), after.get(key, _MISSING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after) <= MOST_ITEMS:
        for index, (was, value) in enumerate(zip(before, after, strict=True)):
            yield from _changes((*keys, index), was, value)
    elif not _is_same(before, after):
        yield keys, before, after


def _is_same(was: Any, value: Any) -> bool:
    """Whether JSON writes both alike: 1, 1.0 and true are three values."""
    if type(was) is not type(value) or not isinstance(was, dict | list | float):
        return type(was) is type(value) and bool(was == value)
    return record_json(was) == record_json(value)


def _change(key: str, was: Any, value: Any, redactor: Redactor, glyphs: Glyphs) -> str:
    if isinstance(was, _Missing):
        return f"is new: {_shown(key, value, redactor, glyphs)}"
    if isinstance(value, _Missing):
        return f"is missing, was {_shown(key, was, redactor, glyphs)}"
    if isinstance(was, str) and isinstance(value, str):
        return _change_of_text(key, was, value, redactor, glyphs)
    old, new = (_shown(key, each, redactor, glyphs) for each in (was, value))
    said = f"is other, still {new}" if old == new else f"was {old}, is {new}"
    if isinstance(was, list) and isinstance(value, list):
        said += _new_items(key, was, value, redactor, glyphs)
    return said


def _new_items(key: str, was: list[Any], value: list[Any], redactor: Redactor, glyphs: Glyphs) -> str:
    """The first item that was in no place of the list before, and how many more there are."""
    if max(len(was), len(value)) > MOST_ITEMS:
        return ""
    known = {record_json(item) for item in was}
    new = [item for item in value if record_json(item) not in known]
    if not new:
        return ""
    more = f" (+{len(new) - 1:,})" if len(new) > 1 else ""
    return f"; new in it: {_shown(key, new[0], redactor, glyphs)}{more}"


def _change_of_text(key: str, was: str, value: str, redactor: Redactor, glyphs: Glyphs) -> str:
    if max(len(was), len(value)) > LARGEST_COMPARED:
        return f"is other, {len(was):,} characters before and {len(value):,} now"
    old, new = (_without_secrets(key, text, redactor, glyphs) for text in (was, value))
    if old == new:
        return "is other in what is masked"
    start = 0 if max(len(old), len(new)) <= LONGEST_SHOWN else max(0, _first_difference(old, new) - _BEFORE)
    return f"was {_cut(old, start, glyphs)}, is {_cut(new, start, glyphs)}"


def _shown(key: str, value: Any, redactor: Redactor, glyphs: Glyphs) -> str:
    """A value in few words: a text in quotes, a list or object as JSON where that is short, else how large it is."""
    if isinstance(value, str):
        if len(value) > LARGEST_COMPARED:
            return f"{len(value):,} characters"
        return _cut(_without_secrets(key, value, redactor, glyphs), 0, glyphs)
    if isinstance(value, dict | list):
        masked = masked_by_names(key, value, redactor, glyphs) if len(value) <= LONGEST_SHOWN else value
        json = exact_json(masked) if len(value) <= LONGEST_SHOWN else ""
        json = redactor.redact(json, glyphs) if len(json) <= LARGEST_COMPARED else ""
        if 0 < len(json) <= LONGEST_SHOWN:
            return glyphs.visible(json)
        one, open_, close = ("key", "{", "}") if isinstance(value, dict) else ("item", "[", "]")
        return f"{open_}{len(value):,} {one}{'' if len(value) == 1 else 's'}{close}"
    digits = exact_json(value)
    more = f"{glyphs.ellipsis} (+{len(digits) - LONGEST_SHOWN:,} characters)" if len(digits) > LONGEST_SHOWN else ""
    return digits[:LONGEST_SHOWN] + more


def _without_secrets(key: str, text: str, redactor: Redactor, glyphs: Glyphs) -> str:
    return mask(text, glyphs) if text and redactor.is_secret_name(key) else redactor.redact(text, glyphs)


def _cut(text: str, start: int, glyphs: Glyphs) -> str:
    """So much of the text as is shown, in quotes that it cannot end, with what says that there is more."""
    piece = text[start : start + LONGEST_SHOWN]
    rest = len(text) - start - len(piece)
    before = glyphs.ellipsis if start else ""
    after = f"{glyphs.ellipsis} (+{rest:,} characters)" if rest > 0 else ""
    return f"{before}{glyphs.visible(in_quotes(piece))}{after}"


def _first_difference(old: str, new: str) -> int:
    """Where two texts become other ones."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[:middle] == new[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
