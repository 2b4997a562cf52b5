"""What a grant approves: the same call of the same session, while it holds, and nothing that a person did not see."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY, SECOND
from approval_tui.domain.decisions import NO_EVIDENCE, Decision
from approval_tui.domain.errors import StatusConflict
from approval_tui.domain.grants import FOR_SESSION, SESSION_GRANT_LIFETIME, Grant
from approval_tui.domain.limits import DEFAULT_APPROVAL_LIFETIME, DEFAULT_DEDUPE_WINDOW
from approval_tui.domain.models import Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import approve_for_session, grant_for, grant_of
from tests.support import (
    ANN,
    BO,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
)


@pytest.fixture
def grant(store: BlockingStore, call: Call) -> Grant:
    """A grant for the call, whose own approval has been used."""
    return grant_for(store, call)


def uses(store: BlockingStore) -> int:
    """How many requests the only grant has approved."""
    (grant,) = store.reviewer.grants()
    return grant.uses


# --- the same call -----------------------------------------------------------------------------


def test_a_granted_call_is_approved_at_once_by_the_one_who_granted_it(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    clock.move(DEFAULT_DEDUPE_WINDOW)
    request = submit(store, call)
    assert request.status == "approved"
    assert request == store.reviewer.get(request.id)
    assert request.id != grant.request_id
    assert request.approval_expires_at == clock.now + DEFAULT_APPROVAL_LIFETIME
    assert request.decided_at == clock.now
    assert request.decisions == (
        Decision(
            verdict="approve",
            reviewer="ann",
            reason=None,
            digest=request.digest,
            evidence=NO_EVIDENCE,
            via="grant",
            os_user=None,
            tty=None,
            decided_at=clock.now,
        ),
    )
    assert store.requester.wait(request.id) == request
    assert_sound(store)


def test_the_log_names_the_grant_that_approved(store: BlockingStore, call: Call, grant: Grant) -> None:
    request = submit(store, call)
    assert event_names(store, request) == ["request_submitted", "request_approved"]
    assert store.reviewer.events()[0].body["details"] == {"grant": grant.id}
    assert store.reviewer.grants() == (dataclasses.replace(grant, uses=1),)


def test_every_request_of_a_grant_runs_once_and_each_use_is_counted(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    requests = []
    for _ in range(5):
        request = submit(store, call)
        assert consume(store, request).arguments == call.arguments
        with pytest.raises(StatusConflict, match="already used"):
            consume(store, request)
        requests.append(request.id)
    assert len({grant.request_id, *requests}) == 6
    assert uses(store) == 5
    assert_sound(store)


def test_an_approval_that_was_not_used_yet_is_met_and_counts_once(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    request = submit(store, call)
    met = store.requester.submit(call)
    assert (met.created, met.request) == (False, request)
    assert uses(store) == 1


def test_the_approval_that_came_with_the_grant_is_met_before_the_grant_is_used(
    store: BlockingStore, call: Call
) -> None:
    approved = approve_for_session(store, submit(store, call))
    met = store.requester.submit(call)
    assert (met.created, met.request) == (False, approved)
    assert uses(store) == 0


def test_an_approval_by_a_grant_is_given_back_and_taken_again_like_any_other(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    request = submit(store, call)
    store.requester.rollback(request.id, consume(store, request).id)
    claim = consume(store, request)
    assert store.requester.report_outcome(request.id, claim.id, "succeeded").outcome == "succeeded"
    assert uses(store) == 1
    assert_sound(store)


@pytest.mark.parametrize(
    "parts",
    [{"reason": "for another reason"}, {"risk": "low"}, {"risk": "medium"}, {"rule": "renamed"}, {"timeout": 1},
     {"approval_lifetime": SECOND}, {"dedupe_window": 0}, {"attempt": DraftAttempt(2, 3)},
     {"requirements": Requirements(reviewers=("bo", "ann"))}],
    ids=str,
)  # fmt: skip
def test_what_is_no_part_of_the_call_is_no_reason_to_ask(
    store: BlockingStore, call: Call, grant: Grant, parts: dict[str, Any]
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    assert request.status == "approved"
    consume(store, request)
    assert_sound(store)


def test_a_grant_outlives_the_store_being_closed(store_location: str, clock: ManualClock, call: Call) -> None:
    with open_store_blocking(store_location, clock=clock) as store:
        grant_for(store, call)
    with open_store_blocking(store_location, clock=clock) as store:
        assert submit(store, call).status == "approved"
        assert uses(store) == 1


# --- another call ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        *({"session": session} for session in (None, "run-2", "run-1 ", "Run-1", "run-", "run-1\0", "run-%", "rυn-1")),
        *({"requester": requester} for requester in ("build-bot", "release-bot ", "Release-bot")),
        {"tool": "Shell"},
        {"server": "s"},
        {"context": {"working_directory": "/"}},
        {"rule_hash": "v1:sha256:0"},
        *(
            {"arguments": arguments}
            for arguments in (
                {},
                {"command": "make deploy "},
                {"command": "Make deploy"},
                {"command": "make deploy\u200b"},
                {"command": ["make deploy"]},
                {"Command": "make deploy"},
                {"command": "make deploy", "force": True},
                {"command": "make deploy", "force": None},
            )
        ),
    ],
    ids=lambda parts: ascii(parts),
)
def test_another_call_or_session_is_asked(
    store: BlockingStore, call: Call, grant: Grant, parts: dict[str, Any]
) -> None:
    assert submit(store, dataclasses.replace(call, **parts)).status == "pending"
    assert uses(store) == 0


@pytest.mark.parametrize(
    "parts",
    [
        {"risk": "high"},
        {"requirements": Requirements(quorum=2)},
        {"requirements": Requirements(evidence="shown")},
        {"requirements": Requirements(reason_required=True)},
        {"requirements": Requirements(reviewers=("bo",))},
    ],
    ids=str,
)
@pytest.mark.parametrize("waits_already", [False, True], ids=["after its use", "beside an approval not used yet"])
def test_a_call_that_asks_for_more_than_a_grant_gives_is_asked(
    store: BlockingStore, call: Call, grant: Grant, parts: dict[str, Any], waits_already: bool
) -> None:
    """A grant never satisfies a quorum or a call of high risk (R7), also not by an approval that lies ready."""
    if waits_already:
        assert submit(store, call).status == "approved"
    before = uses(store)
    submitted = store.requester.submit(dataclasses.replace(call, **parts))
    assert (submitted.created, submitted.request.status) == (True, "pending")
    assert uses(store) == before


def test_an_approval_of_a_grant_is_not_met_by_another_session(store: BlockingStore, call: Call, grant: Grant) -> None:
    """What the reviewer approved is for one session; another one must not run it by coming first."""
    assert submit(store, call).status == "approved"
    other = store.requester.submit(dataclasses.replace(call, session="run-2"))
    assert (other.created, other.request.status) == (True, "pending")


def test_a_granted_call_does_not_wait_for_what_another_session_asks(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    assert submit(store, dataclasses.replace(call, session="run-2")).status == "pending"
    assert submit(store, call).status == "approved"


def test_each_session_has_a_grant_of_its_own(store: BlockingStore, call: Call, grant: Grant) -> None:
    other = dataclasses.replace(call, session="run-2")
    theirs = grant_for(store, other, BO)
    consume(store, submit(store, call))
    second = submit(store, other)
    assert second.decisions[0].reviewer == "bo"
    assert {each.id: each.uses for each in store.reviewer.grants()} == {grant.id: 1, theirs.id: 1}
    assert_sound(store)


# --- while it holds ----------------------------------------------------------------------------


def test_a_grant_approves_until_its_time_and_not_a_moment_longer(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    assert grant.expires_at == clock.now + SESSION_GRANT_LIFETIME
    clock.now = grant.expires_at - 1
    consume(store, submit(store, call))
    clock.now = grant.expires_at
    assert submit(store, call).status == "pending"
    assert uses(store) == 1


def test_an_approval_by_a_grant_ends_with_the_grant_at_the_latest(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    """How long an approval may be used is the requester's choice, so it must not carry the grant past its end."""
    request = submit(store, dataclasses.replace(call, approval_lifetime=3650 * DAY))
    assert request.approval_expires_at == grant.expires_at
    clock.now = grant.expires_at
    with pytest.raises(StatusConflict, match="expired"):
        consume(store, request)


