"""The rows of a list of any length, of which only a window is held; no Textual, so that the rules are tested
without a screen.

The cursor follows a row by its key and not by its index, nothing is sorted anew under it, what came since the
reviewer last looked is counted, and a row that vanished stays as a tombstone until the reviewer moves on (R11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from approval_tui.console.marks import Marks
from approval_tui.console.pages import AT, FIRST, FROM, LAST, MARGIN, UNTIL, WINDOW, Key, Page, Want

R = TypeVar("R")


class Entry(Generic[R]):
    """One loaded row: what it shows, whether it vanished, and whether the reviewer has seen it yet."""

    __slots__ = ("is_gone", "is_new", "row")

    def __init__(self, row: R, *, is_new: bool = False) -> None:
        self.row = row
        self.is_new = is_new
        self.is_gone = False


class Rows(Generic[R]):
    """A list with a cursor; `is_ascending` says whether keys grow from row to row."""

    def __init__(self, key_of: Callable[[R], Key], *, is_ascending: bool, marks: Marks | None = None) -> None:
        self._key_of = key_of
        self._is_ascending = is_ascending
        self._marks = marks
        self._entries: list[Entry[R]] = []
        self._indexes: dict[Key, int] = {}
        self._offset = 0
        self._window = WINDOW
        self._total = 0
        self._cursor: Entry[R] | None = None
        self._seen_up_to: Key | None = None
        self._newer = 0
        self._goal: Want | None = None
        self._answered: Want | None = None  #: what was loaded last; to ask for it again would bring the same
        self._has_arrived = False
        self._preferred: Key | None = None
        self.was_moved = False  #: whether the reviewer chose where the cursor is
        self.is_loaded = False
        self.scroll = 0  #: the first row on the screen, kept while another list is shown

    def __len__(self) -> int:
        return max(self._total, self._offset + len(self._entries))

    @property
    def loaded(self) -> Sequence[Entry[R]]:
        """The rows of the window, in order."""
        return self._entries

    @property
    def offset(self) -> int:
        """The index of the first row of the window."""
        return self._offset

    @property
    def current(self) -> R | None:
        """The row under the cursor, as last seen; it may lie outside the window."""
        return None if self._cursor is None else self._cursor.row

    @property
    def cursor_index(self) -> int | None:
        """The index of the cursor; None without one, or where it lies outside the window."""
        return None if self._cursor is None else self.index_of(self._key_of(self._cursor.row))

    @property
    def new_count(self) -> int:
        """How many rows came that the reviewer has not seen yet."""
        return self._newer

    @property
    def seen_up_to(self) -> Key | None:
        """The newest key that the reviewer saw, or that was there when the list was first loaded."""
        return self._seen_up_to

    def entry(self, index: int) -> Entry[R] | None:
        """The row with that index; None where it is not loaded."""
        position = index - self._offset
        return self._entries[position] if 0 <= position < len(self._entries) else None

    def is_marked(self, entry: Entry[R]) -> bool:
        """Whether the reviewer marked the row, alone or in a range; what is gone is marked no more."""
        if not self._marks or entry.is_gone:
            return False
        cursor = None if self._cursor is None else self._key_of(self._cursor.row)
        return self._marks.covers(self._key_of(entry.row), cursor)

    def index_of(self, key: Key) -> int | None:
        """The index of that row; None where it is not loaded."""
        position = self._indexes.get(key)
        return None if position is None else position + self._offset

    def known(self, key: Key) -> R | None:
        """The row with that key, as last seen; None where it is neither loaded nor under the cursor."""
        position = self._indexes.get(key)
        entry = self._cursor if position is None else self._entries[position]
        return None if entry is None or self._key_of(entry.row) != key else entry.row

    # --- loading -------------------------------------------------------------------------------

    def want(self, first: int, last: int) -> Want | None:
        """What to load so that these rows, and a margin around them, are there; None when they are."""
        self._window = max(WINDOW, last - first + 1 + 2 * MARGIN)
        if self._goal is not None:
            return self._goal
        wanted = self._want_around(first, last)
        return wanted if wanted != self._answered else None

    def _want_around(self, first: int, last: int) -> Want | None:
        end = self._offset + len(self._entries)
        if not self.is_loaded or not self._entries:
            return None
        if last < self._offset - MARGIN or first > end + MARGIN:
            return self._wanted(AT, offset=max(0, first - MARGIN))
        if last >= end - MARGIN // 2 and end < len(self):
            return self._want_from(max(self._offset, first - MARGIN))
        if first < self._offset + MARGIN // 2 and self._offset > 0:
            position = min(end - 1, last + MARGIN) - self._offset
            return self._wanted(UNTIL, key=self._key_of(self._entries[position].row))
        return None

    def want_again(self) -> Want:
        """What to load so that the window shows how things stand now."""
        if self._goal is not None:
            return self._goal
        return self._wanted(FIRST) if self._offset == 0 or not self._entries else self._want_from(self._offset)

    def _wanted(self, place: str, *, key: Key | None = None, offset: int = 0) -> Want:
        return Want(place, key, offset, self._window)

    def _want_from(self, index: int) -> Want:
        if index == 0:
            return self._wanted(FIRST)
        return self._wanted(FROM, key=self._key_of(self._entries[index - self._offset].row))

    def merge(self, page: Page[R], want: Want, vanished: Mapping[Key, R] | None = None) -> int:
        """Takes in loaded rows; says by how many rows those on the screen moved, so that the view can follow.

        `vanished` says what became of rows that are no longer in the list; they stay as tombstones, and those
        that it does not know are dropped.
        """
        anchor = self._anchor()
        self._answered = want
        before = {self._key_of(entry.row): entry for entry in self._entries}
        entries = [self._entry_of(row, before) for row in page.rows]
        entries = self._with_tombstones(entries, before, vanished or {}, want)
        tombstones = len(entries) - len(page.rows)
        self._offset = self._offset_of(page, want, entries)
        self._entries = entries
        self._index()
        self._total = max((self._total if page.total is None else page.total + tombstones), 0)
        if page.total is None and len(page.rows) < want.most and want.place in (FIRST, FROM, AT):
            self._total = self._offset + len(entries)
        self._follow_cursor(vanished or {})
        self._note_new(page)
        if self._goal is not None and want == self._goal:
            self._reach_goal(want)
        self.is_loaded = True
        now = None if anchor is None else self.index_of(anchor[0])
        return 0 if anchor is None or now is None else now - anchor[1]

    def _anchor(self) -> tuple[Key, int] | None:
        """A row that should keep its place on the screen: the cursor's, or else the first of the window."""
        index = self.cursor_index
        if index is not None and self._cursor is not None:
            return self._key_of(self._cursor.row), index
        return (self._key_of(self._entries[0].row), self._offset) if self._entries else None

    def _entry_of(self, row: R, before: Mapping[Key, Entry[R]]) -> Entry[R]:
        key = self._key_of(row)
        entry = before.get(key)
        if entry is None and self._cursor is not None and self._key_of(self._cursor.row) == key:
            entry = self._cursor
        if entry is None:
            return Entry(row, is_new=self.is_loaded and self._is_unseen(key))
        entry.row, entry.is_gone = row, False
        return entry

    def _with_tombstones(
        self, entries: list[Entry[R]], before: Mapping[Key, Entry[R]], vanished: Mapping[Key, R], want: Want
    ) -> list[Entry[R]]:
        present = {self._key_of(entry.row) for entry in entries}
        missing = [key for key in before if key not in present and (key in vanished or before[key].is_gone)]
        if not missing:
            return entries
        low, high = self._bounds(entries, want)
        for key in missing:
            entry = before[key]
            entry.row, entry.is_gone = vanished.get(key, entry.row), True
            if (low is None or key >= low) and (high is None or key <= high):  # type: ignore[operator]
                entries.append(entry)
        entries.sort(key=lambda entry: self._key_of(entry.row), reverse=not self._is_ascending)
        return entries

    def _bounds(self, entries: list[Entry[R]], want: Want) -> tuple[Key | None, Key | None]:
        """Between which keys the loaded rows are all there are; None where that side is open."""
        keys = [self._key_of(entry.row) for entry in entries]
        begins = want.place == FIRST or not keys
        ends = want.place == LAST or len(keys) < want.most
        first, last = (None if begins else keys[0]), (None if ends else keys[-1])
        return (first, last) if self._is_ascending else (last, first)

    def _offset_of(self, page: Page[R], want: Want, entries: list[Entry[R]]) -> int:
        if page.offset is not None:
            return page.offset
        if want.place == FIRST or not entries:
            return 0
        if want.place == AT:
            return want.offset
        if want.place == LAST:
            return max(0, (self._total if page.total is None else page.total) - len(page.rows))
        if page.total is not None and len(page.rows) < want.most:  # there are no more on that side
            return 0 if want.place == UNTIL else max(0, page.total - len(page.rows))
        for position, entry in enumerate(entries):
            known = self.index_of(self._key_of(entry.row))
            if known is not None:
                return max(0, known - position)
        return self._offset

    def _index(self) -> None:
        self._indexes = {self._key_of(entry.row): index for index, entry in enumerate(self._entries)}

    def _follow_cursor(self, vanished: Mapping[Key, R]) -> None:
        """Keeps the cursor on its row; a row that is known to be nowhere any more gives it to its neighbour."""
        if self._cursor is not None:
            key = self._key_of(self._cursor.row)
            if key in self._indexes:
                self._cursor = self._entries[self._indexes[key]]
                return
            if key in vanished or self._cursor.is_gone:
                self._cursor.row, self._cursor.is_gone = vanished.get(key, self._cursor.row), True
                return
            if not self._could_be_loaded(key):
                return
        self._cursor = self._preferred_entry() or self._nearest(self._cursor)
        if self._cursor is not None:
            self._cursor.is_new = False

    def prefer(self, key: Key | None) -> None:
        """Says where the cursor begins, if that row is among the first that are loaded."""
        self._preferred = key

    def _preferred_entry(self) -> Entry[R] | None:
        position = None if self._preferred is None else self._indexes.get(self._preferred)
        self._preferred = None
        return None if position is None else self._entries[position]

    def _could_be_loaded(self, key: Key) -> bool:
        """Whether the row would stand in the window if it were still in the list."""
        if not self._entries:
            return True
        keys = sorted((self._key_of(self._entries[0].row), self._key_of(self._entries[-1].row)))
        low_open = self._offset == 0 if self._is_ascending else self._offset + len(self._entries) >= len(self)
        high_open = self._offset + len(self._entries) >= len(self) if self._is_ascending else self._offset == 0
        return (low_open or key >= keys[0]) and (high_open or key <= keys[1])  # type: ignore[operator]

    def _nearest(self, lost: Entry[R] | None) -> Entry[R] | None:
        if not self._entries:
            return None
        if lost is None:
            return self._entries[0]
        key = self._key_of(lost.row)
        after = [
            entry
            for entry in self._entries
            if (self._key_of(entry.row) > key) == self._is_ascending  # type: ignore[operator]
        ]
        return after[0] if after else self._entries[-1]

    # --- what is new ---------------------------------------------------------------------------

    def _is_unseen(self, key: Key) -> bool:
        return self._seen_up_to is None or key > self._seen_up_to  # type: ignore[operator]

    def _note_new(self, page: Page[R]) -> None:
        keys = [self._key_of(entry.row) for entry in self._entries]
        if not self.is_loaded:
            self._seen_up_to = max(keys, default=None)
            self._newer = 0
            return
        loaded = sum(1 for entry in self._entries if entry.is_new and not entry.is_gone)
        self._newer = loaded if page.newer is None else max(loaded, page.newer)

    def mark_seen(self, first: int, last: int) -> None:
        """Says that the reviewer has seen the rows with these indexes."""
        for index in range(max(first, self._offset), min(last + 1, self._offset + len(self._entries))):
            entry = self._entries[index - self._offset]
            key = self._key_of(entry.row)
            if entry.is_new:
                entry.is_new = False
                self._newer = max(0, self._newer - 1)
            if self._is_unseen(key):
                self._seen_up_to = key

    # --- moving --------------------------------------------------------------------------------

    def move(self, steps: int) -> bool:
        """Moves the cursor by so many rows and clears away the tombstones; whether it moved."""
        index = self.cursor_index
        if index is None:  # far out of view: the first key comes back to it
            self._goal = None if self._cursor is None else self._wanted(FROM, key=self._key_of(self._cursor.row))
            return False
        return self.move_to(index + steps)

    def move_to(self, index: int) -> bool:
        """Moves the cursor to that row, or the nearest that is loaded, and clears away the tombstones it left."""
        if not self._entries:
            return False
        self.was_moved = True
        before = self._cursor
        position = max(0, min(index - self._offset, len(self._entries) - 1))
        self._set_cursor(self._entries[position])
        nowhere_else = self._cursor is before and before is not None and before.is_gone
        self._bury(also_current=nowhere_else)
        return self._cursor is not before

    def go_to_first(self) -> bool:
        """Moves the cursor to the first row; the list asks for it where it is not loaded."""
        if self._offset > 0:
            self._goal = self._wanted(FIRST)
            return False
        return self.move_to(0)

    def go_to_last(self) -> bool:
        """Moves the cursor to the last row; the list asks for it where it is not loaded."""
        if self._offset + len(self._entries) < len(self):
            self._goal = self._wanted(LAST)
            return False
        return self.move_to(len(self) - 1)

    def take_arrival(self) -> bool:
        """Whether rows that the cursor was sent to have come since the last call, so that the view follows it."""
        arrived, self._has_arrived = self._has_arrived, False
        return arrived

    def update(self, row: R, *, is_gone: bool) -> None:
        """Takes in what became of one row, as after a decision of this reviewer."""
        index = self.index_of(self._key_of(row))
        entry = self._cursor if index is None else self.entry(index)
        if entry is not None and self._key_of(entry.row) == self._key_of(row):
            entry.row, entry.is_gone = row, is_gone

    def _reach_goal(self, want: Want) -> None:
        self._goal = None
        self._has_arrived = True
        if want.place in (FIRST, LAST):
            self.move_to(self._offset if want.place == FIRST else self._offset + len(self._entries) - 1)

    def _set_cursor(self, entry: Entry[R]) -> None:
        if entry.is_new:
            entry.is_new = False
            self._newer = max(0, self._newer - 1)
        self._cursor = entry

    def _bury(self, *, also_current: bool) -> None:
        """Takes the tombstones away, except the one under the cursor, unless there is nowhere else to go."""
        gone = {each for each in self._entries if each.is_gone and (each is not self._cursor or also_current)}
        if not gone:
            return
        self._answered = None
        position = self._entries.index(self._cursor) if self._cursor in self._entries else 0
        self._entries = [entry for entry in self._entries if entry not in gone]
        self._total = max(0, self._total - len(gone))
        self._index()
        if self._cursor in gone:
            self._cursor = self._entries[min(position, len(self._entries) - 1)] if self._entries else None
