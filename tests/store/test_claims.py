"""Claims: one caller may run the call once, with what was approved; outcomes, rollback and doubt (R2)."""

from __future__ import annotations

import dataclasses

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, HOUR
from approval_tui.domain.errors import (
    ClaimInDoubt,
    ClaimInvalid,
    InvalidInput,
    RequestChanged,
    RequestNotFound,
    StatusConflict,
)
from approval_tui.domain.limits import DEFAULT_APPROVAL_LIFETIME, DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.support import ANN, BO, ManualClock, assert_sound, consume, event_names, submit, submit_approved


@pytest.fixture
def approved(store: BlockingStore, call: Call) -> Request:
    return submit_approved(store, call)


def test_a_claim_holds_the_arguments_that_may_run(store: BlockingStore, approved: Request, clock: ManualClock) -> None:
    claim = consume(store, approved)
    assert claim.arguments == {"command": "make deploy"}
    assert claim.request.status == "consumed"
    assert claim.request.consumed_at == clock.now
    assert claim.request.claim_expires_at == clock.now + DEFAULT_CLAIM_LIFETIME
    assert claim.request.is_running
    assert_sound(store)


def test_the_secret_of_a_claim_is_nowhere_in_the_store(store: BlockingStore, approved: Request) -> None:
    claim = consume(store, approved)
    assert claim.id not in repr(store.reviewer.events(request_id=approved.id))
    assert claim.id not in repr(store.reviewer.get(approved.id))


def test_one_approval_is_one_call(store: BlockingStore, approved: Request) -> None:
    consume(store, approved)
    with pytest.raises(StatusConflict, match="already used"):
        consume(store, approved)
    assert event_names(store, approved).count("request_consumed") == 1


def test_consume_takes_only_the_requester_and_the_call_that_were_approved(
    store: BlockingStore, approved: Request, call: Call
) -> None:
    other = submit(store, dataclasses.replace(call, arguments={"command": "make release"}))
    before = store.reviewer.get(approved.id)
    with pytest.raises(RequestChanged, match="another call or another requester"):
        store.requester.consume(approved.id, other.fingerprint, requester="release-bot")
    with pytest.raises(RequestChanged):
        store.requester.consume(approved.id, approved.fingerprint, requester="build-bot")
    with pytest.raises(RequestChanged):
        store.requester.consume(approved.id, "", requester="release-bot")
    assert store.reviewer.get(approved.id) == before
    assert consume(store, approved).request.status == "consumed"


def test_there_is_no_claim_on_what_does_not_exist(store: BlockingStore) -> None:
    with pytest.raises(RequestNotFound):
        store.requester.consume("apr_" + "0" * 32, "v1:sha256:0", requester="release-bot")


@pytest.mark.parametrize("lifetime", [0, -1, -HOUR])
def test_a_claim_must_last_some_time(store: BlockingStore, approved: Request, lifetime: int) -> None:
    with pytest.raises(InvalidInput):
        store.requester.consume(approved.id, approved.fingerprint, requester="release-bot", claim_lifetime=lifetime)
    assert store.reviewer.get(approved.id).status == "approved"


# --- outcomes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_the_holder_reports_what_became_of_the_call_once(
    store: BlockingStore, approved: Request, clock: ManualClock, outcome: str
) -> None:
    claim = consume(store, approved)
    clock.move(5000)
    ended = store.requester.report_outcome(approved.id, claim.id, outcome, detail="exit code 3")
    assert (ended.outcome, ended.outcome_detail, ended.outcome_at) == (outcome, "exit code 3", clock.now)
    assert not ended.is_running
    with pytest.raises(ClaimInvalid, match=f"has ended already: {outcome}"):
        store.requester.report_outcome(approved.id, claim.id, "failed")
    with pytest.raises(ClaimInvalid):
        store.requester.rollback(approved.id, claim.id)
    assert event_names(store, approved)[-2:] == ["request_consumed", "outcome_reported"]
    assert_sound(store)


@pytest.mark.parametrize("claim", ["", "clm_" + "0" * 32, "\0"])
def test_nobody_reports_without_the_claim(store: BlockingStore, approved: Request, claim: str) -> None:
    consume(store, approved)
    before = store.reviewer.get(approved.id)
    with pytest.raises(ClaimInvalid, match="not the claim"):
        store.requester.report_outcome(approved.id, claim, "succeeded")
    with pytest.raises(ClaimInvalid):
        store.requester.rollback(approved.id, claim)
    assert store.reviewer.get(approved.id) == before


