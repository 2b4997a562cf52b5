"""What can be read of the audit log: its events, of one request or all, and its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approval_tui.domain.audit import Event, Head
from approval_tui.domain.errors import StoreReadOnly
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.records import load_row

PAST_EVERY_EVENT = 2**63 - 1


@dataclass(frozen=True)
class LogBounds:
    """The numbers of the first and the last event that the log holds."""

    first: int
    last: int


def events(
    tx: Transaction,
    *,
    request_id: str | None = None,
    before: int | None = None,
    after: int | None = None,
    most: int = 100,
) -> tuple[Event, ...]:
    """The events of one request in order, or those of the log, newest first, by number.

    Of the log they are the `most` newest ones, of those below `before`; with `after` the `most` nearest newer
    than that number.
    """
    if request_id is not None:
        load_row(tx, request_id)
        rows = tx.rows("events_of_request", {"request_id": request_id})
    elif after is not None:
        rows = tx.rows("events_after", {"after": after, "most": most})[::-1]
    else:
        rows = tx.rows("events_before", {"before": PAST_EVERY_EVENT if before is None else before, "most": most})
    return tuple(event_from_row(row) for row in rows)


def log_bounds(tx: Transaction) -> LogBounds | None:
    """The numbers of the first and the last event; None for an empty log."""
    first, last = first_row(tx.rows("first_event", {})), first_row(tx.rows("last_event", {}))
    return None if first is None or last is None else LogBounds(first["seq"], last["seq"])


def events_after(tx: Transaction, after: int, most: int) -> tuple[Event, ...]:
    """The events that follow the one with that number, in order."""
    return tuple(event_from_row(row) for row in tx.rows("events_after", {"after": after, "most": most}))


def head(tx: Transaction) -> Head | None:
    """The checkpoint of the log as it is now; None for an empty one. Raises StoreReadOnly for who sees only a part."""
    if not tx.may_decide:
        raise StoreReadOnly(
            "An agent's database role sees its own part of the audit log alone.",
            not_done="Nothing was read.",
            to_do="Use a reviewer's role.",
        )
    row = first_row(tx.rows("last_event", {}))
    return None if row is None else Head(row["seq"], row["hash"], row["at"])


def event_from_row(row: Row | Mapping[str, Any]) -> Event:
    """The event of a row; a body that is no JSON object gives an empty one, which `verify` reports."""
    try:
        body = json.loads(row["body"])
    except (ValueError, RecursionError):
        body = {}
    if not isinstance(body, dict):
        body = {}
    return Event(row["seq"], row["request_id"], row["name"], row["at"], body, row["hash"])
