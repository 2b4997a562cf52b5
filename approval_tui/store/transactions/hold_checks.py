"""The checks of `audit verify` on sessions that are held back: each stands as the log says."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.audit import Problem
from approval_tui.domain.canonical import JsonObject
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions.grant_checks import paged
from approval_tui.store.transactions.grants import details_of
from approval_tui.store.transactions.holds import COLUMNS


def check_holds(tx: Transaction) -> tuple[Problem, ...]:
    """Sessions that are held or released otherwise than the log says."""
    told: dict[tuple[object, object], JsonObject] = {}
    problems = []
    for row in paged(tx, "hold_events", "seq", 0):
        details = details_of(row)
        session = details.get("requester"), details.get("session")
        if row["name"] == events.SESSION_HELD:
            told[session] = {**dict.fromkeys(COLUMNS), **_columns(details)}
        elif session in told:
            told[session].update({name: details.get(name) for name in ("released_by", "released_at")})
        else:
            problems.append(Problem("this event releases a session that nobody held", seq=row["seq"]))
    for row in tx.rows("holds", {"most": _ALL}):
        known = told.pop((row["requester"], row["session"]), None)
        if known != {column: row[column] for column in COLUMNS}:
            problems.append(Problem(f"session {row['session']} is held or released otherwise than the log says"))
    problems += [Problem(f"session {session}: that it was held was deleted") for _, session in told]
    return tuple(problems)


def _columns(details: JsonObject) -> JsonObject:
    return {column: details[column] for column in COLUMNS if column in details}


_ALL = 1_000_000
