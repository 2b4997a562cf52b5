"""Which part of a payload has been visible, and since when (rule R9). Pure.

A payload is counted in its characters and not in its rows, so that a reading outlives a resize and goes on
from one pane to another.
"""

from __future__ import annotations

from bisect import bisect_right

from approval_tui.domain.decisions import EVIDENCE_SHOWN, EVIDENCE_TYPED, Evidence


class Reading:
    """One reviewer's reading of one payload of `total` characters."""

    def __init__(self, total: int, now: int) -> None:
        self._unseen: list[tuple[int, int]] = [(0, total)] if total else []
        self._began_at = now

    def saw(self, begin: int, end: int) -> None:
        """These characters were on the screen; `end` is the first that was not."""
        if begin >= end or not self._unseen:
            return
        first = max(0, bisect_right(self._unseen, (begin,)) - 1)
        last = first
        kept: list[tuple[int, int]] = []
        while last < len(self._unseen) and self._unseen[last][0] < end:
            gap_begin, gap_end = self._unseen[last]
            if gap_begin < begin:
                kept.append((gap_begin, min(gap_end, begin)))
            if gap_end > end:
                kept.append((max(gap_begin, end), gap_end))
            last += 1
        self._unseen[first:last] = kept

    def has_seen(self, begin: int, end: int) -> bool:
        """Whether all of these characters have been visible."""
        return not any(gap_begin < end and begin < gap_end for gap_begin, gap_end in self._unseen)

    @property
    def is_complete(self) -> bool:
        """Whether everything was visible; jumping to the end leaves what lies between unseen."""
        return not self._unseen

    def shown(self, rows: int, now: int) -> Evidence:
        """What a decision on a whole reading records: every row, at the width of now, and for how long (ms)."""
        return Evidence(EVIDENCE_SHOWN, rows=rows, shown_ms=max(0, now - self._began_at))

    def typed(self, rows: int, now: int) -> Evidence:
        """What a decision records where the end of the id was typed instead; `rows` are those that were seen."""
        return Evidence(EVIDENCE_TYPED, rows=rows, shown_ms=max(0, now - self._began_at))
