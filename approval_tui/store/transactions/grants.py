"""Grants: used where a call that they cover is asked, listed, revoked. How they are given is in `granting`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from approval_tui.domain import events
from approval_tui.domain.canonical import JsonObject, record_json, stored_json
from approval_tui.domain.checks import check_text
from approval_tui.domain.decisions import NO_EVIDENCE, Decision, Reviewer
from approval_tui.domain.errors import ApprovalTuiError, GrantNotFound, StatusConflict
from approval_tui.domain.grants import ALWAYS, Grant, GrantedCall
from approval_tui.domain.lifecycle import APPROVE, APPROVED, PENDING
from approval_tui.domain.matchers import Matcher
from approval_tui.domain.models import VIA_GRANT, Request
from approval_tui.store.transaction import NothingToDo, Row, Transaction, first_row
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import append_event, change, corrupt, request_from_row, take_request
from approval_tui.store.transactions.reviewer import check_reviewer

_MOST_LOOKED_THROUGH = 500

FIXED = (
    "scope",
    "session",
    "fingerprint",
    "tool",
    "requester",
    "granted_by",
    "granted_at",
    "expires_at",
    "matcher",
    "most_uses",
)


def covering(tx: Transaction, rows: Iterable[Row], call: GrantedCall) -> tuple[Grant, ...]:
    """Of these grants, those that cover the call and have not been outweighed."""
    return tuple(grant for grant in map(grant_from_row, rows) if covers_now(tx, grant, call))


def covers_now(tx: Transaction, grant: Grant, call: GrantedCall) -> bool:
    """Whether the grant covers the call, and nobody denied the very same one after it was given."""
    return grant.covers(call) and not _is_denied_since(tx, grant, call)


def approve_by_one_of(tx: Transaction, found: Iterable[Grant], request: Request) -> Request | None:
    """The request, approved by the first of the grants that can; None where a person must be asked."""
    for grant in found:
        approved = approve_by(tx, grant, request)
        if approved is not None:
            return approved
    return None


def approve_by(tx: Transaction, grant: Grant, request: Request) -> Request | None:
    """The pending request, approved by that grant; None where a person must be asked (rule R7).

    What a reviewer has edited no grant approves.
    """
    if not covers_now(tx, grant, request) or not _was_given(tx, grant):
        return None
    try:
        request = take_request(tx, request.id, PENDING, "Nothing was approved.")
    except StatusConflict:
        return None  # somebody else decided it just now
    if request.status != PENDING:
        return None  # its time has passed just now
    if request.edited_arguments_text is not None or tx.execute("use_grant", {"id": grant.id, "now": tx.now}) != 1:
        return None
    decision = Decision.of(
        {
            "verdict": APPROVE,
            "reviewer": grant.granted_by,
            "reason": None,
            "digest": request.digest,
            "evidence": NO_EVIDENCE,
            "via": VIA_GRANT,
            "os_user": None,
            "tty": None,
            "token": None,
            "decided_at": tx.now,
        }
    )
    changes = {
        "status": APPROVED,
        "decisions": record_json([decision.to_json()]),
        "decided_at": tx.now,
        "approval_expires_at": min(tx.now + request.approval_lifetime, grant.expires_at),
    }
    guards = {"now": tx.now, "digest": request.digest}
    return change(tx, "approve", request, events.APPROVED, changes, guards, {"grant": grant.id})


def _is_denied_since(tx: Transaction, grant: Grant, call: GrantedCall) -> bool:
    """Whether the very same call was denied after the grant was given: that is the last word on it."""
    session = None if grant.scope == ALWAYS else grant.session
    denied = {"fingerprint": call.fingerprint, "session": session, "since": grant.granted_at}
    return bool(tx.rows("denied_since", denied))


def still_holds(tx: Transaction, request: Request) -> bool:
    """Whether the grant that approved the request is in force, and nobody denied the same call after it was given.

    Nobody revokes the grant or denies the call before the end of a writing transaction.
    """
    tx.serialize(request.fingerprint)
    names = [
        details_of(row).get("grant")
        for row in tx.rows("events_of_request", {"request_id": request.id})
        if row["name"] == events.APPROVED
    ]
    if not names or not isinstance(names[-1], str):
        return False
    _lock_grant(tx, names[-1])
    row = first_row(tx.rows("grant", {"id": names[-1]}))
    if row is None:
        return False
    grant = grant_from_row(row)
    return grant.is_in_force(tx.now) and _was_given(tx, grant) and not _is_denied_since(tx, grant, request)


def list_grants(tx: Transaction, *, most: int = 1000) -> tuple[Grant, ...]:
    """The grants, live or not, newest first; raises StoreCorrupt for a row that we cannot have written."""
    return tuple(grant_from_row(row) for row in tx.rows("grants", {"most": most}))


def get_grant(tx: Transaction, grant_id: str) -> Grant:
    """The grant with that id; raises GrantNotFound."""
    row = first_row(tx.rows("grant", {"id": grant_id}))
    if row is None:
        raise GrantNotFound(grant_id)
    return grant_from_row(row)


def uses_of_grant(tx: Transaction, grant_id: str, *, most: int = 20) -> tuple[Request, ...]:
    """What the grant approved of the last calls of its tool, the newest requests first; raises GrantNotFound."""
    grant = get_grant(tx, grant_id)
    asked = {"requester": grant.requester, "tool": grant.tool, "most": _MOST_LOOKED_THROUGH}
    found: list[Request] = []
    for row in tx.rows("granted_of_tool", asked):
        events_of = tx.rows("events_of_request", {"request_id": row["id"]})
        if any(event["name"] == events.APPROVED and details_of(event).get("grant") == grant_id for event in events_of):
            found.append(request_from_row(row, tx.now))
        if len(found) == most:
            break
    return tuple(found)


def revoke_grant(tx: Transaction, grant_id: str, *, reviewer: Reviewer, reason: str | None = None) -> Grant:
    """Ends a grant: what it covers is asked again from now on, and what it approved does not run any more.

    The second time nothing; raises GrantNotFound.
    """
    check_reviewer(reviewer)
    check_text("reason", reason)
    _lock_grant(tx, grant_id)
    grant = get_grant(tx, grant_id)
    if tx.execute("revoke_grant", {"id": grant_id, "revoked_by": reviewer.name, "now": tx.now}) != 1:
        raise NothingToDo(grant)
    details = {"grant": grant_id, "revoked_by": reviewer.name, "revoked_at": tx.now, "reason": reason}
    append_event(tx, events.GRANT_REVOKED, grant.request_id, {}, {**details, "by": reviewer.to_json()})
    tx.touched.add(grant.request_id)
    return get_grant(tx, grant_id)


def _lock_grant(tx: Transaction, grant_id: str) -> None:
    """Keeps the grant from being revoked, and what it approved from being used, by others until the end."""
    tx.serialize(f"grant:{grant_id}")


def fixed_columns(row: Row) -> dict[str, Any]:
    """What of a grant's row the event that gave it says, too."""
    return {column: row[column] for column in FIXED}


