"""Grants: given with a decision, used where the same call is asked again in its session, revoked."""

from __future__ import annotations

from typing import Any

from approval_tui.domain import events
from approval_tui.domain.canonical import JsonObject, record_json
from approval_tui.domain.checks import check_text
from approval_tui.domain.decisions import NO_EVIDENCE, Decision, Reviewer
from approval_tui.domain.errors import DecisionRefused, GrantNotFound
from approval_tui.domain.grants import SESSION, SESSION_GRANT_LIFETIME, Grant, why_ungrantable
from approval_tui.domain.identity import digest_for, fingerprint_of
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import APPROVE, APPROVED, PENDING
from approval_tui.domain.models import VIA_GRANT, Request
from approval_tui.store.transaction import NothingToDo, Row, Transaction, first_row
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import append_event, change, corrupt, take_request
from approval_tui.store.transactions.reviewer import check_reviewer

FIXED = ("scope", "session", "fingerprint", "tool", "requester", "granted_by", "granted_at", "expires_at")


def refuse_ungrantable(request: Request, reviewer: Reviewer, *, is_edited: bool, not_done: str) -> None:
    """Raises DecisionRefused where the call of the request cannot be approved for the rest of its session."""
    why = why_ungrantable(request.requirements, request.risk, reviewer.name)
    if request.session is None:
        why = "its requester names no session"
    elif is_edited or request.edited_arguments is not None:
        why = "what would run is not what the agent asks for"
    if why is not None:
        raise DecisionRefused(
            f"The call of {request.id} cannot be approved for its session: {why}.",
            not_done=not_done,
            to_do="Approve it for this once.",
            request=request,
        )


def give_for_session(tx: Transaction, request: Request, reviewer: Reviewer) -> None:
    """Lets the call of a request that the reviewer just approved run in its session without being asked again.

    Raises StoreCorrupt where the request is not the call that its digest names.
    """
    if (_fingerprint(request), digest_for(request, request.arguments)) != (request.fingerprint, request.digest):
        raise corrupt(f"What request {request.id} holds is not what was approved: its fingerprint does not fit.")
    fixed = {
        "scope": SESSION,
        "session": request.session,
        "fingerprint": request.fingerprint,
        "tool": request.tool,
        "requester": request.requester,
        "granted_by": reviewer.name,
        "granted_at": tx.now,
        "expires_at": tx.now + SESSION_GRANT_LIFETIME,
    }
    grant_id = new_secret("grt")
    tx.execute("insert_grant", {**fixed, "id": grant_id, "request_id": request.id})
    append_event(tx, events.GRANT_GIVEN, request.id, {}, {**fixed, "grant": grant_id, "by": reviewer.to_json()})


def _fingerprint(request: Request) -> str:
    return fingerprint_of(
        request.requester, request.server, request.tool, request.context, request.arguments, request.rule_hash
    )


def approve_by(tx: Transaction, grant: Grant, request: Request) -> Request | None:
    """The request that was just made, approved by that grant; None where a person must be asked (rule R7)."""
    if why_ungrantable(request.requirements, request.risk, grant.granted_by) is not None:
        return None
    if not _was_given(tx, grant) or tx.execute("use_grant", {"id": grant.id, "now": tx.now}) != 1:
        return None
    request = take_request(tx, request.id, PENDING, "Nothing was approved.")
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


def still_holds(tx: Transaction, request: Request) -> bool:
    """Whether the grant that approved the request is in force, and nobody denied the same call after it was given."""
    names = [
        details_of(row).get("grant")
        for row in tx.rows("events_of_request", {"request_id": request.id})
        if row["name"] == events.APPROVED
    ]
    row = first_row(tx.rows("grant", {"id": names[-1]})) if names and isinstance(names[-1], str) else None
    if row is None or not grant_from_row(row).is_live(tx.now):
        return False
    live = {"fingerprint": request.fingerprint, "session": request.session, "now": tx.now}
    return bool(tx.rows("live_grant", live))


def list_grants(tx: Transaction, *, most: int = 1000) -> tuple[Grant, ...]:
    """The grants, live or not, newest first; raises StoreCorrupt for a row that we cannot have written."""
    return tuple(grant_from_row(row) for row in tx.rows("grants", {"most": most}))


def revoke_grant(tx: Transaction, grant_id: str, *, reviewer: Reviewer, reason: str | None = None) -> Grant:
    """Ends a grant: the call is asked again from now on, and what it approved does not run any more.

    The second time nothing; raises GrantNotFound.
    """
    check_reviewer(reviewer)
    check_text("reason", reason)
    grant = _load(tx, grant_id)
    if tx.execute("revoke_grant", {"id": grant_id, "revoked_by": reviewer.name, "now": tx.now}) != 1:
        raise NothingToDo(grant)
    details = {"grant": grant_id, "revoked_by": reviewer.name, "revoked_at": tx.now, "reason": reason}
    append_event(tx, events.GRANT_REVOKED, grant.request_id, {}, {**details, "by": reviewer.to_json()})
    tx.touched.add(grant.request_id)
    return _load(tx, grant_id)


def fixed_columns(row: Row) -> dict[str, Any]:
    """What of a grant's row the event that gave it says, too."""
    return {column: row[column] for column in FIXED}


def details_of(event: Row) -> JsonObject:
    """What an event says beside its changes; empty where it cannot be read."""
    details = event_from_row(event).body.get("details")
    return details if isinstance(details, dict) else {}


def grant_from_row(row: Row) -> Grant:
    """The grant of a row; raises StoreCorrupt for one that we cannot have written."""
    grant = Grant(**{column: row[column] for column in row.keys()})  # noqa: SIM118 - a row iterates over its values
    odd = [name for name, kinds in _KINDS.items() if type(getattr(grant, name)) not in kinds]
    if odd:
        raise corrupt(f"The row of a grant cannot be read: its {odd[0]}.")
    return grant


def _was_given(tx: Transaction, grant: Grant) -> bool:
    """Whether the log says that exactly this was granted, and not that it was revoked."""
    told = [
        (row["name"], details)
        for row in tx.rows("events_of_request", {"request_id": grant.request_id})
        if row["name"] in (events.GRANT_GIVEN, events.GRANT_REVOKED)
        and (details := details_of(row)).get("grant") == grant.id
    ]
    if [name for name, _ in told] != [events.GRANT_GIVEN]:
        return False
    return all(told[0][1].get(column) == getattr(grant, column) for column in FIXED)


def _load(tx: Transaction, grant_id: str) -> Grant:
    row = first_row(tx.rows("grant", {"id": grant_id}))
    if row is None:
        raise GrantNotFound(grant_id)
    return grant_from_row(row)


_TEXT, _NUMBER = (str,), (int,)
_KINDS = {
    **dict.fromkeys(("id", "scope", "session", "fingerprint", "request_id", "tool", "requester", "granted_by"), _TEXT),
    **dict.fromkeys(("granted_at", "expires_at", "uses"), _NUMBER),
    "revoked_by": (str, type(None)),
    "revoked_at": (int, type(None)),
}
