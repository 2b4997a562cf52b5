"""The second wall of rule R8: no invisible character reaches the terminal, whichever widget let it through."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from approval_tui.display.visible import is_all_visible, is_invisible

#: Rules, marks and fillers come again in every frame, and are looked at once.
_is_all_visible = lru_cache(4096)(is_all_visible)


class VisibleFilter(LineFilter):
    """Shows in every rendered line what the first wall should have shown already."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line with invisible characters escaped, cut to the room that it had."""
        for text, _, control in segments:
            if not (control or (text.isascii() and text.isprintable()) or _is_all_visible(text)):
                break
        else:
            return segments
        width = Segment.get_line_length(segments)
        escaped = [segment if segment.control else _escaped(segment) for segment in segments]
        return Segment.adjust_line_length(escaped, width)


def _escaped(segment: Segment) -> Segment:
    text = "".join(f"\\u{{{ord(character):X}}}" if is_invisible(character) else character for character in segment.text)
    return Segment(text, segment.style, segment.control)
