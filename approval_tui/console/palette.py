"""The palette: every action that can be done here, found by its name.

An action that decides is not carried out from it, because the palette ends with Enter, and Enter never
approves: it says the key instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from approval_tui.console.deciding import DecidingScreen
from approval_tui.settings.actions import Action

_NOT_HERE = ("palette", "next", "previous")


class ActionProvider(Provider):
    """Offers the actions of the screen below the palette."""

    async def discover(self) -> Hits:
        for name, action, run in self._offers():
            yield DiscoveryHit(Content(name), run, text=name, help=action.does)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, action, run in self._offers():
            score = matcher.match(f"{name} {action.does}")
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=action.does)

    def _offers(self) -> Iterator[tuple[str, Action, Callable[[], object]]]:
        screen = self.screen
        if not isinstance(screen, DecidingScreen):
            return
        for action in offered(screen):
            name = f"{action.label} ({' '.join(action.keys)})"
            yield name, action, partial(run_from_palette, screen, action)


def offered(screen: DecidingScreen) -> list[Action]:
    """The actions that apply on this screen now."""
    return [action for action in screen.app.actions if action.id not in _NOT_HERE and screen.place in action.places]


def run_from_palette(screen: DecidingScreen, action: Action) -> None:
    """Carries the action out, or says its key if it decides."""
    if action.decides:
        screen.say(f"Press {action.keys[0]} for that: what ends with enter never decides.")
    else:
        screen.call_later(screen.run_action, f"do_{action.id}")
