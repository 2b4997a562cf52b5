"""The life of a request in plain Python, written from the design and not from the store."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NoReturn

from approval_tui.domain.calls import Call


class Refusal(enum.Enum):
    """Why a command is refused."""

    STATUS = "the request is not in a status that allows it"
    CHANGED = "it is not what the caller means"
    UNFIT = "the rule does not admit the decision"
    CLAIM = "that claim is not open"
    DOUBT = "the claim is in doubt"


class Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True)
class Word:
    """What one reviewer said about one revision of the arguments."""

    verdict: str
    reviewer: str
    revision: str


@dataclass
class Life:
    """One request; a revision is the JSON of the arguments that would run."""

    id: str
    call: Call
    created_at: int
    revision: str
    recorded: str = "pending"
    edited: bool = False
    words: list[Word] = field(default_factory=list)
    decided_at: int | None = None
    approval_expires_at: int | None = None
    claim: str | None = None
    claim_expires_at: int = 0
    outcome: str | None = None
    log: list[str] = field(default_factory=lambda: ["request_submitted"])

    @property
    def expires_at(self) -> int:
        return self.created_at + self.call.timeout

    def status(self, now: int) -> str:
        """Past its time is expired, recorded or not."""
        overdue_since = {"pending": self.expires_at, "approved": self.approval_expires_at}.get(self.recorded)
        return "expired" if overdue_since is not None and overdue_since <= now else self.recorded

    def in_doubt(self, now: int) -> bool:
        return self.recorded == "consumed" and self.outcome is None and self.claim_expires_at <= now


class Model:
    """All requests, and the commands on them; each command changes the model or raises Refused."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}

    def met_by(self, call: Call, now: int) -> Life | None:
        """The newest word on the same call that still holds: what a submission meets instead of being made."""
        since = now - call.dedupe_window

        def holds(life: Life) -> bool:
            match life.status(now):
                case "approved":
                    return True
                case "pending":
                    return life.created_at > since
                case "denied":
                    return life.decided_at is not None and life.decided_at > since
                case _:
                    return False

        words = [
            life
            for life in self.lives.values()
            if (life.call.tool, life.call.requester) == (call.tool, call.requester) and holds(life)
        ]
        return max(words, key=lambda life: (life.decided_at or life.created_at, life.id), default=None)

    def meet(self, life: Life) -> None:
        life.log.append("request_reused")

    def create(self, request_id: str, call: Call, revision: str, now: int) -> Life:
        life = Life(request_id, call, now, revision)
        self.lives[request_id] = life
        return life

    def decide(
        self, life: Life, verdict: str, reviewer: str, seen: str | None, shown: bool, edit: str | None, now: int
    ) -> None:
        if self._said_already(life, verdict, reviewer, seen, edit, now):
            return
        is_late = life.status(now) in ("expired", "cancelled")
        try:
            self._need(life, "pending", now)
        finally:
            if is_late:
                life.log.append("decision_made_late")
        if seen != life.revision:
            _refuse(Refusal.CHANGED)
        needs = life.call.requirements
        if needs.reviewers and reviewer not in needs.reviewers:
            _refuse(Refusal.UNFIT)
        if verdict == "approve" and needs.evidence == "shown" and not shown:
            _refuse(Refusal.UNFIT)
        if verdict == "approve" and needs.quorum > 1 and reviewer == life.call.requester:
            _refuse(Refusal.UNFIT)
        if edit is not None:
            life.revision = edit
            life.edited = True
            life.log.append("request_edited")
        life.words.append(Word(verdict, reviewer, life.revision))
        if verdict == "deny":
            self._end(life, "denied", "request_denied", now)
        elif len({word.reviewer for word in life.words if word.revision == life.revision}) < needs.quorum:
            life.log.append("vote_recorded")
        else:
            self._end(life, "approved", "request_approved", now)
            life.approval_expires_at = now + life.call.approval_lifetime

    def _said_already(
        self, life: Life, verdict: str, reviewer: str, seen: str | None, edit: str | None, now: int
    ) -> bool:
        """The same word again by the same reviewer is harmless while it stands."""
        if life.status(now) not in ("pending", "approved" if verdict == "approve" else "denied"):
            return False
        if edit is None:
            meant = seen
        elif life.edited:
            meant = edit
        else:
            return False
        return meant == life.revision and Word(verdict, reviewer, life.revision) in life.words

    def revoke(self, life: Life, reviewer: str, now: int) -> None:
        self._need(life, "approved", now)
        life.words.append(Word("deny", reviewer, life.revision))
        self._end(life, "denied", "request_revoked", now)

    def expire(self, life: Life, now: int) -> None:
        if life.recorded == "expired":
            return
        if life.status(now) not in ("pending", "expired"):
            _refuse(Refusal.STATUS)
        self._end(life, "expired", "request_expired", now)

    def expire_due(self, now: int) -> int:
        due = [life for life in self.lives.values() if life.status(now) != life.recorded]
        for life in due:
            self._end(life, "expired", "request_expired", now)
        return len(due)

    def cancel(self, life: Life, requester: str, now: int) -> None:
        if requester != life.call.requester:
            _refuse(Refusal.CHANGED)
        self._need(life, "approved" if life.recorded == "approved" else "pending", now)
        self._end(life, "cancelled", "request_cancelled", now)

    def may_consume(self, life: Life, requester: str, now: int) -> None:
        if requester != life.call.requester:
            _refuse(Refusal.CHANGED)
        self._need(life, "approved", now)

    def consume(self, life: Life, claim: str, lifetime: int, now: int) -> None:
        life.recorded = "consumed"
        life.claim = claim
        life.claim_expires_at = now + lifetime
        life.log.append("request_consumed")

    def report(self, life: Life, claim: str, outcome: str, now: int) -> None:
        self._need(life, "consumed", now)
        if claim != life.claim or life.outcome is not None:
            _refuse(Refusal.CLAIM)
        if life.in_doubt(now):
            life.log.append("outcome_reported_late")
            _refuse(Refusal.DOUBT)
        assert life.approval_expires_at is not None
        if outcome == "not_run" and life.approval_expires_at > now:
            life.recorded = "approved"
            life.claim = None
        else:
            life.outcome = outcome
        life.log.append("claim_rolled_back" if outcome == "not_run" else "outcome_reported")

    def resolve(self, life: Life, outcome: str, now: int) -> None:
        self._need(life, "consumed", now)
        if not life.in_doubt(now):
            _refuse(Refusal.STATUS)
        life.outcome = outcome
        life.log.append("claim_resolved")

    def _need(self, life: Life, status: str, now: int) -> None:
        """Refuses another status; whoever comes for a request past its time records that it has expired."""
        if life.recorded == status and life.status(now) != status:
            self._end(life, "expired", "request_expired", now)
        if life.recorded != status:
            _refuse(Refusal.STATUS)

    def _end(self, life: Life, status: str, event: str, now: int) -> None:
        life.recorded = status
        life.decided_at = now
        life.log.append(event)


def _refuse(refusal: Refusal) -> NoReturn:
    raise Refused(refusal)
