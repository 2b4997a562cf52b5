"""The end of a writing transaction: its events are linked to the log, which is one chain for all writers."""

from __future__ import annotations

from approval_tui.domain import chain
from approval_tui.store.transaction import NewEvent, Transaction, first_row

_BEGINNING = b'{"at":0,'
"""With what the body of an event of the year 1970 begins: in canonical JSON, `at` is the first of its names."""


def link_new_events(tx: Transaction) -> None:
    """Appends what happened in the transaction to the log, for an engine that lets in one writer at a time.

    The times of events never run backwards.
    """
    if not tx.new_events:
        return
    last = first_row(tx.rows("last_event_to_follow", {}))
    seq, previous_hash, last_at = (0, chain.GENESIS, 0) if last is None else (last["seq"], last["hash"], last["at"])
    at = max(tx.now, last_at)
    for event in tx.new_events:
        seq += 1
        body = chain.event_body(event.name, event.request_id, at, event.changes, event.details)
        previous_hash = chain.link(seq, previous_hash, body)
        row = {"request_id": event.request_id, "name": event.name, "at": at, "body": body.decode()}
        tx.add("append_event", {**row, "seq": seq, "hash": previous_hash})


def body_after_time(event: NewEvent) -> str:
    """The event's body without its beginning, which is its time: for an engine that knows that only at the end."""
    body = chain.event_body(event.name, event.request_id, 0, event.changes, event.details)
    assert body.startswith(_BEGINNING)
    return body.removeprefix(_BEGINNING).decode()
