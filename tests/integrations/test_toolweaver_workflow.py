"""ToolWeaver's workflow with agents that draft and validate: its results, its retries, and what is carried out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from approval_tui import Gate
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import DAY
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.models import Request
from approval_tui.integrations.approval_manager import REQUESTER
from approval_tui.integrations.toolweaver import ApprovalWorkflow, execute_with_retry_on_rejection
from approval_tui.store.blocking import BlockingStore
from tests.integrations.scripted_reviewer import YES, Verdict, edited, no, scripted_reviewer
from tests.support import ANN, assert_sound

TASK: dict[str, Any] = {"type": "policy_update", "changes": {"max_amount": 9000}}
PASSED = {"is_valid": True, "score": 0.9, "issues": []}
FAILED = {"is_valid": False, "score": 0.2, "issues": ["No owner", "No date"]}


def draft_of(amount: int) -> dict[str, Any]:
    return {"title": "Expense policy", "changes": {"max_amount": amount}}


class Agents:
    """A client whose agents give their answers in turn, the last again and again; it keeps what was delegated."""

    def __init__(self, drafts: list[Any], validations: list[Any]) -> None:
        self._answers = {"draft_agent": drafts, "validator_agent": validations}
        self.delegated: dict[str, list[Any]] = {"draft_agent": [], "validator_agent": []}

    async def delegate(self, *, agent_id: str, request: dict[str, Any]) -> Any:
        given, answers = self.delegated[agent_id], self._answers[agent_id]
        given.append(copy.deepcopy(request))
        request.clear()  # what an agent does with its request is its own affair
        return copy.deepcopy(answers[min(len(given), len(answers)) - 1])


class Orchestrator:
    """What carries an approved draft out, and remembers it."""

    def __init__(self) -> None:
        self.applied: list[JsonObject] = []

    def apply_changes(self, draft: JsonObject) -> dict[str, Any]:
        self.applied.append(copy.deepcopy(draft))
        return {"applied": draft["changes"]}


@pytest.fixture
def orchestrator() -> Orchestrator:
    return Orchestrator()


def never_asked(request: Request) -> Verdict | None:
    raise AssertionError(f"somebody was asked for {request.arguments}")


def up_to(amount: int) -> Callable[[Request], Verdict]:
    """A reviewer who lets this much pass."""
    return lambda request: YES if request.arguments["changes"]["max_amount"] <= amount else no(f"At most {amount}")


# --- how it ends -------------------------------------------------------------------------------


async def test_a_yes_carries_the_draft_out(default_store: str, orchestrator: Orchestrator) -> None:
    agents = Agents([draft_of(9000)], [PASSED])
    workflow = ApprovalWorkflow(agents, orchestrator.apply_changes)
    before = datetime.now(UTC).replace(microsecond=0)
    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        result = await workflow.execute_with_approval(TASK)
    assert orchestrator.applied == [draft_of(9000)]
    approved_at = datetime.fromisoformat(result["approval"].pop("approved_at"))
    assert before <= approved_at <= datetime.now(UTC)
    assert result == {
        "status": "completed",
        "draft": draft_of(9000),
        "validation": {"is_valid": True, "issues": [], "score": 0.9},
        "approval": {"reviewer": "ann"},
        "result": {"applied": {"max_amount": 9000}},
        "attempts": 1,
    }
    assert json.loads(json.dumps(result)) == result
    (request,) = reviewer.requests
    assert (request.requester, request.tool, request.arguments) == (REQUESTER, "apply_changes", draft_of(9000))
    assert request.reason == "Expense policy. Validation score: 0.9"
    assert request.expires_at - request.created_at == DAY
    assert agents.delegated == {
        "draft_agent": [TASK],
        "validator_agent": [{"draft": draft_of(9000), "validation_type": "quality_check"}],
    }


async def test_a_no_carries_nothing_out(default_store: str, desk: BlockingStore, orchestrator: Orchestrator) -> None:
    workflow = ApprovalWorkflow(Agents([draft_of(9000)], [PASSED]), orchestrator.apply_changes)
    with scripted_reviewer(default_store, lambda _: no("Too much")):
        result = await workflow.execute_with_approval(TASK)
    assert orchestrator.applied == []
    assert result == {
        "status": "rejected",
        "reason": "Too much",
        "draft": draft_of(9000),
        "validation": {"is_valid": True, "issues": [], "score": 0.9},
        "attempts": 1,
    }
    assert_sound(desk)


async def test_what_does_not_pass_the_check_is_shown_to_nobody(
    default_store: str, desk: BlockingStore, orchestrator: Orchestrator
) -> None:
    workflow = ApprovalWorkflow(Agents([draft_of(9000)], [FAILED]), orchestrator.apply_changes)
    with scripted_reviewer(default_store, never_asked):
        result = await workflow.execute_with_approval(TASK)
    assert result == {
        "status": "validation_failed",
        "issues": ["No owner", "No date"],
        "draft": draft_of(9000),
        "validation": {"is_valid": False, "issues": ["No owner", "No date"], "score": 0.2},
        "attempts": 1,
    }
    assert orchestrator.applied == []
    assert desk.reviewer.head() is None


async def test_what_nobody_decided_in_time_has_expired(
    default_store: str, desk: BlockingStore, orchestrator: Orchestrator
) -> None:
    def end_its_time(request: Request) -> None:
        desk.reviewer.expire(request.id, reviewer=ANN)

    workflow = ApprovalWorkflow(Agents([draft_of(9000)], [PASSED]), orchestrator.apply_changes)
    with scripted_reviewer(default_store, end_its_time) as reviewer:
        result = await execute_with_retry_on_rejection(TASK, workflow=workflow)
    (request,) = reviewer.requests
    assert (result["status"], result["request_id"], result["attempts"]) == ("expired", request.id, 1)
    assert (result["draft"], orchestrator.applied) == (draft_of(9000), [])


async def test_what_a_reviewer_edited_is_what_is_carried_out(default_store: str, orchestrator: Orchestrator) -> None:
    agents = Agents([draft_of(9000)], [PASSED])
    workflow = ApprovalWorkflow(agents, orchestrator.apply_changes)
    with scripted_reviewer(default_store, lambda _: edited(**draft_of(10))):
        result = await workflow.execute_with_approval(TASK)
    assert orchestrator.applied == [result["draft"]] == [draft_of(10)]
    assert [each["draft"] for each in agents.delegated["validator_agent"]] == [draft_of(9000), draft_of(10)]


@pytest.mark.parametrize("answer", [None, "yes", {"is_valid": "no"}, {"is_valid": None}, {"valid": True}, {"score": 1}])
async def test_a_check_that_says_nothing_clear_lets_nothing_pass(
    default_store: str, desk: BlockingStore, orchestrator: Orchestrator, answer: Any
) -> None:
    """ToolWeaver: anything that was truthy passed."""
    workflow = ApprovalWorkflow(Agents([draft_of(9000)], [answer]), orchestrator.apply_changes)
    with pytest.raises(InvalidInput, match="validation"):
        await workflow.execute_with_approval(TASK)
    assert (orchestrator.applied, desk.reviewer.head()) == ([], None)


# --- retries -----------------------------------------------------------------------------------


async def test_each_try_is_told_what_the_reviewer_said_and_the_callers_task_stays_as_it_was(
    default_store: str, desk: BlockingStore, orchestrator: Orchestrator
) -> None:
    """ToolWeaver: the task of the caller was written into."""
    task = copy.deepcopy(TASK)
    agents = Agents([draft_of(9000), draft_of(6000), draft_of(4000)], [PASSED])
    workflow = ApprovalWorkflow(agents, orchestrator.apply_changes)
    with scripted_reviewer(default_store, up_to(5000)) as reviewer:
        result = await execute_with_retry_on_rejection(task, max_retries=2, workflow=workflow)
    assert (result["status"], result["attempts"], result["draft"]) == ("completed", 3, draft_of(4000))
    assert task == TASK
    assert orchestrator.applied == [draft_of(4000)]
    asked = agents.delegated["draft_agent"]
    assert asked[0] == TASK
    assert [each["previous_rejection"] for each in asked[1:]] == ["At most 5000"] * 2
    assert [each["previous_draft"] for each in asked[1:]] == [draft_of(9000), draft_of(6000)]
    first, second, third = reviewer.requests
    attempts = [each.attempt for each in (first, second, third)]
    assert [each and (each.number, each.most, each.previous) for each in attempts] == [
        (1, 3, None), (2, 3, first.id), (3, 3, second.id)
    ]  # fmt: skip
    assert_sound(desk)


@pytest.mark.parametrize(("retries", "tries"), [({}, 3), ({"max_retries": 0}, 1), ({"max_retries": 1}, 2)])
async def test_after_the_last_retry_the_rejection_is_the_result(
    default_store: str, orchestrator: Orchestrator, retries: dict[str, int], tries: int
) -> None:
    workflow = ApprovalWorkflow(Agents([draft_of(n) for n in (9, 8, 7, 6)], [PASSED]), orchestrator.apply_changes)
    with scripted_reviewer(default_store, up_to(0)) as reviewer:
        result = await execute_with_retry_on_rejection(TASK, workflow=workflow, **retries)
    assert (result["status"], result["reason"], result["attempts"]) == ("rejected", "At most 0", tries)
    assert (len(reviewer.requests), orchestrator.applied) == (tries, [])


async def test_a_failed_check_is_retried_with_what_it_found(default_store: str, orchestrator: Orchestrator) -> None:
    """ToolWeaver: it was retried without a word of what was wrong."""
    agents = Agents([draft_of(9000), draft_of(100)], [FAILED, PASSED])
    workflow = ApprovalWorkflow(agents, orchestrator.apply_changes)
    with scripted_reviewer(default_store, lambda _: YES) as reviewer:
        result = await execute_with_retry_on_rejection(TASK, workflow=workflow)
    assert (result["status"], result["attempts"], orchestrator.applied) == ("completed", 2, [draft_of(100)])
    assert agents.delegated["draft_agent"][1]["validation_issues"] == ["No owner", "No date"]
    assert len(reviewer.requests) == 1


@pytest.mark.parametrize("retries", [-1, True, 1.0, "2", None, 10**6])
async def test_retries_that_are_no_number_of_tries_are_refused(orchestrator: Orchestrator, retries: Any) -> None:
    agents = Agents([draft_of(9000)], [PASSED])
    with pytest.raises(InvalidInput):
        await execute_with_retry_on_rejection(
            TASK, retries, workflow=ApprovalWorkflow(agents, orchestrator.apply_changes)
        )
    assert agents.delegated["draft_agent"] == []


# --- trouble and other gates -------------------------------------------------------------------


async def test_what_an_agent_raises_goes_on_and_nobody_is_asked(
    desk: BlockingStore, orchestrator: Orchestrator
) -> None:
    class Unreachable:
        async def delegate(self, *, agent_id: str, request: dict[str, Any]) -> Any:
            raise ConnectionError(agent_id)

    with pytest.raises(ConnectionError, match="draft_agent"):
        await ApprovalWorkflow(Unreachable(), orchestrator.apply_changes).execute_with_approval(TASK)
    assert desk.reviewer.head() is None


async def test_what_carrying_it_out_raises_goes_on_and_is_the_outcome(default_store: str, desk: BlockingStore) -> None:
    def fail(draft: JsonObject) -> None:
        raise OSError("disk full")

    workflow = ApprovalWorkflow(Agents([draft_of(9000)], [PASSED]), fail)
    with scripted_reviewer(default_store, lambda _: YES) as reviewer, pytest.raises(OSError, match="disk full"):
        await execute_with_retry_on_rejection(TASK, workflow=workflow)
    (request,) = reviewer.requests
    assert desk.reviewer.get(request.id).outcome == "failed"


async def test_a_gate_of_ones_own_is_used_and_left_open(default_store: str, orchestrator: Orchestrator) -> None:
    async with Gate("policy-bot", session="run-1") as gate:
        workflow = ApprovalWorkflow(Agents([draft_of(9000)], [PASSED]), orchestrator.apply_changes, gate=gate)
        with scripted_reviewer(default_store, lambda _: YES) as reviewer:
            for _ in range(2):
                assert (await workflow.execute_with_approval(TASK))["status"] == "completed"
    assert [(each.requester, each.session) for each in reviewer.requests] == [("policy-bot", "run-1")] * 2
    assert len(orchestrator.applied) == 2
