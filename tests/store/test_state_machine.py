"""The store against a plain-Python model of the life of a request, with a clock that jumps both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call, Claim
from approval_tui.domain.clock import DAY, HOUR, MINUTE, SECOND
from approval_tui.domain.decisions import NO_EVIDENCE, Evidence, Reviewer
from approval_tui.domain.errors import (
    ClaimInDoubt,
    ClaimInvalid,
    Conflict,
    DecisionRefused,
    RequestChanged,
    StatusConflict,
)
from approval_tui.domain.models import Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.transactions.queries import Filter
from tests.store.engines import SQLITE
from tests.store.model import Life, Model, Refusal, Refused
from tests.support import ManualClock

REQUESTER = "release-bot"
REVIEWERS = ("ann", "bo", "cy", REQUESTER)
ERRORS: dict[type[Conflict], Refusal] = {
    StatusConflict: Refusal.STATUS,
    RequestChanged: Refusal.CHANGED,
    DecisionRefused: Refusal.UNFIT,
    ClaimInvalid: Refusal.CLAIM,
    ClaimInDoubt: Refusal.DOUBT,
}
STEPS_OF_TIME = (1, 1, SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, DAY, 400 * DAY)

requirements = st.builds(
    Requirements,
    quorum=st.sampled_from([1, 1, 1, 2, 3]),
    reviewers=st.sampled_from([(), (), (), ("ann", "bo", "cy")]),
    evidence=st.sampled_from(["none", "none", "shown"]),
)
calls = st.builds(
    Call,
    tool=st.sampled_from(["shell", "mail"]),
    arguments=st.just({"n": 0}),
    requester=st.just(REQUESTER),
    session=st.sampled_from([None, "run-1", "run-2"]),
    requirements=requirements,
    timeout=st.sampled_from([SECOND, 10 * MINUTE, HOUR, DAY]),
    approval_lifetime=st.sampled_from([SECOND, 10 * MINUTE, 2 * HOUR, 2 * DAY]),
    dedupe_window=st.sampled_from([0, 5 * MINUTE, DAY]),
)
edits = st.one_of(st.none(), st.none(), st.integers(0, 2))
outcomes = st.sampled_from(["succeeded", "failed", "not_run"])


choices = st.integers(0, 399)


def some_request(machine: LifeOfRequests) -> bool:
    return bool(machine.model.lives)


def revision_of(arguments: Any) -> str:
    return json.dumps(arguments, sort_keys=True)


class LifeOfRequests(RuleBasedStateMachine):
    """Does to the store and to the model the same, and compares what each says."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.clock = ManualClock()
        numbers = count(1)
        self.store = open_store_blocking(
            location,
            clock=self.clock,
            new_id=lambda: f"apr_{next(numbers):032x}",
        )
        self.model = Model()
        self.digests: dict[tuple[str, str], str] = {}
        self.claims: list[tuple[Life, str]] = []

    def teardown(self) -> None:
        verification = self.store.reviewer.verify()
        assert verification.problems == ()
        assert verification.requests == len(self.model.lives)
        assert verification.events == sum(len(life.log) for life in self.model.lives.values())
        batches: list[tuple[Event, ...]] = []
        self.store.reviewer.export(batches.append)
        log = [event for batch in batches for event in batch]
        assert [event.seq for event in log] == list(range(1, verification.events + 1))
        assert all(first.at <= second.at for first, second in pairwise(log))
        self.store.close()

    def both(self, on_store: Callable[[], Any], on_model: Callable[[], Any]) -> Any:
        """What the store gave, or None where both refused for the same reason."""
        expected = got = result = None
        try:
            on_model()
        except Refused as refused:
            expected = refused.refusal
        try:
            result = on_store()
        except Conflict as error:
            got = ERRORS[type(error)]
        assert got is expected
        if result is not None:
            told = result.request if isinstance(result, Claim) else result
            assert told == self.store.reviewer.get(told.id)
        return result

    def pick(self, choice: int, *statuses: str) -> Life:
        """Mostly a request in one of the statuses, so that the machine gets far; else any."""
        among = (self.having(*statuses) if choice % 4 else []) or list(self.model.lives.values())
        return among[choice // 4 % len(among)]

    def having(self, *statuses: str) -> list[Life]:
        """All requests in one of the statuses."""
        return [life for life in self.model.lives.values() if life.status(self.clock.now) in statuses]

    @rule(call=calls)
    def submit(self, call: Call) -> None:
        met = self.model.met_by(call, self.clock.now)
        submitted = self.store.requester.submit(call)
        assert submitted.created == (met is None)
        assert submitted.request == self.store.reviewer.get(submitted.request.id)
        if met is not None:
            assert submitted.request.id == met.id
            self.model.meet(met)
            return
        request = submitted.request
        life = self.model.create(request.id, call, revision_of(call.arguments), self.clock.now)
        self.digests[life.id, life.revision] = request.digest

    @precondition(some_request)
    @rule(
        choice=choices,
        verdict=st.sampled_from(["approve", "approve", "approve", "deny"]),
        reviewer=st.sampled_from(REVIEWERS),
        shown=st.sampled_from([True, True, False]),
        stale=st.sampled_from([False, False, False, True]),
        edit=edits,
    )
    def decide(self, choice: int, verdict: str, reviewer: str, shown: bool, stale: bool, edit: int | None) -> None:
        life = self.pick(choice, "pending")
        seen = self._stale_revision(life) if stale else life.revision
        self._decide(life, verdict, reviewer, shown, seen, edit if verdict == "approve" else None)

    @precondition(lambda machine: machine.having("pending"))
    @rule(choice=choices, edit=edits)
    def everybody_approves(self, choice: int, edit: int | None) -> None:
        life = self.pick(4 * choice + 1, "pending")
        for reviewer in ("ann", "bo", "cy"):
            self._decide(life, "approve", reviewer, True, life.revision, edit)

    def _decide(self, life: Life, verdict: str, reviewer: str, shown: bool, seen: str | None, edit: int | None) -> None:
        edited = None if edit is None else {"n": edit}
        digest = "v1:sha256:none" if seen is None else self.digests[life.id, seen]
        decided = self.both(
            lambda: self.store.reviewer.decide(
                life.id,
                verdict,
                reviewer=Reviewer(reviewer),
                digest=digest,
                evidence=Evidence("shown", 1, 1) if shown else NO_EVIDENCE,
                edited_arguments=edited,
            ),
            lambda: self.model.decide(
                life, verdict, reviewer, seen, shown, None if edited is None else revision_of(edited), self.clock.now
            ),
        )
        if decided is not None:
            assert self.digests.setdefault((life.id, life.revision), decided.digest) == decided.digest

    def _stale_revision(self, life: Life) -> str | None:
        others = [revision for request_id, revision in self.digests if request_id == life.id]
        return next((revision for revision in others if revision != life.revision), None)

    @rule()
    def expire_due(self) -> None:
        assert self.store.reviewer.expire_due() == self.model.expire_due(self.clock.now)

    @precondition(some_request)
    @rule(
        choice=choices,
        requester=st.sampled_from([REQUESTER, REQUESTER, REQUESTER, "build-bot"]),
        lifetime=st.sampled_from([SECOND, HOUR]),
    )
    def consume(self, choice: int, requester: str, lifetime: int) -> None:
        life = self.pick(choice, "approved")
        fingerprint = self.store.requester.get(life.id).fingerprint
        claim = self.both(
            lambda: self.store.requester.consume(life.id, fingerprint, requester=requester, claim_lifetime=lifetime),
            lambda: self.model.may_consume(life, requester, self.clock.now),
        )
        if claim is not None:
            self.model.consume(life, claim.id, lifetime, self.clock.now)
            assert revision_of(claim.arguments) == life.revision
            self.claims.append((life, claim.id))

    @precondition(lambda machine: machine.claims)
    @rule(choice=choices, outcome=outcomes)
    def report(self, choice: int, outcome: str) -> None:
        life, claim = self.claims[-1 - choice % len(self.claims)]
        self.both(
            lambda: self.store.requester.report_outcome(life.id, claim, outcome),
            lambda: self.model.report(life, claim, outcome, self.clock.now),
        )

    @precondition(some_request)
    @rule(choice=choices, how=st.sampled_from(["revoke", "expire", "cancel", "withdraw another's", "resolve"]))
    def end(self, choice: int, how: str) -> None:
        """Ends a request in one of the ways that are no decision; one rule, lest nothing lives for long."""
        now = self.clock.now
        judge, ann = self.store.reviewer, Reviewer("ann")
        match how:
            case "revoke":
                life = self.pick(choice, "approved")
                self.both(lambda: judge.revoke(life.id, reviewer=ann), lambda: self.model.revoke(life, "ann", now))
            case "expire":
                life = self.pick(choice, "pending")
                self.both(lambda: judge.expire(life.id, reviewer=ann), lambda: self.model.expire(life, now))
            case "resolve":
                life = self.pick(choice, "consumed")
                self.both(
                    lambda: judge.resolve(life.id, "failed", reviewer=ann),
                    lambda: self.model.resolve(life, "failed", now),
                )
            case _:
                life = self.pick(choice, "pending", "approved")
                requester = REQUESTER if how == "cancel" else "build-bot"
                self.both(
                    lambda: self.store.requester.cancel(life.id, requester=requester),
                    lambda: self.model.cancel(life, requester, now),
                )

    @rule(step=st.sampled_from(STEPS_OF_TIME), back=st.sampled_from([False, False, True]))
    def time_jumps(self, step: int, back: bool) -> None:
        self.clock.now = max(10**12, min(4 * 10**12, self.clock.now + (-step if back else step)))

    @invariant()
    def store_and_model_agree(self) -> None:
        now = self.clock.now
        for life in self.model.lives.values():
            request = self.store.reviewer.get(life.id)
            assert request.status == life.status(now)
            assert [(word.verdict, word.reviewer) for word in request.decisions] == [
                (word.verdict, word.reviewer) for word in life.words
            ]
            assert [word.digest for word in request.decisions] == [
                self.digests[life.id, word.revision] for word in life.words
            ]
            assert revision_of(request.effective_arguments) == life.revision
            assert request.digest == self.digests[life.id, life.revision]
            assert (request.decided_at, request.approval_expires_at) == (life.decided_at, life.approval_expires_at)
            assert (request.outcome, request.in_doubt) == (life.outcome, life.in_doubt(now))
            assert [event.name for event in self.store.reviewer.events(request_id=life.id)] == life.log
        self._compare_list("pending", lambda life: life.status(now) == "pending")
        self._compare_list("approved", lambda life: life.status(now) == "approved")
        self._compare_list("in_doubt", lambda life: life.in_doubt(now))

    def _compare_list(self, status: str, belongs: Callable[[Life], bool]) -> None:
        listed = {request.id for request in self.store.reviewer.list(Filter(status=status))}
        assert listed == {life.id for life in self.model.lives.values() if belongs(life)}


@pytest.mark.parametrize(
    ("examples", "steps"), [(30, 30), pytest.param(3000, 100, marks=pytest.mark.soak)], ids=["short", "long"]
)
def test_the_store_does_what_the_model_of_the_design_does(
    next_location: Callable[[], str], engine: str, examples: int, steps: int
) -> None:
    few = examples if engine == SQLITE or examples > 1000 else examples // 2
    run_state_machine_as_test(
        lambda: LifeOfRequests(next_location()),  # type: ignore[arg-type]
        settings=settings(
            max_examples=few,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
