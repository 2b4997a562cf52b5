"""What happens when a call is asked: its request is found or made, and a grant may approve it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.domain import events
from approval_tui.domain.calls import Call, CheckedCall, Submitted
from approval_tui.domain.canonical import JsonObject, record_json
from approval_tui.domain.checks import invalid_call
from approval_tui.domain.identity import digest_of
from approval_tui.domain.lifecycle import APPROVED, DENIED, FINAL, PENDING
from approval_tui.domain.models import NO_DECISIONS, Request
from approval_tui.store.transaction import Transaction, first_row
from approval_tui.store.transactions.held import is_held
from approval_tui.store.transactions.records import (
    append_event,
    is_granted,
    request_from_row,
    requirements_text,
)

if TYPE_CHECKING:
    from approval_tui.domain.attempts import DraftAttempt
    from approval_tui.domain.grants import Grant, GrantedCall


def submit(tx: Transaction, checked: CheckedCall) -> Submitted:
    """Finds the request of the same call, or creates it (rule R5); a grant that covers it approves it at once."""
    return find_or_create(tx, checked, is_reusing=True)


def find_or_create(tx: Transaction, checked: CheckedCall, *, is_reusing: bool) -> Submitted:
    """The same; without `is_reusing` a request is made whatever there is of the same call."""
    tx.serialize(checked.fingerprint)
    existing = _reusable(tx, checked) if is_reusing else None
    needs_none = existing is not None and existing.status == APPROVED
    granted = () if needs_none else covering_grants(tx, checked, checked.call)
    if existing is not None and existing.status == PENDING and existing.session == checked.call.session:
        existing, granted = _approved_by(tx, granted, existing), ()
    if existing is None or (granted and existing.status != APPROVED):
        return Submitted(_approved_by(tx, granted, create(tx, checked)), created=True)
    details: JsonObject = {"session": checked.call.session}
    if checked.call.call_id is not None:
        details["call_id"] = checked.call.call_id
    append_event(tx, events.REUSED, existing.id, {}, details)
    tx.touched.add(existing.id)
    return Submitted(existing, created=False)


def covering_grants(tx: Transaction, granted: GrantedCall, call: Call | Request) -> tuple[Grant, ...]:
    """The grants that cover the call now; none where its session is held back."""
    rows = tx.rows(
        "grants_for_call",
        {
            "requester": call.requester,
            "tool": call.tool,
            "session": call.session,
            "fingerprint": granted.fingerprint,
            "now": tx.now,
        },
    )
    if not rows:
        return ()
    from approval_tui.store.transactions import grants  # most calls meet no grant

    return () if is_held(tx, call.requester, call.session) else grants.covering(tx, rows, granted)


def _approved_by(tx: Transaction, granted: tuple[Grant, ...], request: Request) -> Request:
    """The request, approved if one of the grants can; else a person is asked, or who may approve applies the grants."""
    if not granted or not tx.may_decide:
        return request
    from approval_tui.store.transactions import grants

    return grants.approve_by_one_of(tx, granted, request) or request


def _reusable(tx: Transaction, checked: CheckedCall) -> Request | None:
    """The newest word on the same call that still holds, or None.

    An approval holds until it expires, a pending request and a denial hold inside the dedupe window; the
    newest comes first, so that an approval never outlives a later denial of the same call. What a grant approved
    holds for its own session alone, and as long as the grant does. What a policy decided holds for nobody else, and
    neither does what a session asked that is held back, nor for such a session what another one asked.
    """
    parameters = {
        "fingerprint": checked.fingerprint,
        "now": tx.now,
        "window_start": tx.now - checked.call.dedupe_window,
    }
    for row in tx.rows("reusable_requests", parameters):
        request = request_from_row(row, tx.now)
        if request.is_decided_by_policy or _is_kept_apart(tx, request, checked.call):
            continue
        if is_granted(request) and not _holds_for(tx, request, checked.call):
            continue
        if not tx.may_decide and request.status == PENDING and not _is_shared(tx, request, checked.call):
            continue
        return request
    return None


def _is_kept_apart(tx: Transaction, request: Request, call: Call) -> bool:
    """Whether the two are of different sessions, and a reviewer holds one of them back; a denial is for both."""
    sessions = {request.session, call.session}
    return (
        len(sessions) == 2
        and request.status != DENIED
        and any(is_held(tx, call.requester, each) for each in sorted(sessions - {None}, key=str))
    )


def _holds_for(tx: Transaction, request: Request, call: Call) -> bool:
    """Whether what a grant approved of the request may be used for this call."""
    from approval_tui.domain.grants import why_ungrantable
    from approval_tui.store.transactions import grants

    granted_by = request.decisions[-1].reviewer
    is_covered = why_ungrantable(call.requirements, call.risk, granted_by) is None
    return call.session == request.session and is_covered and grants.still_holds(tx, request)


def _is_shared(tx: Transaction, request: Request, call: Call) -> bool:
    """Whether what waits may be used for this call, too, if a grant approves it; see `left_to_grants`."""
    from approval_tui.domain.grants import why_ungrantable

    return all(
        call.session == request.session and why_ungrantable(call.requirements, call.risk, grant.granted_by) is None
        for grant in covering_grants(tx, request, request)
    )


def create(tx: Transaction, checked: CheckedCall) -> Request:
    """A new pending request of the call, with its event."""
    call = checked.call
    request_id = tx.new_id()
    if call.attempt is not None and call.attempt.previous is not None:
        _check_previous(tx, call, call.attempt, call.attempt.previous)
    fixed = {
        "fingerprint": checked.fingerprint,
        "digest": digest_of(request_id, call.session, checked.fingerprint, call.reason, call.risk),
        "created_at": tx.now,
        "expires_at": tx.now + call.timeout,
        "approval_lifetime": call.approval_lifetime,
        "requirements": requirements_text(call.requirements),
    }
    if call.attempt is not None:
        fixed["attempt"] = record_json(call.attempt.to_json())
    if call.edit_taken_as is not None:
        fixed["edit_taken_as"] = call.edit_taken_as
    row: JsonObject = {
        "attempt": None,
        "edit_taken_as": None,
        **fixed,
        "id": request_id,
        "tool": call.tool,
        "server": call.server,
        "requester": call.requester,
        "session": call.session,
        "context": checked.context_text,
        "arguments": checked.arguments_text,
        "reason": call.reason,
        "risk": call.risk,
        "rule_hash": call.rule_hash,
    }
    details: JsonObject = {
        "tool": call.tool,
        "server": call.server,
        "requester": call.requester,
        "session": call.session,
    }
    if call.rule is not None:
        details["rule"] = call.rule
    if call.call_id is not None:
        details["call_id"] = call.call_id
    tx.execute("insert_request", row)
    append_event(
        tx,
        events.SUBMITTED,
        request_id,
        {**fixed, "status": PENDING, "decisions": NO_DECISIONS},
        details,
    )
    tx.touched.add(request_id)
    row["context_text"] = row.pop("context")
    row["arguments_text"] = row.pop("arguments")
    return Request.of(
        {
            **row,
            "status": PENDING,
            "version": 1,
            "edited_arguments_text": None,
            "requirements": call.requirements,
            "approval_expires_at": None,
            "decided_at": None,
            "decisions_text": NO_DECISIONS,
            "consumed_at": None,
            "claim_expires_at": None,
            "outcome": None,
            "outcome_at": None,
            "outcome_detail": None,
            "in_doubt": False,
            "attempt": call.attempt,
        }
    )


def _check_previous(tx: Transaction, call: Call, attempt: DraftAttempt, previous: str) -> None:
    """Raises InvalidInput unless the attempt before is the same requester's for the same tool, and did not run."""
    row = first_row(tx.rows("request", {"id": previous}))
    if row is None or (row["requester"], row["server"], row["tool"]) != (call.requester, call.server, call.tool):
        raise invalid_call(f"The attempt before this one, {previous}, is no request of this requester for this tool.")
    before = request_from_row(row, tx.now)
    if before.status not in FINAL:
        raise invalid_call(
            f"The attempt before this one, {previous}, is {before.status}, and not at an end without running."
        )
    if before.attempt is None or not (before.attempt.number < attempt.number and before.attempt.most == attempt.most):
        raise invalid_call(f"Attempt {attempt.number} of {attempt.most} does not come after that of {previous}.")
