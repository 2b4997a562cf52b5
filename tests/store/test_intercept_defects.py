"""Defects that Intercept's reviewers found in its approvals, each guarded by a test of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR, MINUTE
from approval_tui.domain.errors import (
    ClaimInvalid,
    RequestChanged,
    StatusConflict,
    StoreCorrupt,
)
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME, DEFAULT_DEDUPE_WINDOW, DEFAULT_TIMEOUT
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.tampering import NOT_OF_ITS_TYPE, attack, columns_of, raw, sqlite_alone
from tests.support import (
    BO,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
    submit_approved,
)


def ended(store: BlockingStore, clock: ManualClock, call: Call, how: str) -> Request:
    request = submit(store, call)
    match how:
        case "consumed":
            consume(store, approve(store, request))
        case "denied":
            deny(store, request)
        case "expired":
            clock.move(DEFAULT_TIMEOUT)
            store.reviewer.expire_due()
        case _:
            store.requester.cancel(request.id, requester=call.requester)
    return request


@pytest.mark.parametrize("how", ["consumed", "denied", "expired", "cancelled"])
@pytest.mark.parametrize("decide", [approve, deny])
def test_a_a_decision_never_arms_again_what_has_ended(
    store: BlockingStore, clock: ManualClock, call: Call, how: str, decide: Callable[..., Request]
) -> None:
    """Intercept (a): approve and deny did not ask for `pending`, so consumed, denied and expired ones came back."""
    request = ended(store, clock, call, how)
    with pytest.raises(StatusConflict):
        decide(store, request, reviewer=BO)
    assert store.reviewer.get(request.id).status == how
    with pytest.raises(StatusConflict):
        consume(store, request)
    assert_sound(store)


def test_b_the_dedupe_window_bounds_pending_requests(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    """Intercept (b), first: the window was ignored, and an old pending request was met for ever."""
    submit(store, call)
    clock.move(DEFAULT_DEDUPE_WINDOW)
    assert store.requester.submit(call).created


def test_b_the_dedupe_window_does_not_cut_approved_requests(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    """Intercept (b), then: the window also hid approvals that were still valid."""
    approved = submit_approved(store, dataclasses.replace(call, approval_lifetime=DAY))
    clock.move(DAY - 1)
    met = store.requester.submit(call)
    assert not met.created
    assert consume(store, met.request).request.id == approved.id


def test_c_one_consume_uses_one_approval_though_two_are_for_the_same_call(store: BlockingStore, call: Call) -> None:
    """Intercept (c): consume updated every row with the fingerprint, so one call used up several approvals."""
    windowless = dataclasses.replace(call, dedupe_window=0)
    first, second = submit(store, windowless), submit(store, windowless)
    approve(store, first)
    approve(store, second)
    assert first.fingerprint == second.fingerprint
    consume(store, first)
    assert store.reviewer.get(second.id).status == "approved"
    assert consume(store, second).request.id == second.id


def test_d_a_refused_consume_makes_no_new_request(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    """Intercept (d): an error of consume fell through to the code that asks, and another request was pending."""
    request = submit_approved(store, call)
    consume(store, request)
    head = store.reviewer.head()
    for fingerprint in (request.fingerprint, "other"):
        with pytest.raises((StatusConflict, RequestChanged)):
            store.requester.consume(request.id, fingerprint, requester=call.requester)
    assert store.reviewer.list() == ()
    assert store.reviewer.head() == head


def test_e_a_failed_call_is_a_failure_and_not_a_success(store: BlockingStore, call: Call) -> None:
    """Intercept (e): a result that said `isError` counted as success; the approval was spent and nobody knew."""
    request = submit_approved(store, call)
    claim = consume(store, request)
    store.requester.report_outcome(request.id, claim.id, "failed", detail="isError: true")
    failed = store.reviewer.get(request.id)
    assert (failed.outcome, failed.outcome_detail) == ("failed", "isError: true")
    with pytest.raises(ClaimInvalid):
        store.requester.report_outcome(request.id, claim.id, "succeeded")


def test_f_a_request_whose_time_has_passed_is_not_approved_though_nobody_recorded_it(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    """Intercept (f): a record past its time could be approved, and was then 'approved but unusable'."""
    request = submit(store, call)
    clock.move(DEFAULT_TIMEOUT)
    with pytest.raises(StatusConflict, match="expired"):
        approve(store, request)
    assert event_names(store, request) == ["request_submitted", "request_expired", "decision_made_late"]


def test_g_the_list_of_pending_requests_shows_none_that_has_expired(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    """Intercept (g): the list showed records past their time as pending."""
    submit(store, dataclasses.replace(call, timeout=MINUTE))
    lasting = submit(store, dataclasses.replace(call, tool="other", timeout=HOUR))
    clock.move(MINUTE)
    assert store.reviewer.list() == (lasting,)
    assert store.reviewer.overview().pending == 1
    assert [request.status for request in store.reviewer.history(Filter(status="expired"))] == ["expired"]


def test_h_a_request_keeps_the_timeout_it_was_made_with(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    """Intercept (h): with two rules of one name, which timeout a request got was a matter of chance."""
    first = submit(store, dataclasses.replace(call, timeout=5 * MINUTE))
    for timeout in (MINUTE, HOUR, 5 * MINUTE):
        met = store.requester.submit(dataclasses.replace(call, timeout=timeout)).request
        assert (met.id, met.expires_at) == (first.id, first.created_at + 5 * MINUTE)


def test_i_keys_inside_lists_of_objects_have_no_order(store: BlockingStore, call: Call) -> None:
    """Intercept (i): objects inside lists were not put in canonical order, so the same call was another one."""
    items = [{"a": 1, "b": {"x": [{"p": 1, "q": 2}], "y": 2}}, {"c": 3, "d": 4}]
    shuffled = [{"b": {"y": 2, "x": [{"q": 2, "p": 1}]}, "a": 1}, {"d": 4, "c": 3}]
    first = submit(store, dataclasses.replace(call, arguments={"items": items}))
    met = store.requester.submit(dataclasses.replace(call, arguments={"items": shuffled}))
    assert met.request.id == first.id
    assert store.requester.submit(dataclasses.replace(call, arguments={"items": items[::-1]})).created


TIMES = (
    "created_at", "expires_at", "approval_lifetime", "approval_expires_at", "decided_at", "consumed_at",
    "claim_expires_at", "outcome_at",
)  # fmt: skip
MALFORMED = ("'yesterday'", "''", "'2026-11-21T09:30:00Z'", sqlite_alone("1.5"), "x'00'")


@pytest.mark.parametrize("column", TIMES)
@pytest.mark.parametrize("value", MALFORMED)
def test_j_a_malformed_time_cannot_be_stored(store: BlockingStore, call: Call, column: str, value: str) -> None:
    """Intercept (j): a timestamp that could not be parsed became the zero time, and so was long past or never."""
    submit(store, call)
    other = {"id": f"'apr_{'f' * 32}'", column: value}
    copied = ", ".join(other.get(name, name) for name in columns_of(store, "requests"))
    why = f"CHECK constraint failed: typeof\\({column}\\)|invalid input syntax for type bigint|is of type bigint but"
    with closing(raw(store)) as connection, pytest.raises(NOT_OF_ITS_TYPE, match=why):
        connection.execute(f"INSERT INTO requests SELECT {copied} FROM requests")


@pytest.mark.sqlite_alone  # on PostgreSQL nobody can put it there
@pytest.mark.parametrize("value", ["'yesterday'", "''", "'2026-11-21T09:30:00Z'", "x'00'"])
def test_j_a_malformed_time_is_never_taken_for_a_moment(store: BlockingStore, call: Call, value: str) -> None:
    """Intercept (j), where somebody put it into the file all the same."""
    pending, approved = submit(store, call), submit_approved(store, dataclasses.replace(call, tool="other"))
    attack(store, f"UPDATE requests SET expires_at = {value} WHERE status = 'pending'")
    connection = raw(store)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(f"UPDATE requests SET approval_expires_at = {value} WHERE status = 'approved'")
    connection.close()
    for attempt in (
        lambda: store.requester.get(pending.id),
        lambda: approve(store, pending),
        lambda: store.requester.get(approved.id),
        lambda: consume(store, approved),
    ):
        with pytest.raises(StoreCorrupt):
            attempt()
    assert len(store.reviewer.verify().problems) == 2


def test_l_ids_begin_as_the_documents_say(store: BlockingStore, call: Call) -> None:
    """Intercept (l): the documents said `appr_`, the program `apr_`."""
    assert submit(store, call).id.startswith("apr_")


def test_a_crash_between_consume_and_answer_leaves_a_claim_in_doubt(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    """Intercept: what a consumed record means after a crash was left open; here it is never used again."""
    request = submit_approved(store, call)
    consume(store, request)  # and the caller is gone
    clock.move(DEFAULT_CLAIM_LIFETIME)
    assert store.reviewer.get(request.id).in_doubt
    with pytest.raises(StatusConflict, match="in doubt"):
        consume(store, request)
