"""Textual's bindings, made from the registry of actions."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from approval_tui.settings.actions import ACTIONS, PAYLOAD_VIEW, VIEWS, Action


def bindings_of(*places: str) -> list[BindingType]:
    """A binding for every action that can be done in one of the places; a keymap finds it by its id."""
    return [_binding(action) for action in ACTIONS if set(action.places) & set(places)]


def _binding(action: Action) -> Binding:
    return Binding(
        ",".join(action.keys),
        f"do_{action.id}",
        action.label,
        show=action.in_footer,
        tooltip=action.does,
        key_display=action.keys[0] if len(action.keys) == 1 else None,
        id=action.id,
    )


MAIN_BINDINGS = bindings_of(*VIEWS)
PAYLOAD_BINDINGS = bindings_of(PAYLOAD_VIEW)
