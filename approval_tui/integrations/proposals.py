"""A proposal that waits for a reviewer, in ToolWeaver's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from approval_tui.domain.errors import ApprovalTuiError

LIFETIME = timedelta(hours=24)


class ApprovalStatus(Enum):
    """Where a proposal stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class ProposalError(ApprovalTuiError, ValueError):
    """A proposal cannot be made or decided so; a ValueError, as ToolWeaver raises."""


class Decider(Protocol):
    """What decides on proposals: the manager that handed them out."""

    def approve(self, request_id: str, reviewer: str) -> ApprovalRequest: ...

    def reject(self, request_id: str, reviewer: str, reason: str) -> ApprovalRequest: ...

    def get_request(self, request_id: str) -> ApprovalRequest | None: ...


@dataclass
class ApprovalRequest:
    """A proposal: what is to be done, and what a reviewer said of it; times are in UTC.

    One that a manager made stands in the store: `approve` and `reject` write there, and `refresh` takes in what was
    decided elsewhere, in the console for example. Another one lives by itself. Either is decided once, in time.
    `edit_told` says in a sentence what a reviewer changed of it, None where nobody did.
    """

    request_id: str
    title: str
    description: str
    proposed_action: dict[str, Any]
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    expires_at: datetime = None  # type: ignore[assignment]  # set below
    status: ApprovalStatus = ApprovalStatus.PENDING
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    rejection_reason: str | None = None
    digest: str | None = field(default=None, repr=False, compare=False)
    manager: Decider | None = field(default=None, repr=False, compare=False)
    edit_told: str | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.created_at = _in_utc(self.created_at)
        given: datetime | None = self.expires_at
        self.expires_at = self.created_at + LIFETIME if given is None else _in_utc(given)

    def is_expired(self) -> bool:
        """Whether its time has passed."""
        return self.status is ApprovalStatus.EXPIRED or datetime.now(UTC) >= self.expires_at

    def refresh(self) -> ApprovalRequest:
        """Itself, as the store has it now."""
        if self.manager is not None:
            now = self.manager.get_request(self.request_id)
            if now is not None and now is not self:
                self.__dict__.update(now.__dict__)
        return self

    def approve(self, reviewer: str) -> None:
        """Approves it; raises ProposalError unless it waits."""
        if self.manager is not None:
            self.manager.approve(self.request_id, reviewer)
        else:
            self._decide(ApprovalStatus.APPROVED, reviewer)

    def reject(self, reviewer: str, reason: str) -> None:
        """Rejects it; raises ProposalError unless it waits."""
        if self.manager is not None:
            self.manager.reject(self.request_id, reviewer, reason)
        else:
            self._decide(ApprovalStatus.REJECTED, reviewer)
            self.rejection_reason = reason

    def _decide(self, status: ApprovalStatus, reviewer: str) -> None:
        if self.status is not ApprovalStatus.PENDING or self.is_expired():
            now = ApprovalStatus.EXPIRED if self.status is ApprovalStatus.PENDING else self.status
            raise ProposalError(
                f"Request {self.request_id} is {now.value}.",
                not_done="Nothing was decided.",
                to_do="Propose it again.",
            )
        if not isinstance(reviewer, str) or not reviewer.strip():
            raise ProposalError(
                "Nobody is named as the reviewer.", not_done="Nothing was decided.", to_do="Name who decides."
            )
        self.status, self.reviewer, self.reviewed_at = status, reviewer, datetime.now(UTC)


def _in_utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a time zone is local time, as `datetime.now()` gives it."""
    return moment.astimezone(UTC)
