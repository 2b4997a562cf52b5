"""The one list of the console: draws only the lines that are on the screen, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from approval_tui.console.rows import Entry, Rows
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import pad

ROLES = ("warning", "bad", "good", "quiet")
_PREFIX = "row-list--"
_NOTHING, _BOLD = Style.null(), Style(bold=True)

Piece = tuple[str, str]
"""A text and its role: plain, strong, or one of ROLES."""


class Painter(Protocol):
    """Knows the columns of one kind of row; every text that it gives is safe to show."""

    def header(self, width: int) -> str:
        """The line above the rows."""

    def pieces(self, entry: Entry[Any], width: int) -> Sequence[Piece]:
        """The cells of one row, behind its mark."""


Drawn = tuple[str, tuple[Piece, ...]]
"""What one line shows: the name of its base style, and its pieces."""

_HEADER, _CURSOR, _GONE, _PLAIN, _FILLER = "header", "cursor", "gone", "", "filler"


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """One line a row below a header; the cursor and the rows are those of the Rows that it shows."""

    COMPONENT_CLASSES = {f"{_PREFIX}{name}" for name in ("header", "cursor", "gone", *ROLES)}

    class Picked(Message):
        """The reviewer clicked the row with this index."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    class Scrolled(Message):
        """Other rows came into view."""

    def __init__(self, rows: Rows[Any], painter: Painter, empty: Sequence[str], glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self._rows, self._painter, self._empty = rows, painter, empty
        self._glyphs = glyphs
        self._styles: dict[str, Style] = {}
        self._drawn: dict[int, Drawn] = {}

    def show(self, rows: Rows[Any], painter: Painter, empty: Sequence[str]) -> None:
        """Shows other rows, where the reviewer left them."""
        self._rows.scroll = int(self.scroll_offset.y)
        self._rows, self._painter, self._empty = rows, painter, empty
        self._fit()
        self.scroll_to(y=rows.scroll, animate=False, force=True)
        self.refresh()

    def explain_emptiness(self, empty: Sequence[str]) -> None:
        """Says what stands where there are no rows."""
        self._empty = empty
        self.redraw()

    def rows_changed(self, moved: int = 0) -> None:
        """Draws the rows anew; `moved` is by how much those on the screen moved within the list."""
        self._fit()
        if moved:
            self.scroll_to(y=max(0, self.scroll_offset.y + moved), animate=False, force=True)
        self.redraw()

    def cursor_moved(self) -> None:
        """Draws the rows anew with the cursor's row in view."""
        self._fit()
        index = self._rows.cursor_index
        if index is not None:
            first, last = self.visible_rows()
            if index < first:
                self.scroll_to(y=index, animate=False, force=True)
            elif index > last:
                self.scroll_to(y=index - self.rows_on_screen + 1, animate=False, force=True)
        self.redraw()

    def redraw(self) -> None:
        """Draws the lines anew that show something else than before; most keys change two of them."""
        for y in range(self.size.height):
            if y in self._drawn and self._drawn[y] != self._content(y):
                self.refresh(Region(0, y, self.size.width, 1))

    @property
    def rows_on_screen(self) -> int:
        """How many rows there is room for."""
        return max(1, self.scrollable_content_region.height - 1)

    def visible_rows(self) -> tuple[int, int]:
        """The first and the last index that are on the screen."""
        first = int(self.scroll_offset.y)
        return first, first + self.rows_on_screen - 1

    def on_resize(self) -> None:
        self.cursor_moved()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is not None and place.y > 0:
            index = place.y - 1 + int(self.scroll_offset.y)
            if self._rows.entry(index) is not None:
                self.post_message(self.Picked(index))

    def render_line(self, y: int) -> Strip:
        name, pieces = self._drawn[y] = self._content(y)
        base = self._style(name)
        is_gone = name == _GONE
        segments = [Segment(text, base + self._role(role, is_gone)) for text, role in pieces]
        return Strip(segments).adjust_cell_length(self.scrollable_content_region.width, base)

    def _content(self, y: int) -> Drawn:
        """What the line shows now."""
        width = self.scrollable_content_region.width
        if y == 0:
            return _HEADER, ((pad(f"  {self._painter.header(width - 2)}", width), ""),)
        index = y - 1 + int(self.scroll_offset.y)
        entry = self._rows.entry(index)
        if entry is None:
            return _FILLER, ((pad(self._filler(y, index), width), ""),)
        is_cursor = index == self._rows.cursor_index
        mark = f"{self._glyphs.cursor} " if is_cursor else f"{self._glyphs.new} " if entry.is_new else "  "
        name = _CURSOR if is_cursor else _GONE if entry.is_gone else _PLAIN
        return name, ((mark, ""), *self._painter.pieces(entry, width - 2))

    def _filler(self, y: int, index: int) -> str:
        if index < len(self._rows):
            return f"  {self._glyphs.ellipsis}"
        if not len(self._rows) and 0 <= y - 2 < len(self._empty):
            return f" {self._empty[y - 2]}"
        return ""

    def _role(self, role: str, is_gone: bool) -> Style:
        if role == "strong":
            return _BOLD if not is_gone else _NOTHING
        return self._style(role) if role in ROLES else _NOTHING

    def _style(self, name: str) -> Style:
        """The style of that name; working one out takes longer than drawing the line."""
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self._new_style(name)
        return style

    def _new_style(self, name: str) -> Style:
        if name in (_PLAIN, _FILLER):
            return self.rich_style + (Style(dim=True) if name == _FILLER else _NOTHING)
        if name in ROLES:
            return Style(color=self.get_component_rich_style(f"{_PREFIX}{name}", partial=True).color)
        return self.get_component_rich_style(f"{_PREFIX}{name}")

    def _fit(self) -> None:
        size = Size(self.scrollable_content_region.width, len(self._rows) + 1)
        if self.virtual_size != size:
            self.virtual_size = size
