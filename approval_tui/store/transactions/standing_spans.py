"""From which event to which grants and holds need the log: what was given by one that is gone cannot be checked."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain import events
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.names import quoted_name
from approval_tui.domain.pruning import UNENDED, Span
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.grants import details_of


@dataclass
class _Told:
    """What is known of one grant or hold so far."""

    first: int
    last: int
    at: int
    what: str
    why: str | None = None


def standing_spans(tx: Transaction, after: int, before: int) -> list[Span]:
    """Those of the grants and holds of which the events after that number tell, in the order of their begin.

    What ended at the moment `before` (ms UTC) or later counts as in force.
    """
    told = [*_grants(tx, after, before), *_holds(tx, after)]
    return sorted(
        Span(each.first, each.last, each.at, each.what, each.why or f"goes on until event {each.last}") for each in told
    )


def _grants(tx: Transaction, after: int, before: int) -> list[_Told]:
    told: dict[object, _Told] = {}
    for row in paged(tx, "grant_events", "seq", after):
        details = details_of(row)
        grant = details.get("grant")
        if row["name"] == events.GRANT_GIVEN:
            expires_at = details.get("expires_at")
            each = told[grant] = _Told(row["seq"], row["seq"], row["at"], f"grant {grant}")
            if not isinstance(expires_at, int) or expires_at > tx.now:
                each.last, each.why = UNENDED, "is in force"
            elif expires_at > before:
                each.last, each.why = UNENDED, f"was in force until {format_timestamp(expires_at)}"
        elif grant in told:
            told[grant].last, told[grant].why = row["seq"], None
    for row in paged(tx, "approvals_by_grants", "seq", after):
        used = told.get(details_of(row).get("grant"))
        if used is not None:
            used.last = max(used.last, row["seq"])
    return list(told.values())


def _holds(tx: Transaction, after: int) -> list[_Told]:
    told: list[_Told] = []
    held: dict[tuple[str, str], _Told] = {}
    for row in paged(tx, "hold_events", "seq", after):
        details = details_of(row)
        requester, session = str(details.get("requester")), str(details.get("session"))
        if row["name"] == events.SESSION_HELD:
            what = f"session {quoted_name(session)} of {quoted_name(requester)}"
            held[requester, session] = _Told(row["seq"], UNENDED, row["at"], what, "is held back")
            told.append(held[requester, session])
        elif (requester, session) in held:
            ended = held.pop((requester, session))
            ended.last, ended.why = row["seq"], None
    for (requester, session), each in held.items():
        # The newest request of the session is kept, too: by its id a reviewer lets the session go on.
        begins = tx.rows("first_event_of_session", {"requester": requester, "session": session})[0]["seq"]
        each.first = each.first if begins is None else min(each.first, begins)
    return told