def details_of(event: Row) -> JsonObject:
    """What an event says beside its changes; empty where it cannot be read."""
    details = event_from_row(event).body.get("details")
    return details if isinstance(details, dict) else {}


def grant_from_row(row: Row) -> Grant:
    """The grant of a row; raises StoreCorrupt for one that we cannot have written."""
    values = {column: row[column] for column in row.keys()}  # noqa: SIM118 - a row iterates over its values
    odd = [name for name, kinds in _KINDS.items() if type(values[name]) not in kinds]
    if odd:
        raise corrupt(f"The row of a grant cannot be read: its {odd[0]}.")
    if values["matcher"] is not None:
        values["matcher"] = matcher_from_text(values["matcher"])
    return Grant(**values)


@lru_cache(maxsize=512)
def matcher_from_text(text: str) -> Matcher:
    """The matcher of its stored text, read once; raises StoreCorrupt for one that we cannot have written."""
    try:
        return Matcher.from_json(stored_json(text))
    except (ApprovalTuiError, ValueError, RecursionError):
        raise corrupt("The row of a grant cannot be read: its matcher.") from None


def _was_given(tx: Transaction, grant: Grant) -> bool:
    """Whether the log says that exactly this was granted, and not that it was revoked."""
    if any(new.name == events.GRANT_GIVEN and new.details.get("grant") == grant.id for new in tx.new_events):
        return True  # by this very transaction
    told = [
        (row["name"], details)
        for row in tx.rows("events_of_request", {"request_id": grant.request_id})
        if row["name"] in (events.GRANT_GIVEN, events.GRANT_REVOKED)
        and (details := details_of(row)).get("grant") == grant.id
    ]
    if [name for name, _ in told] != [events.GRANT_GIVEN]:
        return False
    row = first_row(tx.rows("grant", {"id": grant.id}))
    return row is not None and all(told[0][1].get(column) == row[column] for column in FIXED)


_TEXT, _NUMBER, _NONE = str, int, type(None)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "scope", "fingerprint", "request_id", "tool", "requester", "granted_by"), (_TEXT,)),
    **dict.fromkeys(("granted_at", "expires_at", "uses"), (_NUMBER,)),
    **dict.fromkeys(("session", "revoked_by", "matcher"), (_TEXT, _NONE)),
    **dict.fromkeys(("revoked_at", "most_uses"), (_NUMBER, _NONE)),
}
