"""A reviewer's decision: whether it may be made, what it records, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from approval_tui.domain import events
from approval_tui.domain.canonical import JsonObject, json_object
from approval_tui.domain.checks import arguments_text, check_text
from approval_tui.domain.decisions import EVIDENCE_KINDS, NO_EVIDENCE, Decision, Evidence, Reviewer
from approval_tui.domain.errors import DecisionRefused, InvalidInput, RequestChanged, StatusConflict
from approval_tui.domain.identity import digest_for
from approval_tui.domain.lifecycle import (
    APPROVE,
    APPROVED,
    CANCELLED,
    DENIED,
    DENY,
    EXPIRED,
    PENDING,
    VERDICTS,
)
from approval_tui.domain.models import EVIDENCE_SHOWN, NO_DECISIONS, Request
from approval_tui.domain.names import quoted_name
from approval_tui.store.transaction import NothingToDo, RecordedRefusal, Transaction
from approval_tui.store.transactions.held import refuse_held
from approval_tui.store.transactions.records import append_event, change, lock_request
from approval_tui.store.transactions.reviewer import check_reviewer, decision_of, with_decision

if TYPE_CHECKING:
    from approval_tui.domain.grants import GrantTerms

_NOT_DECIDED = "Your decision was not recorded."


def decide(
    tx: Transaction,
    request_id: str,
    verdict: str,
    *,
    reviewer: Reviewer,
    digest: str,
    reason: str | None = None,
    evidence: Evidence = NO_EVIDENCE,
    edited_arguments: Mapping[str, Any] | None = None,
    grant: GrantTerms | None = None,
    in_bulk: bool = False,
) -> Request:
    """Records one reviewer's word on the request with that digest, and what follows from it.

    An approval may come with a grant: what that covers is not asked again. With `in_bulk` it was one of several.

    The same decision again by the same reviewer changes nothing and returns the request. One that comes after the
    request was withdrawn or has expired is kept in the log as too late. Raises
    StatusConflict when the request no longer waits, RequestChanged when its digest is another one (rule R4),
    and DecisionRefused when the request's requirements do not admit the decision (rule R7).
    """
    _check_decision(verdict, reviewer, reason, evidence)
    if grant is not None:
        _check_grant(verdict, grant)
    try:
        request = lock_request(tx, request_id, PENDING, _NOT_DECIDED)
    except StatusConflict as conflict:
        known = conflict.request
        live = {"request_id": request_id, "now": tx.now}
        is_as_wanted = grant is None or bool(tx.rows("live_grant_of_request", live))
        if known and is_as_wanted and _is_repeated(known, verdict, reviewer, digest, edited_arguments):
            return known
        if known is not None and known.status in (CANCELLED, EXPIRED):
            _keep_late(tx, known, verdict, reviewer, digest, reason, evidence)
            raise RecordedRefusal(conflict) from None
        raise
    except RecordedRefusal as expired:
        if isinstance(expired.error, StatusConflict) and expired.error.request is not None:
            _keep_late(tx, expired.error.request, verdict, reviewer, digest, reason, evidence)
        raise
    if verdict == APPROVE:
        refuse_held(tx, request.requester, request.session, request)
    if grant is not None:
        from approval_tui.store.transactions import granting  # few decisions hold for more than one call

        _refuse_unfit(request, verdict, reviewer, reason, evidence)
        is_edited = edited_arguments is not None
        granting.refuse_ungrantable(request, grant, reviewer, is_edited=is_edited, not_done=_NOT_DECIDED)
    if request.decisions_text != NO_DECISIONS and _is_repeated(request, verdict, reviewer, digest, edited_arguments):
        raise NothingToDo(replace(request, version=request.version - 1))
    if request.digest != digest:
        raise RequestChanged(
            f"Request {request_id} is not what you looked at: its digest is {request.digest}, not {digest}.",
            not_done=_NOT_DECIDED,
            to_do="Look at it again and decide on what it is now.",
            request=request,
        )
    if verdict == DENY and edited_arguments is not None:
        raise InvalidInput(
            "A denial has no use for edited arguments.", not_done=_NOT_DECIDED, to_do="Deny without --edit."
        )
    _refuse_unfit(request, verdict, reviewer, reason, evidence)
    if in_bulk and verdict == APPROVE:
        _refuse_in_bulk(request)
    if edited_arguments is not None:
        request = _edit(tx, request, edited_arguments, reviewer)
    decision = decision_of(request, verdict, reviewer, reason, evidence, tx.now)
    changes: JsonObject = {"decisions": with_decision(request.decisions_text, decision)}
    details: JsonObject = {"in_bulk": True} if in_bulk else {}
    guards = {"now": tx.now, "digest": request.digest}
    if verdict == DENY:
        tx.serialize(request.fingerprint)  # what a grant approved of the same call is not used meanwhile
        changes |= {"status": DENIED, "decided_at": tx.now}
        return change(tx, "deny", request, events.DENIED, changes, guards, details)
    if not _reaches_quorum(request, decision):
        return change(tx, "record_vote", request, events.VOTED, changes, {})
    changes |= {
        "status": APPROVED,
        "decided_at": tx.now,
        "approval_expires_at": tx.now + request.approval_lifetime,
    }
    approved = change(tx, "approve", request, events.APPROVED, changes, guards, details)
    if grant is not None:
        from approval_tui.store.transactions import granting

        granting.give(tx, approved, grant, reviewer)
    return approved


def _check_grant(verdict: str, grant: GrantTerms) -> None:
    from approval_tui.store.transactions import granting  # few decisions hold for more than one call

    if verdict == DENY:
        raise InvalidInput(
            "Only an approval holds for more than once.", not_done=_NOT_DECIDED, to_do="Approve, or deny it."
        )
    granting.check_terms(grant)


def _refuse_in_bulk(request: Request) -> None:
    from approval_tui.domain.bulk import why_not_in_bulk  # few decisions are

    why = why_not_in_bulk(request)
    if why is not None:
        raise DecisionRefused(
            f"Request {request.id} is not approved with others: it is {why}.",
            not_done=_NOT_DECIDED,
            to_do="Look at it and decide it by itself.",
            request=request,
        )


def _keep_late(
    tx: Transaction,
    request: Request,
    verdict: str,
    reviewer: Reviewer,
    digest: str,
    reason: str | None,
    evidence: Evidence,
) -> None:
    """Keeps what a reviewer said of a request for which nobody waits any more."""
    decision = replace(decision_of(request, verdict, reviewer, reason, evidence, tx.now), digest=digest)
    append_event(tx, events.LATE_DECISION, request.id, {}, {"decision": decision.to_json()})
    tx.touched.add(request.id)


def _reaches_quorum(request: Request, decision: Decision) -> bool:
    """Whether enough reviewers, each counted once, approve the present digest with this one."""
    quorum = request.requirements.quorum
    if quorum == 1:
        return True
    from approval_tui.domain.votes import approvers  # few rules ask for several

    return len(approvers(request, decisions=(*request.decisions, decision))) >= quorum


def _check_decision(verdict: str, reviewer: Reviewer, reason: str | None, evidence: Evidence) -> None:
    if verdict not in VERDICTS:
        raise InvalidInput(
            f"The verdict {verdict!r} is neither approve nor deny.",
            not_done=_NOT_DECIDED,
            to_do="Use one of them.",
        )
    check_reviewer(reviewer)
    check_text("reason", reason)
    counts = (evidence.rows, evidence.shown_ms)
    if evidence.kind not in EVIDENCE_KINDS or any(type(count) is not int or count < 0 for count in counts):
        raise InvalidInput(f"{evidence} is no evidence.", not_done=_NOT_DECIDED, to_do="Say shown, table or none.")


def _is_repeated(
    request: Request,
    verdict: str,
    reviewer: Reviewer,
    digest: str,
    edited_arguments: Mapping[str, Any] | None,
) -> bool:
    """Whether this very decision already stands; a repeat after a lost answer must be harmless."""
    expected = APPROVED if verdict == APPROVE else DENIED
    if request.status not in (expected, PENDING):
        return False
    for decision in request.decisions:
        if decision.verdict != verdict or not _is_theirs(request, decision, reviewer):
            continue
        if edited_arguments is None and decision.digest == digest == request.digest:
            return True
        if edited_arguments is not None and request.edited_arguments is not None:
            edited = json_object(edited_arguments, "edited arguments")
            if decision.digest == request.digest == digest_for(request, edited):
                return True
    return False


def _is_theirs(request: Request, decision: Decision, reviewer: Reviewer) -> bool:
    """Whether the decision is the reviewer's; while several vote, also under another name that counts as theirs."""
    needs = request.requirements
    if needs.quorum == 1 or request.status != PENDING or (needs.reviewers and reviewer.name not in needs.reviewers):
        return decision.reviewer == reviewer.name
    from approval_tui.domain.people import same_person

    return same_person(decision.reviewer, reviewer.name)


