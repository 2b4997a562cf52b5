"""Long results, read in batches, so that no more than one of them is held in memory."""

from __future__ import annotations

from collections.abc import Iterator

from approval_tui.store.transaction import Row, Transaction

_BATCH = 500


def paged(tx: Transaction, statement: str, key: str, after: int | str, **further: str | int) -> Iterator[Row]:
    """All rows of a statement that gives them in batches, in the order of the key."""
    while rows := tx.rows(statement, {**further, "after": after, "most": _BATCH}):
        yield from rows
        after = rows[-1][key]
