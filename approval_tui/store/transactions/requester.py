"""What the requester's side does with its requests: consume, report, roll back, withdraw."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.calls import Claim
from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.checks import check_name, check_text
from approval_tui.domain.errors import (
    ClaimInDoubt,
    ClaimInvalid,
    InvalidInput,
    LimitReached,
    RequestChanged,
    RequestNotFound,
    StatusConflict,
)
from approval_tui.domain.identity import digest_for
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import (
    APPROVED,
    CANCELLED,
    CONSUMED,
    DENY,
    FAILED,
    NOT_RUN,
    OUTCOMES,
    PENDING,
    SUCCEEDED,
)
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction
from approval_tui.store.transactions.counters import first_over_limit, refuse_moved, release, reserve_all
from approval_tui.store.transactions.held import refuse_held
from approval_tui.store.transactions.policies import record_tool_call
from approval_tui.store.transactions.records import (
    append_event,
    change,
    corrupt,
    is_granted,
    load_request,
    load_row,
    lock_request,
    record_expiry,
    refuse_expired,
    status_conflict,
    take_request,
    take_row,
)


def consume(
    tx: Transaction,
    request_id: str,
    fingerprint: str,
    *,
    requester: str,
    claim_lifetime: int = DEFAULT_CLAIM_LIFETIME,
    claim_id: str | None = None,
    digest: str | None = None,
    verdict: Verdict | None = None,
    session: str | None = None,
) -> Claim:
    """Takes the approval for the one caller that may run the call (rule R2).

    `claim_lifetime` is in ms: after it, a claim without an outcome is in doubt. A caller that chooses the
    secret `claim_id` itself can give the claim back even if it is interrupted before it has the answer.
    What a policy's `verdict` on the call counts is counted with it, or the call may not run; `digest` says which
    arguments it judged, and others are refused with RequestChanged. `session` is that in which the call would run,
    where another one asked for it first. Raises StatusConflict when the request is not approved (any more),
    RequestChanged when it is not this requester's call, SessionHeld while a reviewer holds one of the two sessions
    back, StoreCorrupt when the stored arguments are not those that were approved, LimitReached and CountersMoved.
    """
    not_done = "The call may not run."
    if claim_lifetime <= 0:
        raise InvalidInput("A claim's lifetime must be more than zero.", not_done=not_done, to_do="Correct it.")
    if claim_id is not None:
        check_name("claim", claim_id)
    try:
        request = take_request(tx, request_id, APPROVED, not_done)
    except StatusConflict as conflict:
        if conflict.request is not None:
            _refuse_foreign(conflict.request, fingerprint, requester)
        raise
    _refuse_foreign(request, fingerprint, requester)
    refuse_expired(tx, request, APPROVED, not_done)
    if is_granted(request):
        tx.serialize(request.fingerprint)  # before the session, in the order of those who submit the call
    for each in sorted({request.session, session} - {None}, key=str):
        refuse_held(tx, requester, each, request)
    if is_granted(request):
        _refuse_ended_grant(tx, request, not_done)
    arguments = request.effective_arguments
    approved_digest = request.decisions[-1].digest if request.decisions else None
    if not digest_for(request, arguments) == request.digest == approved_digest:
        raise corrupt(f"What request {request.id} holds is not what was approved: the digests differ.")
    secret = claim_id or new_secret("clm")
    if digest is not None and digest != request.digest:
        raise RequestChanged(
            f"Request {request.id} is not what was judged: its digest is {request.digest}, not {digest}.",
            not_done="The call may not run.",
            to_do="Take it again.",
            request=request,
        )
    if verdict is not None:
        _count(tx, request, verdict, tagged_hash(secret.encode()))
    request = change(
        tx,
        "consume",
        request,
        events.CONSUMED,
        {
            "status": CONSUMED,
            "consumed_at": tx.now,
            "claim_hash": tagged_hash(secret.encode()),
            "claim_expires_at": tx.now + claim_lifetime,
        },
        {"requester": requester, "fingerprint": fingerprint, "digest": request.digest, "now": tx.now},
        {"digest": request.digest},
    )
    return Claim(id=secret, request=request, arguments=arguments)


def _refuse_ended_grant(tx: Transaction, request: Request, not_done: str) -> None:
    """Raises StatusConflict, and records that the approval has expired, where its grant does not hold any more."""
    from approval_tui.store.transactions import grants

    if not grants.still_holds(tx, request):
        record_expiry(tx, request, from_status=APPROVED, by=None)
        raise RecordedRefusal(status_conflict(load_request(tx, request.id), not_done))


def claimable(tx: Transaction, request_id: str, fingerprint: str, *, requester: str) -> Request:
    """The request as it is now, if `consume` would take it.

    Raises SessionHeld, whatever its status, and StatusConflict or RequestChanged as that does.
    """
    request = load_request(tx, request_id)
    _refuse_foreign(request, fingerprint, requester)
    refuse_held(tx, requester, request.session, request)
    if request.status != APPROVED:
        raise status_conflict(request, "The call may not run.")
    return request


def _count(tx: Transaction, request: Request, verdict: Verdict, holder: str) -> None:
    """Counts what the approved call counts; where a limit is reached, that is recorded and the approval stays."""
    refuse_moved(tx, verdict.counts)
    over = first_over_limit(tx, verdict.reservations)
    if over is not None:
        record_tool_call(tx, request, DENY, over.rule, None, request_id=request.id)
        raise RecordedRefusal(LimitReached(over, request=request))
    reserve_all(tx, holder, verdict.reservations)


def report_outcome(tx: Transaction, request_id: str, claim: str, outcome: str, *, detail: str | None = None) -> Request:
    """Records what became of a claimed call: succeeded, failed or not_run; once, by the claim's holder.

    Raises ClaimInvalid for another claim or a second report, ClaimInDoubt when the claim's time has passed
    (the report is kept as an event then, for the reviewer who resolves it).
    """
    check_text("detail", detail)
    if outcome not in OUTCOMES:
        raise InvalidInput(
            f"The outcome {outcome!r} is none of {', '.join(OUTCOMES)}.",
            not_done="Nothing was recorded.",
            to_do="Report again with one of these.",
        )
    if outcome == NOT_RUN:
        return roll_back(tx, request_id, claim, detail=detail)
    request, claim_hash = _open_claim(tx, request_id, tagged_hash(claim.encode()), outcome, detail)
    return _end_claim(tx, request, claim_hash, outcome, detail)


def report_outcome_as(
    tx: Transaction, request_id: str, outcome: str, *, requester: str, detail: str | None = None
) -> Request:
    """Records how a call ended that ran, where the requester is known by other means than the claim.

    The same report again changes nothing. Raises RequestNotFound for another requester's request, StatusConflict
    where it was not consumed, ClaimInvalid for another outcome than the one that is recorded, and ClaimInDoubt.
    """
    check_text("detail", detail)
    if outcome not in (SUCCEEDED, FAILED):
        raise InvalidInput(
            f"The outcome {outcome!r} is neither {SUCCEEDED} nor {FAILED}.",
            not_done="Nothing was recorded.",
            to_do="Report again with one of these.",
        )
    row = take_row(tx, request_id)
    if row["requester"] != requester:
        raise RequestNotFound(request_id)
    if (row["outcome"], row["outcome_detail"]) == (outcome, detail):
        raise NothingToDo(load_request(tx, request_id))
    request, claim_hash = _open_claim(tx, request_id, row["claim_hash"], outcome, detail)
    return _end_claim(tx, request, claim_hash, outcome, detail)


def roll_back(tx: Transaction, request_id: str, claim: str, *, detail: str | None = None) -> Request:
    """Gives the claim back because the call did not run.

    The approval can be consumed again while it is valid; after that the claim ends with the outcome not_run.
    """
    check_text("detail", detail)
    request, claim_hash = _open_claim(tx, request_id, tagged_hash(claim.encode()), NOT_RUN, detail)
    if request.approval_expires_at is None or request.approval_expires_at <= tx.now:
        return _end_claim(tx, request, claim_hash, NOT_RUN, detail)
    release(tx, claim_hash)
    return change(
        tx,
        "roll_back",
        request,
        events.ROLLED_BACK,
        {"status": APPROVED, "consumed_at": None, "claim_hash": None, "claim_expires_at": None},
        {"now": tx.now, "held_claim": claim_hash},
        {"detail": detail},
    )


def give_up(tx: Transaction, request_id: str, claim: str, *, reason: str) -> Request:
    """Gives the claim back because the call did not run, and withdraws the request, because nobody can use it."""
    request = roll_back(tx, request_id, claim, detail=reason)
    if request.status != APPROVED:
        return request
    return cancel(tx, request_id, requester=request.requester, reason=reason)


def _open_claim(
    tx: Transaction, request_id: str, claim_hash: str | None, outcome: str, detail: str | None
) -> tuple[Request, str]:
    """The locked request and the hash of its open claim; raises ClaimInvalid or ClaimInDoubt."""
    not_done = "The outcome was not recorded."
    request = lock_request(tx, request_id, CONSUMED, not_done)
    if claim_hash is None or load_row(tx, request_id)["claim_hash"] != claim_hash:
        raise ClaimInvalid(
            f"That is not the claim on request {request_id}.",
            not_done=not_done,
            to_do="Use the claim that consume gave; each one ends once.",
            request=request,
        )
    if request.outcome is not None:
        raise ClaimInvalid(
            f"The claim on request {request_id} has ended already: {request.outcome}.",
            not_done=not_done,
            to_do="Nothing is left to report.",
            request=request,
        )
    if request.in_doubt:
        append_event(tx, events.LATE_OUTCOME, request_id, {}, {"outcome": outcome, "detail": detail})
        tx.touched.add(request_id)
        raise RecordedRefusal(
            ClaimInDoubt(
                f"The claim on request {request_id} is in doubt: its time passed without an outcome.",
                not_done="Your report was kept in the audit log, and the request's outcome was not set.",
                to_do=f"A reviewer ends it with `approval-tui resolve {request_id}`.",
                request=request,
            )
        )
    return request, claim_hash


def _end_claim(tx: Transaction, request: Request, claim_hash: str, outcome: str, detail: str | None) -> Request:
    if outcome == NOT_RUN:
        release(tx, claim_hash)
    return change(
        tx,
        "record_outcome",
        request,
        events.ROLLED_BACK if outcome == NOT_RUN else events.OUTCOME,
        {"outcome": outcome, "outcome_at": tx.now, "outcome_detail": detail},
        {"held_claim": claim_hash},
    )


def _refuse_foreign(request: Request, fingerprint: str, requester: str) -> None:
    """Raises RequestChanged unless the request is this requester's and this very call."""
    if request.requester == requester and request.fingerprint == fingerprint:
        return
    raise RequestChanged(
        f"Request {request.id} is for another call or another requester.",
        not_done="The call may not run.",
        to_do="Submit the call that is to run and let a person see it.",
    )


def cancel(tx: Transaction, request_id: str, *, requester: str, reason: str | None = None) -> Request:
    """Withdraws a pending or approved request; only its requester can."""
    check_text("reason", reason)
    not_done = "It was not cancelled."
    row = take_row(tx, request_id)
    if row["requester"] != requester:
        raise RequestChanged(
            f"Request {request_id} belongs to the requester {row['requester']!r}.",
            not_done=not_done,
            to_do="A reviewer denies or revokes; only the requester cancels.",
        )
    from_status = APPROVED if row["status"] == APPROVED else PENDING
    request = lock_request(tx, request_id, from_status, not_done)
    return change(
        tx,
        "cancel",
        request,
        events.CANCELLED,
        {"status": CANCELLED, "decided_at": tx.now},
        {"from_status": from_status, "requester": requester},
        {"from": from_status, "reason": reason},
    )
