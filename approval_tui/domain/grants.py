"""Standing approvals: what a reviewer approved once for every time that it is asked again."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import HOUR, optional_timestamp
from approval_tui.domain.models import EVIDENCE_NONE, Requirements

SESSION = "session"  #: holds for one session of the requester

SESSION_GRANT_LIFETIME = 12 * HOUR
"""After how many ms the grant for a session ends, however long the session goes on."""


@dataclass(frozen=True)
class Grant:
    """A reviewer's approval of exactly one call, for a session; times are in ms UTC.

    `fingerprint` is that of the call, `request_id` the request that the reviewer looked at when giving it.
    """

    id: str
    scope: str
    session: str
    fingerprint: str
    request_id: str
    tool: str
    requester: str
    granted_by: str
    granted_at: int
    expires_at: int
    uses: int
    revoked_by: str | None
    revoked_at: int | None

    def is_live(self, now: int) -> bool:
        """Whether it approves anything at that moment."""
        return self.revoked_at is None and now < self.expires_at

    def to_json(self) -> JsonObject:
        """The object that `--json` prints; times are ISO 8601 in UTC."""
        return {
            **self.__dict__,
            "granted_at": optional_timestamp(self.granted_at),
            "expires_at": optional_timestamp(self.expires_at),
            "revoked_at": optional_timestamp(self.revoked_at),
        }


def why_ungrantable(requirements: Requirements, risk: str | None, granted_by: str) -> str | None:
    """Why no grant of that reviewer can approve such a call (rule R7); None where one can."""
    if risk == "high":
        return "a call of high risk is looked at each time"
    if requirements.quorum > 1:
        return "its rule asks for several reviewers"
    if requirements.evidence != EVIDENCE_NONE:
        return "its rule asks that it is looked at each time"
    if requirements.reason_required:
        return "its rule asks for a reason each time"
    if requirements.reviewers and granted_by not in requirements.reviewers:
        return f"its rule does not let {granted_by} decide"
    return None