def _refuse_unfit(request: Request, verdict: str, reviewer: Reviewer, reason: str | None, evidence: Evidence) -> None:
    """Raises DecisionRefused where the request's requirements do not admit the decision."""
    needs = request.requirements
    why = None
    if needs.reviewers and reviewer.name not in needs.reviewers:
        why = f"Only {', '.join(needs.reviewers)} may decide request {request.id}, not {reviewer.name}."
    elif needs.reason_required and not (reason or "").strip():
        why = f"A decision on request {request.id} needs a reason."
    elif verdict == APPROVE and needs.quorum > 1 and _asked_for_it(request, reviewer):
        why = f"{reviewer.name} asked for request {request.id} and cannot vote for it."
        if reviewer.name != request.requester:
            other = quoted_name(request.requester)
            why = (
                f"{reviewer.name} and {other}, who asked for request {request.id}, count as one and cannot vote for it."
            )
    elif verdict == APPROVE and needs.evidence == EVIDENCE_SHOWN and evidence.kind != EVIDENCE_SHOWN:
        why = f"Request {request.id} may only be approved where its whole payload was shown."
    if why is not None:
        raise DecisionRefused(
            why, not_done=_NOT_DECIDED, to_do="Decide as the rule asks, in the console.", request=request
        )


def _asked_for_it(request: Request, reviewer: Reviewer) -> bool:
    from approval_tui.domain.people import same_person

    return same_person(request.requester, reviewer.name)


def _edit(tx: Transaction, request: Request, edited: Mapping[str, Any], reviewer: Reviewer) -> Request:
    """Puts the reviewer's arguments in place of the agent's: a new digest, and votes count anew (rule R4)."""
    arguments = json_object(edited, "edited arguments")
    changes = {
        "edited_arguments": arguments_text(arguments),
        "digest": digest_for(request, arguments),
        "decisions": request.decisions_text,
    }
    return change(
        tx,
        "record_edit",
        request,
        events.EDITED,
        changes,
        {},
        {"by": reviewer.to_json(), "was": request.digest},
    )
