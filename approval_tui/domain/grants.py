"""Standing approvals: what a reviewer approved once for every time that it is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import HOUR, optional_timestamp
from approval_tui.domain.matchers import MatchedCall, Matcher
from approval_tui.domain.models import EVIDENCE_NONE, Requirements

SESSION = "session"  #: holds for one session of the requester
ALWAYS = "always"  #: holds for every session of the requester, and outside of sessions
SCOPES = (SESSION, ALWAYS)

SESSION_GRANT_LIFETIME = 12 * HOUR
"""After how many ms the grant for a session ends where nothing else is said, however long the session goes on."""

ALWAYS_GRANT_LIFETIME = 7 * 24 * HOUR
"""The same for a grant for every session."""

LONGEST_GRANT = 366 * 24 * HOUR
"""The longest that a grant can be given for, in ms: every one ends by itself."""

MOST_USES = 1_000_000


class GrantedCall(MatchedCall, Protocol):
    """What a grant looks at, besides what its matcher does."""

    @property
    def session(self) -> str | None: ...
    @property
    def risk(self) -> str | None: ...
    @property
    def requirements(self) -> Requirements: ...
    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True)
class GrantTerms:
    """What a reviewer grants with an approval; `lifetime` is in ms, and None where the scope's own is meant.

    Without a `matcher` it is exactly the call that is approved; without `most_uses` any number of times.
    """

    scope: str = SESSION
    matcher: Matcher | None = None
    lifetime: int | None = None
    most_uses: int | None = None

    @property
    def ends_after(self) -> int:
        """After how many ms the grant ends."""
        if self.lifetime is not None:
            return self.lifetime
        return SESSION_GRANT_LIFETIME if self.scope == SESSION else ALWAYS_GRANT_LIFETIME


FOR_SESSION = GrantTerms()
"""The very same call for the rest of its session."""


@dataclass(frozen=True)
class Grant:
    """A reviewer's approval of all calls that its matcher covers, in one session or always; times are in ms UTC.

    `request_id` is the request that the reviewer looked at when giving it, `fingerprint` that of its call. A grant of
    before there were matchers has none and covers exactly that call.
    """

    id: str
    scope: str
    session: str | None
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
    matcher: Matcher | None = None
    most_uses: int | None = None

    def is_in_force(self, now: int) -> bool:
        """Whether what it approved may still run at that moment."""
        return self.revoked_at is None and now < self.expires_at

    def is_live(self, now: int) -> bool:
        """Whether it approves anything more at that moment."""
        return self.is_in_force(now) and (self.most_uses is None or self.uses < self.most_uses)

    def covers(self, call: GrantedCall) -> bool:
        """Whether the call is one of those that it approves, as long as it is live (rule R7)."""
        return (
            (self.scope == ALWAYS or call.session == self.session)
            and why_ungrantable(call.requirements, call.risk, self.granted_by) is None
            and (call.fingerprint == self.fingerprint if self.matcher is None else self.matcher.covers(call))
        )

    def to_json(self) -> JsonObject:
        """The object that `--json` prints; times are ISO 8601 in UTC."""
        return {
            **self.__dict__,
            "granted_at": optional_timestamp(self.granted_at),
            "expires_at": optional_timestamp(self.expires_at),
            "revoked_at": optional_timestamp(self.revoked_at),
            "matcher": None if self.matcher is None else self.matcher.to_json(),
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
