"""Managers of one store in threads and processes: one decision wins, all agree on it, and the log tells it."""

from __future__ import annotations

import concurrent.futures
import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from approval_tui.domain.calls import Call
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.integrations.toolweaver import ApprovalManager, ApprovalStatus, ProposalError
from approval_tui.store.blocking import BlockingStore
from tests.integrations.toolweaver_programs import COMMAND, programs
from tests.support import ANN, BO, LONG, ROOT, approve, assert_sound, submit


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


# --- processes ---------------------------------------------------------------------------------

UNWANTED = {"textual", "rich", "httpx", "starlette", "flask", "mcp", "pydantic", "pydantic_ai"}


def test_a_proposal_outlives_the_process_that_made_it_which_loaded_no_screen_and_no_server(
    manager: ApprovalManager,
) -> None:
    """ToolWeaver: pending approvals were gone with their process."""
    finished = subprocess.run(
        [*COMMAND, "propose", "From elsewhere"], cwd=ROOT, capture_output=True, text=True, timeout=LONG, check=True
    )
    request_id, loaded = finished.stdout.splitlines()
    (proposal,) = manager.list_pending()
    assert (proposal.request_id, proposal.title) == (request_id, "From elsewhere")
    assert proposal.proposed_action == {"action": "test"}
    proposal.approve("ann")
    assert not set(json.loads(loaded)) & UNWANTED


def test_of_two_processes_that_decide_at_once_one_wins_and_both_agree_afterwards(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    proposal = manager.create_request("t", "d", {"action": "test"})
    request_id = proposal.request_id
    with programs(("decide", request_id, "approve", "ann"), ("decide", request_id, "reject", "bo")) as racing:
        for each in racing:
            each.tell()
        results = [each.line() for each in racing]
        assert sorted(results) == ["lost", "won"]
        for each in racing:
            assert each.line() == "ready"
            each.tell()
        told = [each.ended() for each in racing]
    expected = "approved ann None" if results[0] == "won" else "rejected bo because of bo"
    assert told == [[expected], [expected]]
    proposal.refresh()
    assert f"{proposal.status.value} {proposal.reviewer} {proposal.rejection_reason}" == expected
    assert [entry["action"] for entry in manager.audit_log] == ["CREATED", expected.split()[0].upper()]
    assert_sound(desk)


# --- managers and threads ----------------------------------------------------------------------


def test_a_new_manager_finds_and_decides_what_another_one_made(manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {"a": 1})
    with ApprovalManager() as other:
        found = other.get_request(proposal.request_id)
        assert found == proposal
        assert found is not proposal
        other.approve(proposal.request_id, "ann")
    assert proposal.status is ApprovalStatus.PENDING
    assert proposal.refresh().status is ApprovalStatus.APPROVED
    assert proposal.reviewer == "ann"


def test_of_two_managers_the_second_decision_is_refused_and_its_object_follows(manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {})
    with ApprovalManager() as other:
        late = other.get_request(proposal.request_id)
        assert late is not None
        manager.reject(proposal.request_id, "ann", "too much")
        assert late.status is ApprovalStatus.PENDING
        with pytest.raises(ProposalError, match="already denied by ann"):
            late.approve("bo")
        assert late.refresh() == proposal
        assert (late.status, late.reviewer, late.rejection_reason) == (ApprovalStatus.REJECTED, "ann", "too much")


def test_threads_of_one_manager_that_decide_at_once_make_one_decision(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    proposal = manager.create_request("t", "d", {})

    def decide(number: int) -> str:
        try:
            if number % 2:
                return str(manager.approve(proposal.request_id, f"reviewer-{number}").reviewer)
            return str(manager.reject(proposal.request_id, f"reviewer-{number}", "no").reviewer)
        except ProposalError:
            return "lost"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(decide, range(8), timeout=LONG))
    assert results.count("lost") == 7
    (winner,) = set(results) - {"lost"}
    assert proposal.refresh().reviewer == winner
    assert_sound(desk)


def test_an_object_handed_to_threads_is_the_same_one(manager: ApprovalManager) -> None:
    request_id = manager.create_request("t", "d", {}).request_id
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(manager.get_request, [request_id] * 50, timeout=LONG))
    assert len({id(each) for each in found}) == 1


# --- the log of what was done ------------------------------------------------------------------


def rows(manager: ApprovalManager, *names: str) -> list[tuple[object, ...]]:
    return [tuple(entry[name] for name in names) for entry in manager.audit_log]


def test_each_step_is_a_row_of_the_log_as_the_guide_has_it(manager: ApprovalManager) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    first = manager.create_request("first", "d", {})
    second = manager.create_request("second", "d", {})
    second.reject("bo", "Too much")
    first.approve("ann")
    third = manager.create_request("third", "d", {}, expires_in_hours=0)
    log = manager.audit_log
    assert all(list(row) == ["timestamp", "action", "request_id", "title", "reviewer", "reason"] for row in log)
    assert rows(manager, "action", "request_id", "title", "reviewer", "reason") == [
        ("CREATED", first.request_id, "first", None, None),
        ("CREATED", second.request_id, "second", None, None),
        ("REJECTED", second.request_id, "second", "bo", "Too much"),
        ("APPROVED", first.request_id, "first", "ann", None),
        ("CREATED", third.request_id, "third", None, None),
        ("EXPIRED", third.request_id, "third", None, None),
    ]
    times = [datetime.fromisoformat(row["timestamp"]) for row in log]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= datetime.now(UTC)


def test_what_is_done_in_the_console_is_in_the_log_of_every_manager(
    desk: BlockingStore, manager: ApprovalManager
) -> None:
    proposal = manager.create_request("t", "d", {})
    approve(desk, desk.reviewer.get(proposal.request_id))
    desk.reviewer.revoke(proposal.request_id, reviewer=BO, reason="no")
    with ApprovalManager() as other:
        assert rows(other, "action", "reviewer", "reason") == [
            ("CREATED", None, None),
            ("APPROVED", "ann", None),
            ("REJECTED", "bo", "no"),
        ]


def test_an_approval_keeps_its_reviewer_in_the_log_though_it_was_revoked_in_the_same_millisecond(
    store: BlockingStore, manager: ApprovalManager
) -> None:
    arguments = {"title": "t", "description": "d", "proposed_action": {}}
    request = submit(store, Call(TOOL, arguments, REQUESTER, context={"proposal": "1"}))
    approve(store, request)
    store.reviewer.revoke(request.id, reviewer=BO, reason="no")
    assert rows(manager, "action", "reviewer", "reason")[1:] == [("APPROVED", "ann", None), ("REJECTED", "bo", "no")]


def test_the_log_has_the_title_under_which_a_proposal_was_made(desk: BlockingStore, manager: ApprovalManager) -> None:
    request = desk.reviewer.get(manager.create_request("As proposed", "d", {}).request_id)
    edited = {**request.arguments, "title": "As edited"}
    desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
    assert rows(manager, "action", "title") == [("CREATED", "As proposed"), ("APPROVED", "As edited")]


def test_refused_decisions_are_not_in_the_log(manager: ApprovalManager) -> None:
    proposal = manager.create_request("t", "d", {})
    proposal.approve("ann")
    with pytest.raises(ProposalError):
        proposal.approve("bo")
    with pytest.raises(ProposalError):
        proposal.reject("ann", "no")
    proposal.approve("ann")
    assert rows(manager, "action") == [("CREATED",), ("APPROVED",)]
