"""Which proposals a manager of ToolWeaver's finds: its own, as the same objects, and nothing by another id."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalRequest
from approval_tui.store.blocking import BlockingStore
from tests.support import ANN, approve, submit


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


@pytest.fixture
def proposal(manager: ApprovalManager) -> ApprovalRequest:
    return manager.create_request("t", "d", {})


def test_the_same_object_comes_back_as_long_as_somebody_holds_it(
    manager: ApprovalManager, proposal: ApprovalRequest
) -> None:
    assert manager.get_request(proposal.request_id) is proposal
    assert manager.list_pending()[0] is proposal
    assert manager.pending_approvals[proposal.request_id] is proposal


def test_a_manager_keeps_no_proposal_alive(manager: ApprovalManager) -> None:
    first = manager.create_request("t", "d", {})
    request_id = first.request_id
    first.title = "not in the store"
    del first
    gc.collect()
    again = manager.get_request(request_id)
    assert again is not None
    assert again.title == "t"


def test_only_what_waits_is_listed_oldest_first(desk: BlockingStore, manager: ApprovalManager) -> None:
    made = [manager.create_request(f"number {number}", "d", {}) for number in range(6)]
    manager.create_request("expired", "d", {}, expires_in_hours=0)
    made[1].approve("ann")
    made[2].reject("ann", "no")
    desk.reviewer.expire(made[4].request_id, reviewer=ANN)
    waiting = [made[0], made[3], made[5]]
    assert manager.list_pending() == waiting
    assert manager.pending_approvals == {each.request_id: each for each in waiting}
    assert list(manager.pending_approvals) == [each.request_id for each in waiting]


NO_IDS: list[Any] = [
    *("", "abc-123", "apr_", "apr_" + "0" * 32, "3f0c2f36-0000-4000-8000-000000000000", "%", "_", None, 5, b"x"),
    *("../../outside", "/tmp/outside", "apr_/../../x", "a/b", "apr_" + "0" * 32 + "\n", "\x00", "apr_" + "g" * 32),
]


def test_an_id_of_nothing_finds_and_decides_nothing(
    desk: BlockingStore, manager: ApprovalManager, proposal: ApprovalRequest
) -> None:
    """ToolWeaver: an id became a part of a path as it came."""
    for request_id in NO_IDS:
        assert manager.get_request(request_id) is None
        with pytest.raises(ValueError, match="not found"):
            manager.approve(request_id, "ann")
        with pytest.raises(ValueError, match="not found"):
            manager.reject(request_id, "ann", "no")
    assert desk.reviewer.get(proposal.request_id).status == "pending"


def test_the_beginning_of_an_id_is_not_the_id(manager: ApprovalManager, proposal: ApprovalRequest) -> None:
    for part in (proposal.request_id[:-1], proposal.request_id.upper(), proposal.request_id.removeprefix("apr_")):
        assert manager.get_request(part) is None


@pytest.mark.parametrize(("tool", "requester"), [(TOOL, "deploy-bot"), ("shell", REQUESTER)])
def test_requests_of_other_tools_and_requesters_are_not_its_own(
    desk: BlockingStore, manager: ApprovalManager, tool: str, requester: str
) -> None:
    arguments = {"title": "t", "description": "d", "proposed_action": {}}
    foreign = submit(desk, Call(tool, arguments, requester))
    assert manager.get_request(foreign.id) is None
    assert manager.list_pending() == []
    with pytest.raises(ValueError, match="not found"):
        manager.approve(foreign.id, "ann")
    with pytest.raises(ValueError, match="not found"):
        manager.reject(foreign.id, "ann", "no")
    approve(desk, foreign)
    assert manager.audit_log == []
    assert desk.reviewer.get(foreign.id).decisions[-1].reviewer == "ann"


def test_managers_of_other_names_do_not_see_one_another(default_store: str, proposal: ApprovalRequest) -> None:
    with ApprovalManager(requester="other") as other, ApprovalManager(tool="other") as another:
        assert (other.list_pending(), another.list_pending()) == ([], [])
        assert other.get_request(proposal.request_id) is None
        mine = other.create_request("mine", "d", {})
        assert another.get_request(mine.request_id) is None
