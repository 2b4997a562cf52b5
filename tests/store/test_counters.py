"""The counters of policies: exact limits, windows of the calendar, and counts that go back when nothing ran."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approval_tui.domain.calls import Call, CheckedCall, Claim, check_call
from approval_tui.domain.canonical import canonical_hash
from approval_tui.domain.clock import DAY, HOUR, MINUTE, format_timestamp
from approval_tui.domain.counters import LARGEST_COUNT, WINDOWS, Counter, Reservation
from approval_tui.domain.errors import ClaimInDoubt, ClaimInvalid, CountersMoved, LimitReached
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.limits import DEFAULT_APPROVAL_LIFETIME, DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import Verdict
from approval_tui.store import open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite_migrations
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import counters
from tests.store.older_versions import make_store_of_version
from tests.store.tampering import raw
from tests.store.turns import TURNS_OR_NONE
from tests.support import (
    ANN,
    ManualClock,
    approve,
    assert_sound,
    deny,
    event_names,
    run_worker,
    submit,
    submit_approved,
)

SPEND = Counter("pay.spend", DAY)
CALLS = Counter("pay.calls", HOUR)


def reserving(amount: int, most: int | None = 10, counter: Counter = SPEND, message: str = "spent") -> Reservation:
    return Reservation(counter, amount, most, f"rule of {counter.name}", message)


def verdict(*reservations: Reservation, counts: dict[Counter, int] | None = None) -> Verdict:
    """What a policy says of a call that it allows, once it is counted."""
    return Verdict(ALLOW, reservations=reservations, counts=counts or {})


@pytest.fixture
def checked(call: Call) -> CheckedCall:
    return check_call(call)


@pytest.fixture
def spend(store: BlockingStore, checked: CheckedCall) -> Callable[..., str]:
    """Admits a call that counts so much, and gives its claim."""
    claims = iter(range(1000))

    def admit(amount: int, most: int | None = 10, counter: Counter = SPEND) -> str:
        claim = f"clm_{next(claims)}"
        store.requester.admit(checked, verdict(reserving(amount, most, counter)), claim_id=claim)
        return claim

    return admit


Spend = Callable[..., str]


def value(store: BlockingStore, counter: Counter = SPEND) -> int:
    return store.requester.counter_values([counter])[counter]


def rows(store: BlockingStore, table: str) -> list[tuple[Any, ...]]:
    connection = raw(store)
    found = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return found


def log_of(store: BlockingStore) -> list[tuple[str, Any]]:
    """The events, each with the verdict that it speaks of, in order."""
    return [(event.name, event.body["details"].get("verdict")) for event in reversed(store.reviewer.events(most=1000))]


# --- limits ------------------------------------------------------------------------------------


def test_a_counter_begins_at_zero(store: BlockingStore) -> None:
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 0, CALLS: 0}
    assert store.requester.counter_values([]) == {}


def test_a_limit_is_met_exactly_and_one_more_is_refused_and_changes_nothing(store: BlockingStore, spend: Spend) -> None:
    spend(7)
    spend(3)
    assert value(store) == 10
    before = rows(store, "reservations")
    with pytest.raises(LimitReached, match=r"pay\.spend"):
        spend(1)
    assert value(store) == 10
    assert rows(store, "reservations") == before
    assert_sound(store)


def test_what_does_not_fit_leaves_room_for_what_does(store: BlockingStore, spend: Spend) -> None:
    spend(8)
    with pytest.raises(LimitReached):
        spend(3)
    spend(2)
    assert value(store) == 10


def test_a_first_call_above_the_limit_is_refused(store: BlockingStore, spend: Spend) -> None:
    with pytest.raises(LimitReached):
        spend(11)
    assert (value(store), rows(store, "counters")) == (0, [])


def test_nothing_may_be_counted_at_the_limit_and_above_it(store: BlockingStore, spend: Spend) -> None:
    spend(10)
    spend(0)
    assert value(store) == 10
    with pytest.raises(LimitReached):
        spend(0, most=9)  # as after a policy that became stricter


def test_the_limit_holds_in_the_statement_itself_whatever_was_read_before(store: BlockingStore) -> None:
    def reserve(tx: Transaction, *amounts: int) -> None:
        for amount in amounts:
            counters.reserve_all(tx, f"holder of {amount}", [reserving(amount)])

    for amounts in ((11,), (6, 5)):
        with pytest.raises(LimitReached):
            store._engine.write(reserve, *amounts)
    assert (rows(store, "counters"), rows(store, "reservations")) == ([], [])
    store._engine.write(reserve, 6, 4)
    assert value(store) == 10


@pytest.mark.parametrize("amount", [0, 1])
def test_a_limit_below_zero_lets_nothing_through(store: BlockingStore, spend: Spend, amount: int) -> None:
    with pytest.raises(LimitReached):
        spend(amount, most=-1)
    assert log_of(store) == [("tool_call", "deny")]


def test_counters_without_a_limit_count_as_far_as_they_can_hold_and_the_refusal_is_recorded(
    store: BlockingStore, spend: Spend
) -> None:
    spend(LARGEST_COUNT, most=None)
    with pytest.raises(LimitReached):
        spend(1, most=None)
    spend(0, most=None)
    assert value(store) == LARGEST_COUNT
    assert log_of(store) == [("tool_call", "allow"), ("tool_call", "deny"), ("tool_call", "allow")]
    assert_sound(store)


def test_counters_of_the_same_name_in_other_windows_are_others(store: BlockingStore, spend: Spend) -> None:
    hourly = Counter(SPEND.name, HOUR)
    spend(10)
    spend(4, counter=hourly)
    assert store.requester.counter_values([SPEND, hourly]) == {SPEND: 10, hourly: 4}


@pytest.mark.parametrize("name", ["a'; DROP TABLE counters; --", "\u202e", "x" * 10_000, "a.b", "A.B", ""])
def test_any_name_of_a_counter_is_itself(store: BlockingStore, spend: Spend, name: str) -> None:
    odd = Counter(name, DAY)
    spend(2, counter=odd)
    assert store.requester.counter_values([odd, SPEND]) == {odd: 2, SPEND: 0}


# --- windows -----------------------------------------------------------------------------------

#: One millisecond before a minute, an hour, a day and a year end.
LAST_MOMENT = 1_798_761_599_999


def test_windows_are_those_of_the_calendar_in_utc() -> None:
    starts = [format_timestamp(Counter("c", WINDOWS[word]).window_start(LAST_MOMENT)) for word in WINDOWS]
    assert format_timestamp(LAST_MOMENT) == "2026-12-31T23:59:59.999Z"
    assert starts == ["2026-12-31T23:59:00.000Z", "2026-12-31T23:00:00.000Z", "2026-12-31T00:00:00.000Z"]


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_window_ends_where_the_calendar_says_and_the_next_begins_at_zero(
    store: BlockingStore, clock: ManualClock, spend: Spend, window: int
) -> None:
    counter = Counter("pay.spend", window)
    clock.now = LAST_MOMENT - window + 1
    spend(9, counter=counter)
    clock.now = LAST_MOMENT
    assert value(store, counter) == 9
    with pytest.raises(LimitReached):
        spend(2, counter=counter)
    clock.move(1)
    assert value(store, counter) == 0
    spend(10, counter=counter)
    assert value(store, counter) == 10


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_what_is_given_back_after_its_window_debits_nothing_in_the_next(
    store: BlockingStore, clock: ManualClock, spend: Spend, window: int
) -> None:
    counter = Counter("pay.spend", window)
    clock.now = LAST_MOMENT
    old = spend(6, counter=counter)
    clock.move(1)
    spend(4, counter=counter)
    spend(5)
    store.requester.give_back(old)
    assert store.requester.counter_values([counter, SPEND])[counter] == (9 if counter == SPEND else 4)
    assert value(store) == (9 if counter == SPEND else 5)
    clock.move(-1)
    assert value(store, counter) == 0


def test_a_clock_that_is_set_back_meets_what_its_window_had_counted(
    store: BlockingStore, clock: ManualClock, spend: Spend
) -> None:
    spend(10, counter=CALLS)
    clock.move(HOUR)
    spend(3, counter=CALLS)
    clock.move(-HOUR)
    with pytest.raises(LimitReached):
        spend(1, counter=CALLS)
    clock.move(HOUR)
    assert value(store, CALLS) == 3
    assert_sound(store)


def test_windows_that_ended_long_ago_are_forgotten(store: BlockingStore, clock: ManualClock, spend: Spend) -> None:
    minute = Counter("pay.calls", MINUTE)
    for _ in range(5):
        spend(1, counter=minute)
        clock.move(MINUTE)
    assert len(rows(store, "counters")) == len(rows(store, "reservations")) == 5
    clock.move(DAY + MINUTE)
    spend(1, counter=minute)
    assert len(rows(store, "counters")) == len(rows(store, "reservations")) == 1


def test_what_is_forgotten_can_no_longer_be_given_back(store: BlockingStore, clock: ManualClock, spend: Spend) -> None:
    old = spend(6)
    clock.move(3 * DAY)
    spend(4)
    store.requester.give_back(old)
    assert value(store) == 4


# --- all or none -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [SPEND, CALLS], ids=["over the second", "over the first"])
def test_of_several_counters_all_count_or_none(
    store: BlockingStore, checked: CheckedCall, spend: Spend, first: Counter
) -> None:
    spend(10, counter=CALLS)
    second = CALLS if first == SPEND else SPEND
    before = rows(store, "counters"), rows(store, "reservations")
    with pytest.raises(LimitReached, match=r"pay\.calls") as caught:
        store.requester.admit(
            checked, verdict(reserving(1, counter=first), reserving(1, counter=second)), claim_id="clm_x"
        )
    assert caught.value.reservation.counter == CALLS
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 0, CALLS: 10}
    assert (rows(store, "counters"), rows(store, "reservations")) == before


def test_several_counters_are_counted_and_given_back_together(store: BlockingStore, checked: CheckedCall) -> None:
    both = verdict(reserving(2), reserving(3, counter=CALLS), reserving(0, most=None, counter=Counter("third", MINUTE)))
    store.requester.admit(checked, both, claim_id="clm_x")
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 2, CALLS: 3}
    store.requester.give_back("clm_x")
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 0, CALLS: 0}
    assert rows(store, "reservations") == []


def test_a_claim_admits_once(store: BlockingStore, checked: CheckedCall) -> None:
    store.requester.admit(checked, verdict(reserving(2)), claim_id="clm_x")
    with pytest.raises(Exception, match=r"UNIQUE|duplicate key"):
        store.requester.admit(checked, verdict(reserving(3)), claim_id="clm_x")
    assert value(store) == 2


# --- giving back -------------------------------------------------------------------------------


def test_what_an_allowed_call_counted_is_given_back_once(store: BlockingStore, spend: Spend) -> None:
    spend(3)
    claim = spend(4)
    store.requester.give_back(claim)
    assert value(store) == 3
    log = log_of(store)
    for _ in range(3):
        store.requester.give_back(claim)
    assert (value(store), log_of(store)) == (3, log)
    assert [name for name, _ in log] == ["tool_call", "tool_call", "tool_call_not_run"]
    assert_sound(store)


def test_giving_back_needs_the_claim(store: BlockingStore, spend: Spend) -> None:
    claim = spend(4)
    stored = store.reviewer.events()[0].body["details"]["claim"]
    assert claim not in json.dumps(rows(store, "reservations"))
    for guess in ("", "clm_x", claim.upper(), claim + " ", stored, "%"):
        store.requester.give_back(guess)
    assert value(store) == 4


def test_the_log_says_which_call_did_not_run(store: BlockingStore, spend: Spend) -> None:
    spend(1)
    claim = spend(2)
    store.requester.give_back(claim)
    ended, second, first = store.reviewer.events()
    assert ended.body["details"] == {"claim": second.body["details"]["claim"]}
    assert first.body["details"]["claim"] != second.body["details"]["claim"]


def test_no_counter_falls_below_zero(store: BlockingStore, spend: Spend) -> None:
    claim = spend(6)
    connection = raw(store)
    connection.execute("UPDATE counters SET value = 5")
    connection.close()
    store.requester.give_back(claim)
    assert value(store) == 0


def test_a_call_that_counted_nothing_has_nothing_to_give_back(store: BlockingStore, checked: CheckedCall) -> None:
    store.requester.admit(checked, verdict(), claim_id="clm_x")
    store.requester.give_back("clm_x")
    assert log_of(store) == [("tool_call", "allow")]
    assert store.reviewer.events()[0].body["details"]["claim"] is None


# --- approved calls ----------------------------------------------------------------------------


def consume(store: BlockingStore, request: Request, *reservations: Reservation, **counts: Any) -> Claim:
    """Consumes the request, counting this."""
    return store.requester.consume(
        request.id, request.fingerprint, requester=request.requester, verdict=verdict(*reservations, **counts)
    )


@pytest.fixture
def approved(store: BlockingStore, call: Call) -> Request:
    return submit_approved(store, call)


End = Callable[[BlockingStore, ManualClock, Request, Claim], object]


def roll_back(store: BlockingStore, clock: ManualClock, request: Request, claim: Claim) -> object:
    return store.requester.rollback(request.id, claim.id)


def report(outcome: str) -> End:
    return lambda store, clock, request, claim: store.requester.report_outcome(request.id, claim.id, outcome)


def end_after_the_approval(store: BlockingStore, clock: ManualClock, request: Request, claim: Claim) -> object:
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    return store.requester.rollback(request.id, claim.id)


def resolve(outcome: str) -> End:
    def end(store: BlockingStore, clock: ManualClock, request: Request, claim: Claim) -> object:
        clock.move(DEFAULT_CLAIM_LIFETIME)
        return store.reviewer.resolve(request.id, outcome, reviewer=ANN)

    return end


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (roll_back, ("approved", None)),
        (report("not_run"), ("approved", None)),
        (end_after_the_approval, ("consumed", "not_run")),
        (resolve("not_run"), ("consumed", "not_run")),
    ],
    ids=["rolled back", "reported as not run", "ended after its approval", "resolved as not run"],
)
def test_an_approved_call_that_did_not_run_gives_back_what_it_counted(
    store: BlockingStore, clock: ManualClock, approved: Request, spend: Spend, end: End, status: tuple[str, str | None]
) -> None:
    spend(1)
    claim = consume(store, approved, reserving(4), reserving(1, counter=CALLS))
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 5, CALLS: 1}
    end(store, clock, approved, claim)
    request = store.reviewer.get(approved.id)
    assert (request.status, request.outcome) == status
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 1, CALLS: 0}
    assert len(rows(store, "reservations")) == 1
    assert_sound(store)


@pytest.mark.parametrize(
    "end",
    [report("succeeded"), report("failed"), resolve("succeeded"), resolve("failed")],
    ids=["succeeded", "failed", "resolved as succeeded", "resolved as failed"],
)
def test_an_approved_call_that_ran_keeps_what_it_counted(
    store: BlockingStore, clock: ManualClock, approved: Request, end: End
) -> None:
    claim = consume(store, approved, reserving(4))
    end(store, clock, approved, claim)
    assert value(store) == 4
    assert_sound(store)


@pytest.mark.parametrize("outcome", ["succeeded", "failed", None])
def test_only_the_end_of_its_claim_gives_back_what_an_approved_call_counted(
    store: BlockingStore, approved: Request, outcome: str | None
) -> None:
    claim = consume(store, approved, reserving(4))
    if outcome is not None:
        store.requester.report_outcome(approved.id, claim.id, outcome)
    store.requester.give_back(claim.id)
    assert value(store) == 4
    assert "tool_call_not_run" not in [name for name, _ in log_of(store)]


def test_a_claim_that_has_ended_gives_nothing_back_again(store: BlockingStore, approved: Request, spend: Spend) -> None:
    spend(3)
    first = consume(store, approved, reserving(4))
    store.requester.rollback(approved.id, first.id)
    second = consume(store, approved, reserving(5))
    with pytest.raises(ClaimInvalid):
        store.requester.rollback(approved.id, first.id)
    assert value(store) == 8
    store.requester.report_outcome(approved.id, second.id, "succeeded")
    for claim in (first, second):
        with pytest.raises(ClaimInvalid):
            store.requester.report_outcome(approved.id, claim.id, "not_run")
    assert value(store) == 8


def test_a_claim_in_doubt_keeps_what_it_counted_until_a_reviewer_says_otherwise(
    store: BlockingStore, clock: ManualClock, approved: Request
) -> None:
    claim = consume(store, approved, reserving(4))
    clock.move(DEFAULT_CLAIM_LIFETIME)
    with pytest.raises(ClaimInDoubt):
        store.requester.rollback(approved.id, claim.id)
    assert value(store) == 4
    store.reviewer.resolve(approved.id, "not_run", reviewer=ANN)
    assert value(store) == 0


def test_an_approved_call_over_the_limit_does_not_run_and_stays_approved(
    store: BlockingStore, clock: ManualClock, call: Call, spend: Spend
) -> None:
    approved = submit_approved(store, dataclasses.replace(call, approval_lifetime=2 * DAY))
    spend(8)
    with pytest.raises(LimitReached) as caught:
        consume(store, approved, reserving(1, counter=CALLS), reserving(3))
    assert caught.value.request is not None
    assert caught.value.request.id == approved.id
    assert store.reviewer.get(approved.id).status == "approved"
    assert store.requester.counter_values([SPEND, CALLS]) == {SPEND: 8, CALLS: 0}
    assert event_names(store, approved) == ["request_submitted", "request_approved", "tool_call"]
    details = store.reviewer.events()[0].body["details"]
    assert (details["verdict"], details["rule"], details["tool"]) == ("deny", "rule of pay.spend", "shell")
    clock.move(DAY)
    assert consume(store, approved, reserving(3)).request.status == "consumed"
    assert value(store) == 3
    assert_sound(store)


def test_a_refused_consumption_counts_nothing(store: BlockingStore, call: Call) -> None:
    denied = deny(store, submit(store, call))
    with pytest.raises(Exception, match="denied"):
        consume(store, denied, reserving(1))
    assert (value(store), rows(store, "counters")) == (0, [])


# --- what is recorded --------------------------------------------------------------------------


def test_an_allowed_call_is_recorded_with_the_hash_of_its_arguments_only(
    store: BlockingStore, checked: CheckedCall
) -> None:
    store.requester.admit(checked, verdict(), claim_id="clm_x")
    (event,) = store.reviewer.events()
    assert (event.name, event.request_id) == ("tool_call", None)
    assert event.body["details"] == {
        "verdict": "allow",
        "rule": None,
        "rule_hash": None,
        "tool": "shell",
        "server": None,
        "requester": "release-bot",
        "session": "run-1",
        "arguments": canonical_hash({"command": "make deploy"}),
        "claim": None,
    }
    assert "make deploy" not in json.dumps(event.body)


def test_a_limits_refusal_is_recorded_as_a_denial(store: BlockingStore, spend: Spend) -> None:
    with pytest.raises(LimitReached):
        spend(11)
    (event,) = store.reviewer.events()
    assert (event.name, event.request_id) == ("tool_call", None)
    details = event.body["details"]
    assert (details["verdict"], details["rule"], details["claim"]) == ("deny", "rule of pay.spend", None)
    assert details["arguments"] == canonical_hash({"command": "make deploy"})
    assert_sound(store)


# --- verdicts that are out of date -------------------------------------------------------------


@pytest.mark.parametrize("taken_for", [0, 4, 6])
def test_a_verdict_on_other_counts_than_these_is_refused(
    store: BlockingStore, checked: CheckedCall, approved: Request, spend: Spend, taken_for: int
) -> None:
    spend(5)
    log = log_of(store)
    with pytest.raises(CountersMoved, match=r"pay\.spend"):
        store.requester.admit(checked, verdict(reserving(1), counts={SPEND: taken_for}), claim_id="clm_x")
    with pytest.raises(CountersMoved):
        consume(store, approved, reserving(1), counts={SPEND: taken_for})
    assert (value(store), log_of(store)) == (5, log)
    assert store.reviewer.get(approved.id).status == "approved"
    store.requester.admit(checked, verdict(reserving(1), counts={SPEND: 5, CALLS: 0}), claim_id="clm_x")
    consume(store, approved, reserving(1), counts={SPEND: 6})
    assert value(store) == 7


def test_a_verdict_from_before_the_end_of_a_window_is_refused_after_it(
    store: BlockingStore, clock: ManualClock, checked: CheckedCall, spend: Spend
) -> None:
    spend(5)
    clock.move(DAY)
    with pytest.raises(CountersMoved):
        store.requester.admit(checked, verdict(counts={SPEND: 5}), claim_id="clm_x")
    store.requester.admit(checked, verdict(counts={SPEND: 0}), claim_id="clm_x")


# --- what stays --------------------------------------------------------------------------------


def test_counters_and_claims_survive_closing_and_opening(
    store_location: str, clock: ManualClock, checked: CheckedCall
) -> None:
    with open_store_blocking(store_location, clock=clock) as store:
        store.requester.admit(checked, verdict(reserving(9)), claim_id="clm_1")
        store.requester.admit(checked, verdict(reserving(1)), claim_id="clm_2")
    with open_store_blocking(store_location, clock=clock) as store:
        assert value(store) == 10
        with pytest.raises(LimitReached):
            store.requester.admit(checked, verdict(reserving(1)), claim_id="clm_3")
        store.requester.give_back("clm_1")
    with open_store_blocking(store_location, clock=clock) as store:
        assert value(store) == 1
        assert_sound(store)


async def test_the_async_form_counts_the_same(
    store: BlockingStore, async_store: AsyncStore, checked: CheckedCall
) -> None:
    ask = async_store.requester
    await ask.admit(checked, verdict(reserving(9)), claim_id="clm_1")
    with pytest.raises(LimitReached):
        await ask.admit(checked, verdict(reserving(2)), claim_id="clm_2")
    with pytest.raises(CountersMoved):
        await ask.admit(checked, verdict(reserving(1), counts={SPEND: 8}), claim_id="clm_2")
    assert await ask.counter_values([SPEND]) == {SPEND: 9} == store.requester.counter_values([SPEND])
    await ask.give_back("clm_1")
    assert value(store) == 0
    assert_sound(store)


def test_a_store_of_the_second_schema_is_brought_up_to_date_with_what_it_holds(
    store_path: str, clock: ManualClock, call: Call
) -> None:
    def fill(store: BlockingStore) -> tuple[Request, Request, Claim]:
        waiting = submit(store, call)
        used = submit_approved(store, dataclasses.replace(call, tool="used"))
        claim = store.requester.consume(used.id, used.fingerprint, requester=used.requester)
        return waiting, store.reviewer.get(used.id), claim

    waiting, used, claim = make_store_of_version(store_path, 2, fill, clock)
    with open_store_blocking(store_path, clock=clock) as store:
        assert [store.reviewer.get(request.id) for request in (waiting, used)] == [waiting, used]
        assert value(store) == 0
        store.requester.rollback(used.id, claim.id)  # counted nothing: nothing to give back
        consume(store, used, reserving(10))
        with pytest.raises(LimitReached):
            consume(store, approve(store, waiting), reserving(1))
        assert_sound(store)
    connection = sqlite3.connect(store_path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(sqlite_migrations.MIGRATIONS),)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


# --- against a model ---------------------------------------------------------------------------

steps = st.one_of(
    st.tuples(st.just("spend"), st.integers(0, 12)),
    st.tuples(st.just("give back"), st.integers(0, 20)),
    st.tuples(st.just("move"), st.sampled_from([1, HOUR // 2, HOUR, 5 * HOUR, -HOUR // 2, -HOUR])),
)


@given(st.lists(steps, max_size=30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_the_counter_is_the_sum_of_what_ran_in_its_window(
    next_location: Callable[[], str], chosen: Sequence[tuple[str, int]]
) -> None:
    clock = ManualClock()
    checked = check_call(Call("pay", {}, "release-bot"))
    counted: dict[str, tuple[int, int]] = {}

    def expected() -> int:
        here = CALLS.window_start(clock.now)
        return sum(amount for window, amount in counted.values() if window == here)

    with open_store_blocking(next_location(), clock=clock) as store:
        for number, (what, size) in enumerate(chosen):
            claim = f"clm_{number}"
            if what == "move":
                clock.move(size)
            elif what == "give back":
                store.requester.give_back(f"clm_{size}")
                counted.pop(f"clm_{size}", None)
            elif expected() + size > 10:
                with pytest.raises(LimitReached):
                    store.requester.admit(checked, verdict(reserving(size, counter=CALLS)), claim_id=claim)
            else:
                store.requester.admit(checked, verdict(reserving(size, counter=CALLS)), claim_id=claim)
                counted[claim] = CALLS.window_start(clock.now), size
            assert value(store, CALLS) == expected()
        assert_sound(store)


# --- many processes ----------------------------------------------------------------------------


def count(name: str, path: str, *numbers: int) -> Any:
    return json.loads(run_worker("counting", name, path, *map(str, numbers)))


def not_taken_back(store: BlockingStore) -> int:
    """How many of the allowed calls in the log have not been taken back there."""
    log = [event for event in store.reviewer.events(most=100_000) if event.name.startswith("tool_call")]
    ended = {event.body["details"]["claim"] for event in log if event.name == "tool_call_not_run"}
    admitted = [event.body["details"] for event in log if event.name == "tool_call"]
    claims = [each["claim"] for each in admitted if each["verdict"] == "allow"]
    assert len(claims) == len(set(claims))
    assert ended <= set(claims)
    return len(claims) - len(ended)


@TURNS_OR_NONE
def test_a_limit_of_20_with_many_processes_ends_at_20(store_location: str, processes: int, turns: str) -> None:
    got = count("race_for_room", store_location, processes, 20, int(turns == "turns"))
    assert (got.count("counted"), got.count("LimitReached"), len(got)) == (20, processes - 20, processes)
    with open_store_blocking(store_location) as store:
        assert rows(store, "counters")[0][-1] == not_taken_back(store) == 20
        assert_sound(store)


def test_where_half_of_many_processes_do_not_run_first_the_limit_still_ends_at_20(
    store_location: str, processes: int
) -> None:
    got = count("race_with_returns", store_location, processes, 20)
    assert len(got) == processes
    with open_store_blocking(store_location) as store:
        assert rows(store, "counters")[0][-1] == not_taken_back(store) == got.count("counted") <= 20
        assert_sound(store)
    rest = count("race_for_room", store_location, processes, 20, 1)
    assert got.count("counted") + rest.count("counted") == 20
    with open_store_blocking(store_location) as store:
        assert rows(store, "counters")[0][-1] == not_taken_back(store) == 20
        assert_sound(store)


def test_processes_that_are_killed_at_any_moment_leave_counters_that_agree_with_the_log(store_location: str) -> None:
    told = count("be_killed", store_location, 10)
    with open_store_blocking(store_location) as store:
        held = not_taken_back(store)
        assert held > 0
        assert sum(row[-1] for row in rows(store, "counters")) == held == len(rows(store, "reservations"))
        assert told <= held  # one call may have been counted whose process died before it could say so
        assert held <= told + 10
        assert_sound(store)


def test_what_a_forked_child_counts_is_kept_when_its_parent_closes_the_store(store_location: str) -> None:
    assert count("count_in_a_fork", store_location) == 0
    with open_store_blocking(store_location) as store:
        assert sum(row[-1] for row in rows(store, "counters")) == not_taken_back(store) == 3
        assert_sound(store)
