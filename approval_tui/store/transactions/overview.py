"""What a console wants to know at each change, in one read."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.store.transaction import Transaction, first_row


@dataclass(frozen=True)
class Overview:
    """How much waits, is in doubt and is held back, and the numbers of the newest events; 0 for none."""

    pending: int
    in_doubt: int
    newest_event: int
    newest_policy_event: int
    held: int = 0


def overview(tx: Transaction) -> Overview:
    """The numbers as they are now."""
    last = first_row(tx.rows("last_event", {}))
    last_of_policies = first_row(tx.rows("newest_policy_event", {}))
    return Overview(
        tx.rows("pending_count", {"now": tx.now})[0]["count"],
        tx.rows("in_doubt_count", {"now": tx.now})[0]["count"],
        0 if last is None else last["seq"],
        0 if last_of_policies is None else last_of_policies["seq"],
        tx.rows("held_count", {})[0]["count"],
    )
