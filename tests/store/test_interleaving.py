"""Writers beside each other on PostgreSQL: what must not interleave waits, wherever the two of them meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

import pytest

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.errors import CountersMoved, LimitReached, SessionHeld, StatusConflict
from approval_tui.domain.grants import ALWAYS, GrantTerms
from approval_tui.domain.lifecycle import ALLOW, DENY
from approval_tui.domain.matchers import ANYTHING, Part, exact_matcher
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.roles import AGENT
from approval_tui.domain.tokens import new_token
from approval_tui.domain.verdicts import Verdict
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import (
    deciding,
    deliveries,
    grants,
    holds,
    policies,
    requester,
    reviewer,
    submitting,
    tokens,
)
from tests.store.granting import approve_for_session, grant_for, grant_of
from tests.store.tampering import PostgresConnection
from tests.support import (
    ANN,
    BO,
    LONG,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    submit,
    submit_approved,
    until,
)

R = TypeVar("R")
S = TypeVar("S")

COUNTER = Counter("pay.calls", 10_000_000_000)
_WAITING = """
SELECT 1 FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')
"""


@pytest.fixture
def store_location(recycled_postgres_url: str) -> str:
    """SQLite lets in one writer at a time."""
    return recycled_postgres_url


class Beside:
    """Two writers: the second begins when the first has done its work, and before that is committed."""

    def __init__(self, store: BlockingStore, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock

    def __call__(self, first: Callable[[Transaction], R], second: Callable[[BlockingStore], S]) -> tuple[R, S]:
        """What both gave; the first commits when the second waits, or is done, which what it gave must show."""
        started: list[Any] = []
        with (
            open_store_blocking(self.store.location, clock=self.clock) as other,
            closing(PostgresConnection(self.store.location)) as watcher,
            ThreadPoolExecutor(1) as pool,
        ):

            def work(tx: Transaction) -> R:
                result = first(tx)
                if not started:
                    started.append(pool.submit(second, other))
                    until(lambda: started[0].done() or watcher.execute(_WAITING).fetchall())
                return result

            return self.store._engine.write(work), started[0].result(LONG)


@pytest.fixture
def beside(store: BlockingStore, clock: ManualClock) -> Beside:
    """Runs two writers beside each other."""
    return Beside(store, clock)


def names(store: BlockingStore, *among: str) -> list[str]:
    """Those of the log's events that have one of these names, in order."""
    return [event.name for event in reversed(store.reviewer.events(most=1000)) if event.name in among]


def taken(tx: Transaction, request: Request) -> None:
    requester.consume(tx, request.id, request.fingerprint, requester=request.requester)


def outcome(action: Callable[[], Any]) -> Any:
    """What the action gives, or the kind of its error."""
    try:
        return action()
    except (StatusConflict, SessionHeld, LimitReached, CountersMoved) as error:
        return type(error)


