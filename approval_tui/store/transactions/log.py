"""What can be read of the audit log: its events, of one request or all, and its head."""

from __future__ import annotations

import json

from approval_tui.domain.audit import Event, Head
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.records import load_row


def events(
    tx: Transaction, *, request_id: str | None = None, before: int | None = None, most: int = 100
) -> tuple[Event, ...]:
    """The events of one request in order, or the newest of the log, newest first, by number."""
    if request_id is not None:
        load_row(tx, request_id)
        rows = tx.rows("events_of_request", {"request_id": request_id})
    else:
        rows = tx.rows("events_before", {"before": before or 2**63 - 1, "most": most})
    return tuple(event_from_row(row) for row in rows)


def events_after(tx: Transaction, after: int, most: int) -> tuple[Event, ...]:
    """The events that follow the one with that number, in order."""
    return tuple(event_from_row(row) for row in tx.rows("events_after", {"after": after, "most": most}))


def head(tx: Transaction) -> Head | None:
    """The checkpoint of the log as it is now; None for an empty one."""
    row = first_row(tx.rows("last_event", {}))
    return None if row is None else Head(row["seq"], row["hash"], row["at"])


def event_from_row(row: Row) -> Event:
    """The event of a row; a body that is no JSON object gives an empty one, which `verify` reports."""
    try:
        body = json.loads(row["body"])
    except (ValueError, RecursionError):
        body = {}
    if not isinstance(body, dict):
        body = {}
    return Event(row["seq"], row["request_id"], row["name"], row["at"], body, row["hash"])
