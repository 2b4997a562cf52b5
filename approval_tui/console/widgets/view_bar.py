"""The first line: which lists there are, which of them is shown, and what of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import cell_width, cut, pad


class Tab(NamedTuple):
    """One list: the action that shows it, its key and its word."""

    name: str
    key: str
    label: str


class ViewBar(Widget):
    """One line; a click on a list's name shows it."""

    COMPONENT_CLASSES = {"view-bar--active", "view-bar--filter"}

    class Chosen(Message):
        """The reviewer clicked the name of a list."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, tabs: Sequence[Tab], glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self._tabs = tabs
        self._glyphs = glyphs
        self._active = tabs[0].name
        self._said = ""
        self._filter = ""

    def show(self, active: str, said: str, filter_text: str) -> None:
        """Which list is shown, how much of it, and behind which filter."""
        state = (active, self._glyphs.visible(said), self._glyphs.visible(filter_text))
        if state != (self._active, self._said, self._filter):
            self._active, self._said, self._filter = state
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        column = 0
        for tab in self._tabs:
            column += cell_width(self._text(tab))
            if event.x < column:
                self.post_message(self.Chosen(tab.name))
                return

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        active = self.get_component_rich_style("view-bar--active")
        segments = [Segment(self._text(tab), active if tab.name == self._active else base) for tab in self._tabs]
        room = max(0, self.size.width - sum(segment.cell_length for segment in segments))
        said = f"  {self._said}" if self._said else ""
        shown = cut(f"  / {self._filter}", room - cell_width(said), self._glyphs) if self._filter else ""
        filter_style = self.get_component_rich_style("view-bar--filter", partial=True)
        segments.append(Segment(shown, base + Style(color=filter_style.color, bold=True)))
        segments.append(Segment(pad(said, room - cell_width(shown), glyphs=self._glyphs), base + Style(dim=True)))
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _text(self, tab: Tab) -> str:
        return f" {tab.key} {tab.label} "
