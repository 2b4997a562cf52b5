"""Pages of what waits, and where one is in a long history: counts, and the request at an index."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.lifecycle import APPROVED, EXPIRED
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Parameters, Transaction, first_row
from approval_tui.store.transactions.filters import (
    EVERYTHING,
    IN_DOUBT,
    PENDING_ONLY,
    Filter,
    check_filter,
    filter_parameters,
    is_open,
    statement_for,
)
from approval_tui.store.transactions.queries import BEFORE_EVERY_ID, NEVER_COMPUTED, PAST_EVERY_ID, requests_of

_COUNTS_OF_STATUS: dict[str | None, str] = {
    None: "history_count",
    APPROVED: "history_count_approved",
    EXPIRED: "history_count_expired",
    IN_DOUBT: "in_doubt_count",
    **dict.fromkeys(NEVER_COMPUTED, "history_count_by_status"),
}
"""The counts that read no rows, by the only thing that they ask for."""


@dataclass(frozen=True)
class PendingPage:
    """Requests that wait, oldest first; how many that match come before them, and how many match in all.

    `newer` is how many are newer than the request that was named for that. The numbers are None where nobody
    asked for them.
    """

    requests: tuple[Request, ...]
    before: int | None
    total: int | None
    newer: int | None = None


def pending_page(
    tx: Transaction,
    chosen: Filter = PENDING_ONLY,
    *,
    start: str | None = None,
    until: str | None = None,
    index: int | None = None,
    end: bool = False,
    newer_than: str | None = None,
    most: int = 500,
    count: bool = True,
) -> PendingPage:
    """What waits and matches, oldest first: from the first id that is not below `start`, or from that index on,
    or the last `most` before the id `until`, or the last `most` of all.

    The filter's status is ignored. Raises InvalidInput for a filter that cannot be used.
    """
    check_filter(chosen)
    if index is not None:
        start = _pending_id_at(tx, chosen, index)
    backwards = end or until is not None
    parameters = {
        **filter_parameters(chosen),
        "start": BEFORE_EVERY_ID if backwards or start is None else start,
        "below": until or PAST_EVERY_ID,
        "now": tx.now,
        "most": most,
    }
    rows = tx.rows(statement_for("pending_page_at_end" if backwards else "pending_page", chosen), parameters)
    requests = requests_of(tx, rows[::-1] if backwards else rows)
    if not count:
        return PendingPage(requests, None, None)
    is_first = start is None and not backwards
    is_last = until is None and (end or len(requests) < most)
    if requests:
        before = 0 if is_first else _pending_below(tx, chosen, requests[0].id)
    else:
        before = _pending_below(tx, chosen, str(parameters["below" if backwards else "start"]))
    total = before + len(requests) if is_last else _pending_below(tx, chosen, PAST_EVERY_ID)
    newer = None if newer_than is None else total - _pending_below(tx, chosen, newer_than + "g")
    return PendingPage(requests, before, total, newer)


def history_count(tx: Transaction, chosen: Filter = EVERYTHING) -> int:
    """How many requests no longer wait and match; for more than a status it reads the whole history."""
    check_filter(chosen)
    if is_open(chosen) and chosen.status in _COUNTS_OF_STATUS:
        return _count(tx, _COUNTS_OF_STATUS[chosen.status], {"status": chosen.status, "now": tx.now})
    return _count(tx, statement_for("history_count_matching", chosen), {**filter_parameters(chosen), "now": tx.now})


def history_id_at(tx: Transaction, index: int) -> str | None:
    """The id of the request with that index in the whole history, newest first; None where there is none."""
    total = history_count(tx)
    if not 0 <= index < total:
        return None
    if index <= total // 2:
        return _id_with_rank(tx, index, "id_from_newest", "pending_count_from", "history_id_below")
    return _id_with_rank(tx, total - 1 - index, "id_from_oldest", "pending_count_up_to", "history_id_above")


def _id_with_rank(tx: Transaction, rank: int, from_end: str, waiting_up_to: str, onwards: str) -> str:
    """The id of the history that has so many others between itself and one end.

    The long walk counts all ids and reads nothing else; as many as wait on that way, it was too short by.
    """
    bound = str(tx.rows(from_end, {"skipped": rank})[0]["id"])
    missing = _count(tx, waiting_up_to, {"now": tx.now, "bound": bound})
    if missing:
        parameters = {"now": tx.now, "bound": bound, "skipped": missing - 1}
        bound = str(tx.rows(onwards, parameters)[0]["id"])
    return bound


def _pending_id_at(tx: Transaction, chosen: Filter, index: int) -> str:
    """The id with that index among what waits and matches; one past them all where there is none."""
    parameters = {**filter_parameters(chosen), "now": tx.now, "skipped": max(0, index)}
    row = first_row(tx.rows(statement_for("pending_id_at", chosen), parameters))
    return PAST_EVERY_ID if row is None else str(row["id"])


def _pending_below(tx: Transaction, chosen: Filter, below: str) -> int:
    parameters = {"now": tx.now, "below": below}
    if is_open(chosen):
        return _count(tx, "pending_count" if below == PAST_EVERY_ID else "pending_count_below", parameters)
    return _count(tx, statement_for("pending_count_matching", chosen), {**filter_parameters(chosen), **parameters})


def _count(tx: Transaction, statement: str, parameters: Parameters) -> int:
    return int(tx.rows(statement, parameters)[0]["count"])
