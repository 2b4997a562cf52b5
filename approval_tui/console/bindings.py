"""Textual's bindings, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType
from textual.keys import _character_to_key

from approval_tui.settings.actions import (
    ACTIONS,
    BULK_VIEW,
    EDITOR,
    GRANTING_VIEW,
    PAYLOAD_VIEW,
    REVIEW,
    SESSION_VIEW,
    VIEWS,
    Action,
)


def bindings_of(*places: str) -> list[BindingType]:
    """A binding for every action that can be done in one of the places; a keymap finds it by its id."""
    return [_binding(action) for action in ACTIONS if set(action.places) & set(places)]


def _binding(action: Action) -> Binding:
    return Binding(
        textual_keys(action.keys),
        f"do_{action.id}",
        action.label,
        show=action.in_footer,
        tooltip=action.does,
        key_display=action.keys[0] if len(action.keys) == 1 else None,
        id=action.id,
    )


def textual_keys(keys: Iterable[str]) -> str:
    """The keys as Textual names them in a keymap, where `?` is `question_mark` and a comma stands between two."""
    return ",".join(map(_textual_key, keys))


def _textual_key(key: str) -> str:
    modifiers, _, last = key.rpartition("+") if len(key) > 1 and not key.endswith("++") else ("", "", key)
    if key.endswith("++"):
        modifiers, last = key[:-2], "+"
    name = _character_to_key(last) if len(last) == 1 else last
    return f"{modifiers}+{name}" if modifiers else name


MAIN_BINDINGS = bindings_of(*VIEWS)
BULK_BINDINGS = bindings_of(BULK_VIEW)
GRANTING_BINDINGS = bindings_of(GRANTING_VIEW)
SESSION_BINDINGS = bindings_of(SESSION_VIEW)
PAYLOAD_BINDINGS = bindings_of(PAYLOAD_VIEW)
REVIEW_BINDINGS = bindings_of(REVIEW)
EDITOR_BINDINGS = bindings_of(EDITOR)
