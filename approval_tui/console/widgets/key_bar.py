"""The last line: the keys that can be pressed here, each with a word; a click presses it.

It draws one line where a footer of widgets would be laid out and styled key by key, which takes longer than
everything else of the first frame.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.width import cell_width
from approval_tui.settings.actions import Action


class KeyBar(Widget):
    """One line; what does not fit is in the help."""

    COMPONENT_CLASSES = {"key-bar--key"}

    def __init__(self, actions: Sequence[Action], *, id: str) -> None:
        super().__init__(id=id)
        self._actions = [action for action in actions if action.in_footer]
        self._place = ""

    def show(self, place: str) -> None:
        """Shows the keys of that place."""
        if place != self._place:
            self._place = place
            self.refresh()

    @property
    def shown(self) -> list[Action]:
        """The actions whose keys stand there."""
        return [action for action in self._actions if self._place in action.places]

    async def on_click(self, event: events.Click) -> None:
        column = 0
        for action in self.shown:
            column += cell_width(self._text(action))
            if event.x < column:
                await self.screen.run_action(f"do_{action.id}")
                return

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        key = self.get_component_rich_style("key-bar--key", partial=True)
        segments = []
        for action in self.shown:
            segments.append(Segment(f" {action.keys[0]}", base + Style(color=key.color, bold=True)))
            segments.append(Segment(f" {action.label} ", base))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _text(self, action: Action) -> str:
        return f" {action.keys[0]} {action.label} "
