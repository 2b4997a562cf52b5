"""What a list asks for and what it gets: a window of rows out of many. No Textual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

R = TypeVar("R")
Key = str | int

WINDOW = 120
"""Rows that are held at once, or more where the screen is that high: few enough to be loaded at every change."""

MARGIN = 40
"""Rows that are kept loaded before and after those on the screen, so that moving never waits."""

FIRST = "first"  #: the rows at the beginning of the list
LAST = "last"  #: the rows at its end
FROM = "from"  #: the rows from a key on, that one included
UNTIL = "until"  #: the rows before a key
AT = "at"  #: the rows from an index on


class Want(NamedTuple):
    """Which rows the list asks for."""

    place: str = FIRST
    key: Key | None = None
    offset: int = 0
    most: int = WINDOW


class Page(NamedTuple, Generic[R]):
    """Rows as they were loaded; `offset` is the index of the first and `total` the list's length, where known.

    `newer` says how many rows have a key beyond the last that the reviewer saw, where that was counted; `go_on`
    where a search goes on, None at its end, and `scanned` how many rows it looked at.
    """

    rows: Sequence[R]
    offset: int | None = None
    total: int | None = None
    newer: int | None = None
    go_on: Key | None = None
    scanned: int = 0
