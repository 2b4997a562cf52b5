"""Pruning on both engines: what is old and over goes, what is left verifies, and nothing in force is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR
from approval_tui.domain.errors import RequestNotFound
from approval_tui.domain.grants import Grant
from approval_tui.domain.holds import Hold
from approval_tui.domain.lifecycle import FINAL
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.store.pruning import Past, everything_told, pruned
from tests.support import ManualClock, assert_sound, deny, submit

A_CALL = Call("shell", {"command": "make"}, "bot", session="run-1")


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest) -> str:
    """Where the store of a test is, on each engine."""
    return str(request.getfixturevalue("store_path" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def store(location: str, clock: ManualClock) -> Iterator[BlockingStore]:
    with open_store_blocking(location, clock=clock) as opened:
        yield opened


@pytest.fixture
def old(store: BlockingStore, clock: ManualClock) -> list[Request]:
    """Four requests that were denied, an hour apart; now it is a hundred days later."""
    requests = []
    for number in range(4):
        requests.append(submit(store, Call("shell", {"n": number}, "bot", session="run-1")))
        deny(store, requests[-1])
        clock.move(HOUR)
    clock.move(100 * DAY)
    return requests


def is_over(request: Request) -> bool:
    return request.status in FINAL or request.outcome is not None


# --- random histories --------------------------------------------------------------------------


def test_whatever_happened_only_what_is_old_and_over_goes_and_the_rest_verifies(
    store: BlockingStore, clock: ManualClock
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    past = Past(store, clock, seed)
    for days in (1, 1, 1, 1, 1, 1, 20):
        for _ in range(4):
            past.go_on(15)
            past.rest(days)
        assert_sound(store)
        told, grants, holds, tokens = _standing(store, clock)
        requests = [*store.reader.list(most=1000), *store.reader.history(most=1000)]
        before = clock.now - past.chance.choice((DAY, 2 * DAY, 3 * DAY))
        plan = pruned(store, before)
        assert_sound(store)
        left = everything_told(store)
        sealed = [event.name for event in left[-1:]] == ["segment_sealed"]
        assert sealed == plan.seals
        assert [event for event in told if event.seq > plan.last_seq] == left[: len(left) - sealed]
        assert all(event.at < before for event in told if event.seq <= plan.last_seq)
        needed = {event.request_id for event in left}
        for request in requests:
            if request.id in needed or not is_over(request):
                assert store.reader.get(request.id) == request
            else:
                with pytest.raises(RequestNotFound):
                    store.reader.get(request.id)
        _, grants_left, holds_left, tokens_left = _standing(store, clock)
        assert (grants_left, holds_left, tokens_left) == (grants, holds, tokens)
        assert store.reader.history_count() == len(store.reader.history(most=1000))
    clock.move(30 * DAY)
    pruned(store, clock.now - DAY)
    assert len(everything_told(store)) == 1, "after all has ended, all but the last seal goes"


def _standing(store: BlockingStore, clock: ManualClock) -> tuple[list[Event], list[Grant], list[Hold], list[Token]]:
    """The log, and what is in force."""
    return (
        everything_told(store),
        [grant for grant in store.reviewer.grants() if grant.is_in_force(clock.now)],
        [held for held in store.reviewer.holds() if held.is_in_force],
        [token for token in store.reviewer.tokens() if token.is_live(clock.now)],
    )
