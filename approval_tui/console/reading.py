"""Which rows of a payload have been visible, and since when (rule R9). Pure."""

from __future__ import annotations

from approval_tui.domain.decisions import EVIDENCE_SHOWN, Evidence


class Reading:
    """One reviewer's reading of one payload at one width; a new width begins anew."""

    def __init__(self, rows: int, now: int) -> None:
        self._rows = rows
        self._unseen = set(range(rows))
        self._began_at = now

    def saw(self, first: int, last: int) -> None:
        """These rows were on the screen, both ends counted; rows outside the payload do not matter."""
        if self._unseen:
            self._unseen.difference_update(range(max(0, first), min(self._rows - 1, last) + 1))

    @property
    def unseen(self) -> int:
        """How many rows have not been visible yet."""
        return len(self._unseen)

    @property
    def is_complete(self) -> bool:
        """Whether every row was visible; jumping to the end leaves the rows between unseen."""
        return not self._unseen

    def evidence(self, now: int) -> Evidence:
        """What a decision records: every row shown, and for how long (ms)."""
        return Evidence(EVIDENCE_SHOWN, rows=self._rows, shown_ms=max(0, now - self._began_at))
