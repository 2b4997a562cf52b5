"""Stores with a past, to be pruned: one move after the other, as chance has it."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg

from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, MINUTE
from approval_tui.domain.errors import ApprovalTuiError, InvalidInput
from approval_tui.domain.grants import ALWAYS, SESSION, GrantTerms
from approval_tui.domain.lifecycle import OUTCOMES
from approval_tui.domain.pruning import PrunePlan
from approval_tui.domain.roles import AGENT
from approval_tui.domain.tokens import new_token
from approval_tui.store import is_database_url
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.support import ANN, BO, ManualClock, approve, consume, deny

_APPROVED = Filter(status="approved")
_IN_DOUBT = Filter(status="in_doubt")

AGENTS = ("bot", "crawler")
SESSIONS = ("run-1", "run-2", "run-3")


def everything_told(store: BlockingStore) -> list[Event]:
    """The whole log as it is."""
    told: list[Event] = []
    store.reader.export(told.extend)
    return told


def pruned(store: BlockingStore, before: int) -> PrunePlan:
    """Prunes what is older and may go, and gives the plan."""
    plan = store.maintainer.plan_prune(before)
    store.maintainer.prune(plan, reviewer=ANN)
    return plan


def executed(location: str, statement: str, *, past_the_guards: bool = False) -> Any:
    """Executes a statement as somebody who needs no approval-tui, and gives the first value of its answer."""
    if is_database_url(location):
        with psycopg.connect(location, autocommit=True) as server:
            if past_the_guards:
                server.execute("SET session_replication_role = replica")
            cursor = server.execute(statement.encode())
            assert cursor.rowcount != 0
            row = cursor.fetchone() if cursor.description else None
    else:
        with contextlib.closing(sqlite3.connect(location, isolation_level=None)) as file:
            if past_the_guards:
                for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    file.execute(f"DROP TRIGGER {trigger}")
            answer = file.execute(statement)
            assert answer.rowcount != 0
            row = answer.fetchone() if answer.description else None
    return None if row is None else row[0]


class Past:
    """What agents and reviewers do, as chance has it; what is refused is part of it."""

    def __init__(self, store: BlockingStore, clock: ManualClock, seed: int) -> None:
        self.store = store
        self.clock = clock
        self.chance = random.Random(seed)
        self._claims: list[tuple[str, str]] = []

    def go_on(self, moves: int) -> None:
        """Makes so many moves."""
        for _ in range(moves):
            move = self.chance.choice(self._moves())
            try:
                move()
            except ApprovalTuiError:
                continue

    def rest(self, days: int) -> None:
        """Nothing waits any more, what is in doubt is resolved, mostly no session is held, and days go by."""
        self.clock.move(2 * HOUR)
        self.store.reviewer.expire_due()
        if days > 1 or self.chance.random() < 0.9:
            for hold in self.store.reviewer.holds():
                self.store.reviewer.release_session(hold.requester, hold.session, reviewer=ANN)
            for request in self.store.reviewer.list(_IN_DOUBT):
                self.store.reviewer.resolve(request.id, self.chance.choice(OUTCOMES), reviewer=ANN)
        self.clock.move(self.chance.choice((HOUR, days * DAY, 3 * days * DAY)))

    def _moves(self) -> tuple[Callable[[], object], ...]:
        often = (self._submit, self._approve, self._consume, self._report)
        return (*often, *often, self._deny, self._cancel, self._grant, self._end_grant, self._hold, self._release,
                self._make_token, self._end_token, self._time_goes_by)  # fmt: skip

    def _submit(self) -> None:
        tool, number = self.chance.choice(("shell", "mail")), self.chance.randrange(6)
        agent, session = self.chance.choice(AGENTS), self.chance.choice((*SESSIONS, None))
        self.store.requester.submit(Call(tool, {"n": number}, agent, session=session, timeout=20 * MINUTE))

    def _approve(self) -> None:
        approve(self.store, self.chance.choice(self.store.reviewer.list() or _nothing()), BO)

    def _deny(self) -> None:
        deny(self.store, self.chance.choice(self.store.reviewer.list() or _nothing()))

    def _cancel(self) -> None:
        request = self.chance.choice(self.store.reviewer.list() or _nothing())
        self.store.requester.cancel(request.id, requester=request.requester)

    def _consume(self) -> None:
        request = self.chance.choice(self.store.reviewer.list(_APPROVED) or _nothing())
        self._claims.append((request.id, consume(self.store, request).id))

    def _report(self) -> None:
        if not self._claims:
            _nothing()
        request_id, claim_id = self._claims.pop(self.chance.randrange(len(self._claims)))
        self.store.requester.report_outcome(request_id, claim_id, self.chance.choice(OUTCOMES))

    def _grant(self) -> None:
        request = self.chance.choice(self.store.reviewer.history(most=20) or _nothing())
        scope = SESSION if request.session is not None and self.chance.random() < 0.7 else ALWAYS
        terms = GrantTerms(scope=scope, lifetime=self.chance.choice((HOUR, HOUR, DAY, 3 * DAY)))
        self.store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)

    def _end_grant(self) -> None:
        grant = self.chance.choice(self.store.reviewer.grants() or _nothing())
        self.store.reviewer.revoke_grant(grant.id, reviewer=BO)

    def _hold(self) -> None:
        if self.chance.random() < 0.3:
            self.store.reviewer.hold_session(self.chance.choice(AGENTS), self.chance.choice(SESSIONS), reviewer=ANN)

    def _release(self) -> None:
        hold = self.chance.choice(self.store.reviewer.holds() or _nothing())
        self.store.reviewer.release_session(hold.requester, hold.session, reviewer=BO)

    def _make_token(self) -> None:
        lifetime = self.chance.choice((None, HOUR, 4 * DAY))
        self.store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=lifetime, reviewer=ANN)

    def _end_token(self) -> None:
        token = self.chance.choice(self.store.reviewer.tokens() or _nothing())
        self.store.reviewer.revoke_token(token.id, reviewer=ANN)

    def _time_goes_by(self) -> None:
        self.clock.move(self.chance.choice((MINUTE, 10 * MINUTE, HOUR)))


def _nothing() -> NoReturn:
    """There is nothing with which this move can be made."""
    raise InvalidInput("There is none.", not_done="Nothing.", to_do="Another move.")
