"""What the reviewer's side does besides deciding: revoke, expire, resolve."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.canonical import record_json
from approval_tui.domain.checks import check_name, check_optional_name, check_text
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.decisions import NO_EVIDENCE, Decision, Evidence, Reviewer
from approval_tui.domain.errors import InvalidInput, StatusConflict
from approval_tui.domain.lifecycle import (
    APPROVED,
    CONSUMED,
    DENIED,
    DENY,
    EXPIRED,
    NOT_RUN,
    OUTCOMES,
    PENDING,
)
from approval_tui.domain.models import NO_DECISIONS, VIA_GRANT, VIA_POLICY, Request
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions.counters import release
from approval_tui.store.transactions.records import (
    change,
    load_request,
    load_row,
    lock_request,
    record_due,
    record_expiry,
    request_from_row,
    status_conflict,
    take_request,
    take_row,
)


def check_reviewer(reviewer: Reviewer) -> None:
    """Raises InvalidInput unless a person can be named so; grants and policies decide by themselves."""
    check_name("reviewer", reviewer.name)
    check_name("via", reviewer.via)
    if reviewer.via in (VIA_GRANT, VIA_POLICY):
        raise InvalidInput(
            "No reviewer decides as a grant or a policy.",
            not_done="Your decision was not recorded.",
            to_do="Say from where.",
        )
    check_text("reviewer's operating system user", reviewer.os_user)
    check_text("reviewer's terminal", reviewer.tty)
    check_optional_name("reviewer's token", reviewer.token)


def revoke(tx: Transaction, request_id: str, *, reviewer: Reviewer, reason: str | None = None) -> Request:
    """Takes an approval back before it was used; raises StatusConflict, which says when it was used."""
    check_reviewer(reviewer)
    check_text("reason", reason)
    request = lock_request(tx, request_id, APPROVED, "It was not revoked.")
    tx.serialize(request.fingerprint)  # what a grant approved of the same call is not used meanwhile
    decision = decision_of(request, DENY, reviewer, reason, NO_EVIDENCE, tx.now)
    return change(
        tx,
        "revoke",
        request,
        events.REVOKED,
        {
            "status": DENIED,
            "decisions": with_decision(request.decisions_text, decision),
            "decided_at": tx.now,
        },
        {"now": tx.now},
    )


def expire(tx: Transaction, request_id: str, *, reviewer: Reviewer) -> Request:
    """Ends a pending request without a verdict, or records that a request's time has passed.

    An approval that is still valid is not expired but revoked: StatusConflict says so.
    """
    check_reviewer(reviewer)
    row = take_row(tx, request_id)
    request = request_from_row(row, tx.now)
    if request.status == EXPIRED and row["status"] == EXPIRED:
        return request
    if request.status == APPROVED:
        raise StatusConflict(
            f"Request {request_id} is approved and valid until {_until(request)}.",
            not_done="It was not expired.",
            to_do=f"Take the approval back with `approval-tui revoke {request_id}`.",
            request=request,
        )
    if request.status not in (PENDING, EXPIRED):
        raise status_conflict(request, "It was not expired.")
    early = request.status == PENDING
    request = take_request(tx, request_id, row["status"], "It was not expired.")
    record_expiry(tx, request, from_status=row["status"], by=reviewer.to_json() if early else None)
    return load_request(tx, request_id)


def any_due(tx: Transaction) -> bool:
    """Whether the time of some request has passed without a record of it."""
    return bool(tx.rows("requests_due", {"now": tx.now, "most": 1}))


def expire_due(tx: Transaction, *, most: int = 200) -> int:
    """Records the expiry of up to `most` requests whose time has passed, and says of how many."""
    due = sorted(row["id"] for row in tx.rows("requests_due", {"now": tx.now, "most": most}))
    before = len(tx.new_events)
    for request_id in due:
        record_due(tx, request_id)
    return len(tx.new_events) - before  # others may have recorded some of them meanwhile


def resolve(
    tx: Transaction, request_id: str, outcome: str, *, reviewer: Reviewer, reason: str | None = None
) -> Request:
    """Ends a claim that is in doubt with what a person found out; the approval is not usable again (rule R2)."""
    check_reviewer(reviewer)
    check_text("reason", reason)
    not_done = "It was not resolved."
    if outcome not in OUTCOMES:
        raise InvalidInput(
            f"The outcome {outcome!r} is none of {', '.join(OUTCOMES)}.",
            not_done=not_done,
            to_do="Use one of them.",
        )
    request = lock_request(tx, request_id, CONSUMED, not_done)
    if not request.in_doubt:
        raise StatusConflict(
            f"Request {request_id} is not in doubt: it is "
            + (f"running until at most {_until(request)}." if request.outcome is None else f"{request.outcome}."),
            not_done=not_done,
            to_do="Only a claim whose time passed without an outcome is resolved.",
            request=request,
        )
    held_claim = load_row(tx, request_id)["claim_hash"]
    if outcome == NOT_RUN:
        release(tx, held_claim)
    return change(
        tx,
        "record_outcome",
        request,
        events.RESOLVED,
        {"outcome": outcome, "outcome_at": tx.now, "outcome_detail": reason},
        {"held_claim": held_claim},
        {"by": reviewer.to_json()},
    )


def decision_of(
    request: Request, verdict: str, reviewer: Reviewer, reason: str | None, evidence: Evidence, now: int
) -> Decision:
    """What that reviewer says of the request as it is."""
    return Decision.of(
        {
            "verdict": verdict,
            "reviewer": reviewer.name,
            "reason": reason,
            "digest": request.digest,
            "evidence": evidence,
            "via": reviewer.via,
            "os_user": reviewer.os_user,
            "tty": reviewer.tty,
            "decided_at": now,
            "token": reviewer.token,
        }
    )


def with_decision(decisions_text: str, decision: Decision) -> str:
    """The stored decisions with one more at their end."""
    added = record_json([decision.to_json()])
    return added if decisions_text == NO_DECISIONS else f"{decisions_text[:-1]},{added[1:]}"


def _until(request: Request) -> str:
    moment = request.approval_expires_at if request.status == APPROVED else request.claim_expires_at
    return "an unknown time" if moment is None else format_timestamp(moment)
