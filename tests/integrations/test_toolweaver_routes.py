"""ToolWeaver's `/approval/...` routes as a function of method, path and body: whose reviewer the server names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.integrations import approval_routes
from approval_tui.integrations.approval_routes import Answer
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalRequest, ApprovalStatus
from approval_tui.store.blocking import BlockingStore
from tests.support import approve


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


@pytest.fixture
def proposal(manager: ApprovalManager) -> ApprovalRequest:
    return manager.create_request("Expense policy", "Validation score: 0.9", {"max": 5000})


def ask(
    manager: ApprovalManager, line: str, body: Mapping[str, Any] | None = None, reviewer: str | None = "ann"
) -> Answer:
    """The answer to `METHOD path`, which must be JSON."""
    method, _, path = line.partition(" ")
    answer = approval_routes.answer(manager, method, path, body, reviewer=reviewer)
    assert json.loads(json.dumps(answer.body, allow_nan=False)) == answer.body
    return answer


def is_time(text: str, moment: datetime | None) -> bool:
    return datetime.fromisoformat(text) == moment


# --- looking -----------------------------------------------------------------------------------


def test_pending_gives_the_count_and_the_heads(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    manager.create_request("decided", "d", {}).reject("bo", "no")
    manager.create_request("expired", "d", {}, expires_in_hours=0)
    second = manager.create_request("second", "e", {})
    status, body = ask(manager, "GET /approval/pending")
    assert (status, body["pending_count"], list(body)) == (200, 2, ["pending_count", "requests"])
    for head, each in zip(body["requests"], (proposal, second), strict=True):
        assert is_time(head.pop("created_at"), each.created_at)
        assert is_time(head.pop("expires_at"), each.expires_at)
        assert head == {"request_id": each.request_id, "title": each.title, "description": each.description}


def test_nothing_pending_is_an_empty_list(manager: ApprovalManager) -> None:
    assert ask(manager, "GET /approval/pending") == (200, {"pending_count": 0, "requests": []})


def test_one_request_is_given_whole(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    status, body = ask(manager, f"GET /approval/{proposal.request_id}")
    assert status == 200
    assert is_time(body.pop("created_at"), proposal.created_at)
    assert is_time(body.pop("expires_at"), proposal.expires_at)
    assert body == {
        "request_id": proposal.request_id,
        "title": "Expense policy",
        "description": "Validation score: 0.9",
        "proposed_action": {"max": 5000},
        "status": "pending",
    }


def test_what_was_decided_elsewhere_is_seen_here(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest
) -> None:
    approve(desk, desk.reviewer.get(proposal.request_id))
    assert ask(manager, f"GET /approval/{proposal.request_id}").body["status"] == "approved"
    assert ask(manager, "GET /approval/pending").body["pending_count"] == 0
    assert proposal.status is ApprovalStatus.APPROVED


# --- deciding ----------------------------------------------------------------------------------


def test_approve(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    status, body = ask(manager, f"POST /approval/{proposal.request_id}/approve", {"reviewer": "eve"}, reviewer="ann")
    assert proposal.status is ApprovalStatus.APPROVED
    assert (status, proposal.reviewer) == (200, "ann")
    assert is_time(body.pop("approved_at"), proposal.reviewed_at)
    assert body == {"status": "approved", "request_id": proposal.request_id, "reviewer": "ann"}


def test_reject(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    line = f"POST /approval/{proposal.request_id}/reject"
    status, body = ask(manager, line, {"reviewer": "eve", "reason": "Too much"}, reviewer="ann")
    assert proposal.status is ApprovalStatus.REJECTED
    assert (status, proposal.reviewer, proposal.rejection_reason) == (200, "ann", "Too much")
    assert is_time(body.pop("rejected_at"), proposal.reviewed_at)
    expected = {"status": "rejected", "request_id": proposal.request_id, "reviewer": "ann", "reason": "Too much"}
    assert body == expected


@pytest.mark.parametrize("body", [None, {}, {"reviewer": "eve"}])
def test_without_a_reason_none_was_provided(
    manager: ApprovalManager, proposal: ApprovalRequest, body: Mapping[str, Any] | None
) -> None:
    answer = ask(manager, f"POST /approval/{proposal.request_id}/reject", body)
    assert (answer.status, answer.body["reason"]) == (200, "No reason provided")
    assert (proposal.reviewer, proposal.rejection_reason) == ("ann", "No reason provided")


def test_a_repeated_decision_is_answered_with_what_stands(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    line = f"POST /approval/{proposal.request_id}/reject"
    first = ask(manager, line, {"reason": "Too much"})
    assert ask(manager, line, {"reason": "Too little"}) == first
    assert proposal.rejection_reason == "Too much"


def test_what_has_been_decided_is_a_bad_request(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest
) -> None:
    rejected = manager.create_request("t", "d", {})
    rejected.reject("bo", "no")
    expired = manager.create_request("t", "d", {}, expires_in_hours=0)
    proposal.approve("bo")
    for each, said in ((proposal, "approved by bo"), (rejected, "denied by bo"), (expired, "expired")):
        for verdict in ("approve", "reject"):
            status, body = ask(manager, f"POST /approval/{each.request_id}/{verdict}", {"reason": "late"})
            assert status == 400
            assert said in body["error"]
    assert [entry["reviewer"] for entry in manager.audit_log if entry["reviewer"]] == ["bo", "bo"]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_where_nobody_is_known_to_decide_nothing_is_decided(
    manager: ApprovalManager, proposal: ApprovalRequest, verdict: str
) -> None:
    """ToolWeaver: whoever the body named was the reviewer, and `unknown` where it named nobody."""
    line = f"POST /approval/{proposal.request_id}/{verdict}"
    assert ask(manager, line, {"reviewer": "eve"}, reviewer=None).status == 401
    for name in ("", "  ", "x" * 300):
        assert ask(manager, line, {"reviewer": "eve"}, reviewer=name).status in (400, 401)
    assert proposal.refresh().status is ApprovalStatus.PENDING


def test_a_reason_that_is_no_text_is_a_bad_request(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    for reason in (5, None, ["no"], {"a": 1}, True, "x" * 20_000, "\ud800"):
        answer = ask(manager, f"POST /approval/{proposal.request_id}/reject", {"reason": reason})
        assert answer.status == 400
    assert proposal.refresh().status is ApprovalStatus.PENDING


def test_a_body_that_is_no_object_is_a_bad_request(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    bodies: tuple[Any, ...] = (["reason"], "reason", 5, True)
    for body in bodies:
        for verdict in ("approve", "reject"):
            assert ask(manager, f"POST /approval/{proposal.request_id}/{verdict}", body).status == 400
    assert proposal.refresh().status is ApprovalStatus.PENDING


# --- what is not there -------------------------------------------------------------------------


def test_a_stranger_is_not_found(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    with ApprovalManager(requester="other") as other:
        foreign = other.create_request("t", "d", {})
    for request_id in ("abc-123", "apr_" + "0" * 32, "..", "%2e%2e", foreign.request_id, proposal.request_id + "\n"):
        for line in (f"GET /approval/{request_id}", f"POST /approval/{request_id}/approve"):
            assert ask(manager, line) == (404, {"error": "Request not found"})
        assert ask(manager, f"POST /approval/{request_id}/reject", {"reason": "no"}).status == 404
    assert foreign.status is ApprovalStatus.PENDING


def test_other_paths_are_not_found(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    of_it = f"/approval/{proposal.request_id}"
    paths = [
        *("", "/", "/approval", "/approval/", "/approval/pending/", f"{of_it}/", f"{of_it}/delete", f"/x{of_it}"),
        *(f"{of_it}/approve/", f"{of_it}/approve\n", f"{of_it}//approve", f"/approval/../{of_it}", f"{of_it}/APPROVE"),
    ]
    for path in paths:
        for method in ("GET", "POST"):
            assert ask(manager, f"{method} {path}").status == 404
    assert proposal.refresh().status is ApprovalStatus.PENDING


def test_other_methods_are_not_allowed(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    of_it = f"/approval/{proposal.request_id}"
    lines = [
        *("POST /approval/pending", f"POST {of_it}", f"DELETE {of_it}", f"PUT {of_it}"),
        *(f"GET {of_it}/approve", f"GET {of_it}/reject", f"PUT {of_it}/approve", f"DELETE {of_it}/reject"),
    ]
    for line in lines:
        assert ask(manager, line).status == 405
    assert proposal.refresh().status is ApprovalStatus.PENDING


def test_a_store_that_is_away_is_no_answer(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest, store_looks_each_time: None
) -> None:
    os.rename(desk.location, f"{desk.location}.away")
    for line in ("GET /approval/pending", f"POST /approval/{proposal.request_id}/approve"):
        with pytest.raises(StoreUnavailable):
            ask(manager, line)
