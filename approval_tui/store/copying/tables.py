"""Which tables a copy holds, what tells their rows apart, and how one row is compared with another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from approval_tui.store.transaction import Row

Values = dict[str, Any]
"""One row: its values by column."""

Snapshot = dict[str, list[Values]]
"""The rows of the small tables, by table."""

SUBMITTED_BY = "submitted_by"
"""The database role that asked, which only PostgreSQL keeps."""


class SmallTable(NamedTuple):
    """A table that is taken whole: its name, its key, and whether its rows are changed in place, being kept for ever.

    What is not kept is removed and put anew.
    """

    name: str
    key: tuple[str, ...]
    is_kept: bool = False

    def key_of(self, row: Values) -> tuple[Any, ...]:
        """What tells the row from all others of the table."""
        return tuple(row[column] for column in self.key)


SEGMENTS = "segments"
"""The sealed segments, which are there from the beginning of a copy: the log's first link follows from them."""

SMALL_TABLES = (
    SmallTable("grants", ("id",), is_kept=True),
    SmallTable("tokens", ("id",), is_kept=True),
    SmallTable("holds", ("requester", "session"), is_kept=True),
    SmallTable("counters", ("name", "window_length", "window_start")),
    SmallTable("reservations", ("holder", "name", "window_length")),
    SmallTable("proxies", ("id",)),
    SmallTable("sinks", ("id",)),
    SmallTable("deliveries", ("sink", "seq", "kind")),
)


def values_of(rows: Sequence[Row]) -> list[Values]:
    """The rows as they are sent to the other end."""
    return [dict(zip(row.keys(), row, strict=True)) for row in rows]


def differing_columns(one: Values, other: Values) -> list[str]:
    """The columns in which two rows differ; the role that asked counts only where both ends keep it."""
    columns = sorted((one.keys() | other.keys()) - ({SUBMITTED_BY} - (one.keys() & other.keys())))
    absent = object()
    return [column for column in columns if one.get(column, absent) != other.get(column, absent)]


class BatchSize:
    """How many rows are taken at once: few where they are large, so that a batch fits into memory."""

    most_rows = 500
    most_characters = 4_000_000

    def __init__(self) -> None:
        self.rows = min(50, self.most_rows)

    def learn(self, rows: Sequence[Values]) -> None:
        """Fits the next batch to the size of the rows of this one."""
        size = sum(len(value) for row in rows for value in row.values() if isinstance(value, str))
        fitting = len(rows) * self.most_characters // (size + 1)
        self.rows = max(1, min(fitting, 4 * self.rows, self.most_rows)) if rows else self.rows
