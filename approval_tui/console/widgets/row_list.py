"""The one list of the console: draws only the lines that are on the screen, whatever the number of rows.

A drawn line is kept until its row shows something else, so that a key draws two lines and not a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from approval_tui.console.rows import Entry, Rows
from approval_tui.console.widgets.line_view import LineView
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import pad

ROLES = ("warning", "bad", "good", "quiet")
_PREFIX = "row-list--"
_NOTHING, _BOLD = Style.null(), Style(bold=True)
_HEADER, _CURSOR, _GONE, _PLAIN, _FILLER = "header", "cursor", "gone", "", "filler"
_MARK = 2
MARKED = "+"
"""Beside a row that the reviewer marked; a sign that no column of ours begins with."""

_SCREENS_KEPT = 4
_MANY = 8
"""Lines that are better drawn with all others than one by one."""

Piece = tuple[str, str]
"""A text and its role: plain, strong, or one of ROLES."""

State = tuple[object, ...]
"""Everything that a drawn line depends on."""


class Painter(Protocol):
    """Knows the columns of one kind of row; every text that it gives is safe to show."""

    ticking: int  #: how many cells wide `passing` is

    def identity(self, row: Any) -> object:
        """What is the same as long as the row shows the same."""

    def header(self, width: int) -> str:
        """The line above the rows."""

    def passing(self, entry: Entry[Any]) -> Sequence[Piece]:
        """The first cells of a row, behind its mark: those that change with the time alone."""

    def pieces(self, entry: Entry[Any], width: int) -> Sequence[Piece]:
        """The other cells of a row; `width` is that of all its cells behind the mark."""


class RowList(LineView):
    """One line a row below a header; the cursor and the rows are those of the Rows that it shows."""

    COMPONENT_CLASSES = {f"{_PREFIX}{name}" for name in (_HEADER, _CURSOR, _GONE, *ROLES)}

    class Picked(Message):
        """The reviewer clicked the row with this index."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    class Scrolled(Message):
        """Other rows came into view."""

    def __init__(self, rows: Rows[Any], painter: Painter, empty: Sequence[str], glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self._rows, self._painter, self._empty, self._glyphs = rows, painter, empty, glyphs
        self._ticks = 0
        self._kept: dict[State, tuple[Strip, Sequence[Piece] | None]] = {}
        self._kept_pieces: dict[State, Sequence[Piece]] = {}
        self._passing: dict[int, Sequence[Piece]] = {}
        self._drawn: dict[int, State] = {}

    def show(self, rows: Rows[Any], painter: Painter, empty: Sequence[str]) -> None:
        """Shows other rows, where the reviewer left them."""
        self._rows.scroll = int(self.scroll_offset.y)
        self._rows, self._painter, self._empty = rows, painter, empty
        self._forget_lines()
        self._fit()
        self.jump(rows.scroll)
        self.refresh()

    def explain_emptiness(self, empty: Sequence[str]) -> None:
        """Says what stands where there are no rows."""
        self._empty = empty
        self.redraw()

    def rows_changed(self, moved: int = 0) -> None:
        """Draws what changed of the rows; `moved` is by how much those on the screen moved within the list."""
        self._fit()
        if moved:
            self.jump(self.scroll_offset.y + moved)
        self.redraw()

    def cursor_moved(self) -> None:
        """Draws what changed of the rows with the cursor's row in view."""
        self._fit()
        index = self._rows.cursor_index
        if index is not None:
            first, last = self.visible_rows()
            if index < first:
                self.jump(index)
            elif index > last:
                self.jump(index - self.rows_on_screen + 1)
        self.redraw()

    def tick(self) -> None:
        """Draws the ages anew that changed, and nothing else of the rows."""
        if not self._painter.ticking:
            return
        self._ticks += 1
        self._kept.clear()
        changed = []
        for y, before in self._passing.items():
            entry, state = self._entry(y), self._state(y)
            if entry is None or self._painter.passing(entry) != before:
                changed.append(y)
            elif self._drawn.get(y, ())[:-1] == state[:-1]:
                self._drawn[y] = state  # it shows what it would show now
        if changed:
            first, last = min(changed), max(changed)
            self.refresh(Region(0, first, _MARK + self._painter.ticking, last - first + 1))

    def redraw(self) -> None:
        """Draws the lines anew that show something else than before; most keys change two of them."""
        changed = [y for y in range(self.size.height) if y in self._drawn and self._drawn[y] != self._state(y)]
        if len(changed) > _MANY:
            self.refresh()
            return
        for y in changed:
            self.redraw_line(y)

    @property
    def rows_on_screen(self) -> int:
        """How many rows there is room for."""
        return max(1, self.text_height - 1)

    def visible_rows(self) -> tuple[int, int]:
        """The first and the last index that are on the screen."""
        first = int(self.scroll_offset.y)
        return first, first + self.rows_on_screen - 1

    def measured(self) -> None:
        self._forget_lines()
        self.cursor_moved()
        self.post_message(self.Scrolled())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())

    def notify_style_update(self) -> None:
        self._forget_lines()
        super().notify_style_update()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is not None and place.y > 0:
            index = place.y - 1 + int(self.scroll_offset.y)
            if self._rows.entry(index) is not None:
                self.post_message(self.Picked(index))

    def finish_lines(self, lines: Sequence[int], width: int) -> Sequence[Strip]:
        """There is no border to draw; a line that is kept remembers what the filters made of it."""
        filters, background = self.get_line_filters(), self.background_colors[1]
        strips = []
        for y in lines:
            strip = self.render_line(y)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, background)
            strips.append(strip)
        return strips

    def render_line(self, y: int) -> Strip:
        state = self._drawn[y] = self._state(y)
        kept = self._kept.get(state)
        if kept is None:
            most = _SCREENS_KEPT * self.size.height
            if len(self._kept) > most or len(self._kept_pieces) > most:
                self._forget_lines()
            kept = self._kept[state] = self._strip(y)
        strip, passing = kept
        if passing is None:
            self._passing.pop(y, None)
        else:
            self._passing[y] = passing
        return strip

    def _forget_lines(self) -> None:
        self._kept.clear()
        self._kept_pieces.clear()

    def _entry(self, y: int) -> Entry[Any] | None:
        """The row that is drawn on that line; None for the header, and where no row is loaded."""
        return None if y == 0 else self._rows.entry(y - 1 + int(self.scroll_offset.y))

    def _state(self, y: int) -> State:
        width = self.text_width
        if y == 0:
            return _HEADER, width
        index = y - 1 + int(self.scroll_offset.y)
        entry = self._rows.entry(index)
        if entry is None:
            return _FILLER, self._filler(y, index), width
        is_cursor = index == self._rows.cursor_index
        is_marked = self._rows.is_marked(entry)
        return self._painter.identity(entry.row), is_cursor, is_marked, entry.is_new, entry.is_gone, width, self._ticks

    def _strip(self, y: int) -> tuple[Strip, Sequence[Piece] | None]:
        """The line, and what of it changes with the time alone; None where that is nothing of a row."""
        width = self.text_width
        index = y - 1 + int(self.scroll_offset.y)
        entry = self._entry(y)
        if entry is None:
            name = _HEADER if y == 0 else _FILLER
            text = f"  {self._painter.header(width - _MARK)}" if y == 0 else self._filler(y, index)
            return self._padded([Segment(pad(text, width), self.style_named(name))]), None
        passing = self._painter.passing(entry)
        key = self._painter.identity(entry.row), entry.is_gone, width
        pieces = self._kept_pieces.get(key)
        if pieces is None:
            pieces = self._kept_pieces[key] = self._painter.pieces(entry, width - _MARK)
        is_cursor = index == self._rows.cursor_index
        base = self.style_named(_CURSOR if is_cursor else _GONE if entry.is_gone else _PLAIN)
        mark = self._glyphs.cursor if is_cursor else self._glyphs.new if entry.is_new else " "
        chosen = MARKED if self._rows.is_marked(entry) else " "
        segments = [Segment(f"{mark}{chosen}", base)]
        for text, role in (*passing, *pieces):
            segments.append(Segment(text, base + self._role(role, entry.is_gone or (is_cursor and self._is_ansi))))
        return self._padded([*Segment.adjust_line_length(segments, width, base)]), passing

    def _padded(self, segments: list[Segment]) -> Strip:
        """The line with room for the scroll bar behind it."""
        return Strip(segments).adjust_cell_length(self.size.width, self.style_named(_PLAIN))

    def _filler(self, y: int, index: int) -> str:
        if index < len(self._rows):
            return f"  {self._glyphs.ellipsis}"
        if not len(self._rows) and 0 <= y - 2 < len(self._empty):
            return f" {self._empty[y - 2]}"
        return ""

    def _role(self, role: str, is_plain: bool) -> Style:
        if role == "strong":
            return _NOTHING if is_plain else _BOLD
        return self.style_named(role) if role in ROLES and not (is_plain and self._is_ansi) else _NOTHING

    @property
    def _is_ansi(self) -> bool:
        """Whether the theme has the terminal's 16 colours only: on the cursor's, others can hardly be read."""
        return self.app.theme.startswith("ansi")

    def new_style(self, name: str) -> Style:
        if name in (_PLAIN, _FILLER):
            return self.rich_style + (Style(dim=True) if name == _FILLER else _NOTHING)
        if name in ROLES:
            return Style(color=self.get_component_rich_style(f"{_PREFIX}{name}", partial=True).color)
        return self.get_component_rich_style(f"{_PREFIX}{name}")

    def _fit(self) -> None:
        self.set_length(len(self._rows) + 1)
