"""What the list and the pane share: lines that are drawn one by one, in styles that are worked out once."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from approval_tui.console.widgets.line_scroll_bar import LineScrollBar


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A scroll view whose length may change at any time without the whole screen being laid out anew."""

    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=False, repaint=False)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._styles: dict[str, Style] = {}
        self._finished: dict[int, Strip] = {}
        self._finished_width = 0
        self.text_width = 0  #: the cells of a line; 0 before it was laid out
        self.text_height = 0  #: the lines that there is room for

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        bar = self._vertical_scrollbar
        if bar is None:
            bar = self._vertical_scrollbar = LineScrollBar(name="vertical", thickness=self.scrollbar_size_vertical)
            bar.display = False
            self.app._start_widget(self, bar)
        return bar

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        """Measures at once: a frame of the new size is drawn before the event that tells of it is handled."""
        is_to_be_told = super()._size_updated(size, virtual_size, container_size, layout)
        self._measure()
        return is_to_be_told

    def _measure(self) -> None:
        """Measures once what would cost as much as a line to ask for with every line."""
        width, height = self.scrollable_content_region.size
        if (width, height) != (self.text_width, self.text_height):
            self.text_width, self.text_height = width, height
            self._finished.clear()
            self.measured()

    def measured(self) -> None:
        """There is another room for lines."""

    def set_length(self, lines: int) -> None:
        """Says how many lines there are; the place that is shown stays, as far as there still is one."""
        size = Size(self.text_width, lines)
        if self.virtual_size == size:
            return
        self.virtual_size = size
        self._scroll_update(size)
        if self.scroll_offset.y > self.max_scroll_y:
            self.jump(self.max_scroll_y)

    def jump(self, y: float) -> None:
        """Shows the lines from that one on, at once."""
        self.scroll_to(y=max(0, y), animate=False, force=True)

    def redraw_line(self, y: int) -> None:
        """Draws one line of the screen anew."""
        self.refresh(Region(0, y, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines as they go to the terminal; only those that changed are made anew.

        A frame asks for all lines of every widget that it touches, and Textual filters and cuts each of them.
        """
        if crop.column_span != (0, self.region.width):
            return super().render_lines(crop)
        if crop.width != self._finished_width:
            self._finished.clear()
            self._finished_width = crop.width
        finished = self._finished
        stale = [y for y in crop.line_range if y not in finished]
        if stale:
            finished.update(zip(stale, self.finish_lines(stale, crop.width), strict=True))
        return [finished[y] for y in crop.line_range]

    def finish_lines(self, lines: Sequence[int], width: int) -> Sequence[Strip]:
        """Those lines of the widget, in order, with its borders, filtered for the terminal."""
        first, last = lines[0], lines[-1]
        strips = super().render_lines(Region(0, first, width, last - first + 1))
        return [strips[y - first] for y in lines]

    def _set_dirty(self, *regions: Region) -> None:
        """Every way of saying that something must be drawn anew comes here."""
        super()._set_dirty(*regions)
        if not regions:
            self._finished.clear()
        top = self.content_offset.y if regions else 0
        for region in regions:
            for y in region.line_range:
                self._finished.pop(top + y, None)

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def style_named(self, name: str) -> Style:
        """The style of that name; working one out takes longer than drawing a line."""
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.new_style(name)
        return style

    def new_style(self, name: str) -> Style:
        """Works out the style of that name."""
        raise NotImplementedError
