"""A request's status in words, the same in every error and on every screen."""

from __future__ import annotations

from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.lifecycle import CANCELLED, CONSUMED, EXPIRED, PENDING
from approval_tui.domain.models import VIA_GRANT, VIA_POLICY, Request
from approval_tui.domain.names import quoted_name

_AS = {VIA_GRANT: "a grant of ", VIA_POLICY: "the policy's rule "}


def describe_status(request: Request) -> str:
    """The status in words, as `already denied by ann ("too risky") at 2026-…`; it may hold secrets of a reason."""
    when = request.decided_at
    if request.status == CONSUMED:
        said = f"outcome: {request.outcome}" if request.outcome else "its outcome is not known yet"
        if request.in_doubt:
            said = "in doubt: no outcome came in time"
        return f"already used at {_at(request.consumed_at)} ({said})"
    if request.status == EXPIRED:
        return f"expired since {_at(when or request.approval_expires_at or request.expires_at)}"
    if request.status == PENDING:
        return f"still pending (until {_at(request.expires_at)})"
    words = f"already {request.status}"
    if request.decisions and request.status != CANCELLED:
        last = request.decisions[-1]
        words += f" by {_AS.get(last.via, '')}{quoted_name(last.reviewer)}"
        if last.reason:
            words += f" ({quoted_name(last.reason)})"
    return f"{words} at {_at(when)}"


def _at(moment: int | None) -> str:
    return "an unknown time" if moment is None else format_timestamp(moment)
