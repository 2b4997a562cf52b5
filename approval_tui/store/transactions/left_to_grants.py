"""Grants for requests of agents whose database role may not approve: whoever decides applies them afterwards.

Where `submit` may approve it applies grants itself, and nothing is left to be done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.identity import is_call_of_its_digest
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import NO_DECISIONS, Request
from approval_tui.store.transaction import NothingToDo, Transaction, first_row
from approval_tui.store.transactions import grants
from approval_tui.store.transactions.records import request_from_row
from approval_tui.store.transactions.submitting import covering_grants

MOST_AT_ONCE = 20
"""Requests that are approved in one transaction, so that it keeps nobody waiting for long."""

_MOST_FOUND = 1000


class LeftToGrants(NamedTuple):
    """The ids of requests that grants may cover, in order, and the number of the newest event that was looked at."""

    ids: tuple[str, ...]
    newest_event: int


def left_to_grants(tx: Transaction, after: int, after_id: str = "") -> LeftToGrants:
    """What waits and no grant was held against yet; nothing where nothing was asked since the event `after`."""
    last = first_row(tx.rows("last_event", {}))
    newest = 0 if last is None else last["seq"]
    if not tx.may_decide or not tx.rows("asked_since", {"after": after}):
        return LeftToGrants((), newest)
    rows = tx.rows("left_to_grants", {"now": tx.now, "after": after_id, "most": _MOST_FOUND})
    return LeftToGrants(tuple(row["id"] for row in rows), newest)


def approve_by_grants(tx: Transaction, ids: Sequence[str]) -> int:
    """Approves those of the requests that grants cover, as `submit` would have, and says how many; often none."""
    count = sum(_approve(tx, request_id) for request_id in ids)
    if count == 0:
        raise NothingToDo(0)
    return count


def _approve(tx: Transaction, request_id: str) -> bool:
    request = _untouched(tx, request_id)
    if request is None:
        return False
    covering = covering_grants(tx, request, request)
    return grants.approve_by_one_of(tx, covering, request) is not None


def _untouched(tx: Transaction, request_id: str) -> Request | None:
    """The request, kept from others, if it waits as it was asked and is the call that its digest names."""
    row = first_row(tx.rows("request_to_change", {"id": request_id}))
    if row is None or row["status"] != PENDING or row["decisions"] != NO_DECISIONS:
        return None
    try:
        request = request_from_row(row, tx.now)
        is_its_call = is_call_of_its_digest(request)
    except ApprovalTuiError:  # what an agent's role wrote itself may be anything
        return None
    return request if is_its_call and request.status == PENDING else None
