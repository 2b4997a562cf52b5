"""How a store stands: what waits, is due, in doubt or held back, and when it was pruned last."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain.pruning import Segment
from approval_tui.store.transaction import Transaction, first_row
from approval_tui.store.transactions.segments import last_segment

MOST_DUE = 10_000
"""Requests past their time that are counted."""


class Standing(NamedTuple):
    """Counts as they are now; `first_seq` is the number of the first event that is left, None in an empty log."""

    pending: int
    due: int
    in_doubt: int
    held: int
    segment: Segment | None
    first_seq: int | None


def standing(tx: Transaction) -> Standing:
    """The store as it stands."""
    first = first_row(tx.rows("first_event", {}))
    return Standing(
        tx.rows("pending_count", {"now": tx.now})[0]["count"],
        len(tx.rows("requests_due", {"now": tx.now, "most": MOST_DUE})),
        tx.rows("in_doubt_count", {"now": tx.now})[0]["count"],
        tx.rows("held_count", {})[0]["count"],
        last_segment(tx),
        None if first is None else first["seq"],
    )


def sees_all(tx: Transaction) -> bool:
    """Whether the store shows this user everything: a database role for agents sees its part."""
    return tx.may_decide
