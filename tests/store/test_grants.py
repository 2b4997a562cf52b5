"""Grants: approvals that hold for a session; how they are given, refused and repeated."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR
from approval_tui.domain.decisions import Evidence, Reviewer
from approval_tui.domain.errors import (
    DecisionRefused,
    InvalidInput,
    RequestChanged,
    StatusConflict,
    StoreCorrupt,
)
from approval_tui.domain.grants import FOR_SESSION, SESSION_GRANT_LIFETIME, Grant
from approval_tui.domain.limits import DEFAULT_TIMEOUT
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import approve_for_session, grant_for
from tests.store.tampering import attack
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, deny, event_names, submit

CY = Reviewer("cy", via="console", os_user="cy", tty="/dev/pts/3")
SHOWN = Evidence("shown", rows=12, shown_ms=3400)


def assert_no_grant(store: BlockingStore, request: Request) -> None:
    assert store.reviewer.get(request.id) == request
    assert store.reviewer.grants() == ()
    assert_sound(store)


# --- giving ------------------------------------------------------------------------------------


def test_an_approval_for_a_session_comes_with_a_grant_of_exactly_that_call(
    store: BlockingStore, clock: ManualClock, call: Call
) -> None:
    request = submit(store, call)
    clock.move(7)
    approved = approve_for_session(store, request, CY, evidence=SHOWN, reason="harmless")
    assert approved.status == "approved"
    assert approved == store.reviewer.get(request.id)
    (decision,) = approved.decisions
    assert (decision.reviewer, decision.via, decision.evidence, decision.reason) == ("cy", "console", SHOWN, "harmless")
    (grant,) = store.reviewer.grants()
    assert grant == Grant(
        id=grant.id,
        scope="session",
        session="run-1",
        fingerprint=request.fingerprint,
        request_id=request.id,
        tool="shell",
        requester="release-bot",
        granted_by="cy",
        granted_at=clock.now,
        expires_at=clock.now + 12 * HOUR,
        uses=0,
        revoked_by=None,
        revoked_at=None,
    )
    assert SESSION_GRANT_LIFETIME == 12 * HOUR
    assert_sound(store)


def test_the_event_of_a_grant_says_what_its_row_says_and_who_gave_it_from_where(
    store: BlockingStore, call: Call
) -> None:
    request = approve_for_session(store, submit(store, call), CY)
    (grant,) = store.reviewer.grants()
    assert event_names(store, request) == ["request_submitted", "request_approved", "grant_given"]
    event = store.reviewer.events()[0]
    assert event.body["changes"] == {}
    said = {
        "grant": grant.id,
        "scope": "session",
        "session": "run-1",
        "fingerprint": request.fingerprint,
        "tool": "shell",
        "requester": "release-bot",
        "granted_by": "cy",
        "granted_at": grant.granted_at,
        "expires_at": grant.expires_at,
        "by": {"reviewer": "cy", "via": "console", "os_user": "cy", "tty": "/dev/pts/3"},
    }
    assert event.body["details"].items() >= said.items()


def test_every_grant_has_an_id_that_nobody_can_guess(store: BlockingStore, call: Call) -> None:
    grants = {grant_for(store, dataclasses.replace(call, tool=f"tool-{number}")).id for number in range(5)}
    assert len(grants) == 5
    assert all(each.startswith("grt_") and len(each) == 36 for each in grants)


def test_a_rule_that_names_its_reviewers_lets_them_grant(store: BlockingStore, call: Call) -> None:
    named = dataclasses.replace(call, requirements=Requirements(reviewers=("bo", "cy")))
    assert grant_for(store, named, BO).granted_by == "bo"


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "high risk": ({"risk": "high"}, {}, "a call of high risk is looked at each time"),
    "high risk, shown": ({"risk": "high"}, {"evidence": SHOWN}, "a call of high risk is looked at each time"),
    "a quorum": ({"requirements": Requirements(quorum=2)}, {}, "its rule asks for several reviewers"),
    "evidence, shown": (
        {"requirements": Requirements(evidence="shown")},
        {"evidence": SHOWN},
        "its rule asks that it is looked at each time",
    ),
    "a reason, given": (
        {"requirements": Requirements(reason_required=True)},
        {"reason": "fine"},
        "its rule asks for a reason each time",
    ),
    "no session": ({"session": None}, {}, "its requester names no session"),
    "an edit": ({}, {"edited_arguments": {"command": "ls"}}, "what would run is not what the agent asks for"),
    "an edit to the same": (
        {},
        {"edited_arguments": {"command": "make deploy"}},
        "what would run is not what the agent asks for",
    ),
    "all of it": (
        {"session": None, "risk": "high", "requirements": Requirements(quorum=2, evidence="shown")},
        {"evidence": SHOWN},
        "its requester names no session",
    ),
}


@pytest.mark.parametrize(("parts", "decision", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_looked_at_each_time_cannot_be_approved_for_a_session(
    store: BlockingStore, call: Call, parts: dict[str, Any], decision: dict[str, Any], why: str
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    with pytest.raises(DecisionRefused) as caught:
        approve_for_session(store, request, **decision)
    assert caught.value.happened == f"The call of {request.id} cannot be approved for its session: {why}."
    assert caught.value.not_done == "Your decision was not recorded."
    assert caught.value.to_do == "Approve it for this once."
    assert event_names(store, request) == ["request_submitted"]
    assert_no_grant(store, request)


def test_what_was_edited_before_cannot_be_approved_for_a_session(store: BlockingStore, call: Call) -> None:
    """An edit by one of two who must agree; the rule then asks for several reviewers, too."""
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    edited = store.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"command": "ls"}
    )
    with pytest.raises(DecisionRefused, match="what would run is not what the agent asks for"):
        approve_for_session(store, edited, BO)
    assert_no_grant(store, edited)


def test_a_reviewer_whom_the_rule_does_not_name_cannot_grant(store: BlockingStore, call: Call) -> None:
    request = submit(store, dataclasses.replace(call, requirements=Requirements(reviewers=("bo",))))
    with pytest.raises(DecisionRefused, match="Only bo may decide"):
        approve_for_session(store, request, ANN)
    assert_no_grant(store, request)


def test_a_denial_does_not_hold_for_a_session(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    with pytest.raises(InvalidInput, match="Only an approval holds for more than once"):
        store.reviewer.decide(request.id, "deny", reviewer=ANN, digest=request.digest, grant=FOR_SESSION)
    assert_no_grant(store, request)


def test_a_grant_for_another_digest_or_too_late_is_none(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    request = submit(store, call)
    with pytest.raises(RequestChanged):
        approve_for_session(store, request, digest="v1:sha256:" + "0" * 64)
    assert_no_grant(store, request)
    clock.move(DEFAULT_TIMEOUT)
    with pytest.raises(StatusConflict, match="expired"):
        approve_for_session(store, request)
    assert store.reviewer.grants() == ()


@pytest.mark.parametrize("end", ["denied", "cancelled", "consumed", "approved by another"])
def test_what_no_longer_waits_cannot_be_approved_for_a_session(store: BlockingStore, call: Call, end: str) -> None:
    request = submit(store, call)
    if end == "denied":
        deny(store, request)
    elif end == "cancelled":
        store.requester.cancel(request.id, requester=call.requester)
    else:
        approve(store, request, ANN if end == "consumed" else BO)
    if end == "consumed":
        consume(store, request)
    with pytest.raises(StatusConflict):
        approve_for_session(store, request)
    assert store.reviewer.grants() == ()
    assert_sound(store)


@pytest.mark.parametrize("value", ["no", "false", 1, [False]], ids=str)
def test_only_a_real_truth_gives_a_grant(store: BlockingStore, call: Call, value: Any) -> None:
    """A caller that reads JSON may hand over a text, and every text that is not empty counts as true."""
    request = submit(store, call)
    with pytest.raises(InvalidInput):
        approve_for_session(store, request, grant=value)
    assert_no_grant(store, request)


def test_no_reviewer_decides_as_a_grant(store: BlockingStore, call: Call) -> None:
    """Otherwise the log would say that a grant approved, and name none."""
    request = submit(store, call)
    with pytest.raises(InvalidInput):
        approve(store, request, Reviewer("ann", via="grant"))
    assert_no_grant(store, request)


@pytest.mark.parametrize("change", ["fingerprint = 'v1:sha256:0'", "session = 'run-2'", "arguments = '{}'"])
def test_a_row_that_does_not_agree_with_itself_gives_no_grant(store: BlockingStore, call: Call, change: str) -> None:
    """Where the digest names another call than the fingerprint, what was looked at is not what would be granted."""
    request = submit(store, call)
    attack(store, f"UPDATE requests SET {change}")
    with pytest.raises(StoreCorrupt):
        approve_for_session(store, request)
    assert store.reviewer.grants() == ()


# --- harmless repeats --------------------------------------------------------------------------


def test_an_approval_for_a_session_twice_is_one_grant(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    first = approve_for_session(store, request, reason="first")
    assert approve_for_session(store, request, reason="again") == first
    assert approve(store, request) == first
    assert len(store.reviewer.grants()) == 1
    assert event_names(store, request) == ["request_submitted", "request_approved", "grant_given"]
    assert_sound(store)


def test_an_approval_for_this_once_does_not_become_one_for_the_session(store: BlockingStore, call: Call) -> None:
    """It says so, where a repeat would let the reviewer believe that there is a grant."""
    request = submit(store, call)
    approved = approve(store, request)
    with pytest.raises(StatusConflict, match="already approved by ann"):
        approve_for_session(store, request)
    assert approve(store, request) == approved
    assert_no_grant(store, approved)


def test_another_reviewer_who_comes_late_with_a_grant_learns_who_decided(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    approve_for_session(store, request, ANN)
    with pytest.raises(StatusConflict, match="already approved by ann"):
        approve_for_session(store, request, BO)
    assert [grant.granted_by for grant in store.reviewer.grants()] == ["ann"]


def test_a_repeat_after_the_approval_was_used_gives_no_second_grant(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    consume(store, approve_for_session(store, request))
    with pytest.raises(StatusConflict, match="already used"):
        approve_for_session(store, request)
    assert len(store.reviewer.grants()) == 1


def test_a_vote_is_not_repeated_as_an_approval_for_the_session(store: BlockingStore, call: Call) -> None:
    """The vote stands, and yet the reviewer asked for more than any vote gives: a refusal says so."""
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    voted = approve(store, request)
    with pytest.raises(DecisionRefused, match="its rule asks for several reviewers"):
        approve_for_session(store, request)
    assert_no_grant(store, voted)


def test_a_repeat_after_the_grant_was_revoked_does_not_say_that_all_is_well(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    approve_for_session(store, request)
    store.reviewer.revoke_grant(store.reviewer.grants()[0].id, reviewer=BO)
    with pytest.raises(StatusConflict):
        approve_for_session(store, request)
