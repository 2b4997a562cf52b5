"""Decisions: the digest they name (R4), quorum (R7), evidence and reasons, edited arguments, harmless repeats."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.errors import (
    DecisionRefused,
    InvalidInput,
    InvalidJson,
    RequestChanged,
    RequestNotFound,
    StatusConflict,
)
from approval_tui.domain.identity import digest_for
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, deny, event_names, submit

CY = Reviewer("cy", via="console", os_user="cy", tty="/dev/pts/3")
SHOWN = Evidence("shown", rows=12, shown_ms=3400)
EDIT = {"command": "make deploy-to-staging"}


def with_requirements(call: Call, **requirements: Any) -> Call:
    return dataclasses.replace(call, requirements=Requirements(**requirements))


def edit(store: BlockingStore, request: Request, arguments: Any = EDIT, reviewer: Reviewer = ANN) -> Request:
    return store.reviewer.decide(
        request.id, "approve", reviewer=reviewer, digest=request.digest, edited_arguments=arguments
    )


def assert_undecided(store: BlockingStore, request: Request) -> None:
    assert store.reviewer.get(request.id) == request
    assert event_names(store, request) == ["request_submitted"]
    assert_sound(store)


def test_a_decision_keeps_who_why_on_what_and_on_which_evidence(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    decided = store.reviewer.decide(
        request.id, "approve", reviewer=CY, digest=request.digest, reason="checked", evidence=SHOWN
    )
    (decision,) = decided.decisions
    assert (decision.verdict, decision.reviewer, decision.reason) == ("approve", "cy", "checked")
    assert decision.digest == request.digest
    assert decision.evidence == SHOWN
    assert (decision.via, decision.os_user, decision.tty) == ("console", "cy", "/dev/pts/3")
    assert decision.decided_at == decided.decided_at == store.reviewer.events()[0].at


def test_a_decision_on_another_digest_is_refused(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    for verdict in ("approve", "deny"):
        with pytest.raises(RequestChanged, match="is not what you looked at"):
            store.reviewer.decide(request.id, verdict, reviewer=ANN, digest="v1:sha256:" + "0" * 64)
    assert_undecided(store, request)


def test_a_decision_on_no_request_is_refused(store: BlockingStore, call: Call) -> None:
    with pytest.raises(RequestNotFound):
        store.reviewer.decide("apr_" + "0" * 32, "approve", reviewer=ANN, digest="d")
    assert store.reviewer.head() is None


@pytest.mark.parametrize(
    "parts",
    [
        {"verdict": "allow"},
        {"verdict": "APPROVE"},
        {"verdict": ""},
        {"reviewer": Reviewer("")},
        {"reviewer": Reviewer("  ")},
        {"reviewer": Reviewer("r" * 257)},
        {"reviewer": Reviewer("\ud800")},
        {"reviewer": Reviewer("ann", via="")},
        {"reason": "r" * 20_000},
        {"reason": "\udfff"},
        {"evidence": Evidence("oath")},
        {"evidence": Evidence("shown", rows=-1)},
        {"evidence": Evidence("shown", shown_ms=-1)},
        {"verdict": "deny", "edited_arguments": EDIT},
        {"edited_arguments": {"a": float("nan")}},
        {"edited_arguments": {"a": "\ud800"}},
        {"edited_arguments": {1: 1}},
        {"edited_arguments": [1]},
        {"edited_arguments": {"a": "x" * (4 * 1024 * 1024)}},
    ],
    ids=str,
)
def test_a_malformed_decision_is_an_error_and_decides_nothing(
    store: BlockingStore, call: Call, parts: dict[str, Any]
) -> None:
    request = submit(store, call)
    values: dict[str, Any] = {"verdict": "approve", "reviewer": ANN, "digest": request.digest, **parts}
    with pytest.raises(InvalidInput) as caught:
        store.reviewer.decide(request.id, values.pop("verdict"), **values)
    assert caught.value.not_done
    assert_undecided(store, request)


# --- harmless repeats --------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_the_same_decision_twice_is_recorded_once(store: BlockingStore, call: Call, verdict: str) -> None:
    request = submit(store, call)
    first = store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest, reason="first")
    again = store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest, reason="again")
    assert again == first
    assert [decision.reason for decision in again.decisions] == ["first"]
    assert len(event_names(store, request)) == 2


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_another_reviewer_who_comes_late_learns_who_decided(store: BlockingStore, call: Call, verdict: str) -> None:
    request = submit(store, call)
    store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest)
    with pytest.raises(StatusConflict, match=r"already (approved|denied) by ann"):
        store.reviewer.decide(request.id, verdict, reviewer=BO, digest=request.digest)


def test_a_repeated_edit_is_recorded_once(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    first = edit(store, request)
    assert edit(store, request) == first
    assert edit(store, request, dict(EDIT)) == first
    with pytest.raises(StatusConflict):
        edit(store, request, {"command": "make something else"})
    assert event_names(store, request) == ["request_submitted", "request_edited", "request_approved"]


def test_the_reviewers_own_other_word_is_no_repeat(store: BlockingStore, call: Call) -> None:
    request = approve(store, submit(store, call))
    with pytest.raises(StatusConflict):
        deny(store, request)
    denied = deny(store, submit(store, dataclasses.replace(call, tool="other")))
    with pytest.raises(StatusConflict):
        approve(store, denied)


def test_a_repeat_does_not_give_back_what_was_used(store: BlockingStore, call: Call) -> None:
    request = approve(store, submit(store, call))
    consume(store, request)
    with pytest.raises(StatusConflict, match="already used"):
        approve(store, request)


# --- edited arguments --------------------------------------------------------------------------


def test_an_edit_makes_a_revision_with_its_own_digest(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    edited = edit(store, request)
    assert edited.status == "approved"
    assert edited.arguments == request.arguments
    assert edited.edited_arguments == edited.effective_arguments == EDIT
    assert edited.digest == digest_for(request, EDIT) != request.digest
    assert edited.fingerprint == request.fingerprint
    assert [decision.digest for decision in edited.decisions] == [edited.digest]
    event = store.reviewer.events(request_id=request.id)[1]
    assert event.body["details"]["was"] == request.digest
    assert event.body["details"]["by"]["reviewer"] == "ann"
    assert json.loads(event.body["changes"]["edited_arguments"]) == EDIT
    assert_sound(store)


def test_the_claim_carries_the_edited_arguments_and_nothing_else(store: BlockingStore, call: Call) -> None:
    request = edit(store, submit(store, call))
    claim = consume(store, request)
    assert claim.arguments == EDIT
    assert claim.request.effective_arguments == EDIT


def test_an_edit_to_the_same_arguments_keeps_the_digest(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    edited = edit(store, request, dict(request.arguments))
    assert edited.digest == request.digest
    assert consume(store, edited).arguments == request.arguments


def test_an_edit_to_no_arguments_is_an_edit(store: BlockingStore, call: Call) -> None:
    assert consume(store, edit(store, submit(store, call), {})).arguments == {}


def test_the_same_call_still_meets_an_edited_approval(store: BlockingStore, call: Call) -> None:
    edited = edit(store, submit(store, call))
    met = store.requester.submit(call)
    assert not met.created
    assert met.request == edited
    assert store.requester.submit(dataclasses.replace(call, arguments=EDIT)).created


# --- quorum ------------------------------------------------------------------------------------


def test_a_quorum_needs_distinct_reviewers(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=3))
    for _ in range(3):
        assert approve(store, request, ANN).status == "pending"
    assert approve(store, request, BO).status == "pending"
    with pytest.raises(StatusConflict):
        consume(store, request)
    approved = approve(store, request, CY)
    assert approved.status == "approved"
    assert [decision.reviewer for decision in approved.decisions] == ["ann", "bo", "cy"]
    assert event_names(store, request) == [
        "request_submitted",
        "vote_recorded",
        "vote_recorded",
        "request_approved",
    ]
    assert_sound(store)


def test_the_requester_never_counts_towards_a_quorum(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    with pytest.raises(DecisionRefused, match=r"release-bot asked for request .* and cannot vote for it"):
        approve(store, request, Reviewer("release-bot"))
    assert_undecided(store, request)


def test_the_requester_may_always_deny(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    assert deny(store, request, reviewer=Reviewer("release-bot")).status == "denied"


def test_one_deny_denies_whatever_was_voted(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=3))
    approve(store, request, ANN)
    approve(store, request, BO)
    denied = deny(store, request, "no", CY)
    assert denied.status == "denied"
    assert [decision.verdict for decision in denied.decisions] == ["approve", "approve", "deny"]
    assert_sound(store)


def test_one_who_voted_for_it_may_still_deny(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    approve(store, request, ANN)
    assert deny(store, request, "on second thought", ANN).status == "denied"


def test_an_edit_starts_the_count_again(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    approve(store, request, ANN)
    edited = edit(store, request, reviewer=BO)
    assert edited.status == "pending"
    with pytest.raises(RequestChanged):
        approve(store, request, CY)
    assert approve(store, edited, BO).status == "pending"
    approved = approve(store, edited, ANN)
    assert approved.status == "approved"
    assert event_names(store, request) == [
        "request_submitted",
        "vote_recorded",
        "request_edited",
        "vote_recorded",
        "request_approved",
    ]
    assert consume(store, approved).arguments == EDIT
    assert_sound(store)


def test_a_vote_stands_for_the_arguments_it_was_given_on(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    first = edit(store, request, {"command": "one"}, ANN)
    second = edit(store, first, {"command": "two"}, BO)
    assert second.status == "pending"
    third = edit(store, second, {"command": "one"}, CY)
    assert third.status == "approved"
    assert third.digest == first.digest
    assert consume(store, third).arguments == {"command": "one"}


def test_votes_do_not_outlive_the_time_to_decide(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    request = submit(store, with_requirements(call, quorum=2))
    approve(store, request, ANN)
    clock.now = request.expires_at
    with pytest.raises(StatusConflict, match="expired"):
        approve(store, request, BO)
    assert event_names(store, request) == [
        "request_submitted",
        "vote_recorded",
        "request_expired",
        "decision_made_late",
    ]


# --- what a rule demands -----------------------------------------------------------------------


def test_a_rule_may_name_its_reviewers(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, reviewers=("bo", "cy")))
    for verdict in ("approve", "deny"):
        with pytest.raises(DecisionRefused, match="Only bo, cy may decide"):
            store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest)
    assert_undecided(store, request)
    assert approve(store, request, BO).status == "approved"


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_a_rule_may_demand_a_reason(store: BlockingStore, call: Call, reason: str | None) -> None:
    request = submit(store, with_requirements(call, reason_required=True))
    for verdict in ("approve", "deny"):
        with pytest.raises(DecisionRefused, match="needs a reason"):
            store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest, reason=reason)
    assert_undecided(store, request)
    assert deny(store, request, "too late in the day").status == "denied"


@pytest.mark.parametrize("kind", ["none", "table"])
def test_a_rule_may_demand_that_the_payload_was_shown(store: BlockingStore, call: Call, kind: str) -> None:
    request = submit(store, with_requirements(call, evidence="shown"))
    with pytest.raises(DecisionRefused, match="whole payload was shown"):
        store.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, evidence=Evidence(kind, rows=12)
        )
    assert_undecided(store, request)
    shown = store.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, evidence=SHOWN)
    assert shown.status == "approved"


def test_denying_needs_no_evidence(store: BlockingStore, call: Call) -> None:
    request = submit(store, with_requirements(call, evidence="shown"))
    assert deny(store, request).status == "denied"


def test_the_error_for_edited_arguments_names_the_place(store: BlockingStore, call: Call) -> None:
    with pytest.raises(InvalidJson, match=r"^edited arguments\.a\[0\] is nan"):
        edit(store, submit(store, call), {"a": [float("nan")]})
