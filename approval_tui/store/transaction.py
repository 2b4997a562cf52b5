"""What a transaction function sees of its engine: statements, the time, and what to announce afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from approval_tui.domain.errors import ApprovalTuiError

if TYPE_CHECKING:
    from approval_tui.domain.canonical import JsonObject

Parameters = Mapping[str, Any]


class Row(Protocol):
    """One row of a result: its values by column."""

    def __getitem__(self, column: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def keys(self) -> Sequence[str]: ...


class NewEvent(NamedTuple):
    """An event that is linked to the end of the log when its transaction ends."""

    name: str
    request_id: str | None
    changes: JsonObject
    details: JsonObject


class Transaction(Protocol):
    """One transaction of one engine; a transaction function gets it first and must not keep it."""

    @property
    def now(self) -> int:
        """The moment of the transaction, in ms UTC."""

    @property
    def touched(self) -> set[str]:
        """The ids of the requests that change here; their waiters are told after the commit."""

    @property
    def new_events(self) -> list[NewEvent]:
        """What happened here; it is linked last, because all writers want the end of the log (see `linking`)."""

    @property
    def may_decide(self) -> bool:
        """Whether the store lets this user approve: a database role for agents may not."""

    def new_id(self) -> str:
        """A fresh request id."""

    def rows(self, statement: str, parameters: Parameters) -> Sequence[Row]:
        """All rows of a named SELECT."""

    def execute(self, statement: str, parameters: Parameters) -> int:
        """Runs a named statement and says how many rows it changed."""

    def add(self, statement: str, parameters: Parameters) -> None:
        """Runs a named statement of which nobody asks how many rows it changed; maybe only at the end."""

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
