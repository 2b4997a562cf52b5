"""The scroll bar of a LineView: Textual's own, drawn without a renderable, which took a fifth of a key's frame."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class LineScrollBar(ScrollBar):
    """Looks and answers the mouse as Textual's does."""

    def render_lines(self, crop: Region) -> list[Strip]:
        bar = self.render()
        if not isinstance(bar, ScrollBarRender) or not isinstance(bar.style, Style):
            return super().render_lines(crop)
        back, thumb = bar.style.bgcolor, bar.style.color
        if back is None or thumb is None:
            return super().render_lines(crop)
        height = self.size.height
        drawn = bar.render_bar(
            size=height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=bar.thickness,
            back_color=back,
            bar_color=thumb,
        )
        segments: list[Segment] = list(drawn.segments)
        strips: dict[int, Strip] = {}
        for segment in segments:
            if id(segment) not in strips:
                strips[id(segment)] = self._filtered(segment)
        return [strips[id(segments[y])] for y in crop.line_range if y < height]

    def _filtered(self, segment: Segment) -> Strip:
        strip = Strip([segment], self.thickness)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, self.background_colors[1])
        return strip
