"""Agents of PydanticAI whose model says what a test tells it, and toolsets that remember what was done with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from approval_tui.integrations.pydantic_ai import ApprovalDecision, ApprovalRequest

Step = ToolCallPart | Sequence[ToolCallPart]
"""What a model says in one response."""


def call(tool: str, /, call_id: str | None = None, **arguments: Any) -> ToolCallPart:
    """One call as a model writes it; its id is the tool's name where none is given."""
    return ToolCallPart(tool, arguments, tool_call_id=call_id or tool)


def model_that_calls(*steps: Step) -> FunctionModel:
    """A model that makes the calls of each step in turn, and then says `done`."""
    said = [[step] if isinstance(step, ToolCallPart) else list(step) for step in steps]

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        made = sum(isinstance(message, ModelResponse) for message in messages)
        return ModelResponse(parts=said[made] if made < len(said) else [TextPart("done")])

    return FunctionModel(answer)


def agent_with(toolset: AbstractToolset[Any], *steps: Step, name: str = "release-bot") -> Agent[Any, str]:
    """An agent of that name with the toolset, whose model makes these calls."""
    return Agent(model_that_calls(*steps), toolsets=[toolset], name=name)


async def run(toolset: AbstractToolset[Any], *steps: Step) -> dict[str, ToolReturnPart]:
    """Runs such an agent to its end, and gives what the tools gave to the model, by the id of the call."""
    return returned((await agent_with(toolset, *steps).run("go")).all_messages())


def run_sync(agent: Agent[Any, str]) -> str:
    """Runs the agent from blocking code, on an event loop of this thread that is closed afterwards."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return agent.run_sync("go").output
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.set_event_loop(None)


def store_threads() -> set[threading.Thread]:
    """The threads of the stores that are open in this process."""
    return {thread for thread in threading.enumerate() if "_connection_worker" in thread.name}


def returned(messages: Sequence[ModelMessage]) -> dict[str, ToolReturnPart]:
    """What the tools gave to the model, by the id of the call."""
    return {
        part.tool_call_id: part
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    }


class Files:
    """Two tools that only remember that they were called, and with what."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def delete(self, path: str) -> str:
        """Deletes a file."""
        self.done.append(f"delete {path}")
        return f"deleted {path}"

    def read(self, path: str) -> str:
        """Reads a file."""
        self.done.append(f"read {path}")
        return f"contents of {path}"

    def toolset(self) -> FunctionToolset[Any]:
        """A toolset of both."""
        return FunctionToolset(self.functions())

    def functions(self) -> list[Callable[..., Any]]:
        """Both, for a toolset of another class."""
        return [self.delete, self.read]


class Callback:
    """A callback that answers each question with the same decision, and remembers what it was asked."""

    def __init__(self, decision: ApprovalDecision) -> None:
        self._decision = decision
        self.requests: list[ApprovalRequest] = []

    def __call__(self, request: ApprovalRequest) -> ApprovalDecision:
        self.requests.append(request)
        return self._decision

    @property
    def tools(self) -> list[str]:
        """The names of the tools that it was asked about, in order."""
        return [request.tool_name for request in self.requests]


def approving() -> Callback:
    """Says yes to everything."""
    return Callback(ApprovalDecision(approved=True))


def denying(note: str | None = None) -> Callback:
    """Says no to everything."""
    return Callback(ApprovalDecision(approved=False, note=note))


class Server(AbstractToolset[Any]):
    """A toolset with a connection, as one of an MCP server has: it works only while it is entered.

    It has the tools of those names, which take any arguments.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._inside = 0
        self.life: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def id(self) -> str | None:
        return "server"

    async def __aenter__(self) -> Self:
        self._inside += 1
        self.life.append("entered")
        return self

    async def __aexit__(self, *args: Any) -> bool | None:
        assert self._inside > 0
        self._inside -= 1
        self.life.append("exited")
        return None

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        assert self._inside, "it is not connected"
        return {name: self._tool(name) for name in self._names}

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: Any) -> Any:
        assert self._inside, "it is not connected"
        self.calls.append((name, tool_args))
        if name == "fail":
            raise RuntimeError("the server fell over")
        return f"{name} was called"

    def _tool(self, name: str) -> ToolsetTool[Any]:
        return ToolsetTool(
            toolset=self,
            tool_def=ToolDefinition(name=name, parameters_json_schema={"type": "object"}),
            max_retries=1,
            args_validator=SchemaValidator(core_schema.dict_schema()),
        )
