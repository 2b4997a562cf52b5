"""Decisions on several requests: each by its digest and by itself, and not where each is to be looked at."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from approval_tui.domain.bulk import why_not_in_bulk
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Evidence
from approval_tui.domain.errors import DecisionRefused, RequestChanged, StatusConflict
from approval_tui.domain.models import Request, Requirements
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, approve, assert_sound, deny, event_names, submit

TABLE = Evidence("table")


def together(store: BlockingStore, request: Request, verdict: str = "approve", **parts: Any) -> Request:
    """Decides the request as one of several."""
    return store.reviewer.decide(
        request.id, verdict, in_bulk=True, **{"reviewer": ANN, "digest": request.digest, "evidence": TABLE, **parts}
    )


NOT_TOGETHER: dict[str, tuple[dict[str, Any], str]] = {
    "high risk": ({"risk": "high"}, "of high risk and decided by itself"),
    "a quorum": ({"requirements": Requirements(quorum=2)}, "for several reviewers, who each look at it"),
    "evidence": ({"requirements": Requirements(evidence="shown")}, "to be read by itself, as its rule asks"),
    "all": (
        {"risk": "high", "requirements": Requirements(quorum=3, evidence="shown")},
        "of high risk and decided by itself",
    ),
}


@pytest.mark.parametrize(("parts", "why"), NOT_TOGETHER.values(), ids=NOT_TOGETHER)
def test_what_is_looked_at_by_itself_is_not_approved_with_others(
    store: BlockingStore, call: Call, parts: dict[str, Any], why: str
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    assert why_not_in_bulk(request) == why
    shown = Evidence("shown", rows=1, shown_ms=1)
    with pytest.raises(DecisionRefused) as caught:
        together(store, request, evidence=shown)
    assert caught.value.happened == f"Request {request.id} is not approved with others: it is {why}."
    assert caught.value.not_done == "Your decision was not recorded."
    assert store.reviewer.get(request.id) == request
    assert event_names(store, request) == ["request_submitted"]
    assert_sound(store)


@pytest.mark.parametrize(("parts", "why"), NOT_TOGETHER.values(), ids=NOT_TOGETHER)
def test_it_is_denied_with_others_all_the_same(
    store: BlockingStore, call: Call, parts: dict[str, Any], why: str
) -> None:
    request = submit(store, dataclasses.replace(call, **parts))
    assert together(store, request, "deny").status == "denied"
    assert store.reviewer.events()[0].body["details"] == {"in_bulk": True}
    assert_sound(store)


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_what_is_decided_with_others_says_so_in_the_log(store: BlockingStore, call: Call, verdict: str) -> None:
    request = together(store, submit(store, dataclasses.replace(call, risk="medium")), verdict, reason="all fine")
    (decision,) = request.decisions
    assert (decision.evidence, decision.reason, decision.digest) == (TABLE, "all fine", request.digest)
    assert store.reviewer.events()[0].body["details"] == {"in_bulk": True}
    other = submit(store, dataclasses.replace(call, tool="else"))
    (approve if verdict == "approve" else deny)(store, other)
    assert store.reviewer.events()[0].body["details"] == {}
    assert_sound(store)


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_each_is_decided_by_its_own_digest(store: BlockingStore, call: Call, verdict: str) -> None:
    """One that is not as it was looked at is left, and says nothing of the others."""
    requests = [submit(store, dataclasses.replace(call, tool=str(number))) for number in range(3)]
    digests = [requests[0].digest, requests[2].digest, requests[2].digest]
    missed = []
    for request, digest in zip(requests, digests, strict=True):
        try:
            together(store, request, verdict, digest=digest)
        except RequestChanged:
            missed.append(request.id)
    assert missed == [requests[1].id]
    decided = "approved" if verdict == "approve" else "denied"
    assert [store.reviewer.get(request.id).status for request in requests] == [decided, "pending", decided]
    assert_sound(store)


def test_the_same_again_changes_nothing_and_the_contrary_is_refused(store: BlockingStore, call: Call) -> None:
    request = submit(store, call)
    approved = together(store, request)
    count = len(store.reviewer.events())
    assert together(store, request) == approved
    assert len(store.reviewer.events()) == count
    with pytest.raises(StatusConflict):
        together(store, request, "deny")
    with pytest.raises(StatusConflict):
        together(store, request, reviewer=BO)
    assert_sound(store)


@pytest.mark.parametrize(
    "needs", [Requirements(reviewers=("bo",)), Requirements(reason_required=True)], ids=["other reviewers", "a reason"]
)
def test_what_the_rule_asks_of_a_decision_is_asked_of_each(
    store: BlockingStore, call: Call, needs: Requirements
) -> None:
    request = submit(store, dataclasses.replace(call, requirements=needs))
    for verdict in ("approve", "deny"):
        with pytest.raises(DecisionRefused):
            together(store, request, verdict)
    assert together(store, request, reviewer=BO, reason="fine").status == "approved"
    assert_sound(store)


def test_what_was_edited_by_another_meanwhile_is_not_approved_by_the_old_digest(
    store: BlockingStore, call: Call
) -> None:
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"command": "ls"})
    with pytest.raises((RequestChanged, DecisionRefused)):
        together(store, request)
    with pytest.raises(RequestChanged):
        together(store, request, "deny")
    assert store.reviewer.get(request.id).status == "pending"
    assert_sound(store)