def test_the_claim_on_another_request_does_not_fit(store: BlockingStore, approved: Request, call: Call) -> None:
    other = submit_approved(store, dataclasses.replace(call, tool="other"))
    claim = consume(store, other)
    consume(store, approved)
    with pytest.raises(ClaimInvalid):
        store.requester.report_outcome(approved.id, claim.id, "succeeded")


@pytest.mark.parametrize("outcome", ["", "ok", "SUCCEEDED", "in_doubt"])
def test_an_outcome_is_one_of_three_words(store: BlockingStore, approved: Request, outcome: str) -> None:
    claim = consume(store, approved)
    with pytest.raises(InvalidInput, match="none of succeeded, failed, not_run"):
        store.requester.report_outcome(approved.id, claim.id, outcome)
    assert store.reviewer.get(approved.id).outcome is None


# --- rollback ----------------------------------------------------------------------------------


def test_a_rollback_gives_back_exactly_one_call(store: BlockingStore, approved: Request) -> None:
    first = consume(store, approved)
    back = store.requester.rollback(approved.id, first.id, detail="the runner was busy")
    assert back.status == "approved"
    assert (back.consumed_at, back.claim_expires_at, back.outcome) == (None, None, None)
    assert back.approval_expires_at == approved.approval_expires_at
    second = consume(store, approved)
    assert second.id != first.id
    with pytest.raises(StatusConflict):
        consume(store, approved)
    with pytest.raises(ClaimInvalid):
        store.requester.rollback(approved.id, first.id)
    assert store.requester.report_outcome(approved.id, second.id, "succeeded").outcome == "succeeded"
    assert_sound(store)


def test_a_claim_is_rolled_back_once(store: BlockingStore, approved: Request) -> None:
    claim = consume(store, approved)
    store.requester.rollback(approved.id, claim.id)
    with pytest.raises(StatusConflict):
        store.requester.rollback(approved.id, claim.id)
    with pytest.raises(StatusConflict):
        store.requester.report_outcome(approved.id, claim.id, "succeeded")
    assert event_names(store, approved).count("claim_rolled_back") == 1


def test_what_did_not_run_is_the_same_as_a_rollback(store: BlockingStore, approved: Request) -> None:
    claim = consume(store, approved)
    assert store.requester.report_outcome(approved.id, claim.id, "not_run").status == "approved"
    assert event_names(store, approved)[-1] == "claim_rolled_back"


def test_a_rollback_after_the_approval_expired_ends_the_claim(
    store: BlockingStore, approved: Request, clock: ManualClock
) -> None:
    claim = consume(store, approved)
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    ended = store.requester.rollback(approved.id, claim.id, detail="gave up")
    assert (ended.status, ended.outcome, ended.outcome_detail) == ("consumed", "not_run", "gave up")
    with pytest.raises(StatusConflict):
        consume(store, approved)
    assert event_names(store, approved)[-1] == "claim_rolled_back"
    assert_sound(store)


def test_what_is_given_up_is_given_back_and_withdrawn_in_one_step(store: BlockingStore, approved: Request) -> None:
    claim = consume(store, approved)
    given_up = store.requester.give_up(approved.id, claim.id, reason="the tool does not take these arguments")
    assert given_up.status == "cancelled"
    assert event_names(store, approved)[-2:] == ["claim_rolled_back", "request_cancelled"]
    with pytest.raises(StatusConflict):
        consume(store, approved)
    assert_sound(store)


def test_what_is_given_up_with_another_claim_stays_as_it_was(store: BlockingStore, approved: Request) -> None:
    consume(store, approved)
    with pytest.raises(ClaimInvalid):
        store.requester.give_up(approved.id, "clm_another", reason="the tool does not take these arguments")
    assert store.reviewer.get(approved.id).is_running


def test_giving_up_after_the_approval_expired_ends_the_claim(
    store: BlockingStore, approved: Request, clock: ManualClock
) -> None:
    claim = consume(store, approved)
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    ended = store.requester.give_up(approved.id, claim.id, reason="gave up")
    assert (ended.status, ended.outcome, ended.outcome_detail) == ("consumed", "not_run", "gave up")
    assert_sound(store)


def test_an_approval_that_was_given_back_can_be_revoked(store: BlockingStore, approved: Request) -> None:
    claim = consume(store, approved)
    store.requester.rollback(approved.id, claim.id)
    assert store.reviewer.revoke(approved.id, reviewer=BO).status == "denied"
    with pytest.raises(StatusConflict):
        consume(store, approved)


def test_an_approval_that_was_given_back_expires_when_it_would_have(
    store: BlockingStore, approved: Request, clock: ManualClock
) -> None:
    store.requester.rollback(approved.id, consume(store, approved).id)
    clock.move(DEFAULT_APPROVAL_LIFETIME)
    assert store.reviewer.get(approved.id).status == "expired"
    with pytest.raises(StatusConflict):
        consume(store, approved)


