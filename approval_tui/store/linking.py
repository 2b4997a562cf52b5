"""The end of a writing transaction: its events are linked to the log, which is one chain for all writers."""

from __future__ import annotations

from approval_tui.domain import chain
from approval_tui.store.transaction import Transaction, first_row


def link_new_events(tx: Transaction) -> None:
    """Appends what happened in the transaction to the log; the times of events never run backwards.

    From here to the commit every other writer waits for the end of the log, so that nothing may come after this.
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
