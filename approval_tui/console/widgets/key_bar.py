"""The last line: the keys that can be pressed here, each with a word; a click presses it.

It draws one line where a footer of widgets would be laid out and styled key by key, which takes longer than
everything else of the first frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import cell_width
from approval_tui.settings.actions import Action

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp

_ALWAYS_SEEN = ("help", "quit")


class KeyBar(Widget):
    """One line; help and quit come first, and what does not fit is in the help."""

    app: ConsoleApp

    COMPONENT_CLASSES = {"key-bar--key"}

    def __init__(self, actions: Sequence[Action], glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        shown = [action for action in actions if action.in_footer]
        self._actions = sorted(shown, key=lambda action: action.id not in _ALWAYS_SEEN)
        self._glyphs = glyphs
        self._place = ""
        self._status: str | None = None

    def show(self, place: str, status: str | None) -> None:
        """Shows the keys of that place, for a request of that status; None where there is none."""
        if (place, status) != (self._place, self._status):
            self._place, self._status = place, status
            self.refresh()

    @property
    def _usable(self) -> list[Action]:
        """The actions that make sense here and now."""
        return [
            action for action in self._actions if self._place in action.places and action.status in (None, self._status)
        ]

    @property
    def shown(self) -> list[Action]:
        """The actions whose keys stand there, as many as fit."""
        room = self.size.width - cell_width(self._glyphs.ellipsis)
        fitting = []
        for action in self._usable:
            room -= cell_width(self._text(action))
            if room < 0:
                break
            fitting.append(action)
        return fitting

    async def on_click(self, event: events.Click) -> None:
        column = 0
        for action in self.shown:
            column += cell_width(self._text(action))
            if event.x < column:
                self.app.contract.note(event)
                await self.screen.run_action(f"do_{action.id}")
                return

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        key = self.get_component_rich_style("key-bar--key", partial=True)
        segments = []
        for action in self.shown:
            segments.append(Segment(f" {action.keys[0]}", base + Style(color=key.color, bold=True)))
            segments.append(Segment(f" {action.label} ", base))
        if len(self.shown) < len(self._usable):
            segments.append(Segment(self._glyphs.ellipsis, base))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _text(self, action: Action) -> str:
        return f" {action.keys[0]} {action.label} "
