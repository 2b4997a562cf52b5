"""What the list holds: requests in the order in which they came, a cursor that follows one of them, and
tombstones of those that vanished (rule R11). No Textual: the rules are tested without a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request


@dataclass
class Entry:
    """One row: the request as last seen, and whether the reviewer has seen the row yet."""

    request: Request
    is_new: bool

    @property
    def is_gone(self) -> bool:
        """Whether it is a tombstone: the request no longer waits."""
        return self.request.status != PENDING


class Queue:
    """The pending requests as this reviewer knows them; nothing ever moves a row under the cursor."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []
        self._cursor: str | None = None
        self._is_loaded = False

    def __len__(self) -> int:
        return len(self._order)

    @property
    def cursor(self) -> str | None:
        """The id of the request under the cursor."""
        return self._cursor

    @property
    def current(self) -> Request | None:
        """The request under the cursor, as last seen."""
        return None if self._cursor is None else self._entries[self._cursor].request

    @property
    def cursor_index(self) -> int:
        """The row of the cursor; -1 when the list is empty."""
        return -1 if self._cursor is None else self._order.index(self._cursor)

    @property
    def new_count(self) -> int:
        """How many requests came that the reviewer has not seen in the list yet."""
        return sum(1 for entry in self._entries.values() if entry.is_new and not entry.is_gone)

    def entry(self, index: int) -> Entry:
        """The row with that index."""
        return self._entries[self._order[index]]

    def index_of(self, request_id: str) -> int | None:
        """The row of that request, if it is in the list."""
        return self._order.index(request_id) if request_id in self._entries else None

    def merge(self, pending: Iterable[Request], vanished: Mapping[str, Request]) -> None:
        """Takes in what is pending now: new ones go to the end, those that vanished become tombstones.

        `vanished` says what became of requests that are no longer pending; those that the store does not
        know at all are dropped.
        """
        present = set()
        for request in pending:
            present.add(request.id)
            entry = self._entries.get(request.id)
            if entry is None:
                self._entries[request.id] = Entry(request, is_new=self._is_loaded)
                self._order.append(request.id)
            else:
                entry.request = request
        for request_id in [each for each in self._order if each not in present]:
            if request_id in vanished:
                self._entries[request_id].request = vanished[request_id]
            elif not self._entries[request_id].is_gone:
                self._drop(request_id)
        self._is_loaded = True
        if self._cursor is None and self._order:
            self._cursor = self._order[0]
            self._entries[self._cursor].is_new = False

    def update(self, request: Request) -> None:
        """Takes in what became of one request, as after a decision of this reviewer."""
        if request.id in self._entries:
            self._entries[request.id].request = request

    def waiting_ids(self) -> list[str]:
        """The ids of the rows that still counted as pending when last seen."""
        return [each for each in self._order if not self._entries[each].is_gone]

    def move(self, steps: int) -> bool:
        """Moves the cursor by so many rows and clears away the tombstones; whether it moved."""
        if not self._order:
            return False
        return self.move_to(self.cursor_index + steps)

    def move_to(self, index: int) -> bool:
        """Moves the cursor to that row, or the nearest one there is, and clears away the tombstones it left."""
        if not self._order:
            return False
        before = self._cursor
        self._cursor = self._order[max(0, min(index, len(self._order) - 1))]
        self._entries[self._cursor].is_new = False
        if self._cursor == before and not self._entries[self._cursor].is_gone:
            self._bury()
            return False
        if self._cursor == before:
            # There is nowhere else to go: the tombstone under the cursor goes too.
            self._bury(also=before)
        else:
            self._bury()
        return self._cursor != before

    def mark_seen(self, first: int, last: int) -> None:
        """Says that the reviewer has seen these rows of the list."""
        for request_id in self._order[max(0, first) : last + 1]:
            self._entries[request_id].is_new = False

    def _drop(self, request_id: str) -> None:
        self._order.remove(request_id)
        del self._entries[request_id]
        if self._cursor == request_id:
            self._cursor = None

    def _bury(self, also: str | None = None) -> None:
        index = self.cursor_index
        gone = {each for each in self._order if self._entries[each].is_gone and (each != self._cursor or each == also)}
        self._order = [each for each in self._order if each not in gone]
        for each in gone:
            del self._entries[each]
        if self._cursor in gone:
            self._cursor = self._order[min(index, len(self._order) - 1)] if self._order else None
