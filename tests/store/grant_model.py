"""What grants may approve, in plain Python, written from the design and not from the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY, HOUR

Fits = Callable[[Any], bool]


@dataclass
class Asked:
    """One request, as far as grants are concerned; times are in ms."""

    id: str
    call: Call
    created_at: int
    status: str = "pending"
    decided_at: int | None = None
    approval_expires_at: int = 0
    grant: str | None = None

    @property
    def fingerprint(self) -> str:
        return check_call(self.call).fingerprint

    def is_now(self, status: str, now: int) -> bool:
        """Whether it has that status, and its time has not passed."""
        ends_at = {"pending": self.created_at + self.call.timeout, "approved": self.approval_expires_at}
        return self.status == status and ends_at.get(status, now + 1) > now


@dataclass
class Given:
    """One grant; `fits` says of each argument what it may be."""

    id: str
    by: str
    source: Asked
    is_always: bool
    fits: dict[str, Fits]
    granted_at: int
    expires_at: int
    most_uses: int | None
    uses: int = 0
    is_revoked: bool = False

    def covers(self, call: Call) -> bool:
        """Whether it is one of the calls that were meant."""
        mine, needs = self.source.call, call.requirements
        return (
            (mine.requester, mine.server, mine.tool, mine.rule_hash, mine.context)
            == (call.requester, call.server, call.tool, call.rule_hash, call.context)
            and (self.is_always or mine.session == call.session)
            and is_grantable(call, self.by)
            and needs.quorum == 1
            and call.arguments.keys() == self.fits.keys()
            and all(fits(call.arguments[name]) for name, fits in self.fits.items())
        )

    def is_in_force(self, now: int) -> bool:
        """Whether what it approved may run."""
        return not self.is_revoked and now < self.expires_at

    def is_live(self, now: int) -> bool:
        """Whether it approves more."""
        return self.is_in_force(now) and (self.most_uses is None or self.uses < self.most_uses)


def is_grantable(call: Call, by: str) -> bool:
    """Whether any grant of that reviewer may approve the call (rule R7)."""
    needs = call.requirements
    is_looked_at = call.risk == "high" or needs.quorum > 1 or needs.evidence != "none" or needs.reason_required
    return not is_looked_at and (not needs.reviewers or by in needs.reviewers)


def lifetime_of(is_always: bool, lifetime: int | None) -> int:
    """How long a grant holds, in ms."""
    return lifetime or (7 * DAY if is_always else 12 * HOUR)


@dataclass
class Model:
    """All requests and grants in the order in which they came, and which sessions are held."""

    asked: list[Asked] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    held: set[tuple[str, str]] = field(default_factory=set)

    def is_held(self, call: Call) -> bool:
        return call.session is not None and (call.requester, call.session) in self.held

    def is_denied_since(self, grant: Given, fingerprint: str) -> bool:
        """Whether somebody said no to the very same call after the grant was given."""
        return any(
            each.status == "denied"
            and each.fingerprint == fingerprint
            and each.decided_at is not None
            and each.decided_at >= grant.granted_at
            and (grant.is_always or each.call.session == grant.source.call.session)
            for each in self.asked
        )

    def approving(self, call: Call, now: int) -> list[Given]:
        """The grants that approve the call now, the oldest first."""
        if self.is_held(call):
            return []
        fingerprint = check_call(call).fingerprint
        return sorted(
            (
                grant
                for grant in self.given
                if grant.is_live(now) and grant.covers(call) and not self.is_denied_since(grant, fingerprint)
            ),
            key=lambda grant: (grant.granted_at, grant.id),
        )

    def released(self, grant: Given, now: int) -> list[Asked]:
        """What waits and is approved by the grant when it is given, the oldest first."""
        waiting = [
            each
            for each in self.asked
            if each.is_now("pending", now)
            and grant.covers(each.call)
            and not self.is_denied_since(grant, each.fingerprint)
            and not self.is_held(each.call)
        ]
        return waiting if grant.most_uses is None else waiting[: grant.most_uses - grant.uses]

    def met(self, call: Call, now: int) -> Asked | None:
        """The newest word on the same call that still holds (rule R5)."""
        fingerprint, since = check_call(call).fingerprint, now - call.dedupe_window
        holding = [
            each
            for each in self.asked
            if each.fingerprint == fingerprint
            and (
                each.is_now("approved", now)
                or (each.is_now("pending", now) and each.created_at > since)
                or (each.status == "denied" and (each.decided_at or 0) > since)
            )
            and (each.status != "approved" or each.grant is None or self._is_for(each, call, now))
            and not self._are_apart(each, call)
        ]
        return max(
            holding,
            key=lambda each: (each.created_at if each.decided_at is None else each.decided_at, each.id),
            default=None,
        )

    def _are_apart(self, asked: Asked, call: Call) -> bool:
        """Whether a hold on one of two sessions keeps it from what the other asked."""
        is_between = asked.status != "denied" and asked.call.session != call.session
        return is_between and (self.is_held(call) or self.is_held(asked.call))

    def _is_for(self, approved: Asked, call: Call, now: int) -> bool:
        (grant,) = [each for each in self.given if each.id == approved.grant]
        return (
            approved.call.session == call.session
            and is_grantable(call, grant.by)
            and grant.is_in_force(now)
            and not self.is_denied_since(grant, approved.fingerprint)
        )

    def use(self, grant: Given, asked: Asked, now: int) -> None:
        """The grant approves the request."""
        assert grant.is_live(now)
        grant.uses += 1
        asked.status, asked.grant, asked.decided_at = "approved", grant.id, now
        asked.approval_expires_at = min(now + asked.call.approval_lifetime, grant.expires_at)
