"""What a server does for requesters who submit over HTTP: once for each key, whatever is sent again."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.calls import CheckedCall, Claim, Submitted
from approval_tui.domain.canonical import record_json, tagged_hash
from approval_tui.domain.decisions import NO_EVIDENCE, Decision
from approval_tui.domain.errors import KeyReused, RequestNotFound
from approval_tui.domain.lifecycle import APPROVE, APPROVED, CANCELLED, CONSUMED, DENIED, NOT_RUN, PENDING
from approval_tui.domain.models import VIA_POLICY, Request
from approval_tui.domain.submissions import PolicyDecision, Submission, SubmittedAs
from approval_tui.store.transaction import NothingToDo, Transaction, first_row
from approval_tui.store.transactions.records import (
    change,
    load_request,
    load_row,
    status_conflict,
    take_request,
    take_row,
)
from approval_tui.store.transactions.requester import cancel
from approval_tui.store.transactions.submitting import create, find_or_create


def submitted(tx: Transaction, requester: str, submission: Submission) -> Request | None:
    """The request that this very submission met before; None for a new key. Raises KeyReused."""
    row = first_row(tx.rows("submission", {"requester": requester, "key": submission.key}))
    if row is None:
        return None
    if row["body_hash"] != submission.body_hash:
        raise KeyReused(
            "The key was used for another submission before.",
            not_done="Nothing was asked, and the request of that key is unchanged.",
            to_do="Take a new key for every attempt to run a call, and keep it for what is sent again.",
        )
    return load_request(tx, row["request_id"])


def submit_once(
    tx: Transaction, checked: CheckedCall, submission: Submission, decision: PolicyDecision | None
) -> Submitted:
    """The request of this submission, made if the key is new; a policy's decision comes with it. Raises KeyReused."""
    requester = checked.call.requester
    tx.serialize(f"submissions:{requester}")
    known = submitted(tx, requester, submission)
    if known is not None:
        raise NothingToDo(Submitted(known, created=False))
    if decision is None:
        met = find_or_create(tx, checked, is_reusing=submission.is_reusing)
    else:
        met = Submitted(_decide_by_policy(tx, create(tx, checked), decision), created=True)
    tx.execute(
        "insert_submission",
        {
            "requester": requester,
            "key": submission.key,
            "body_hash": submission.body_hash,
            "request_id": met.request.id,
            "timeout": submission.timeout,
            "has_context": int(submission.has_context),
            "submitted_at": tx.now,
        },
    )
    return met


def _decide_by_policy(tx: Transaction, request: Request, said: PolicyDecision) -> Request:
    """The request that was just made, decided by the policy, so that no person is asked."""
    request = take_request(tx, request.id, PENDING, "Nothing was decided.")
    decision = Decision.of(
        {
            "verdict": said.verdict,
            "reviewer": said.rule,
            "reason": said.reason,
            "digest": request.digest,
            "evidence": NO_EVIDENCE,
            "via": VIA_POLICY,
            "os_user": None,
            "tty": None,
            "token": None,
            "decided_at": tx.now,
        }
    )
    changes = {"decisions": record_json([decision.to_json()]), "decided_at": tx.now}
    guards = {"now": tx.now, "digest": request.digest}
    if said.verdict == APPROVE:
        changes |= {"status": APPROVED, "approval_expires_at": tx.now + request.approval_lifetime}
        return change(tx, "approve", request, events.APPROVED, changes, guards)
    return change(tx, "deny", request, events.DENIED, {**changes, "status": DENIED}, guards)


def owned(tx: Transaction, request_id: str, requester: str) -> Request:
    """The requester's own request; any other is as if it were not there: raises RequestNotFound."""
    request = load_request(tx, request_id)
    if request.requester != requester:
        raise RequestNotFound(request_id)
    return request


def submitted_as(tx: Transaction, request_id: str, requester: str) -> SubmittedAs | None:
    """How the requester submitted it over HTTP; None where it did not."""
    row = first_row(tx.rows("submission_of_request", {"request_id": request_id, "requester": requester}))
    return None if row is None else SubmittedAs(row["timeout"], bool(row["has_context"]))


def held_claim(tx: Transaction, request_id: str, claim_id: str) -> Claim | None:
    """The claim with that id, where it is the one that was taken on the request: for who lost the answer.

    One that is in doubt, or was ended because the call did not run, is no right to run it any more (rule R2).
    """
    request = load_request(tx, request_id)
    if not is_claim_of(tx, request_id, claim_id) or request.in_doubt or request.outcome == NOT_RUN:
        return None
    return Claim(claim_id, request, request.effective_arguments)


def is_claim_of(tx: Transaction, request_id: str, claim_id: str) -> bool:
    """Whether that is the claim that was taken on the request, whatever became of it."""
    row = load_row(tx, request_id)
    return bool(row["status"] == CONSUMED and row["claim_hash"] == tagged_hash(claim_id.encode()))


def withdraw(tx: Transaction, request_id: str, requester: str) -> Request:
    """Withdraws a request that still waits; the second time nothing.

    Raises RequestNotFound for another requester's, and StatusConflict for one that waits no more.
    """
    take_row(tx, request_id)
    request = owned(tx, request_id, requester)
    if request.status == CANCELLED and request.approval_expires_at is None:
        raise NothingToDo(request)
    if request.status != PENDING:
        raise status_conflict(request, "It was not cancelled.")
    return cancel(tx, request_id, requester=requester)


def requests_touched(tx: Transaction, after: int, most: int = 1000) -> tuple[int, frozenset[str]]:
    """The number of the newest event of at most so many after that one, and the requests that they speak of."""
    rows = tx.rows("requests_touched", {"after": after, "most": most})
    ids = frozenset(row["request_id"] for row in rows if row["request_id"] is not None)
    return (rows[-1]["seq"] if rows else after), ids
