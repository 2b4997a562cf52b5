"""Many who run a granted call at once, and random lives of grants, held against what the log says of them."""

from __future__ import annotations

import concurrent.futures
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.errors import ApprovalTuiError, StatusConflict
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.domain.models import Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.granting import grant_for
from tests.support import ANN, BO, LONG, ManualClock, assert_sound, consume, run_worker


def race(name: str, path: str, *numbers: int) -> Any:
    return json.loads(run_worker("races", name, path, "turns", *map(str, numbers)))


def test_of_16_processes_that_run_a_granted_call_at_once_each_uses_an_approval_of_its_own(store_location: str) -> None:
    ran = race("claim_granted", store_location, 16)
    assert len({request_id for request_id, _, _ in ran}) == 16
    assert len({claim for _, _, claim in ran}) == 16
    assert {via for _, via, _ in ran} == {"grant"}
    with open_store_blocking(store_location) as store:
        (grant,) = store.reviewer.grants()
        assert grant.uses == 16
        assert len(store.reviewer.history(Filter(status="consumed"))) == 17
        assert_sound(store)


def test_of_16_threads_that_run_a_granted_call_at_once_each_uses_an_approval_of_its_own(
    store: BlockingStore, call: Call
) -> None:
    grant_for(store, call)

    def run(_number: int) -> str | None:
        for _ in range(1000):
            request = store.requester.submit(call).request
            try:
                return consume(store, request).request.id
            except StatusConflict:
                continue  # another thread used it first: the call is submitted anew
        return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ran = set(pool.map(run, range(16), timeout=LONG))
    assert None not in ran
    assert len(ran) == store.reviewer.grants()[0].uses == 16
    assert_sound(store)


def test_nothing_is_approved_by_a_grant_after_its_revocation_however_many_ask(store_location: str) -> None:
    ran = race("revoke_while_claiming", store_location, 6, 8)
    with open_store_blocking(store_location) as store:
        (grant,) = store.reviewer.grants()
        events = store.reviewer.events(most=10_000)
        (revoked,) = (event.seq for event in events if event.name == "grant_revoked")
        approved = [event.seq for event in events if event.name == "request_approved" and event.body["details"]]
        assert max(approved) < revoked
        assert len(approved) == grant.uses >= max(8, sum(ran))
        assert_sound(store)


@pytest.mark.parametrize("is_same", [False, True], ids=["each another call", "all the same call"])
def test_of_many_processes_that_race_for_the_last_use_of_a_grant_exactly_one_runs(
    store_location: str, processes: int, is_same: bool
) -> None:
    raced = race("last_use", store_location, processes, int(is_same))
    claims = [claim for _, _, claim in raced if claim is not None]
    assert len(raced) == processes
    assert len(claims) == 1
    with open_store_blocking(store_location) as store:
        (grant,) = store.reviewer.grants()
        assert (grant.uses, grant.most_uses) == (1, 1)
        (used,) = store.reviewer.history(Filter(status="consumed"))
        approved = [event for event in store.reviewer.events(most=10_000) if event.name == "request_approved"]
        assert [(event.request_id, event.body["details"]) for event in approved] == [(used.id, {"grant": grant.id})]
        assert {via for request, via, _ in raced if request == used.id} <= {"grant"}
        assert {via for request, via, _ in raced if request != used.id} <= {None}
        if not is_same:
            assert len({request for request, _, _ in raced}) == processes
        assert_sound(store)


# --- random lives ------------------------------------------------------------------------------


class Lives:
    """A store on which two agents and two reviewers do whatever chance says."""

    def __init__(self, store: BlockingStore, clock: ManualClock, seed: int) -> None:
        self.store = store
        self.clock = clock
        self.chance = random.Random(seed)
        self.claims: list[tuple[str, str]] = []

    def step(self) -> None:
        """Does one thing; what the store refuses is not done."""
        steps: list[Callable[[], object]] = [
            self.submit, self.submit, self.submit, self.decide, self.decide, self.consume, self.consume, self.consume,
            self.roll_back, self.revoke_grant, self.move,
        ]  # fmt: skip
        try:
            self.chance.choice(steps)()
        except ApprovalTuiError:
            self.clock.move(1)

    def submit(self) -> None:
        choice = self.chance.choice
        call = Call(
            tool="shell",
            arguments={"n": choice((1, 1, 2))},
            requester="release-bot",
            session=choice(("run-1", "run-2")),
            risk=choice((*5 * (None,), "high")),
            requirements=choice((Requirements(), Requirements(), Requirements(reviewers=("ann",)))),
            dedupe_window=choice((0, 5 * MINUTE)),
            timeout=choice((MINUTE, 30 * HOUR)),
        )
        self.store.requester.submit(call)

    def decide(self) -> None:
        for request in self.store.reviewer.list(most=1):
            self.store.reviewer.decide(
                request.id,
                "approve",
                reviewer=self.chance.choice((ANN, BO)),
                digest=request.digest,
                grant=FOR_SESSION if self.chance.random() < 0.8 else None,
            )

    def consume(self) -> None:
        for request in self.store.reviewer.list(Filter(status="approved"), most=1):
            self.claims.append((request.id, consume(self.store, request).id))

    def roll_back(self) -> None:
        if self.claims:
            self.store.requester.rollback(*self.chance.choice(self.claims))

    def revoke_grant(self) -> None:
        grants = self.store.reviewer.grants()
        if grants and self.chance.random() < 0.3:
            self.store.reviewer.revoke_grant(self.chance.choice(grants).id, reviewer=BO)

    def move(self) -> None:
        self.clock.move(self.chance.choice((1, 1, MINUTE, -MINUTE, 7 * HOUR)))


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_each_approval_by_a_grant_is_one_that_the_grant_gives(
    store: BlockingStore, clock: ManualClock, seed: int
) -> None:
    lives = Lives(store, clock, seed)
    for _ in range(150):
        lives.step()
    given: dict[str, dict[str, Any]] = {}
    revoked: set[str] = set()
    used: Counter[str] = Counter()
    for event in reversed(store.reviewer.events(most=10_000)):
        details = event.body["details"]
        if event.name == "grant_given":
            given[details["grant"]] = details
        elif event.name == "grant_revoked":
            revoked.add(details["grant"])
        elif event.name == "request_approved" and details:
            assert event.request_id is not None
            grant, request = given[details["grant"]], store.reviewer.get(event.request_id)
            assert details["grant"] not in revoked
            assert event.body["changes"]["decided_at"] < grant["expires_at"]
            assert (request.session, request.fingerprint) == (grant["session"], grant["fingerprint"])
            assert (request.tool, request.requester, request.risk) == (grant["tool"], grant["requester"], None)
            assert grant["granted_by"] in (request.requirements.reviewers or ("ann", "bo"))
            assert request.decisions[0].reviewer == grant["granted_by"]
            used[details["grant"]] += 1
    assert {each.id: each.uses for each in store.reviewer.grants()} == {grant: used[grant] for grant in given}
    assert used.total() > 0
    assert revoked
    assert_sound(store)
