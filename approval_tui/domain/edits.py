"""What a reviewer's edit changed, place by place, and the sentence in which an agent is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject, exact_json
from approval_tui.domain.models import Request

MOST_TOLD = 20
"""Changes that a sentence names; how many more there are, it says."""

LONGEST_VALUE = 200
"""Characters of one value in a sentence; how many it has in all, is said."""

LONGEST_TOLD = 4000
"""Characters that a sentence has at most."""

EDIT_IS_DENIAL = (
    "This agent says that it cannot run other arguments: your edit reaches it as a denial that names them. "
    "Nothing keeps it from running them all the same, so approve only what may run."
)
"""What a reviewer is told before an edit of a request whose `edit_taken_as` is DENIAL."""

_EDITED = "A reviewer changed the arguments of this call before approving it"
_DEEPEST_PATH = 20

Path = tuple[str | int, ...]


class Change(NamedTuple):
    """One place where the arguments differ: its keys and indexes, and its exact JSON before and after.

    A text is None where nothing stood there, or nothing does.
    """

    path: Path
    was: str | None
    now: str | None

    @property
    def place(self) -> str:
        """The path as a person writes it: `target.hosts[0]`; a key that is no word stands in brackets, as JSON."""
        return _place(self.path)


def changes_between(before: JsonObject, after: JsonObject) -> tuple[Change, ...]:
    """Every place where the arguments differ, in their order; lists of another length differ as a whole."""
    return tuple(_changes((), before, after))


def edit_told(request: Request) -> str | None:
    """What an agent is told of the edit: what was changed and how; None where nobody edited, or nothing differs."""
    if request.edited_arguments is None:
        return None
    return changes_told(changes_between(request.arguments, request.edited_arguments))


def changes_told(changes: tuple[Change, ...]) -> str | None:
    """The same of changes that are known; it says of how many it leaves out, and of how long a value is."""
    if not changes:
        return None
    told: list[str] = []
    room = LONGEST_TOLD - len(_EDITED) - len(_left_out(len(changes))) - 4
    for change in changes[:MOST_TOLD]:
        words = _told(change)
        if len(words) + 2 > room:
            break
        told.append(words)
        room -= len(words) + 2
    if len(told) < len(changes):
        told.append(_left_out(len(changes) - len(told)))
    return f"{_EDITED}: {'; '.join(told)}."


def _changes(path: Path, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before:
            if key in after:
                yield from _changes((*path, key), before[key], after[key])
            else:
                yield Change((*path, key), exact_json(before[key]), None)
        for key in after:
            if key not in before:
                yield Change((*path, key), None, exact_json(after[key]))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes((*path, index), old, new)
    else:
        was, now = exact_json(before), exact_json(after)
        if was != now:
            yield Change(path, was, now)


def _told(change: Change) -> str:
    place = change.place
    if change.was is None:
        assert change.now is not None
        return f"{place} was added: {_cut(change.now)}"
    if change.now is None:
        return f"{place} was taken out (it was {_cut(change.was)})"
    return f"{place} was {_cut(change.was)}, is {_cut(change.now)}"


def _left_out(number: int) -> str:
    return f"and {number:,} more {'place' if number == 1 else 'places'}"


def _cut(text: str) -> str:
    shown = _visible(text[:LONGEST_VALUE])
    return shown if len(text) <= LONGEST_VALUE else f"{shown}... ({len(text):,} characters in all)"


def _visible(text: str) -> str:
    """JSON in which what draws nothing is an escape, so that the sentence can be read wherever it is shown."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def _place(path: Path) -> str:
    shown = "".join(map(_step, path[:_DEEPEST_PATH])).removeprefix(".")
    return shown if len(path) <= _DEEPEST_PATH else f"{shown}... ({len(path)} levels deep)"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    is_word = step.isascii() and step.replace("-", "_").isidentifier() and len(step) <= LONGEST_VALUE
    return f".{step}" if is_word else f"[{_cut(exact_json(step))}]"
