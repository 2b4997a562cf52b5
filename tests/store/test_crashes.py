"""Processes killed with SIGKILL at random moments: the store opens, the log verifies, nothing is half done."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from approval_tui.domain.clock import system_clock
from approval_tui.domain.errors import StatusConflict
from approval_tui.domain.identity import digest_for
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.engines import SQLITE
from tests.support import ANN, LONG, assert_sound, consume, event_names, run_worker


@pytest.fixture(params=[pytest.param(40, id="40 kills"), pytest.param(2000, id="2000 kills", marks=pytest.mark.soak)])
def kills(request: pytest.FixtureRequest, engine: str) -> int:
    """How many processes are killed: half as many on PostgreSQL, where each dies as well, and the server lives."""
    most: int = request.param
    return most if engine == SQLITE else most // 2


def crash(kind: str, path: str, kills: int) -> list[list[str]]:
    """What the children of that kind told before they were killed; the seed is printed where a test fails."""
    seed = random.randrange(2**32)
    print(f"{kind}: seed {seed}")
    told: list[list[str]] = json.loads(run_worker("crashes", kind, path, str(kills), str(seed), seconds=LONG + kills))
    return told


def everything(store: BlockingStore) -> list[Request]:
    return [*store.reviewer.list(most=100_000), *store.reviewer.history(most=100_000)]


def test_a_store_whose_making_was_killed_can_be_opened(fresh_locations: Callable[[int], str], kills: int) -> None:
    locations = fresh_locations(kills)
    told = crash("opening", locations, kills)
    submitted = {words[1] for words in told if words[0] == "submitted"}
    found = set()
    for number in range(kills):
        with open_store_blocking(locations.format(number)) as store:
            found |= {request.id for request in store.reviewer.list()}
            assert_sound(store)
    assert submitted <= found
    assert [words[0] for words in told].count("opening") == kills
    assert len(submitted) < kills, "every child finished before it was killed"


def test_a_killed_submitter_leaves_whole_requests_and_loses_none_it_was_told_of(
    store_location: str, kills: int
) -> None:
    told = crash("submitting", store_location, kills)
    with open_store_blocking(store_location) as store:
        assert_sound(store)
        requests = everything(store)
        assert {words[1] for words in told} <= {request.id for request in requests}
        assert len(requests) <= len(told) + kills
        for request in requests:
            assert request.status == "pending"
            assert event_names(store, request) == ["request_submitted"]


def test_a_killed_decider_leaves_nothing_half_decided(store_location: str, kills: int) -> None:
    told = crash("deciding", store_location, kills)
    last_word = {request_id: status for status, request_id in told if status != "pending"}
    with open_store_blocking(store_location) as store:
        assert_sound(store)
        requests = everything(store)
        assert {request.status for request in requests} >= {"pending", "approved", "denied"}
        for request in requests:
            assert request.digest == digest_for(request, request.effective_arguments)
            votes = {each.reviewer for each in request.decisions if each.digest == request.digest}
            verdicts = [each.verdict for each in request.decisions]
            assert "deny" not in verdicts[:-1]
            match request.status:
                case "pending":
                    assert "deny" not in verdicts
                    assert len(votes) < request.requirements.quorum
                    assert request.decided_at is None
                case "approved":
                    assert "deny" not in verdicts
                    assert len(votes) >= request.requirements.quorum
                    assert request.decided_at == request.decisions[-1].decided_at
                case _:
                    assert request.status == "denied"
                    assert verdicts[-1] == "deny"
                    assert request.approval_expires_at is None
            assert last_word.get(request.id, request.status) == request.status


def test_a_killed_consumer_leaves_nothing_consumed_twice(store_location: str, kills: int) -> None:
    told = crash("consuming", store_location, kills)
    claims = [(request_id, claim) for word, request_id, *rest in told if word == "claimed" for claim in rest]
    reported = [words[1] for words in told if words[0] == "reported"]
    assert len({claim for _, claim in claims}) == len(claims)
    assert len(set(reported)) == len(reported)
    claimed = Counter(request_id for request_id, _ in claims)
    with open_store_blocking(store_location) as store:
        assert_sound(store)
        for request in everything(store):
            names = [name for name in event_names(store, request) if name in ("request_consumed", "claim_rolled_back")]
            # Each claim but the last was given back before the next one was taken.
            assert names[:1] in ([], ["request_consumed"])
            assert all(first != second for first, second in pairwise(names))
            assert claimed[request.id] <= names.count("request_consumed")
            assert (request.status == "consumed") == (names[-1:] == ["request_consumed"])
            if request.id in reported:
                assert request.outcome == "succeeded"
        consumed = store.reviewer.history(Filter(status="consumed"), most=100_000)
        assert sum(claimed.values()) >= len(consumed) - kills
    with open_store_blocking(store_location, clock=lambda: system_clock() + DEFAULT_CLAIM_LIFETIME) as later:
        doubtful = {request.id for request in consumed if request.outcome is None}
        assert {request.id for request in later.reviewer.list(Filter(status="in_doubt"), most=100_000)} == doubtful
        for request_id in doubtful:
            request = later.reviewer.get(request_id)
            with pytest.raises(StatusConflict, match="in doubt"):
                consume(later, request)
            assert later.reviewer.resolve(request_id, "failed", reviewer=ANN).outcome == "failed"
        assert_sound(later)


@pytest.mark.sqlite_alone
def test_the_dead_leave_no_journal_behind_once_somebody_opens_and_closes_the_store(store_location: str) -> None:
    crash("consuming", store_location, 6)
    with open_store_blocking(store_location) as store:
        assert_sound(store)
    assert sorted(os.listdir(os.path.dirname(store_location))) == ["approvals.db", "approvals.db.turn"]
