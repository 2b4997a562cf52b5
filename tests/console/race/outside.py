"""Reviewers outside of any console: what they do, whichever door they go through."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.console.race.answers import Answer, Answers
from tests.console.race.stage import Stage

GRANT_USES = 4
Found = dict[str, Any]
"""A request, a grant or a hold, as JSON."""


class Reply(NamedTuple):
    """What came back: whether it was done, what of it as JSON, and else why not."""

    is_done: bool
    value: Any
    why: str = ""


class OutsideReviewer(ABC):
    """Looks at what there is, and decides something of it."""

    via: str

    def __init__(self, names: Sequence[str], answers: Answers, chosen: random.Random, stage: Stage) -> None:
        """`names` are those under which it decides, mostly the first."""
        self._names, self._answers, self._chosen, self._stage = names, answers, chosen, stage
        self._edits = 0

    def act(self) -> None:
        """Looks, and does one thing."""
        name = self._names[0] if self._chosen.random() < 0.7 else self._chosen.choice(self._names)
        waiting = self.listed("pending")
        self._stage.think(self._chosen.choice((0.0, 0.05)))
        weights: dict[Callable[[str, list[Found]], None], int] = {self._approve: 9, self._deny: 4, self._edit: 3}
        weights |= {self._for_session: 2, self._bulk: 3, self._grant: 2, self._revoke_grant: 3}
        weights |= {self._hold: 1, self._release: 4, self._revoke: 1, self._expire: 1}
        (does,) = self._chosen.choices(list(weights), list(weights.values()))
        if waiting:
            does(name, waiting)

    def decide(self, name: str, verdict: str, request: Found) -> Reply:
        """Says yes or no to that request as it was found, and keeps the answer."""
        reply = self.send(name, verdict, request, {})
        self._keep(name, verdict, request, reply)
        return reply

    # --- the door ------------------------------------------------------------------------------

    @abstractmethod
    def listed(self, status: str) -> list[Found]:
        """The requests of that status."""

    @abstractmethod
    def grants(self) -> list[Found]:
        """All grants."""

    @abstractmethod
    def send(self, name: str, verdict: str, request: Found, more: dict[str, Any]) -> Reply:
        """One decision on the request as it was found; `more` has edited_arguments or for_session."""

    @abstractmethod
    def send_bulk(self, name: str, verdict: str, requests: list[Found]) -> list[Found]:
        """The same on several; gives what became of each."""

    @abstractmethod
    def send_other(self, name: str, what: str, about: Found) -> Reply:
        """`add grant`, `revoke grant`, `hold`, `release`, `revoke` or `expire`, about a request or a grant."""

    # --- what it does --------------------------------------------------------------------------

    def _approve(self, name: str, waiting: list[Found]) -> None:
        self.decide(name, "approve", self._chosen.choice(waiting))

    def _deny(self, name: str, waiting: list[Found]) -> None:
        self.decide(name, "deny", self._chosen.choice(waiting))

    def _edit(self, name: str, waiting: list[Found]) -> None:
        request = self._chosen.choice(waiting)
        self._edits += 1
        (key, value), *_ = (request["edited_arguments"] or request["arguments"]).items()
        edited = {key: f"{value}-{self.via}{self._edits}"}
        reply = self.send(name, "approve", request, {"edited_arguments": edited})
        self._keep(name, "edit", request, reply)

    def _for_session(self, name: str, waiting: list[Found]) -> None:
        request = self._chosen.choice(waiting)
        self._keep(name, "approve", request, self.send(name, "approve", request, {"for_session": True}))

    def _bulk(self, name: str, waiting: list[Found]) -> None:
        verdict = self._chosen.choice(("approve", "deny"))
        some = self._chosen.sample(waiting, min(3, len(waiting)))
        by_id = {request["id"]: request for request in some}
        results = self.send_bulk(name, verdict, some)
        assert sorted(result["id"] for result in results) == sorted(by_id)
        for result in results:
            reply = Reply(result["decided"], {"status": result["status"]}, result["why"] or "")
            self._keep(name, verdict, by_id[result["id"]], reply)

    def _grant(self, name: str, waiting: list[Found]) -> None:
        self.send_other(name, "add grant", self._chosen.choice(waiting))

    def _revoke_grant(self, name: str, _: list[Found]) -> None:
        live = [grant for grant in self.grants() if grant["revoked_at"] is None]
        if live:  # mostly one that approved something just now, which then may not run any more
            used = max(live, key=lambda grant: int(grant["uses"]))
            self.send_other(name, "revoke grant", self._chosen.choice((used, used, self._chosen.choice(live))))

    def _hold(self, name: str, waiting: list[Found]) -> None:
        self._on_session(name, "hold", waiting)

    def _release(self, name: str, waiting: list[Found]) -> None:
        self._on_session(name, "release", waiting)

    def _on_session(self, name: str, what: str, waiting: list[Found]) -> None:
        of_sessions = [request for request in waiting if request["session"] is not None]
        if of_sessions:
            self.send_other(name, what, self._chosen.choice(of_sessions))

    def _revoke(self, name: str, _: list[Found]) -> None:
        approved = self.listed("approved")
        if approved:
            self.send_other(name, "revoke", self._chosen.choice(approved))

    def _expire(self, name: str, waiting: list[Found]) -> None:
        self.send_other(name, "expire", self._chosen.choice(waiting))

    def _keep(self, name: str, verdict: str, request: Found, reply: Reply) -> None:
        said = reply.value["status"] if reply.is_done else reply.why
        self._answers.add(Answer(name, self.via, verdict, request["id"], request["digest"], reply.is_done, said))
