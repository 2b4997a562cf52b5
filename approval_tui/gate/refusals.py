"""The errors with which a gate says no, from a reviewer, from the clock, or from the policy."""

from __future__ import annotations

from typing import NoReturn

from approval_tui.domain.errors import (
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalHeld,
    ApprovalPending,
    LimitReached,
    PolicyDenied,
    SessionHeld,
)
from approval_tui.domain.lifecycle import CANCELLED, DENIED, EXPIRED
from approval_tui.domain.models import VIA_POLICY, Request
from approval_tui.domain.names import quoted_name
from approval_tui.domain.verdicts import Verdict


def raise_not_approved(request: Request) -> NoReturn:
    """Raises the error that fits the status, with the reviewer's words where there are any."""
    name = f"Request {request.id} ({request.tool})"
    if request.status == DENIED:
        decision = request.decisions[-1] if request.decisions else None
        if decision is not None and decision.via == VIA_POLICY:
            raise PolicyDenied(
                request.tool, rule=decision.reviewer, reason=decision.reason or "no reason is given", request=request
            )
        by = f" by {decision.reviewer}" if decision else ""
        why = f": {decision.reason}" if decision and decision.reason else ", without a reason"
        raise ApprovalDenied(
            f"{name} was denied{by}{why}.", request=request, to_do="Do something else, or ask with better reasons."
        )
    if request.status == EXPIRED:
        how = "was approved and not used in time" if request.approval_expires_at else "was not decided in time"
        raise ApprovalExpired(f"{name} {how}.", request=request, to_do="Ask again when a reviewer is there.")
    if request.status == CANCELLED:
        raise ApprovalCancelled(f"{name} was withdrawn.", request=request, to_do="Ask again if it is still wanted.")
    raise ApprovalPending(
        f"{name} waits for a reviewer.",
        request=request,
        to_do=f"Make the same call again after somebody ran `approval-tui approve {request.id}`.",
    )


def denied(tool: str, verdict: Verdict, request: Request | None = None) -> PolicyDenied:
    """The error for a call that the policy denies."""
    assert verdict.deciding is not None
    return PolicyDenied(tool, rule=verdict.deciding.rule, reason=verdict.deciding.message, request=request)


def over_limit(tool: str, limit: LimitReached) -> PolicyDenied:
    """The error for a call for which a counter of the policy has no room."""
    reservation = limit.reservation
    to_do = "Ask again when the window of the limit has ended."
    return PolicyDenied(tool, rule=reservation.rule, reason=reservation.message, request=limit.request, to_do=to_do)


def held_back(tool: str, held: SessionHeld, request: Request | None = None) -> ApprovalHeld:
    """The error for a call of a session that a reviewer holds back."""
    name = quoted_name(tool) if request is None else f"request {request.id} ({quoted_name(tool)})"
    return ApprovalHeld(
        f"{held.happened} That concerns {name}, too.",
        request=request,
        to_do="Ask again when a reviewer has released it.",
    )


def edit_needs_more(request: Request, verdict: Verdict) -> PolicyDenied | None:
    """The error where a reviewer's arguments demand more of a decision than the request did; else None (rule R4)."""
    if verdict.is_covered_by(request):
        return None
    assert verdict.deciding is not None
    reason = "the reviewer's arguments need an approval that this request did not ask for"
    return PolicyDenied(request.tool, rule=verdict.deciding.rule, reason=reason, request=request)
