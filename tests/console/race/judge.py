"""Goes through the whole audit log of a race and says what no rule allows; it asks nothing of the store's own account.

Its model of requests, votes, grants and holds is made of the events alone, and of what each party was told.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from approval_tui.domain import events as names
from approval_tui.domain.models import Request
from approval_tui.domain.people import people
from tests.console.race.log import Entry

FINAL = ("denied", "expired", "cancelled")


@dataclass
class Told:
    """What the log said of one request so far."""

    request: Request  #: what of it never changes
    digest: str
    expires_at: int
    status: str = "pending"
    is_edited: bool = False
    votes: list[str] = field(default_factory=list)  #: who approved what it is now, each as written
    granted_by: str | None = None
    approved_digest: str | None = None
    consumed: int = 0
    was: list[tuple[str, str | None]] = field(default_factory=list)  #: each status, with the reviewer who made it so
    outcome: str | None = None


@dataclass
class Given:
    """A grant as it was given."""

    details: dict[str, Any]
    seq: int
    uses: int = 0
    revoked: bool = False
    at: int = 0


class Judge:
    """Folds the events; whatever is not allowed is added to `wrong`."""

    def __init__(self, requests: dict[str, Request]) -> None:
        self.requests = requests
        self.told: dict[str, Told] = {}
        self._grants: dict[str, Given] = {}
        self._held: dict[tuple[str, str], str] = {}
        self._denied: list[tuple[int, str, str | None]] = []  #: at, fingerprint, session
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()

    def go_through(self, entries: list[Entry]) -> None:
        """Takes in the whole log."""
        for entry in entries:
            self.counts[entry.name] += 1
            rule = _RULES.get(entry.name)
            if rule is not None:
                rule(self, entry)

    def _say(self, entry: Entry, what: str) -> None:
        self.wrong.append(f"event {entry.seq}, {entry.name} of {entry.request_id}: {what}")

    def _of(self, entry: Entry, *statuses: str) -> Told:
        assert entry.request_id is not None
        told = self.told[entry.request_id]
        if told.status not in statuses:
            self._say(entry, f"it was {told.status}")
        return told

    def _ends(self, entry: Entry, told: Told, status: str) -> None:
        told.status = status
        told.was.append((status, None if entry.by is None else entry.by[0]))

    # --- events --------------------------------------------------------------------------------

    def _submitted(self, entry: Entry) -> None:
        assert entry.request_id is not None
        if entry.request_id in self.told:
            self._say(entry, "it was asked before")
        told = Told(self.requests[entry.request_id], entry.changes["digest"], entry.changes["expires_at"])
        told.was.append(("pending", None))
        self.told[entry.request_id] = told

    def _edited(self, entry: Entry) -> None:
        told = self._of(entry, "pending")
        self._refuse_held(entry, told)
        if entry.changes["digest"] == told.digest or entry.details["was"] != told.digest:
            self._say(entry, "it is an edit of something else, or of nothing")
        told.digest, told.is_edited, told.votes = entry.changes["digest"], True, []

    def _voted(self, entry: Entry) -> None:
        told = self._of(entry, "pending")
        self._count(entry, told)
        if len(told.votes) >= told.request.requirements.quorum:
            self._say(entry, f"{told.votes} were enough, and it still waits")

    def _approved(self, entry: Entry) -> None:
        told = self._of(entry, "pending")
        if entry.by is not None and entry.by[1] == "grant":
            self._granted(entry, told)
        else:
            self._count(entry, told)
            if len(told.votes) != told.request.requirements.quorum:
                self._say(entry, f"{told.votes} approved what needs {told.request.requirements.quorum}")
        told.approved_digest = told.digest
        self._ends(entry, told, "approved")

    def _count(self, entry: Entry, told: Told) -> None:
        """One more reviewer, for what the request is now."""
        self._refuse_held(entry, told)
        decision = entry.decision
        assert decision is not None
        if decision["digest"] != told.digest:
            self._say(entry, f"the decision is on {decision['digest']}, and it is {told.digest}")
        if entry.at >= told.expires_at:
            self._say(entry, "its time was over")
        if told.request.requirements.quorum > 1 and len(people((told.request.requester, decision["reviewer"]))) == 1:
            self._say(entry, "the requester voted")
        told.votes.append(decision["reviewer"])
        if len(people(told.votes)) != len(told.votes):
            self._say(entry, f"somebody counts twice: {told.votes}")

    def _granted(self, entry: Entry, told: Told) -> None:
        self._refuse_held(entry, told)
        grant = self._grants.get(entry.details.get("grant", ""))
        request = told.request
        if request.requirements.quorum > 1 or request.risk == "high" or told.is_edited:
            self._say(entry, "a grant approved what no grant may")
        if grant is None:
            self._say(entry, "nobody gave the grant")
            return
        grant.uses += 1
        told.granted_by = entry.details["grant"]
        most = grant.details["most_uses"]
        if grant.revoked or entry.at >= grant.details["expires_at"] or (most is not None and grant.uses > most):
            self._say(entry, f"the grant was not in force: {grant}")
        if not _covers(grant.details, request):
            self._say(entry, f"the grant covers something else: {grant.details}")
        scope = None if grant.details["scope"] == "always" else grant.details["session"]
        if any(
            at > grant.at and fingerprint == request.fingerprint and scope in (None, session)
            for at, fingerprint, session in self._denied
        ):
            self._say(entry, "the very same call was denied after the grant was given")

    def _denial(self, entry: Entry) -> None:
        told = self._of(entry, "pending" if entry.name == names.DENIED else "approved")
        decision = entry.decision
        assert decision is not None
        if decision["digest"] != told.digest:
            self._say(entry, "the denial is of something else")
        self._denied.append((entry.seq, told.request.fingerprint, told.request.session))
        self._ends(entry, told, "denied")

    def _expired(self, entry: Entry) -> None:
        told = self._of(entry, "pending", "approved")
        is_ended = told.granted_by is not None and not self._is_grant_in_force(told, entry)
        if entry.by is None and told.status == "pending" and entry.at < told.expires_at:
            self._say(entry, "its time was not over")
        if entry.by is None and told.status == "approved" and not is_ended:
            self._say(entry, "its approval held")
        self._ends(entry, told, "expired")

    def _is_grant_in_force(self, told: Told, entry: Entry) -> bool:
        grant = self._grants[told.granted_by or ""]
        scope = None if grant.details["scope"] == "always" else grant.details["session"]
        return not grant.revoked and not any(
            at > grant.at and fingerprint == told.request.fingerprint and scope in (None, session)
            for at, fingerprint, session in self._denied
        )

    def _cancelled(self, entry: Entry) -> None:
        self._ends(entry, self._of(entry, "pending", "approved"), "cancelled")

    def _consumed(self, entry: Entry) -> None:
        told = self._of(entry, "approved")
        self._refuse_held(entry, told)
        if not entry.details["digest"] == told.digest == told.approved_digest:
            self._say(entry, "what was claimed is not what was approved")
        if told.granted_by is not None and not self._is_grant_in_force(told, entry):
            self._say(entry, "the grant that approved it had ended")
        told.consumed += 1
        self._ends(entry, told, "consumed")

    def _rolled_back(self, entry: Entry) -> None:
        told = self._of(entry, "consumed")
        told.consumed -= 1
        told.status = entry.changes.get("status", "consumed")
        told.was.append((told.status, None))

    def _outcome(self, entry: Entry) -> None:
        told = self._of(entry, "consumed")
        if told.outcome is not None:
            self._say(entry, "its outcome was reported before")
        told.outcome = entry.changes["outcome"]

    def _grant_given(self, entry: Entry) -> None:
        grant = entry.details["grant"]
        if grant in self._grants:
            self._say(entry, "it was given before")
        assert entry.request_id is not None
        told = self.told[entry.request_id]
        if told.request.requirements.quorum > 1 or told.request.risk == "high" or told.is_edited:
            self._say(entry, "such a call is granted by nobody")
        self._grants[grant] = Given(entry.details, entry.seq, at=entry.seq)

    def _grant_revoked(self, entry: Entry) -> None:
        grant = self._grants[entry.details["grant"]]
        if grant.revoked:
            self._say(entry, "it was revoked before")
        grant.revoked = True

    def _session_held(self, entry: Entry) -> None:
        session = entry.details["requester"], entry.details["session"]
        if session in self._held:
            self._say(entry, "it was held before")
        self._held[session] = entry.details["held_by"]

    def _session_released(self, entry: Entry) -> None:
        if self._held.pop((entry.details["requester"], entry.details["session"]), None) is None:
            self._say(entry, "it was not held")

    def _refuse_held(self, entry: Entry, told: Told) -> None:
        if told.request.session is not None and (told.request.requester, told.request.session) in self._held:
            self._say(entry, "its session is held back")

    # --- what parties say ----------------------------------------------------------------------

    def check_end(self) -> None:
        """Every request ended, in one way."""
        for request_id, told in self.told.items():
            ended = (told.status == "consumed" and told.outcome is not None) or told.status in FINAL
            if not ended:
                self.wrong.append(f"{request_id} ended as {told.status} with the outcome {told.outcome}")
            if self.requests[request_id].status != told.status:
                self.wrong.append(f"{request_id} is {self.requests[request_id].status}, and the log says {told.status}")


_RULES = {
    names.SUBMITTED: Judge._submitted,
    names.EDITED: Judge._edited,
    names.VOTED: Judge._voted,
    names.APPROVED: Judge._approved,
    names.DENIED: Judge._denial,
    names.REVOKED: Judge._denial,
    names.EXPIRED: Judge._expired,
    names.CANCELLED: Judge._cancelled,
    names.CONSUMED: Judge._consumed,
    names.ROLLED_BACK: Judge._rolled_back,
    names.OUTCOME: Judge._outcome,
    names.GRANT_GIVEN: Judge._grant_given,
    names.GRANT_REVOKED: Judge._grant_revoked,
    names.SESSION_HELD: Judge._session_held,
    names.SESSION_RELEASED: Judge._session_released,
}


def _covers(given: dict[str, Any], request: Request) -> bool:
    """Whether such a call was granted, by the few forms of matchers that there are in a race."""
    if (given["requester"], given["tool"]) != (request.requester, request.tool):
        return False
    if given["scope"] != "always" and given["session"] != request.session:
        return False
    matcher = given["matcher"]
    if matcher is None:
        return bool(given["fingerprint"] == request.fingerprint)
    for part in json.loads(matcher)["parts"]:
        value: Any = {"arguments": request.arguments, "context": request.context}
        for name in part["path"]:
            value = value[name]
        if part["kind"] == "fitting":
            folder = part["text"].removesuffix("*")
            if not str(value).startswith(folder) or "/" in str(value)[len(folder) :]:
                return False
        elif part["kind"] == "exactly" and json.loads(part["text"]) != value:
            return False
    return True
