"""Sessions that are held back, as tests hold them."""

from __future__ import annotations

from typing import Any

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.holds import Hold
from approval_tui.domain.verdicts import NO_POLICY, Verdict
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN


def hold(store: BlockingStore, call: Call, reviewer: Reviewer = ANN, **parts: Any) -> Hold:
    """Holds the session of the call back."""
    assert call.session is not None
    return store.reviewer.hold_session(call.requester, call.session, reviewer=reviewer, **parts)


def release(store: BlockingStore, call: Call, reviewer: Reviewer = ANN, **parts: Any) -> Hold:
    """Lets the session of the call go on."""
    assert call.session is not None
    return store.reviewer.release_session(call.requester, call.session, reviewer=reviewer, **parts)


def admit(store: BlockingStore, call: Call, claim_id: str = "clm_x", verdict: Verdict = NO_POLICY) -> None:
    """Lets the call run as a gate does whose policy allows it."""
    store.requester.admit(check_call(call), verdict, claim_id=claim_id)
