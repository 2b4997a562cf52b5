"""ToolWeaver's manager over the store: what can be proposed, and how its objects follow what is decided anywhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.limits import MOST_ARGUMENT_BYTES
from approval_tui.domain.models import Request, Requirements
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalRequest, ApprovalStatus, ProposalError
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, BO, assert_sound, consume, deny, event_names, submit

ACTION = {"action": "raise_limit", "limits": [{"to": 5000.5}, None, True, "ünï"]}


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


@pytest.fixture
def proposal(manager: ApprovalManager) -> ApprovalRequest:
    return manager.create_request("Expense policy", "Validation score: 0.9", ACTION)


def stored(desk: BlockingStore, proposal: ApprovalRequest) -> Request:
    return desk.reviewer.get(proposal.request_id)


# --- making proposals --------------------------------------------------------------------------


def test_a_proposal_is_a_request_whose_arguments_are_all_that_is_decided_on(
    desk: BlockingStore, proposal: ApprovalRequest
) -> None:
    request = stored(desk, proposal)
    assert (request.status, request.tool, request.requester) == ("pending", TOOL, REQUESTER)
    assert request.arguments == {
        "title": "Expense policy",
        "description": "Validation score: 0.9",
        "proposed_action": ACTION,
    }
    assert (proposal.title, proposal.description, proposal.proposed_action) == tuple(request.arguments.values())
    assert proposal.expires_at - proposal.created_at == timedelta(hours=24)
    assert proposal.status is ApprovalStatus.PENDING


def test_the_same_proposed_again_is_another_proposal(manager: ApprovalManager) -> None:
    decisions: list[Callable[[ApprovalRequest], None]] = [
        lambda waiting: None,
        lambda denied: denied.reject("ann", "no"),
        lambda approved: approved.approve("ann"),
        lambda another: None,
    ]
    seen: set[str] = set()
    for decide in decisions:
        proposal = manager.create_request("t", "d", {"a": 1})
        assert proposal.status is ApprovalStatus.PENDING
        decide(proposal)
        seen.add(proposal.request_id)
    assert len(seen) == len(decisions)


def test_what_the_caller_changes_afterwards_is_not_in_the_proposal(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    action: dict[str, Any] = {"files": ["a.txt"]}
    proposal = manager.create_request("t", "d", action)
    action["files"].append("/etc/passwd")
    proposal.title = "something else"
    proposal.proposed_action["files"].append("/etc/shadow")
    proposal.approve("ann")
    assert stored(desk, proposal).effective_arguments["proposed_action"] == {"files": ["a.txt"]}
    assert (proposal.title, proposal.proposed_action) == ("t", {"files": ["a.txt"]})


NO_HOURS: list[Any] = [
    *(-1, -0.001, float("nan"), float("inf"), float("-inf"), True, False, "24", None, b"1", timedelta(hours=1)),
    *(10**6, 1e300, 1e308, 10**400),
]


def test_hours_that_are_no_time_to_decide_in_are_refused(desk: BlockingStore, manager: ApprovalManager) -> None:
    """ToolWeaver: negative hours were accepted."""
    for hours in NO_HOURS:
        with pytest.raises(ProposalError):
            manager.create_request("t", "d", {}, expires_in_hours=hours)
    assert desk.reviewer.head() is None


def test_with_no_hours_it_has_expired_at_once(desk: BlockingStore, manager: ApprovalManager) -> None:
    for hours in (0, 0.0, -0.0):
        proposal = manager.create_request("t", "d", {}, expires_in_hours=hours)
        assert proposal.is_expired()
        assert proposal.status is ApprovalStatus.EXPIRED
        assert event_names(desk, stored(desk, proposal)) == ["request_submitted", "request_expired"]


ENDLESS: dict[str, Any] = {}
ENDLESS["again"] = [ENDLESS]

UNUSABLE: list[tuple[Any, Any, Any]] = [
    (5, "d", {}),
    (None, "d", {}),
    ("t", ["d"], {}),
    ("t", "d", ["rm"]),
    ("t", "d", None),
    ("t", "d", "rm"),
    ("t", "d", {"when": timedelta(1)}),
    ("t", "d", {"n": float("nan")}),
    ("t\ud800", "d", {}),
    ("t", "d", {1: 2}),
    ("t", "d", ENDLESS),
    ("t", "d" * (MOST_ARGUMENT_BYTES + 1), {}),
]


def test_what_cannot_be_a_proposal_is_refused_and_nobody_is_asked(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    for title, description, action in UNUSABLE:
        with pytest.raises(ProposalError):
            manager.create_request(title, description, action)
    assert desk.reviewer.head() is None


# --- decisions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("through", ["the manager", "the object"])
def test_an_approval_is_in_the_object_and_in_the_store(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest, through: str
) -> None:
    if through == "the manager":
        assert manager.approve(proposal.request_id, "ann") is proposal
    else:
        proposal.approve("ann")
    assert (proposal.status, proposal.reviewer, proposal.rejection_reason) == (ApprovalStatus.APPROVED, "ann", None)
    request = stored(desk, proposal)
    assert (request.status, [each.reviewer for each in request.decisions]) == ("approved", ["ann"])
    assert proposal.reviewed_at is not None
    assert round(proposal.reviewed_at.timestamp() * 1000) == request.decided_at


@pytest.mark.parametrize("through", ["the manager", "the object"])
def test_a_rejection_is_in_the_object_and_in_the_store(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest, through: str
) -> None:
    if through == "the manager":
        assert manager.reject(proposal.request_id, "ann", "Too much") is proposal
    else:
        proposal.reject("ann", "Too much")
    assert (proposal.status, proposal.reviewer) == (ApprovalStatus.REJECTED, "ann")
    assert proposal.rejection_reason == "Too much"
    assert stored(desk, proposal).status == "denied"


def test_an_approval_in_the_console_shows_up(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest
) -> None:
    request = stored(desk, proposal)
    desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, reason="fine")
    assert manager.get_request(proposal.request_id) is proposal
    assert (proposal.status, proposal.reviewer, proposal.rejection_reason) == (ApprovalStatus.APPROVED, "ann", None)


def test_what_was_carried_out_after_its_approval_stays_approved(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    proposal.approve("ann")
    claim = consume(desk, stored(desk, proposal))
    desk.requester.report_outcome(proposal.request_id, claim.id, "succeeded")
    assert proposal.refresh().status is ApprovalStatus.APPROVED


def test_a_denial_in_the_console_shows_up_when_the_object_is_refreshed(
    desk: BlockingStore, proposal: ApprovalRequest
) -> None:
    deny(desk, stored(desk, proposal), "too much")
    assert proposal.status is ApprovalStatus.PENDING
    assert proposal.refresh() is proposal
    assert (proposal.status, proposal.rejection_reason) == (ApprovalStatus.REJECTED, "too much")


def test_an_approval_that_was_revoked_is_a_rejection(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    proposal.approve("ann")
    desk.reviewer.revoke(proposal.request_id, reviewer=BO, reason="on second thoughts")
    assert proposal.refresh().status is ApprovalStatus.REJECTED
    assert (proposal.reviewer, proposal.rejection_reason) == ("bo", "on second thoughts")


def test_what_a_reviewer_edited_is_what_the_proposal_is_then(desk: BlockingStore, proposal: ApprovalRequest) -> None:
    request = stored(desk, proposal)
    edited = {**request.arguments, "title": "A smaller limit", "proposed_action": {"action": "raise_limit", "to": 100}}
    desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
    assert proposal.refresh().status is ApprovalStatus.APPROVED
    assert proposal.title == "A smaller limit"
    assert proposal.proposed_action == {"action": "raise_limit", "to": 100}


NO_PROPOSALS: list[dict[str, Any]] = [
    {"command": "ls"},
    {"title": "t", "description": "d", "proposed_action": ["ls"]},
    {"title": "t", "description": "d", "proposed_action": None},
    {"title": "t", "description": "d"},
    {"title": 5, "description": "d", "proposed_action": {}},
]


def test_an_edit_that_leaves_no_proposal_approves_no_action(desk: BlockingStore, manager: ApprovalManager) -> None:
    """What the reviewer approved is not what the program would carry out, or not of a kind that it could."""
    for edited in NO_PROPOSALS:
        proposal = manager.create_request("t", "d", ACTION)
        request = stored(desk, proposal)
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        with contextlib.suppress(ProposalError):
            manager.get_request(proposal.request_id)
        assert proposal.status is not ApprovalStatus.APPROVED, edited


def test_what_is_another_one_meanwhile_is_not_decided(desk: BlockingStore, manager: ApprovalManager) -> None:
    arguments = {"title": "Pay", "description": "Rent", "proposed_action": {"amount": 1}}
    request = submit(desk, Call(TOOL, arguments, REQUESTER, requirements=Requirements(quorum=2)))
    proposal = manager.get_request(request.id)
    assert proposal is not None
    edited = {**arguments, "proposed_action": {"amount": 1000}}
    desk.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments=edited)
    assert proposal.proposed_action == {"amount": 1}
    with pytest.raises(ProposalError, match="not what you looked at"):
        proposal.approve("ann")
    assert desk.reviewer.get(request.id).status == "pending"


# --- the store ---------------------------------------------------------------------------------


def test_a_closed_manager_opens_its_store_again(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    manager.close()
    manager.close()
    proposal.approve("ann")
    assert proposal.status is ApprovalStatus.APPROVED


def test_nothing_is_decided_while_the_store_is_away(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest, store_looks_each_time: None
) -> None:
    os.rename(desk.location, f"{desk.location}.away")
    attempts = (
        lambda: proposal.approve("ann"),
        lambda: proposal.reject("ann", "no"),
        lambda: manager.get_request(proposal.request_id),
        lambda: manager.create_request("t", "d", {}),
        manager.list_pending,
        lambda: manager.audit_log,
        proposal.refresh,
    )
    for attempt in attempts:
        with pytest.raises(StoreUnavailable):
            attempt()
    assert proposal.status is ApprovalStatus.PENDING
    os.rename(f"{desk.location}.away", desk.location)
    assert_sound(desk)


def test_a_manager_without_a_store_it_could_open_says_so(tmp_path: str) -> None:
    with open(f"{tmp_path}/no folder", "w"):
        pass
    manager = ApprovalManager(f"{tmp_path}/no folder/approvals.db")
    with pytest.raises(StoreUnavailable):
        manager.create_request("t", "d", {})
