"""What can be read of requests: one of them, what is pending, and the history by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approval_tui.domain.errors import AmbiguousId, InvalidInput, RequestNotFound
from approval_tui.domain.ids import SHORTEST_PREFIX, id_prefix, is_request_id
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, CONSUMED, DENIED, PENDING, STATUSES
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Row, Transaction
from approval_tui.store.transactions.records import load_request, request_from_row

MOST_ROWS = 1000
_PAST_EVERY_ID = "apr_g"
IN_DOUBT = "in_doubt"
_LIVE_LISTS = {PENDING: "pending_requests", APPROVED: "approved_requests", IN_DOUBT: "requests_in_doubt"}
_NEVER_COMPUTED = (DENIED, CANCELLED, CONSUMED)


@dataclass(frozen=True)
class Filter:
    """Which requests of the history: each part that is None leaves it open."""

    status: str | None = None
    requester: str | None = None
    tool: str | None = None
    session: str | None = None


EVERYTHING = Filter()
PENDING_ONLY = Filter(status=PENDING)


def get(tx: Transaction, request_id: str) -> Request:
    """The request with that whole id; raises RequestNotFound."""
    return load_request(tx, request_id)


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

    The status `in_doubt` gives the claims whose time passed without an outcome.
    """
    statement = _LIVE_LISTS.get(chosen.status or PENDING)
    if statement is None:
        return history(tx, chosen, most=most)
    requests = _requests(tx, tx.rows(statement, {"now": tx.now, "most": most}))
    return tuple(
        request
        for request in requests
        if chosen.requester in (None, request.requester)
        and chosen.tool in (None, request.tool)
        and chosen.session in (None, request.session)
    )


def pending_count(tx: Transaction) -> int:
    """How many requests wait for a decision."""
    return int(tx.rows("pending_count", {"now": tx.now})[0]["count"])


def history(
    tx: Transaction, chosen: Filter = EVERYTHING, *, before: str | None = None, most: int = 100
) -> tuple[Request, ...]:
    """The requests that no longer wait, newest first; `before` is the last id of the page before.

    Raises InvalidInput for a status that does not exist.
    """
    if chosen.status is not None and chosen.status not in (*STATUSES, IN_DOUBT):
        raise InvalidInput(
            f"{chosen.status!r} is no status.",
            not_done="Nothing was read.",
            to_do=f"Use {', '.join((*STATUSES, IN_DOUBT))}.",
        )
    statement = "history"
    if chosen.status == IN_DOUBT:
        statement = "history_in_doubt"
    elif chosen.requester is not None:
        statement = "history_by_requester"
    elif chosen.status in _NEVER_COMPUTED:
        statement = "history_by_status"
    parameters = {
        "before": before or _PAST_EVERY_ID,
        "now": tx.now,
        "status": chosen.status,
        "requester": chosen.requester,
        "tool": chosen.tool,
        "session": chosen.session,
        "most": most,
    }
    return _requests(tx, tx.rows(statement, parameters))


def _requests(tx: Transaction, rows: Sequence[Row]) -> tuple[Request, ...]:
    return tuple(request_from_row(row, tx.now) for row in rows)
