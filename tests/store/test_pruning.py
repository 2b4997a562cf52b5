"""Pruning on both engines: what is old and over goes, what is left verifies, and nothing in force is lost."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, system_clock
from approval_tui.domain.errors import ApprovalTuiError, Conflict, InvalidInput, RequestNotFound
from approval_tui.domain.grants import ALWAYS, Grant, GrantTerms
from approval_tui.domain.holds import Hold
from approval_tui.domain.lifecycle import FINAL
from approval_tui.domain.models import Request
from approval_tui.domain.roles import AGENT
from approval_tui.domain.sinks import DECIDED
from approval_tui.domain.tokens import Token, new_token
from approval_tui.store import is_database_url, open_store, open_store_blocking, prune_procedures
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.granting import grant_for
from tests.store.holding import hold, release
from tests.store.pruning import Past, everything_told, executed, pruned
from tests.support import ANN, BO, LONG, ROOT, ManualClock, assert_sound, consume, deny, submit, submit_approved

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


# --- what keeps the log ------------------------------------------------------------------------

_Keep = Callable[[BlockingStore], object]


def _in_doubt(store: BlockingStore) -> None:
    consume(store, submit_approved(store, A_CALL))


def _approved(store: BlockingStore) -> None:
    submit_approved(store, Call("shell", {}, "bot", approval_lifetime=365 * DAY))


def _session_held(store: BlockingStore) -> None:
    deny(store, submit(store, A_CALL))
    hold(store, A_CALL)


def _grant(store: BlockingStore) -> None:
    request = submit(store, A_CALL)
    deny(store, request)
    terms = GrantTerms(scope=ALWAYS, lifetime=365 * DAY)
    store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)


def _unrecorded(store: BlockingStore) -> None:
    submit(store, A_CALL)


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (_in_doubt, "is in doubt"),
        (_approved, "is approved and may still run"),
        (_unrecorded, "expired, and that was not recorded"),
        (_session_held, "is held back"),
        (_grant, "is in force"),
    ],
    ids=["in doubt", "approved", "expired", "held", "granted"],
)
def test_what_is_in_force_or_not_over_keeps_its_events_and_all_after_them(
    store: BlockingStore, clock: ManualClock, keep: _Keep, why: str
) -> None:
    deny(store, submit(store, Call("shell", {"n": 1}, "crawler")))
    clock.move(HOUR)
    keep(store)
    kept = everything_told(store)[2:]
    deny(store, submit(store, Call("shell", {"n": 2}, "crawler")))
    clock.move(100 * DAY)
    plan = pruned(store, clock.now - DAY)
    assert (plan.first_seq, plan.last_seq, plan.requests) == (1, 2, 1)
    assert (plan.keepers[0].at, plan.keepers[0].why) == (kept[0].at, why)
    assert everything_told(store)[: len(kept)] == kept
    assert_sound(store)


def test_a_request_that_somebody_spoke_of_lately_is_kept(
    store: BlockingStore, clock: ManualClock, old: list[Request]
) -> None:
    terms = GrantTerms(scope=ALWAYS, lifetime=HOUR)
    store.reviewer.add_grant(old[1].id, terms, reviewer=ANN, digest=old[1].digest)
    plan = pruned(store, clock.now - DAY)
    assert (plan.last_seq, plan.older_kept) == (2, 6)
    assert [(keeper.what, keeper.why) for keeper in plan.keepers] == [(f"request {old[1].id}", "goes on until event 9")]
    assert_sound(store)


def test_tokens_do_not_keep_the_log_and_are_carried_by_the_seal(store: BlockingStore, clock: ManualClock) -> None:
    made = [
        store.reviewer.create_token(new_token(), AGENT, name, lifetime=lifetime, reviewer=ANN)
        for name, lifetime in (("endless", None), ("long", 365 * DAY), ("short", HOUR), ("revoked", None))
    ]
    store.reviewer.revoke_token(made[3].id, reviewer=ANN)
    clock.move(10 * DAY)
    for _ in range(3):  # each seal carries on what the one before it carried
        pruned(store, clock.now - DAY)
        assert {token.name for token in store.reviewer.tokens()} == {"endless", "long"}
        assert_sound(store)
        clock.move(10 * DAY)
    assert len(everything_told(store)) == 1
    store.reviewer.revoke_token(made[0].id, reviewer=BO)
    assert_sound(store)
    clock.move(2 * DAY)
    pruned(store, clock.now - DAY)
    assert store.reviewer.tokens() == (made[1],)
    assert_sound(store)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE tokens SET role = 'reviewer'", "its row differs from the event that created it"),
        ("UPDATE tokens SET revoked_at = 5", "on whether it was revoked"),
        ("DELETE FROM tokens", "its row was deleted"),
    ],
)
def test_a_token_is_held_against_the_seal_that_carries_it(
    store: BlockingStore,
    clock: ManualClock,
    location: str,
    statement: str,
    said: str,
    request: pytest.FixtureRequest,
) -> None:
    store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=ANN)
    clock.move(10 * DAY)
    pruned(store, clock.now - DAY)
    superuser = request.getfixturevalue("postgres_superuser_url") if is_database_url(location) else location
    executed(superuser, statement, past_the_guards=True)
    (problem,) = store.reviewer.verify().problems
    assert said in problem.what


def test_a_session_that_was_held_again_keeps_its_row(store: BlockingStore, clock: ManualClock) -> None:
    deny(store, submit(store, A_CALL))
    hold(store, A_CALL)
    release(store, A_CALL)
    clock.move(5 * DAY)
    deny(store, submit(store, Call("shell", {"n": 2}, "bot", session="run-1")))
    clock.move(HOUR)
    hold(store, A_CALL)
    release(store, A_CALL)
    plan = pruned(store, clock.now - DAY)
    assert plan.last_seq == 4
    assert [held.session for held in store.reviewer.holds()] == ["run-1"]
    assert_sound(store)


def test_a_session_that_was_held_twice_in_a_moment_keeps_its_row(store: BlockingStore, clock: ManualClock) -> None:
    deny(store, submit(store, A_CALL))
    hold(store, A_CALL)
    release(store, A_CALL)
    consume(store, submit_approved(store, Call("shell", {}, "crawler")))
    hold(store, A_CALL)
    release(store, A_CALL)
    clock.move(100 * DAY)
    assert pruned(store, clock.now - DAY).last_seq == 4
    assert len(store.reviewer.holds()) == 1
    assert_sound(store)


def test_a_grant_stays_with_what_it_approved_later(store: BlockingStore, clock: ManualClock) -> None:
    request = submit(store, A_CALL)
    deny(store, request)
    clock.move(HOUR)
    terms = GrantTerms(scope=ALWAYS, lifetime=HOUR)
    store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)
    consume(store, submit_approved(store, Call("shell", {}, "crawler")))
    granted = submit(store, A_CALL)
    store.requester.report_outcome(granted.id, consume(store, granted).id, "succeeded")
    clock.move(100 * DAY)
    plan = pruned(store, clock.now - DAY)
    assert (plan.events, plan.older_kept) == (0, 10)
    assert_sound(store)


def test_a_grant_that_ended_goes_with_what_it_approved(store: BlockingStore, clock: ManualClock) -> None:
    grant = grant_for(store, A_CALL)
    claim = consume(store, submit(store, A_CALL))
    for request in store.reader.history():
        with contextlib.suppress(ApprovalTuiError):
            store.requester.report_outcome(request.id, claim.id, "succeeded")
    clock.move(2 * HOUR)
    for request in store.reader.list(Filter(status="in_doubt")):
        store.reviewer.resolve(request.id, "failed", reviewer=ANN)
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    clock.move(100 * DAY)
    pruned(store, clock.now - DAY)
    assert (store.reviewer.grants(), len(everything_told(store))) == ((), 1)
    assert_sound(store)


@pytest.mark.parametrize("before", [DAY - 1, 0, -DAY], ids=["less than a day", "now", "tomorrow"])
def test_nothing_younger_than_a_day_is_pruned(store: BlockingStore, clock: ManualClock, before: int) -> None:
    with pytest.raises(InvalidInput, match="at least a day old"):
        store.maintainer.plan_prune(clock.now - before)


def test_an_empty_log_and_a_young_one_have_nothing_to_prune(store: BlockingStore, clock: ManualClock) -> None:
    for turn in range(2):
        plan = pruned(store, clock.now - DAY)
        assert (plan.events, plan.seals, plan.keepers) == (0, False, ())
        submit(store, dataclasses.replace(A_CALL, arguments={"n": turn}))
    assert len(everything_told(store)) == 2


def test_what_was_said_of_a_request_after_the_plan_was_made_is_noticed(
    store: BlockingStore, clock: ManualClock, old: list[Request]
) -> None:
    plan = store.maintainer.plan_prune(clock.now - DAY)
    terms = GrantTerms(scope=ALWAYS, lifetime=HOUR)
    store.reviewer.add_grant(old[2].id, terms, reviewer=ANN, digest=old[2].digest)
    with pytest.raises(Conflict, match=old[2].id):
        store.maintainer.prune(plan, reviewer=ANN)
    assert len(everything_told(store)) == 9
    assert_sound(store)


def test_two_who_prune_do_it_once(store: BlockingStore, clock: ManualClock, old: list[Request]) -> None:
    first, second = (store.maintainer.plan_prune(clock.now - DAY) for _ in range(2))
    store.maintainer.prune(first, reviewer=ANN)
    with pytest.raises(Conflict, match="somebody else"):
        store.maintainer.prune(second, reviewer=BO)
    assert_sound(store)


# --- every moment in between -------------------------------------------------------------------


def test_after_each_step_the_log_verifies_and_pruning_again_finishes(
    store: BlockingStore, clock: ManualClock, old: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune_procedures, "_DELETED", 3)
    pruned(store, clock.now - 100 * DAY - 3 * HOUR)  # leaves a boundary of segments behind
    submit(store, A_CALL)
    steps = 0
    while True:
        steps += 1
        plan = store.maintainer.plan_prune(clock.now - DAY)
        procedure = prune_procedures.prune(plan, ANN)
        with contextlib.suppress(StopIteration):
            answer = None
            for _ in range(steps):
                step = procedure.send(answer)
                answer = store.maintainer.run(step)
            step = procedure.send(answer)
        assert_sound(store)
        if store.maintainer.plan_prune(clock.now - DAY).events == 0:
            break
    assert steps > 2
    assert [event.name for event in everything_told(store)] == ["segment_sealed", "request_submitted", "segment_sealed"]


def test_what_is_said_of_a_request_between_its_seal_and_its_deletion_does_not_keep_it(
    store: BlockingStore, clock: ManualClock, old: list[Request]
) -> None:
    """Nothing of that changes a request, and a grant stands for itself."""
    procedure = prune_procedures.prune(store.maintainer.plan_prune(clock.now - DAY), ANN)
    store.maintainer.run(next(procedure))
    same_again = Call("shell", {"n": 1}, "bot", session="run-1", dedupe_window=200 * DAY)
    assert store.requester.submit(same_again).request.id == old[1].id
    for request in old[2:]:
        terms = GrantTerms(scope=ALWAYS)
        grant = store.reviewer.add_grant(request.id, terms, reviewer=ANN, digest=request.digest)
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert_sound(store)
    assert pruned(store, clock.now - DAY).unfinished is not None
    assert store.reader.history() == ()
    assert submit(store, Call("shell", {"n": 2}, "bot", session="run-9")).status == "approved"
    assert submit(store, Call("shell", {"n": 3}, "bot", session="run-9")).status == "pending"
    assert_sound(store)


async def test_a_sink_that_is_behind_goes_on_after_what_was_pruned(
    store: BlockingStore, clock: ManualClock, old: list[Request], location: str
) -> None:
    pruned(store, clock.now - 100 * DAY - 3 * HOUR)
    async with open_store(location, clock=clock) as other:
        await other.deliverer.take_up("webhook", (DECIDED,))
        executed(location, "UPDATE sinks SET last_seq = 0")
        pruned(store, clock.now - DAY)
        young = submit(store, A_CALL)
        deny(store, young)
        while await other.deliverer.take_up("webhook", (DECIDED,)):
            pass
        leased = await other.deliverer.lease("holder", "webhook", most=10)
        assert [delivery.notice.request_id for delivery in leased] == [young.id]


# --- real processes ----------------------------------------------------------------------------


def test_a_killed_pruner_leaves_a_log_that_verifies_while_an_agent_goes_on(location: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    long_ago = ManualClock(system_clock() - 100 * DAY)
    with open_store_blocking(location, clock=long_ago) as before:
        for number in range(60):
            deny(before, submit(before, Call("shell", {"n": number}, "bot", session="run-1")))
    with open_store_blocking(location) as store:
        asked: list[Request] = []
        deaths = 0
        while True:
            with _pruning(location) as pruner:
                assert pruner.stdout is not None
                last = chance.randrange(1, 25)
                for number, line in enumerate(pruner.stdout):
                    asked.append(submit(store, Call("mail", {"n": len(asked)}, "crawler")))
                    if number == last or line == "done\n":
                        break
                pruner.kill()
                pruner.wait(LONG)
            assert_sound(store)
            if line == "done\n":
                break
            deaths += 1
        assert deaths, "no pruner was killed"
        told = [event for event in everything_told(store) if event.name != "segment_sealed"]
        assert [event.request_id for event in told] == [request.id for request in asked]
        assert len(everything_told(store)) == len(told) + 1


@contextlib.contextmanager
def _pruning(location: str) -> Iterator[subprocess.Popen[str]]:
    """A process that prunes, until it is killed."""
    command = [sys.executable, "-W", "error", "-m", "tests.store.workers.pruning", location]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
