"""Finds a text in wrapped lines, also where the end of a line cuts it in two. No Textual."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from approval_tui.console.documents import Line
from approval_tui.display.glyphs import Glyphs

_LEAD = "note"


def lines_with(lines: Sequence[Line], sought: str, glyphs: Glyphs) -> list[list[int]]:
    """For each place where the text stands, the lines that show it; upper and lower case do not matter."""
    text, starts = _joined(lines, glyphs)
    sought = sought.lower()
    places = []
    at = text.find(sought)
    while sought and at >= 0:
        first = bisect_right(starts, at) - 1
        last = bisect_right(starts, at + len(sought) - 1) - 1
        places.append(list(range(first, last + 1)))
        at = text.find(sought, at + len(sought))
    return places


def _joined(lines: Sequence[Line], glyphs: Glyphs) -> tuple[str, list[int]]:
    """All lines as one text, those that go on from the one above without a break, and where each begins in it."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for line in lines:
        lead, pieces = "", line.pieces
        if line.span is not None and pieces[0][1] == _LEAD:
            lead, pieces = pieces[0][0], pieces[1:]
        text = "".join(piece for piece, _ in pieces).lower()
        if starts and not lead.endswith(glyphs.continued):
            text = "\n" + text
        starts.append(length + (1 if text.startswith("\n") else 0))
        parts.append(text)
        length += len(text)
    return "".join(parts), starts
