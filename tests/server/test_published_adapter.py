"""An adapter that others wrote for a framework works with the server as it is."""

from __future__ import annotations

import asyncio
from typing import Any

from agentapprovalprotocol.pydantic_ai import ApprovalCapability
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from tests.gate.both_forms import reviewing
from tests.server.serving import Served
from tests.support import approve, assert_sound, deny


def deploys_twice(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """A model that deploys to staging, then to production, and then says what came of it."""
    came = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    if len(came) < 2:
        place = ("staging", "production")[len(came)]
        return ModelResponse([TextPart(f"Now {place}."), ToolCallPart("deploy", {"to": place})])
    return ModelResponse([TextPart(" | ".join(str(part.content) for part in came))])


def test_a_pydantic_ai_agent_runs_what_is_approved_and_is_told_why_not(served: Served) -> None:
    ran: list[str] = []
    agent: Agent[None, str] = Agent(
        FunctionModel(deploys_twice), capabilities=[ApprovalCapability(served.url, served.agent_token)]
    )

    @agent.tool_plain
    def deploy(to: str) -> str:
        ran.append(to)
        return f"deployed to {to}"

    with reviewing(
        served.desk,
        lambda request: approve(served.desk, request),
        lambda request: deny(served.desk, request, "Not on a Friday."),
    ) as came:
        said: Any = asyncio.run(agent.run("Deploy.")).output
    assert ran == ["staging"]
    assert "deployed to staging" in said
    assert "Not on a Friday." in said
    assert [(request.tool, request.arguments, request.reason) for request in came] == [
        ("deploy", {"to": "staging"}, "Now staging."),
        ("deploy", {"to": "production"}, "Now production."),
    ]
    assert served.desk.reviewer.get(came[0].id).outcome == "succeeded"
    assert_sound(served.desk)
