"""What can be read of requests: one of them, what is pending, and the history by key."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from approval_tui.domain.errors import AmbiguousId, InvalidInput, RequestNotFound
from approval_tui.domain.ids import SHORTEST_PREFIX, id_prefix, is_request_id
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, CONSUMED, DENIED, PENDING
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Row, Transaction
from approval_tui.store.transactions.filters import (
    EVERYTHING,
    IN_DOUBT,
    PENDING_ONLY,
    Filter,
    Word,
    check_filter,
    filter_parameters,
    statement_for,
)
from approval_tui.store.transactions.records import load_request, request_from_row

MOST_ROWS = 1000
BEFORE_EVERY_ID = ""
PAST_EVERY_ID = "apr_g"
NEVER_COMPUTED = (DENIED, CANCELLED, CONSUMED)
"""The statuses that are recorded as they count."""

_LIVE_LISTS = {PENDING: "pending_page", APPROVED: "approved_requests", IN_DOUBT: "requests_in_doubt"}


def get(tx: Transaction, request_id: str) -> Request:
    """The request with that whole id; raises RequestNotFound."""
    return load_request(tx, request_id)


def get_many(tx: Transaction, ids: Sequence[str]) -> tuple[Request, ...]:
    """The requests with those ids, all in one reading; ids that are not in the store are left out."""
    found = []
    for request_id in ids:
        with contextlib.suppress(RequestNotFound):
            found.append(load_request(tx, request_id))
    return tuple(found)


def find(tx: Transaction, id_or_prefix: str) -> Request:
    """The request with that id, or with the only id that begins so (8 characters or more).

    Raises RequestNotFound, and AmbiguousId where the prefix fits several.
    """
    if is_request_id(id_or_prefix):
        return load_request(tx, id_or_prefix)
    prefix = id_prefix(id_or_prefix)
    if prefix is None:
        raise InvalidInput(
            f"{id_or_prefix!r} is no id and no prefix of one.",
            not_done="Nothing was done.",
            to_do=f"Give the id, or its first {SHORTEST_PREFIX} or more characters.",
        )
    ids = tx.rows("request_ids_by_prefix", {"prefix": prefix, "beyond": prefix + "g"})
    if not ids:
        raise RequestNotFound(id_or_prefix)
    if len(ids) > 1:
        raise AmbiguousId(
            f"More than one request begins with {id_or_prefix}.",
            not_done="Nothing was done.",
            to_do="Give more characters of the id.",
        )
    return load_request(tx, ids[0]["id"])


def list_requests(tx: Transaction, chosen: Filter = PENDING_ONLY, *, most: int = MOST_ROWS) -> tuple[Request, ...]:
    """The requests with that status: those that can still move oldest first, the others newest first.

    The status `in_doubt` gives the claims whose time passed without an outcome. Raises InvalidInput.
    """
    name = _LIVE_LISTS.get(chosen.status or PENDING)
    if name is None:
        return history(tx, chosen, most=most)
    check_filter(chosen)
    parameters = {**filter_parameters(chosen), "start": BEFORE_EVERY_ID, "now": tx.now, "most": most}
    return requests_of(tx, tx.rows(statement_for(name, chosen), parameters))


def history(
    tx: Transaction,
    chosen: Filter = EVERYTHING,
    *,
    before: str | None = None,
    after: str | None = None,
    oldest: bool = False,
    most: int = 100,
) -> tuple[Request, ...]:
    """The requests that no longer wait, newest first.

    `before` is the last id of the page before; `after` asks for the `most` requests nearest newer than that
    id, and `oldest` for the last page. Raises InvalidInput for a filter that cannot be used.
    """
    check_filter(chosen)
    return history_between(
        tx,
        chosen,
        above=after or BEFORE_EVERY_ID,
        before=before or PAST_EVERY_ID,
        most=most,
        from_oldest=after is not None or oldest,
    )


def history_between(
    tx: Transaction, chosen: Filter, *, above: str, before: str, most: int, from_oldest: bool = False
) -> tuple[Request, ...]:
    """Those of a checked filter between two ids, newest first: the `most` newest, or the `most` oldest of them."""
    name = "history"
    if chosen.status == IN_DOUBT:
        name = "history_in_doubt"
    elif chosen.requester is not None:
        name = "history_by_requester"
    elif chosen.status in NEVER_COMPUTED:
        name = "history_by_status"
    parameters = {**filter_parameters(chosen), "above": above, "before": before, "now": tx.now, "most": most}
    rows = tx.rows(statement_for(f"{name}_upwards" if from_oldest else name, chosen), parameters)
    return requests_of(tx, rows[::-1] if from_oldest else rows)


def requests_of(tx: Transaction, rows: Sequence[Row]) -> tuple[Request, ...]:
    """The requests of these rows, as they count now."""
    return tuple(request_from_row(row, tx.now) for row in rows)


__all__ = [
    "EVERYTHING",
    "IN_DOUBT",
    "MOST_ROWS",
    "PENDING_ONLY",
    "Filter",
    "Word",
    "find",
    "get",
    "history",
    "list_requests",
]
