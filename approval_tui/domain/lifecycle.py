"""The life of a request: its statuses and the transitions between them (design rules R1, R3)."""

from __future__ import annotations

PENDING = "pending"  #: waits for a decision
APPROVED = "approved"  #: pending -> approved, by a reviewer or a grant
DENIED = "denied"  #: pending -> denied, or approved -> denied by a revocation
EXPIRED = "expired"  #: pending or approved -> expired, when its time has passed
CANCELLED = "cancelled"  #: pending or approved -> cancelled, by the requester
CONSUMED = "consumed"  #: approved -> consumed, by the one caller that may run the call

STATUSES = (PENDING, APPROVED, DENIED, EXPIRED, CANCELLED, CONSUMED)
FINAL = (DENIED, EXPIRED, CANCELLED)

TRANSITIONS = frozenset(
    {
        (PENDING, APPROVED),
        (PENDING, DENIED),
        (PENDING, EXPIRED),
        (PENDING, CANCELLED),
        (APPROVED, CONSUMED),
        (APPROVED, EXPIRED),
        (APPROVED, DENIED),
        (APPROVED, CANCELLED),
        (CONSUMED, APPROVED),
    }
)

APPROVE = "approve"
DENY = "deny"
VERDICTS = (APPROVE, DENY)

ALLOW = "allow"  #: the policy lets the call run without asking
REQUIRE_APPROVAL = "require_approval"
POLICY_VERDICTS = (ALLOW, DENY, REQUIRE_APPROVAL)

SUCCEEDED = "succeeded"  #: the call ran and returned
FAILED = "failed"  #: the call ran and raised, or stopped half way
NOT_RUN = "not_run"  #: the call was claimed and never started
OUTCOMES = (SUCCEEDED, FAILED, NOT_RUN)

RISKS = ("low", "medium", "high")


def highest_risk(*risks: str | None) -> str | None:
    """The highest of these risks; one that nobody named is below all."""
    return max((risk for risk in risks if risk is not None), key=RISKS.index, default=None)


def may_still_change(status: str, outcome: str | None) -> bool:
    """Whether anything can still happen to a request with that status and outcome."""
    return status in (PENDING, APPROVED) or (status == CONSUMED and outcome is None)


def effective_status(status: str, expires_at: int, approval_expires_at: int | None, now: int) -> str:
    """The status as it counts at `now` (ms UTC): past its time is expired, recorded or not (R3)."""
    if status == PENDING and expires_at <= now:
        return EXPIRED
    if status == APPROVED and approval_expires_at is not None and approval_expires_at <= now:
        return EXPIRED
    return status
