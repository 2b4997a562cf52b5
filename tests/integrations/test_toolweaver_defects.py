"""The defects of ToolWeaver's approvals, each guarded by a test of its own, where its names are used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalRequest, ApprovalStatus, ProposalError
from approval_tui.store.blocking import BlockingStore
from tests.support import ManualClock, submit


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


def test_approve_after_reject_is_refused_and_changes_nothing(desk: BlockingStore, manager: ApprovalManager) -> None:
    """ToolWeaver: it became APPROVED, with the reason of the rejection still there."""
    proposal = manager.create_request("t", "d", {})
    proposal.reject("ann", "too much")
    before = dataclasses.replace(proposal)
    for reviewer in ("ann", "bo"):
        with pytest.raises(ValueError, match="already denied by ann"):
            manager.approve(proposal.request_id, reviewer)
    assert proposal.refresh() == before
    assert desk.reviewer.get(proposal.request_id).status == "denied"


def test_reject_after_approve_is_refused(manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {})
    proposal.approve("ann")
    for reviewer in ("ann", "bo"):
        with pytest.raises(ValueError, match="already approved by ann"):
            manager.reject(proposal.request_id, reviewer, "no")
    assert (proposal.refresh().status, proposal.rejection_reason) == (ApprovalStatus.APPROVED, None)


def test_a_second_approval_by_another_is_refused_and_by_the_same_harmless(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    """ToolWeaver: the second reviewer took the place of the first."""
    proposal = manager.create_request("t", "d", {})
    proposal.approve("ann")
    reviewed_at = proposal.reviewed_at
    with pytest.raises(ValueError, match="already approved by ann"):
        manager.approve(proposal.request_id, "bo")
    assert manager.approve(proposal.request_id, "ann") is proposal
    assert (proposal.reviewer, proposal.reviewed_at) == ("ann", reviewed_at)
    assert len(desk.reviewer.get(proposal.request_id).decisions) == 1


def test_an_expired_one_is_neither_rejected_nor_approved_and_its_expiry_is_logged(
    store: BlockingStore, clock: ManualClock, manager: ApprovalManager
) -> None:
    """ToolWeaver: rejecting one worked after its time, and no log ever saw an expiry."""
    clock.now = 1  # long ago, so that its time has passed for everybody else
    arguments = {"title": "t", "description": "d", "proposed_action": {}}
    request = submit(store, Call(TOOL, arguments, REQUESTER, context={"proposal": "1"}, timeout=HOUR))
    proposal = manager.get_request(request.id)
    assert proposal is not None
    assert proposal.is_expired()
    assert manager.list_pending() == []
    with pytest.raises(ValueError, match="expired"):
        manager.reject(request.id, "ann", "no")
    with pytest.raises(ValueError, match="expired"):
        manager.approve(request.id, "ann")
    assert (proposal.refresh().status, proposal.reviewer) == (ApprovalStatus.EXPIRED, None)
    assert [entry["action"] for entry in manager.audit_log] == ["CREATED", "EXPIRED"]


def test_nobody_decides_without_a_name(desk: BlockingStore, manager: ApprovalManager) -> None:
    """ToolWeaver: no name was as good as any."""
    proposal: ApprovalRequest = manager.create_request("t", "d", {})
    for name in ("", "  ", None, 5, "x" * 300):
        with pytest.raises(ProposalError):
            manager.approve(proposal.request_id, name)  # type: ignore[arg-type]
        with pytest.raises(ProposalError):
            manager.reject(proposal.request_id, name, "no")  # type: ignore[arg-type]
    with pytest.raises(ProposalError):
        manager.reject(proposal.request_id, "ann", 5)  # type: ignore[arg-type]
    assert desk.reviewer.get(proposal.request_id).decisions == ()
