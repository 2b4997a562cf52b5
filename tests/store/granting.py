"""Approvals for a session, as tests give them."""

from __future__ import annotations

from typing import Any

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.grants import FOR_SESSION, Grant
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, consume, submit


def approve_for_session(store: BlockingStore, request: Request, reviewer: Reviewer = ANN, **parts: Any) -> Request:
    """Approves the request as it is, for its session."""
    return store.reviewer.decide(
        request.id, "approve", **{"reviewer": reviewer, "digest": request.digest, "grant": FOR_SESSION, **parts}
    )


def grant_of(store: BlockingStore, request: Request) -> Grant:
    """The grant that was given with the approval of that request."""
    (grant,) = [each for each in store.reviewer.grants() if each.request_id == request.id]
    return grant


def grant_for(store: BlockingStore, call: Call, reviewer: Reviewer = ANN) -> Grant:
    """Submits the call, approves it for its session, uses that approval, and gives the grant."""
    request = approve_for_session(store, submit(store, call), reviewer)
    consume(store, request)
    return grant_of(store, request)
