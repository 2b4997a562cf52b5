"""Small things that many tests use."""

from __future__ import annotations

from approval_tui.domain.calls import Claim
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.reviewer import Reviewer

ANN = Reviewer("ann")
BO = Reviewer("bo")


class ManualClock:
    """A clock that stands still until it is moved; milliseconds since 1970 UTC."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def move(self, milliseconds: int) -> None:
        """Moves the clock, backwards too."""
        self.now += milliseconds


def approve(store: BlockingStore, request: Request, reviewer: Reviewer = ANN) -> Request:
    """Approves the request as it is."""
    return store.reviewer.decide(request.id, "approve", reviewer=reviewer, digest=request.digest)


def deny(store: BlockingStore, request: Request, reason: str | None = None, reviewer: Reviewer = ANN) -> Request:
    """Denies the request as it is."""
    return store.reviewer.decide(request.id, "deny", reviewer=reviewer, digest=request.digest, reason=reason)


def consume(store: BlockingStore, request: Request) -> Claim:
    """Consumes the request as its requester would."""
    return store.requester.consume(request.id, request.fingerprint, requester=request.requester)


def assert_sound(store: BlockingStore) -> None:
    """The audit log verifies."""
    verification = store.reviewer.verify()
    assert verification.problems == ()
