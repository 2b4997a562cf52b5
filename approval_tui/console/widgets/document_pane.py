"""A pane that draws lines of marked text and keeps account of which parts of a payload were visible.

Only what is on the screen is drawn, so that a payload of any length costs the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from approval_tui.console.documents import Line
from approval_tui.console.reading import Reading
from approval_tui.console.widgets.line_view import LineView
from approval_tui.display.width import cell_width

ROLES = (
    "label",
    "title",
    "agent",
    "key",
    "string",
    "number",
    "note",
    "bad",
    "good",
    "added",
    "removed",
    "mark",
    "match",
)
_PREFIX = "document-pane--"
_BASE, _MATCH = "", "match"

Build = Callable[[int], Sequence[Line]]
"""Makes the lines for a width in cells."""


class DocumentPane(LineView):
    """Draws what it is given; `show` decides what it is about, and nothing else changes that."""

    COMPONENT_CLASSES = {f"{_PREFIX}{role}" for role in ROLES}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._build: Build = lambda _: ()
        self._lines: Sequence[Line] = ()
        self._reading: Reading | None = None
        self._matches: frozenset[int] = frozenset()

    @property
    def lines(self) -> Sequence[Line]:
        """All lines, at the present width."""
        return self._lines

    @property
    def is_noted(self) -> bool:
        """Whether everything that is on the screen has been noted as seen."""
        reading = self._reading
        return reading is None or all(
            line.span is None or reading.has_seen(*line.span) or not self._fits(line) for line in self._on_screen()
        )

    def show(self, build: Build, reading: Reading | None, *, from_top: bool) -> None:
        """Shows what `build` makes; `reading` learns which parts of the payload were visible."""
        self._build, self._reading = build, reading
        if self._matches:
            self.mark_matches(frozenset())
        if from_top:
            self.jump(0)
        self.rebuild()

    def rebuild(self) -> None:
        """Makes the lines anew, for the present width and time, and draws those that changed."""
        before = self._on_screen()
        self._make_lines()
        now = self._on_screen()
        for y in range(self.text_height):
            if (before[y] if y < len(before) else None) != (now[y] if y < len(now) else None):
                self.redraw_line(y)

    def _make_lines(self) -> None:
        if self.text_width > 0:
            self._lines = self._build(self.text_width)
            self.set_length(len(self._lines))
            self.call_after_refresh(self.note_visible_rows)

    def mark_matches(self, indexes: frozenset[int]) -> None:
        """Marks the lines that a search found."""
        self._matches = indexes
        self.refresh()

    def note_visible_rows(self) -> None:
        """Keeps account of the payload's rows that are on the screen right now."""
        if self._reading is None or not self.is_attached or self.app.screen is not self.screen or not self.is_on_screen:
            return
        for line in self._on_screen():
            if line.span is not None and self._fits(line):
                self._reading.saw(*line.span)

    def _fits(self, line: Line) -> bool:
        """Whether the pane is wide enough for all of the line; what is cut has not been seen."""
        return cell_width(line.plain) <= self.text_width

    def measured(self) -> None:
        self._make_lines()  # all of them are about to be drawn

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.call_after_refresh(self.note_visible_rows)

    def scroll_rows(self, rows: int) -> None:
        """Scrolls by so many rows at once, without passing over any on the way."""
        self.jump(self.scroll_offset.y + rows)

    def page(self, direction: int) -> None:
        """Scrolls by a page, one row less than the pane is high."""
        self.scroll_rows(direction * max(1, self.text_height - 1))

    def go_to_top(self) -> None:
        """Scrolls to the first line."""
        self.jump(0)

    def go_to_end(self) -> None:
        """Scrolls to the last line; what it passes over was not shown."""
        self.jump(self.max_scroll_y)

    def bring_into_view(self, index: int) -> None:
        """Scrolls so that the line is on the screen."""
        top, height = int(self.scroll_offset.y), self.text_height
        if not top <= index < top + height:
            self.jump(index - height // 3)

    def render_line(self, y: int) -> Strip:
        width = self.text_width
        index = y + int(self.scroll_offset.y)
        base = self.style_named(_BASE)
        if index >= len(self._lines):
            return Strip([Segment(" " * width, base)], width)
        if index in self._matches:
            base += self.style_named(_MATCH)
        segments = [Segment(text, base + self.style_named(role)) for text, role in self._lines[index].pieces]
        return Strip(segments).adjust_cell_length(width, base)

    def _on_screen(self) -> Sequence[Line]:
        top = int(self.scroll_offset.y)
        return self._lines[top : top + self.text_height]

    def new_style(self, name: str) -> Style:
        if name == _BASE:
            return self.rich_style
        if name not in ROLES:
            return Style.null()
        style = self.get_component_rich_style(f"{_PREFIX}{name}", partial=True)
        if name == _MATCH:
            return Style(bgcolor=style.bgcolor)
        return Style(color=style.color, bold=style.bold, italic=style.italic, dim=style.dim)
