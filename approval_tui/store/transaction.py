"""What a transaction function sees of its engine: statements, the time, and what to announce afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from approval_tui.domain.errors import ApprovalTuiError

Parameters = Mapping[str, Any]


class Row(Protocol):
    """One row of a result: its values by column."""

    def __getitem__(self, column: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Sequence[str]: ...


class Transaction(Protocol):
    """One transaction of one engine; a transaction function gets it first and must not keep it."""

    @property
    def now(self) -> int:
        """The moment of the transaction, in ms UTC."""

    @property
    def touched(self) -> set[str]:
        """The ids of the requests that change here; their waiters are told after the commit."""

    def new_id(self) -> str:
        """A fresh request id."""

    def rows(self, statement: str, parameters: Parameters) -> Sequence[Row]:
        """All rows of a named SELECT."""

    def execute(self, statement: str, parameters: Parameters) -> int:
        """Runs a named statement and says how many rows it changed."""

    def serialize(self, key: str) -> None:
        """Waits until no other transaction holds the key, and holds it until the end."""


class RecordedRefusal(Exception):
    """Raised by a transaction that refuses and yet has something to keep: it is committed, then `error` raised."""

    def __init__(self, error: ApprovalTuiError) -> None:
        super().__init__(str(error))
        self.error = error


class NothingToDo(Exception):
    """Raised by a transaction that finds its work done already: nothing is committed, and `result` returned."""

    def __init__(self, result: Any) -> None:
        super().__init__("nothing to do")
        self.result = result


def first_row(rows: Sequence[Row]) -> Row | None:
    """The first row, or None."""
    return rows[0] if rows else None
