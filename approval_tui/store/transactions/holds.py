"""Sessions that are held back: held, released, and looked up before anything of them is approved or run."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.checks import check_name, check_text
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import SessionNotFound
from approval_tui.domain.holds import Hold
from approval_tui.store.transaction import NothingToDo, Row, Transaction, first_row
from approval_tui.store.transactions.held import lock_session
from approval_tui.store.transactions.records import append_event, corrupt
from approval_tui.store.transactions.reviewer import check_reviewer

COLUMNS = ("requester", "session", "held_by", "held_at", "reason", "released_by", "released_at")


def hold_session(
    tx: Transaction, requester: str, session: str, *, reviewer: Reviewer, reason: str | None = None
) -> Hold:
    """Holds a session back: nothing of it is approved or runs until it is released; the second time nothing.

    Raises SessionNotFound where it never asked anything, so that a slip of the pen is not taken for a hold.
    """
    check_reviewer(reviewer)
    check_text("reason", reason)
    _check_known(tx, requester, session)
    lock_session(tx, requester, session)
    held = find_hold(tx, requester, session)
    if held is not None and held.is_in_force:
        raise NothingToDo(held)
    parts = {"requester": requester, "session": session, "held_by": reviewer.name, "held_at": tx.now, "reason": reason}
    tx.execute("hold_session", parts)
    append_event(tx, events.SESSION_HELD, None, {}, {**parts, "by": reviewer.to_json()})
    _touch_waiting(tx, requester, session)
    return known_hold(tx, requester, session)


def release_session(
    tx: Transaction, requester: str, session: str, *, reviewer: Reviewer, reason: str | None = None
) -> Hold:
    """Lets a session go on: what waits can be decided, and what was approved before and is still valid can run.

    The second time nothing; raises SessionNotFound where it was never held.
    """
    check_reviewer(reviewer)
    check_text("reason", reason)
    check_name("requester", requester)
    check_name("session", session)
    lock_session(tx, requester, session)
    held = find_hold(tx, requester, session)
    if held is None:
        raise SessionNotFound(requester, session)
    if not held.is_in_force:
        raise NothingToDo(held)
    parts = {"requester": requester, "session": session, "released_by": reviewer.name, "released_at": tx.now}
    tx.execute("release_session", parts)
    append_event(tx, events.SESSION_RELEASED, None, {}, {**parts, "reason": reason, "by": reviewer.to_json()})
    _touch_waiting(tx, requester, session)
    return known_hold(tx, requester, session)


def list_holds(tx: Transaction, *, most: int = 1000) -> tuple[Hold, ...]:
    """The sessions that are held back, or were, newest first."""
    return tuple(hold_from_row(row) for row in tx.rows("holds", {"most": most}))


def find_hold(tx: Transaction, requester: str, session: str) -> Hold | None:
    """What is known of a hold on that session, released or not."""
    row = first_row(tx.rows("hold", {"requester": requester, "session": session}))
    return None if row is None else hold_from_row(row)


def known_hold(tx: Transaction, requester: str, session: str) -> Hold:
    """The same of a session that was held."""
    held = find_hold(tx, requester, session)
    assert held is not None
    return held


def hold_from_row(row: Row) -> Hold:
    """The hold of a row; raises StoreCorrupt for one that we cannot have written."""
    values = {column: row[column] for column in COLUMNS}
    odd = [column for column in COLUMNS if type(values[column]) not in _KINDS[column]]
    if odd:
        raise corrupt(f"The row of a hold cannot be read: its {odd[0]}.")
    return Hold(**values)


_TEXT, _NUMBER, _NONE = str, int, type(None)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("requester", "session", "held_by"), (_TEXT,)),
    **dict.fromkeys(("reason", "released_by"), (_TEXT, _NONE)),
    "held_at": (_NUMBER,),
    "released_at": (_NUMBER, _NONE),
}


def _check_known(tx: Transaction, requester: str, session: str) -> None:
    check_name("requester", requester)
    check_name("session", session)
    if not tx.rows("any_of_session", {"requester": requester, "session": session}):
        raise SessionNotFound(requester, session)


def _touch_waiting(tx: Transaction, requester: str, session: str) -> None:
    """Tells those who wait that something changed."""
    parameters = {"requester": requester, "session": session, "now": tx.now}
    tx.touched.update(row["id"] for row in tx.rows("waiting_of_session", parameters))
