"""Which part of a payload has been visible, and since when (rule R9). Pure.

A payload is counted in its characters and not in its rows, so that a reading outlives a resize and goes on
from one pane to another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from approval_tui.domain.decisions import EVIDENCE_TYPED, Evidence
from approval_tui.domain.models import EVIDENCE_SHOWN

_FAR = 1 << 62


class Reading:
    """One reviewer's reading of one payload of `total` characters; it cannot be complete before that is known."""

    def __init__(self, total: int | None, now: int) -> None:
        self._unseen: list[tuple[int, int]] = []
        self.begin(total, now)

    def begin(self, total: int | None, now: int) -> None:
        """Nothing has been seen yet; None where it is not known how long the payload is."""
        self._unseen = [] if total == 0 else [(0, _FAR if total is None else total)]
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
        after = bisect_right(self._unseen, (end - 1, _FAR))
        return begin >= end or after == 0 or self._unseen[after - 1][1] <= begin

    def count_unseen(self, spans: Iterable[tuple[int, int]]) -> int:
        """How many of these spans, in order, have not been visible whole."""
        count = gap = 0
        for begin, end in spans:
            while gap < len(self._unseen) and self._unseen[gap][1] <= begin:
                gap += 1
            count += gap < len(self._unseen) and self._unseen[gap][0] < end
        return count

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