def test_approvals_cannot_be_put_aside_for_the_time_after_the_grant(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    """A claim that is given back makes its approval ready again: so several could lie ready at once."""
    patient = dataclasses.replace(call, approval_lifetime=3650 * DAY)
    claims = [consume(store, submit(store, patient)) for _ in range(3)]
    for claim in claims:
        store.requester.rollback(claim.request.id, claim.id)
    clock.now = grant.expires_at
    assert [store.requester.get(claim.request.id).status for claim in claims] == ["expired"] * 3


def test_a_revoked_grant_approves_nothing(store: BlockingStore, call: Call, grant: Grant) -> None:
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert submit(store, call).status == "pending"
    assert uses(store) == 0


def test_after_a_revocation_what_the_grant_approved_and_was_not_used_does_not_run(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    request = submit(store, call)
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert store.requester.submit(call).request.status != "approved"
    with pytest.raises(StatusConflict):
        consume(store, request)
    assert_sound(store)


def test_a_claim_that_is_given_back_after_the_revocation_does_not_run_again(
    store: BlockingStore, call: Call, grant: Grant
) -> None:
    """Who holds claims when the grant is revoked must not have as many approvals left by giving them back."""
    request = submit(store, call)
    claim = consume(store, request)
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    store.requester.rollback(request.id, claim.id)
    assert store.requester.submit(call).request.status != "approved"
    with pytest.raises(StatusConflict):
        consume(store, request)
    assert_sound(store)


def test_what_runs_already_is_not_touched_by_a_revocation(store: BlockingStore, call: Call, grant: Grant) -> None:
    request = submit(store, call)
    claim = consume(store, request)
    store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert store.requester.report_outcome(request.id, claim.id, "succeeded").outcome == "succeeded"
    assert_sound(store)


def test_of_two_grants_for_one_call_each_is_revoked_by_itself(store: BlockingStore, call: Call) -> None:
    windowless = dataclasses.replace(call, dedupe_window=0)
    asked = [submit(store, windowless), submit(store, windowless)]
    approve_for_session(store, asked[0], ANN)
    second = store.reviewer.add_grant(asked[1].id, FOR_SESSION, reviewer=BO, digest=asked[1].digest)
    for request in asked:
        consume(store, request)
    for grant in (grant_of(store, asked[0]), second):
        consume(store, submit(store, call))
        store.reviewer.revoke_grant(grant.id, reviewer=BO)
    assert submit(store, call).status == "pending"
    assert sum(each.uses for each in store.reviewer.grants()) == 3  # the first released the second request, too
    assert_sound(store)


def test_a_person_can_still_decide_on_what_the_grant_left_open(store: BlockingStore, call: Call, grant: Grant) -> None:
    asked = submit(store, dataclasses.replace(call, risk="high"))
    assert consume(store, approve(store, asked)).request.decisions[0].via == "api"
    assert uses(store) == 0
    assert_sound(store)


# --- a later denial ----------------------------------------------------------------------------


def test_an_approval_by_a_grant_can_be_revoked_by_itself_and_is_met_as_a_denial(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    request = submit(store, call)
    clock.move(1)
    revoked = store.reviewer.revoke(request.id, reviewer=BO, reason="not now")
    clock.move(DEFAULT_DEDUPE_WINDOW - 1)
    met = store.requester.submit(call)
    assert (met.created, met.request) == (False, revoked)
    assert [(each.verdict, each.via) for each in revoked.decisions] == [("approve", "grant"), ("deny", "api")]
    assert_sound(store)


@pytest.mark.parametrize("window", [0, DEFAULT_DEDUPE_WINDOW], ids=["asked at once", "asked after the window"])
def test_a_later_denial_of_the_same_call_outweighs_the_grant(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant, window: int
) -> None:
    """The window is the requester's choice: without this, a denied call would be approved again by asking again."""
    request = submit(store, call)
    clock.move(1)
    store.reviewer.revoke(request.id, reviewer=BO, reason="stop")
    clock.move(window)
    assert submit(store, dataclasses.replace(call, dedupe_window=window)).status == "pending"


def test_a_denial_of_the_same_call_in_its_riskier_form_outweighs_the_grant(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    deny(store, submit(store, dataclasses.replace(call, risk="high")), "never this")
    clock.move(DEFAULT_DEDUPE_WINDOW)
    assert submit(store, call).status == "pending"


def test_a_grant_outweighs_an_earlier_denial_of_the_same_call(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    windowless = dataclasses.replace(call, dedupe_window=0)
    first, second = submit(store, windowless), submit(store, windowless)
    deny(store, first)
    clock.move(1)
    consume(store, approve_for_session(store, second))
    clock.move(1)
    assert submit(store, dataclasses.replace(call, dedupe_window=0)).status == "approved"
    assert_sound(store)


def test_a_denial_in_another_session_leaves_the_grant(
    store: BlockingStore, clock: ManualClock, call: Call, grant: Grant
) -> None:
    deny(store, submit(store, dataclasses.replace(call, session="run-2")))
    clock.move(DEFAULT_DEDUPE_WINDOW)
    assert submit(store, call).status == "approved"
