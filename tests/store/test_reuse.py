"""The same call again: which request it meets (R5)."""

from __future__ import annotations

import dataclasses

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY
from approval_tui.domain.limits import DEFAULT_DEDUPE_WINDOW, DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, ManualClock, approve, assert_sound, consume, deny, event_names, submit, submit_approved


@pytest.fixture
def patient(call: Call) -> Call:
    """A call whose approval outlives the dedupe window by far."""
    return dataclasses.replace(call, approval_lifetime=DAY, timeout=DAY)


def met(store: BlockingStore, call: Call) -> Request | None:
    """The request that the call meets, or None where it makes a new one."""
    submitted = store.requester.submit(call)
    return None if submitted.created else submitted.request


def test_a_pending_request_is_met_inside_the_window(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    first = submit(store, call)
    clock.move(DEFAULT_DEDUPE_WINDOW - 1)
    assert met(store, call) == first
    assert event_names(store, first) == ["request_submitted", "request_reused"]
    assert store.reviewer.overview().pending == 1
    assert_sound(store)


def test_a_pending_request_is_not_met_outside_the_window(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    first = submit(store, call)
    clock.move(DEFAULT_DEDUPE_WINDOW)
    second = submit(store, call)
    assert second.id > first.id
    assert store.reviewer.overview().pending == 2


def test_a_pending_request_past_its_time_is_not_met(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    hasty = dataclasses.replace(call, timeout=1000)
    submit(store, hasty)
    clock.move(1000)
    assert met(store, hasty) is None


def test_an_approval_is_met_until_it_expires_whatever_the_window(
    store: BlockingStore, clock: ManualClock, patient: Call
) -> None:
    first = submit_approved(store, patient)
    clock.move(DAY - 1)
    assert met(store, dataclasses.replace(patient, dedupe_window=0)) == first
    clock.move(1)
    assert met(store, patient) is None


def test_a_denial_is_met_inside_the_window_counted_from_the_denial(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    first = submit(store, call)
    clock.move(DEFAULT_TIMEOUT - 1)
    denied = deny(store, first, "not today")
    clock.move(DEFAULT_DEDUPE_WINDOW - 1)
    again = met(store, call)
    assert again == denied
    assert again is not None
    assert again.decisions[-1].reason == "not today"
    clock.move(1)
    assert met(store, call) is None


def test_a_revoked_approval_is_met_as_a_denial(store: BlockingStore, call: Call) -> None:
    first = submit_approved(store, call)
    revoked = store.reviewer.revoke(first.id, reviewer=ANN)
    assert met(store, call) == revoked


@pytest.mark.parametrize("end", ["consumed", "cancelled", "expired"])
def test_what_has_ended_otherwise_is_not_met(store: BlockingStore, call: Call, end: str) -> None:
    if end == "consumed":
        consume(store, submit_approved(store, call))
    elif end == "cancelled":
        store.requester.cancel(submit(store, call).id, requester=call.requester)
    else:
        store.reviewer.expire(submit(store, call).id, reviewer=ANN)
    assert met(store, call) is None


def test_an_approval_that_was_given_back_is_met_again(store: BlockingStore, call: Call) -> None:
    request = submit_approved(store, call)
    claim = consume(store, request)
    store.requester.rollback(request.id, claim.id)
    again = met(store, call)
    assert again is not None
    assert again.id == request.id
    assert again.status == "approved"


def test_without_a_window_only_an_approval_is_met(store: BlockingStore, call: Call) -> None:
    windowless = dataclasses.replace(call, dedupe_window=0)
    first = submit(store, windowless)
    second = submit(store, windowless)
    deny(store, first)
    submit(store, windowless)
    approved = approve(store, second)
    assert met(store, windowless) == approved


def test_a_later_denial_of_the_same_call_outweighs_an_earlier_approval(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    windowless = dataclasses.replace(call, dedupe_window=0)
    first, second = submit(store, windowless), submit(store, windowless)
    approve(store, first)
    clock.move(1)
    denied = deny(store, second, "stop")
    assert met(store, call) == denied


def test_a_later_approval_of_the_same_call_outweighs_an_earlier_denial(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    windowless = dataclasses.replace(call, dedupe_window=0)
    first, second = submit(store, windowless), submit(store, windowless)
    deny(store, first)
    clock.move(1)
    approved = approve(store, second)
    assert met(store, call) == approved


def test_an_approval_is_met_behind_many_that_were_never_decided(
    store: BlockingStore, clock: ManualClock, patient: Call
) -> None:
    windowless = dataclasses.replace(patient, dedupe_window=0)
    first = submit(store, windowless)
    for _ in range(60):
        submit(store, windowless)
    approved = approve(store, first)
    assert met(store, windowless) == approved


@pytest.mark.parametrize(
    "parts",
    [{"requester": "build-bot"}, {"server": "s"}, {"tool": "t"}, {"context": {"c": 1}}, {"arguments": {}},
     {"rule_hash": "r"}],
    ids=str,
)  # fmt: skip
def test_another_call_meets_nothing(store: BlockingStore, call: Call, parts: dict[str, object]) -> None:
    submit_approved(store, call)
    assert met(store, dataclasses.replace(call, **parts)) is None  # type: ignore[arg-type]


def test_another_session_reason_or_key_order_meets_the_same_request(store: BlockingStore, call: Call) -> None:
    first = submit(store, dataclasses.replace(call, arguments={"a": [{"x": 1, "y": 2}], "b": 2}))
    again = met(
        store,
        dataclasses.replace(
            call, arguments={"b": 2, "a": [{"y": 2, "x": 1}]}, session="run-2", reason="other", risk="high"
        ),
    )
    assert again == first
    assert store.reviewer.events()[0].body["details"] == {"session": "run-2"}


def test_two_calls_with_different_big_integers_are_two_requests(store: BlockingStore, call: Call) -> None:
    amounts = [2**53 - 1, 2**53, 2**53 + 1, float(2**53), "\0int:9007199254740992", "9007199254740992"]
    ids = {submit(store, dataclasses.replace(call, arguments={"amount": amount})).id for amount in amounts}
    assert len(ids) == len(amounts)
