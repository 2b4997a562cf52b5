"""Which rows the reviewer marked to decide them together. No Textual.

A range is kept by the keys of its ends: rows between them are in it whether they are loaded or not.
"""

from __future__ import annotations

from collections.abc import Iterable

from approval_tui.console.pages import Key


class Marks:
    """The keys of marked rows, and where a range began that still grows with the cursor."""

    def __init__(self) -> None:
        self._keys: dict[Key, None] = {}
        self.anchor: Key | None = None

    def __bool__(self) -> bool:
        return bool(self._keys) or self.anchor is not None

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The marked keys, but for those of a range that still grows, in the order in which they were marked."""
        return tuple(self._keys)

    def covers(self, key: Key, cursor: Key | None) -> bool:
        """Whether the row is marked, the cursor being on that row."""
        if key in self._keys:
            return True
        if self.anchor is None or cursor is None:
            return False
        low, high = sorted((self.anchor, cursor))
        return bool(low <= key <= high)  # type: ignore[operator]

    def toggle(self, key: Key) -> bool:
        """Marks the row, or takes its mark away; whether it is marked now."""
        if key in self._keys:
            del self._keys[key]
            return False
        self._keys[key] = None
        return True

    def add(self, keys: Iterable[Key]) -> None:
        """Marks these rows, too."""
        self._keys.update(dict.fromkeys(keys))

    def drop(self, keys: Iterable[Key]) -> None:
        """Takes the marks of these rows away."""
        for key in keys:
            self._keys.pop(key, None)

    def clear(self) -> None:
        """Takes all marks away."""
        self._keys.clear()
        self.anchor = None
