"""The checks of `audit verify` on held sessions: each stands as the log says, and did nothing meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from approval_tui.domain import events
from approval_tui.domain.audit import Problem
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.store.transaction import Row, Transaction
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.grants import details_of
from approval_tui.store.transactions.holds import COLUMNS
from approval_tui.store.transactions.log import PAST_EVERY_EVENT
from approval_tui.store.transactions.segments import last_sealed

_Session = tuple[str, str]


@dataclass
class _Told:
    """What the log says last of one session: the row that it should have, and since which event it is held, if so."""

    row: JsonObject
    held_since: int | None


def check_holds(tx: Transaction) -> tuple[Problem, ...]:
    """Sessions that are held or released otherwise than the log says, and what was approved or ran while they were."""
    told: dict[_Session, _Told] = {}
    rows = paged(tx, "hold_events", "seq", last_sealed(tx))
    problems = [problem for row in rows for problem in _problems_of_event(tx, row, told)]
    for session, known in told.items():
        if known.held_since is not None:
            problems += _done_between(tx, session, known.held_since, PAST_EVERY_EVENT)
    return (*problems, *_wrong_rows(tx, told))


def _problems_of_event(tx: Transaction, row: Row, told: dict[_Session, _Told]) -> Iterator[Problem]:
    """Notes what the event says; yields what is wrong with it, and with the time in which the session was held."""
    details = details_of(row)
    requester, session = details.get("requester"), details.get("session")
    if not isinstance(requester, str) or not isinstance(session, str):
        yield Problem("this event is of no session", seq=row["seq"])
        return
    known, is_hold = told.get((requester, session)), row["name"] == events.SESSION_HELD
    held_since = None if known is None else known.held_since
    if is_hold and held_since is None:
        given = {column: details.get(column) for column in COLUMNS[:5]}
        told[requester, session] = _Told({**dict.fromkeys(COLUMNS), **given}, row["seq"])
    elif known is not None and not is_hold and held_since is not None:
        yield from _done_between(tx, (requester, session), held_since, row["seq"])
        known.row.update({column: details.get(column) for column in COLUMNS[5:]})
        known.held_since = None
    else:
        yield Problem(
            "this event holds a session that was held" if is_hold else "this event releases a session that nobody held",
            seq=row["seq"],
        )


def _done_between(tx: Transaction, session: _Session, after: int, before: int) -> Iterator[Problem]:
    """What was approved or ran of the session between these events; what only a policy approved did not run by that."""
    requester, name = session
    for row in paged(tx, "done_of_session", "seq", after, requester=requester, session=name, before=before):
        what = "consumed" if row["name"] == events.CONSUMED else "approved"
        yield Problem(f"it was {what} while its session was held back", seq=row["seq"], request_id=row["request_id"])
    for row in paged(tx, "tool_calls_between", "seq", after, before=before):
        details = details_of(row)
        whose = details.get("requester"), details.get("session")
        if whose == session and details.get("verdict") == ALLOW:
            yield Problem("this call was let run while its session was held back", seq=row["seq"])


def _wrong_rows(tx: Transaction, told: dict[_Session, _Told]) -> Iterator[Problem]:
    for row in tx.rows("holds", {"most": _ALL}):
        known = told.pop((row["requester"], row["session"]), None)
        if known is None or known.row != {column: row[column] for column in COLUMNS}:
            yield Problem(f"session {row['session']} is held or released otherwise than the log says")
    for _, session in told:
        yield Problem(f"session {session}: that it was held was deleted")


_ALL = 1_000_000