def test_one_of_two_who_consume_gets_the_claim(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit_approved(store, call)
    _, second = beside(lambda tx: taken(tx, request), lambda other: outcome(lambda: consume(other, request)))
    assert second is StatusConflict
    assert_sound(store)


def test_a_session_is_held_after_what_ran_in_it(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit_approved(store, call)
    beside(
        lambda tx: taken(tx, request),
        lambda other: other.reviewer.hold_session(call.requester, "run-1", reviewer=ANN),
    )
    assert names(store, "request_consumed", "session_held") == ["request_consumed", "session_held"]
    assert_sound(store)


def test_nothing_runs_in_a_session_that_is_being_held(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit_approved(store, call)
    _, second = beside(
        lambda tx: holds.hold_session(tx, call.requester, "run-1", reviewer=ANN),
        lambda other: outcome(lambda: consume(other, request)),
    )
    assert second is SessionHeld
    assert_sound(store)


def test_who_comes_while_a_session_is_released_runs_after_it(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit_approved(store, call)
    store.reviewer.hold_session(call.requester, "run-1", reviewer=ANN)
    beside(
        lambda tx: holds.release_session(tx, call.requester, "run-1", reviewer=ANN),
        lambda other: consume(other, request),
    )
    assert names(store, "request_consumed", "session_released") == ["session_released", "request_consumed"]
    assert_sound(store)


def test_a_grant_is_revoked_after_what_it_let_run(store: BlockingStore, beside: Beside, call: Call) -> None:
    grant = grant_for(store, call)
    request = submit(store, call)
    beside(
        lambda tx: taken(tx, request),
        lambda other: other.reviewer.revoke_grant(grant.id, reviewer=ANN),
    )
    assert names(store, "request_consumed", "grant_revoked")[1:] == ["request_consumed", "grant_revoked"]
    assert_sound(store)


def test_what_a_grant_approved_does_not_run_while_the_grant_is_revoked(
    store: BlockingStore, beside: Beside, call: Call
) -> None:
    grant = grant_for(store, call)
    request = submit(store, call)
    _, second = beside(
        lambda tx: grants.revoke_grant(tx, grant.id, reviewer=ANN),
        lambda other: outcome(lambda: consume(other, request)),
    )
    assert second is StatusConflict
    assert store.reviewer.get(request.id).status == "expired"
    assert_sound(store)


def test_a_call_is_asked_while_its_grant_is_revoked(store: BlockingStore, beside: Beside, call: Call) -> None:
    grant = grant_for(store, call)
    _, second = beside(
        lambda tx: grants.revoke_grant(tx, grant.id, reviewer=ANN),
        lambda other: other.requester.submit(call).request.status,
    )
    assert second == "pending"
    assert_sound(store)


def always(store: BlockingStore, call: Call) -> None:
    """Grants the call for every session."""
    request = submit(store, call)
    terms = GrantTerms(ALWAYS, exact_matcher(request))
    store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, grant=terms)
    consume(store, store.reviewer.get(request.id))


@pytest.mark.parametrize("how", ["denied", "revoked"])
def test_a_no_to_the_same_call_comes_after_what_a_grant_let_run(
    store: BlockingStore, beside: Beside, call: Call, how: str
) -> None:
    always(store, call)
    request = submit(store, call)
    assert request.status == "approved"
    looked_at = dataclasses.replace(call, requirements=Requirements(reason_required=True), session="run-2")
    asked = submit(store, looked_at)
    if how == "revoked":
        asked = store.reviewer.decide(asked.id, "approve", reviewer=ANN, digest=asked.digest, reason="yes")
    beside(
        lambda tx: taken(tx, request),
        lambda other: deny(other, asked, "no") if how == "denied" else other.reviewer.revoke(asked.id, reviewer=BO),
    )
    event = "request_denied" if how == "denied" else "request_revoked"
    assert names(store, "request_consumed", event)[1:] == ["request_consumed", event]
    assert_sound(store)


def test_a_grant_passes_over_what_somebody_denies_at_that_moment(
    store: BlockingStore, beside: Beside, call: Call
) -> None:
    asked, waiting = (submit(store, dataclasses.replace(call, arguments={"n": n})) for n in range(2))
    matcher = exact_matcher(asked).with_part(Part(("arguments", "n"), ANYTHING))

    def grant(other: BlockingStore) -> Request:
        terms = GrantTerms(matcher=matcher)
        return other.reviewer.decide(asked.id, "approve", reviewer=ANN, digest=asked.digest, grant=terms)

    beside(lambda tx: deciding.decide(tx, waiting.id, DENY, reviewer=BO, digest=waiting.digest), grant)
    assert [store.reviewer.get(each.id).status for each in (asked, waiting)] == ["approved", "denied"]
    assert grant_of(store, asked).uses == 0
    assert_sound(store)


def test_two_votes_at_once_are_two_votes(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    _, second = beside(
        lambda tx: deciding.decide(tx, request.id, "approve", reviewer=ANN, digest=request.digest),
        lambda other: approve(other, request, BO),
    )
    assert (second.status, [each.reviewer for each in second.decisions]) == ("approved", ["ann", "bo"])
    assert_sound(store)


def test_the_same_call_at_once_is_one_request(store: BlockingStore, beside: Beside, call: Call) -> None:
    first, second = beside(
        lambda tx: submitting.submit(tx, check_call(call)), lambda other: other.requester.submit(call)
    )
    assert (first.created, second.created) == (True, False)
    assert first.request.id == second.request.id
    assert_sound(store)


def allowing(most: int) -> Verdict:
    return Verdict(ALLOW, reservations=(Reservation(COUNTER, 1, most, "limit", "no room"),))


def test_the_last_room_below_a_limit_is_taken_once(store: BlockingStore, beside: Beside, call: Call) -> None:
    checked = check_call(call)
    _, second = beside(
        lambda tx: policies.admit(tx, checked, allowing(1), claim_id="clm_1"),
        lambda other: outcome(lambda: other.requester.admit(checked, allowing(1), claim_id="clm_2")),
    )
    assert second is LimitReached
    assert store.requester.counter_values([COUNTER]) == {COUNTER: 1}
    assert_sound(store)


def test_what_a_call_counted_is_given_back_once(store: BlockingStore, beside: Beside, call: Call) -> None:
    for number in range(3):
        store.requester.admit(check_call(call), allowing(9), claim_id=f"clm_{number}")
    beside(lambda tx: policies.give_back(tx, "clm_0"), lambda other: other.requester.give_back("clm_0"))
    assert store.requester.counter_values([COUNTER]) == {COUNTER: 2}
    assert names(store, "tool_call_not_run") == ["tool_call_not_run"]
    assert_sound(store)


def test_two_consoles_record_an_expiry_once(
    store: BlockingStore, clock: ManualClock, beside: Beside, call: Call
) -> None:
    for number in range(3):
        submit(store, dataclasses.replace(call, arguments={"n": number}))
    clock.move(call.timeout)
    counts = beside(lambda tx: reviewer.expire_due(tx), lambda other: other.reviewer.expire_due())
    assert counts == (3, 0)
    assert names(store, "request_expired") == ["request_expired"] * 3
    assert_sound(store)


def test_a_token_is_revoked_once(store: BlockingStore, beside: Beside) -> None:
    token = store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=ANN)
    first, second = beside(
        lambda tx: tokens.revoke_token(tx, token.id, reviewer=ANN),
        lambda other: other.reviewer.revoke_token(token.id, reviewer=BO),
    )
    assert first == second
    assert names(store, "token_revoked") == ["token_revoked"]
    assert_sound(store)


def test_two_who_lease_each_get_some(store: BlockingStore, beside: Beside, call: Call) -> None:
    store._engine.write(deliveries.take_up, "webhook", ["requested"])
    for number in range(4):
        submit(store, dataclasses.replace(call, arguments={"n": number}))
    store._engine.write(deliveries.take_up, "webhook", ["requested"])
    first, second = beside(
        lambda tx: deliveries.lease(tx, "one", "webhook", most=2),
        lambda other: other._engine.write(deliveries.lease, "other", "webhook", most=2),
    )
    assert len({each.notice.request_id for each in (*first, *second)}) == 4


def test_approvals_for_a_session_wait_for_its_hold(store: BlockingStore, beside: Beside, call: Call) -> None:
    request = submit(store, call)
    _, second = beside(
        lambda tx: holds.hold_session(tx, call.requester, "run-1", reviewer=BO),
        lambda other: outcome(lambda: approve_for_session(other, request)),
    )
    assert second is SessionHeld
    assert store.reviewer.grants() == ()
    assert_sound(store)
