"""Attempts: which one a request is, what may come before it, and that what is stored of it stays so."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import InvalidInput, StoreCorrupt
from approval_tui.domain.identity import digest_of
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME, DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.tampering import REFUSED, attack, problems, raw
from tests.support import (
    ANN,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
    submit_approved,
)

NOBODYS = "apr_" + "0" * 32


def attempt_of(call: Call, number: int, previous: str | None = None, most: int = 3) -> Call:
    """The call as that attempt, with arguments that no other attempt has."""
    return dataclasses.replace(
        call, arguments={"draft": number}, attempt=DraftAttempt(number, most, previous), dedupe_window=0
    )


def denied_first(store: BlockingStore, call: Call) -> Request:
    """A first attempt that a reviewer did not let pass."""
    return deny(store, submit(store, attempt_of(call, 1)), "too much at once")


# --- what is kept of it ------------------------------------------------------------------------


def test_a_request_says_which_attempt_it_is_and_after_which(store: BlockingStore, call: Call) -> None:
    first = denied_first(store, call)
    second = submit(store, attempt_of(call, 2, first.id))
    assert first.attempt == DraftAttempt(1, 3)
    assert second.attempt == DraftAttempt(2, 3, first.id)
    assert store.reviewer.get(second.id) == second
    assert store.reviewer.list() == (second,)
    assert second.to_json()["attempt"] == {"number": 2, "most": 3, "previous": first.id}
    assert_sound(store)


def test_a_request_that_is_no_attempt_says_so(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    assert request.attempt is None
    assert request.to_json()["attempt"] is None
    assert store.reviewer.get(request.id) == request
    assert store.reviewer.events()[0].body["changes"].get("attempt") is None


def test_the_submitted_event_says_the_attempt_as_the_row_does(store: BlockingStore, call: Call) -> None:
    first = denied_first(store, call)
    second = submit(store, attempt_of(call, 2, first.id))
    event = store.reviewer.events(request_id=second.id)[0]
    with closing(raw(store)) as connection:
        (text,) = connection.execute("SELECT attempt FROM requests WHERE id = ?", (second.id,)).fetchone()
    assert event.body["changes"]["attempt"] == text == f'{{"most":3,"number":2,"previous":"{first.id}"}}'


def test_an_attempt_stays_what_it_is_whatever_becomes_of_its_request(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    first = denied_first(store, call)
    second = submit(store, attempt_of(call, 2, first.id))
    decided = store.reviewer.decide(
        second.id, "approve", reviewer=ANN, digest=second.digest, edited_arguments={"draft": "by ann"}
    )
    claim = consume(store, decided)
    reported = store.requester.report_outcome(second.id, claim.id, "succeeded")
    assert decided.attempt == claim.request.attempt == reported.attempt == second.attempt
    clock.move(DEFAULT_CLAIM_LIFETIME)
    assert store.reviewer.get(second.id).attempt == second.attempt
    assert store.reviewer.history(Filter(status="consumed"))[0].attempt == second.attempt
    assert_sound(store)


def test_an_attempt_is_no_part_of_digest_and_fingerprint(store: BlockingStore, call: Call) -> None:
    request = submit(store, attempt_of(call, 1))
    plain = dataclasses.replace(call, arguments={"draft": 1}, dedupe_window=0)
    assert submit(store, plain).fingerprint == request.fingerprint
    assert request.digest == digest_of(request.id, call.session, request.fingerprint, call.reason, call.risk)


def test_the_same_call_meets_the_request_that_is_there_whichever_attempt_it_is(
    store: BlockingStore, call: Call
) -> None:
    first = denied_first(store, call)
    approved = submit_approved(store, attempt_of(call, 2, first.id))
    for attempt in (None, DraftAttempt(3, 3, first.id), DraftAttempt(1, 9)):
        met = store.requester.submit(dataclasses.replace(attempt_of(call, 2), attempt=attempt))
        assert (met.created, met.request) == (False, approved)
    assert_sound(store)


async def test_the_async_form_keeps_attempts_the_same(
    store: BlockingStore, async_store: AsyncStore, call: Call
) -> None:
    first = denied_first(store, call)
    second = (await async_store.requester.submit(attempt_of(call, 2, first.id))).request
    assert second == store.reviewer.get(second.id) == await async_store.reviewer.get(second.id)
    assert second.attempt == DraftAttempt(2, 3, first.id)
    with pytest.raises(InvalidInput, match="is no request of this requester"):
        await async_store.requester.submit(attempt_of(call, 3, NOBODYS))
    assert (await async_store.reviewer.verify()).is_sound


# --- what may come before it -------------------------------------------------------------------

Ending = Callable[[BlockingStore, ManualClock, Request], object]

ENDED_WITHOUT_RUNNING: dict[str, Ending] = {
    "denied": lambda store, _, request: deny(store, request),
    "revoked": lambda store, _, request: store.reviewer.revoke(approve(store, request).id, reviewer=ANN),
    "cancelled": lambda store, _, request: store.requester.cancel(request.id, requester=request.requester),
    "ended by a reviewer": lambda store, _, request: store.reviewer.expire(request.id, reviewer=ANN),
    "expired, and nobody wrote it down": lambda _, clock, __: clock.move(DEFAULT_TIMEOUT),
    "approved too long ago": lambda store, clock, request: clock.move(approve(store, request).approval_lifetime),
}
NOT_AT_AN_END: dict[str, tuple[str, Ending]] = {
    "waits": ("pending", lambda *_: None),
    "may run": ("approved", lambda store, _, request: approve(store, request)),
    "runs": ("consumed", lambda store, _, request: consume(store, approve(store, request))),
    "ran": (
        "consumed",
        lambda store, _, request: store.requester.report_outcome(
            request.id, consume(store, approve(store, request)).id, "succeeded"
        ),
    ),
    "was given back": (
        "approved",
        lambda store, _, request: store.requester.rollback(request.id, consume(store, approve(store, request)).id),
    ),
}


@pytest.mark.parametrize("ending", ENDED_WITHOUT_RUNNING.values(), ids=ENDED_WITHOUT_RUNNING.keys())
def test_an_attempt_comes_after_one_that_ended_without_running(
    store: BlockingStore, clock: ManualClock, call: Call, ending: Ending
) -> None:
    first = submit(store, attempt_of(call, 1))
    ending(store, clock, first)
    second = submit(store, attempt_of(call, 2, first.id))
    assert second.attempt == DraftAttempt(2, 3, first.id)
    assert_sound(store)


@pytest.mark.parametrize(("status", "ending"), NOT_AT_AN_END.values(), ids=NOT_AT_AN_END.keys())
def test_an_attempt_after_one_that_may_run_or_ran_is_refused(
    store: BlockingStore, clock: ManualClock, call: Call, status: str, ending: Ending
) -> None:
    first = submit(store, attempt_of(call, 1))
    ending(store, clock, first)
    head = store.reviewer.head()
    with pytest.raises(InvalidInput, match=f"{first.id}, is {status}, and not at an end without running") as caught:
        store.requester.submit(attempt_of(call, 2, first.id))
    assert caught.value.not_done == "No request was made and nothing may run."
    assert store.reviewer.head() == head
    assert_sound(store)


@pytest.mark.parametrize("requester", ["build-bot", "Release-bot", "release-bot "])
def test_an_attempt_after_one_of_another_requester_is_refused_and_says_nothing_of_it(
    store: BlockingStore, call: Call, requester: str
) -> None:
    theirs = denied_first(store, dataclasses.replace(call, requester=requester))
    head = store.reviewer.head()
    with pytest.raises(InvalidInput, match="is no request of this requester for this tool") as caught:
        store.requester.submit(attempt_of(call, 2, theirs.id))
    assert "denied" not in str(caught.value)
    with pytest.raises(InvalidInput) as of_nobody:
        store.requester.submit(attempt_of(call, 2, NOBODYS))
    assert str(of_nobody.value).replace(NOBODYS, theirs.id) == str(caught.value)
    assert store.reviewer.head() == head


def test_an_attempt_in_another_session_comes_after_it_all_the_same(store: BlockingStore, call: Call) -> None:
    """A workflow that a later process takes up again is still the same workflow."""
    first = denied_first(store, call)
    later = dataclasses.replace(attempt_of(call, 2, first.id), session="run-2")
    assert submit(store, later).attempt == DraftAttempt(2, 3, first.id)


def test_an_attempt_after_drafts_that_nobody_was_asked_about_comes_after_none(store: BlockingStore, call: Call) -> None:
    assert submit(store, attempt_of(call, 3)).attempt == DraftAttempt(3, 3)
    assert_sound(store)


@pytest.mark.parametrize(("number", "most"), [(2, 4), (2, 3), (3, 3)])
def test_an_attempt_of_another_course_is_refused(store: BlockingStore, call: Call, number: int, most: int) -> None:
    first = denied_first(store, call)
    second = deny(store, submit(store, attempt_of(call, number, first.id)))
    with pytest.raises(InvalidInput, match="does not come after"):
        store.requester.submit(attempt_of(call, number, second.id, most=most))


def test_an_attempt_may_not_raise_how_many_there_are(store: BlockingStore, call: Call) -> None:
    first = denied_first(store, call)
    second = deny(store, submit(store, attempt_of(call, 2, first.id)))
    with pytest.raises(InvalidInput, match="does not come after"):
        store.requester.submit(attempt_of(call, 3, second.id, most=4))
    assert submit(store, attempt_of(call, 3, second.id)).attempt == DraftAttempt(3, 3, second.id)


def test_an_attempt_for_another_tool_or_server_is_refused(store: BlockingStore, call: Call) -> None:
    first = denied_first(store, call)
    others: tuple[dict[str, Any], ...] = ({"tool": "drop_database"}, {"server": "production"})
    for other in others:
        with pytest.raises(InvalidInput, match="no request of this requester for this tool"):
            store.requester.submit(dataclasses.replace(attempt_of(call, 2, first.id), **other))


def test_a_chain_of_attempts_can_be_followed_to_its_first(store: BlockingStore, call: Call) -> None:
    request = deny(store, submit(store, attempt_of(call, 1, most=5)), "too much at once")
    for number in range(2, 6):
        request = deny(store, submit(store, attempt_of(call, number, request.id, most=5)), "again")
    numbers = []
    while request.attempt is not None:
        numbers.append(request.attempt.number)
        if request.attempt.previous is None:
            break
        request = store.reviewer.get(request.attempt.previous)
    assert numbers == [5, 4, 3, 2, 1]
    assert_sound(store)


def test_an_attempt_after_one_that_cannot_be_read_is_refused(store: BlockingStore, call: Call) -> None:
    first = denied_first(store, call)
    attack(store, "UPDATE requests SET decisions = 'nonsense'")
    with pytest.raises(StoreCorrupt):
        store.requester.submit(attempt_of(call, 2, first.id))
    assert [event.name for event in store.reviewer.events()] == ["request_denied", "request_submitted"]


@pytest.mark.parametrize("attempt", ["second", {"number": 1, "most": 3, "previous": None}], ids=str)
def test_what_is_no_attempt_is_refused_before_anything_is_written(
    store: BlockingStore, call: Call, attempt: Any
) -> None:
    with pytest.raises(InvalidInput):
        store.requester.submit(dataclasses.replace(call, attempt=attempt))
    assert store.reviewer.head() is None


# --- what somebody makes of it who can write the file ------------------------------------------


@pytest.mark.parametrize("statement", ["attempt = NULL", "attempt = attempt", "attempt = '{}', risk = 'low'"])
def test_the_store_itself_refuses_another_attempt(store: BlockingStore, call: Call, statement: str) -> None:
    denied_first(store, call)
    with closing(raw(store)) as connection, pytest.raises(REFUSED, match="never changes"):
        connection.execute(f"UPDATE requests SET {statement}")
    assert_sound(store)


CHANGES: dict[str, str | None] = {
    "another number": '{"most":3,"number":2,"previous":null}',
    "another most": '{"most":4,"number":1,"previous":null}',
    "after another": f'{{"most":3,"number":2,"previous":"{NOBODYS}"}}',
    "the same in other words": '{"number":1,"most":3,"previous":null}',
    "none": None,
}


@pytest.mark.parametrize("text", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_attempt_is_found(store: BlockingStore, call: Call, text: str | None) -> None:
    request = submit(store, attempt_of(call, 1))
    attack(store, "UPDATE requests SET attempt = ?", (text,))
    (problem,) = problems(store)
    assert problem.request_id == request.id
    assert problem.what == "its row differs from its events in attempt"


MALFORMED = (
    "", "nonsense", "{", "[]", "5", "null", '"first"', "{}", '{"most":3,"number":1}',
    '{"most":3,"number":0,"previous":null}',
    '{"most":3,"number":4,"previous":null}', '{"most":3,"number":true,"previous":null}',
    '{"most":3.0,"number":1.0,"previous":null}', '{"most":3,"number":1,"previous":null,"x":1}',
    '{"most":3,"number":2,"previous":"apr_"}', "[" * 200_000,
)  # fmt: skip


@pytest.mark.parametrize("text", MALFORMED, ids=[str(number) for number in range(len(MALFORMED))])
def test_an_attempt_that_cannot_be_read_stops_every_reader_and_every_command(
    store: BlockingStore, call: Call, text: str
) -> None:
    request = submit_approved(store, attempt_of(call, 1))
    attack(store, "UPDATE requests SET attempt = ?", (text,))
    commands: list[Callable[[], object]] = [
        lambda: store.reviewer.get(request.id),
        lambda: store.reviewer.history(),
        lambda: store.reviewer.revoke(request.id, reviewer=ANN),
        lambda: store.requester.cancel(request.id, requester=call.requester),
        lambda: consume(store, request),
    ]
    for command in commands:
        with pytest.raises(StoreCorrupt):
            command()
    assert event_names(store, request) == ["request_submitted", "request_approved"]
    assert {problem.request_id for problem in problems(store)} == {request.id}


def test_an_attempt_whose_event_was_changed_with_its_row_breaks_the_chain(store: BlockingStore, call: Call) -> None:
    request = submit(store, attempt_of(call, 1))
    event = store.reviewer.events()[0]
    body = json.loads(json.dumps(event.body))
    body["changes"]["attempt"] = None
    attack(store, "UPDATE events SET body = ?", (json.dumps(body, separators=(",", ":"), sort_keys=True),))
    attack(store, "UPDATE requests SET attempt = NULL WHERE id = ?", (request.id,))
    (problem,) = problems(store)
    assert problem.seq == event.seq
