"""Agents whose calls PydanticAI puts off until somebody approves them, and what was done for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_ai import Agent, AgentRunResult
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ToolCallPart, ToolReturnPart
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.integrations.runs import Step, call, model_that_calls, returned

CapabilityOf = AbstractCapability[Any]
AgentOf = Agent[None, str | DeferredToolRequests]


def delete(path: str, call_id: str | None = None) -> ToolCallPart:
    """One call of the cleaner's tool."""
    return call("delete", call_id or path, path=path)


def agent_that_calls(*steps: Step, capabilities: Sequence[CapabilityOf], name: str | None = "cleaner") -> AgentOf:
    """An agent whose model makes these calls, and whose run may end with calls that are put off."""
    return Agent(
        model_that_calls(*steps), name=name, output_type=[str, DeferredToolRequests], capabilities=capabilities
    )


class Cleaner:
    """An agent whose one tool needs approval, and remembers what it deleted; its runs may end with open calls."""

    def __init__(self, *steps: Step, capabilities: Sequence[CapabilityOf], name: str | None = "cleaner") -> None:
        self.deleted: list[str] = []
        self.agent = agent_that_calls(*steps, capabilities=capabilities, name=name)
        self.agent.tool_plain(requires_approval=True)(self.delete)

    def delete(self, path: str) -> str:
        """Deletes a file."""
        self.deleted.append(path)
        return f"deleted {path}"

    async def told(self) -> dict[str, ToolReturnPart]:
        """Runs it, and gives what its model was told, by the id of the call."""
        return returned((await self.agent.run("clean up")).all_messages())

    async def resumed(
        self, messages: Sequence[ModelMessage], results: DeferredToolResults
    ) -> dict[str, ToolReturnPart]:
        """The same for a run that ended with open calls."""
        run = await self.agent.run(message_history=messages, deferred_tool_results=results)
        return returned(run.all_messages())

    async def ended(self) -> tuple[list[ModelMessage], DeferredToolRequests]:
        """Runs it until its calls are put off: its messages, and these calls."""
        run: AgentRunResult[Any] = await self.agent.run("clean up")
        assert isinstance(run.output, DeferredToolRequests)
        return run.all_messages(), run.output


def asked_by(requests: DeferredToolRequests, desk: BlockingStore) -> dict[str, Request]:
    """The requests that were asked for the calls, as they are now, by the id of the call."""
    return {
        call.tool_call_id: desk.reviewer.get(requests.metadata[call.tool_call_id]["approval_tui"]["request"])
        for call in requests.approvals
    }


def statuses(desk: BlockingStore) -> dict[str, list[str]]:
    """The statuses of all requests, oldest first, by the path or else the tool that they are about."""
    found: dict[str, list[str]] = {}
    everything = [*desk.reviewer.list(), *desk.reviewer.history()]
    for request in sorted(everything, key=lambda each: each.created_at):
        found.setdefault(request.arguments.get("path", request.tool), []).append(request.status)
    return found


def outcomes(desk: BlockingStore) -> list[tuple[str, str | None]]:
    """The status and the outcome of each request that is not pending, oldest first."""
    history = sorted(desk.reviewer.history(), key=lambda request: request.created_at)
    return [(request.status, request.outcome) for request in history]