# --- doubt -------------------------------------------------------------------------------------


def test_a_claim_without_an_outcome_past_its_time_is_in_doubt(
    store: BlockingStore, approved: Request, clock: ManualClock
) -> None:
    claim = store.requester.consume(approved.id, approved.fingerprint, requester="release-bot", claim_lifetime=2 * HOUR)
    clock.move(2 * HOUR - 1)
    assert not store.reviewer.get(approved.id).in_doubt
    assert store.reviewer.list(Filter(status="in_doubt")) == ()
    clock.move(1)
    doubtful = store.reviewer.get(approved.id)
    assert doubtful.in_doubt
    assert not doubtful.is_running
    assert store.reviewer.list(Filter(status="in_doubt")) == (doubtful,)
    assert claim.request.id == doubtful.id


def test_a_claim_in_doubt_is_never_reusable(
    store: BlockingStore, approved: Request, clock: ManualClock, call: Call
) -> None:
    claim = consume(store, approved)
    clock.move(DAY)
    with pytest.raises(StatusConflict, match="in doubt"):
        consume(store, approved)
    with pytest.raises(ClaimInDoubt):
        store.requester.rollback(approved.id, claim.id)
    assert store.requester.submit(call).created
    assert store.reviewer.get(approved.id).in_doubt


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "not_run"])
def test_a_late_report_is_kept_and_changes_nothing(
    store: BlockingStore, approved: Request, clock: ManualClock, outcome: str
) -> None:
    claim = consume(store, approved)
    clock.move(DEFAULT_CLAIM_LIFETIME)
    with pytest.raises(ClaimInDoubt) as caught:
        store.requester.report_outcome(approved.id, claim.id, outcome, detail="sorry")
    assert "kept in the audit log" in caught.value.not_done
    assert "resolve" in caught.value.to_do
    assert store.reviewer.get(approved.id).in_doubt
    event = store.reviewer.events(request_id=approved.id)[-1]
    assert event.name == "outcome_reported_late"
    assert event.body["changes"] == {}
    assert event.body["details"] == {"outcome": outcome, "detail": "sorry"}
    assert_sound(store)


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "not_run"])
def test_a_reviewer_ends_a_doubt_once(
    store: BlockingStore, approved: Request, clock: ManualClock, outcome: str
) -> None:
    claim = consume(store, approved)
    clock.move(DEFAULT_CLAIM_LIFETIME)
    resolved = store.reviewer.resolve(approved.id, outcome, reviewer=ANN, reason="saw it in the log")
    assert (resolved.status, resolved.outcome, resolved.in_doubt) == ("consumed", outcome, False)
    assert resolved.outcome_detail == "saw it in the log"
    event = store.reviewer.events(request_id=approved.id)[-1]
    assert (event.name, event.body["details"]["by"]["reviewer"]) == ("claim_resolved", "ann")
    with pytest.raises(StatusConflict, match="not in doubt"):
        store.reviewer.resolve(approved.id, outcome, reviewer=BO)
    with pytest.raises(ClaimInvalid):
        store.requester.report_outcome(approved.id, claim.id, "succeeded")
    with pytest.raises(StatusConflict):
        consume(store, approved)
    assert_sound(store)


def test_a_running_call_is_not_resolved(store: BlockingStore, approved: Request) -> None:
    consume(store, approved)
    with pytest.raises(StatusConflict, match="running until at most 2027-"):
        store.reviewer.resolve(approved.id, "failed", reviewer=ANN)


@pytest.mark.parametrize("outcome", ["", "unknown"])
def test_a_doubt_is_resolved_with_an_outcome(
    store: BlockingStore, approved: Request, clock: ManualClock, outcome: str
) -> None:
    consume(store, approved)
    clock.move(DEFAULT_CLAIM_LIFETIME)
    with pytest.raises(InvalidInput):
        store.reviewer.resolve(approved.id, outcome, reviewer=ANN)
    assert store.reviewer.get(approved.id).in_doubt


# --- what was judged ---------------------------------------------------------------------------


def test_a_claim_is_given_only_on_the_digest_that_was_judged(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    judged = request.digest
    edited = store.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=judged, edited_arguments={"command": "make world"}
    )
    with pytest.raises(RequestChanged, match="is not what was judged"):
        store.requester.consume(request.id, request.fingerprint, requester=request.requester, digest=judged)
    assert store.reviewer.get(request.id).status == "approved"
    claim = store.requester.consume(request.id, request.fingerprint, requester=request.requester, digest=edited.digest)
    assert claim.arguments == {"command": "make world"}
    assert_sound(store)
