"""ToolWeaver's workflow: agents draft and validate, a person approves in the console, and the action is carried out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import HOUR, SECOND
from approval_tui.gate import Gate
from approval_tui.gate.workflow import ApprovalWorkflow as GatedWorkflow
from approval_tui.gate.workflow_results import (
    Completed,
    Expired,
    Rejected,
    Review,
    Validation,
    WorkflowResult,
)
from approval_tui.integrations.approval_manager import REQUESTER

_DAY_IN_SECONDS = 24 * HOUR // SECOND


class DelegatingClient(Protocol):
    """What asks an agent for its work, as ToolWeaver's A2AClient does."""

    async def delegate(self, *, agent_id: str, request: dict[str, Any]) -> Any: ...


class ApprovalWorkflow:
    """Draft, validate, approve, execute, with ToolWeaver's agents and its results.

    `client` has `draft_agent` draft and `validator_agent` validate; `execute` carries out the approved draft. A person
    has 24 hours to decide, in the console. Without `gate` the requester is `toolweaver`.
    """

    def __init__(self, client: DelegatingClient, execute: Callable[[JsonObject], Any], *, gate: Gate | None = None):
        self._client = client
        self._execute = execute
        self._gate = gate

    async def execute_with_approval(self, task: dict[str, Any], *, max_retries: int = 0) -> dict[str, Any]:
        """Runs the workflow for the task and gives its result with a `status`, as ToolWeaver's guide shows it.

        `completed`, `rejected`, `validation_failed` or `expired`. Raises what the core workflow's `run` raises.
        """
        if self._gate is not None:
            return await self._run(self._gate, task, max_retries)
        async with Gate(REQUESTER) as gate:
            return await self._run(gate, task, max_retries)

    async def _run(self, gate: Gate, task: dict[str, Any], max_retries: int) -> dict[str, Any]:
        workflow: GatedWorkflow[Any] = GatedWorkflow(
            draft=self._draft,
            validate=self._validate,
            execute=self._execute,
            gate=gate,
            reason=_words,
            max_retries=max_retries,
            timeout=_DAY_IN_SECONDS,
        )
        return as_dict(await workflow.run(task))

    async def _draft(self, task: dict[str, Any]) -> Any:
        return await self._client.delegate(agent_id="draft_agent", request=task)

    async def _validate(self, draft: JsonObject) -> Any:
        asked = {"draft": draft, "validation_type": "quality_check"}
        return await self._client.delegate(agent_id="validator_agent", request=asked)


async def execute_with_retry_on_rejection(
    task: dict[str, Any], max_retries: int = 2, *, workflow: ApprovalWorkflow
) -> dict[str, Any]:
    """Runs the workflow, and again with what the reviewer or the check said, up to `max_retries` times more."""
    return await workflow.execute_with_approval(task, max_retries=max_retries)


def as_dict(ended: WorkflowResult[Any]) -> dict[str, Any]:
    """A workflow's result in ToolWeaver's words; times are ISO 8601 in UTC."""
    said: dict[str, Any] = {
        "status": ended.status,
        "draft": ended.draft,
        "validation": None if ended.validation is None else _validation(ended.validation),
        "attempts": ended.attempts,
    }
    if isinstance(ended, Completed):
        return {**said, "approval": _approval(ended.approval), "result": ended.result}
    if isinstance(ended, Rejected):
        return {**said, "reason": ended.reason}
    if isinstance(ended, Expired):
        return {**said, "request_id": ended.request_id}
    return {**said, "issues": list(ended.issues)}


def _approval(review: Review | None) -> dict[str, Any] | None:
    if review is None:
        return None
    return {"reviewer": review.reviewer, "approved_at": datetime.fromtimestamp(review.at / 1000, UTC).isoformat()}


def _validation(validation: Validation) -> dict[str, Any]:
    return {"is_valid": validation.is_valid, "issues": list(validation.issues), "score": validation.score}


def _words(draft: JsonObject, validation: Validation | None) -> str | None:
    """What the reviewer reads beside the draft, as the agents' own words."""
    score = None if validation is None or validation.score is None else f"Validation score: {validation.score}"
    title = draft.get("title")
    return ". ".join(part for part in (title if isinstance(title, str) else None, score) if part) or None
