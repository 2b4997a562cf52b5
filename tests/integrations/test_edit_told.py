"""What the model behind PydanticAI, and code in ToolWeaver's words, learn of a reviewer's edit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ToolReturn, UserPromptPart
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.integrations.pydantic_ai import ApprovalToolset, approve_in_console
from approval_tui.integrations.toolweaver import ApprovalManager
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import edit
from tests.integrations.deferring import Cleaner, delete
from tests.integrations.runs import agent_with, call, returned
from tests.integrations.scripted_reviewer import YES, Verdict, edited, scripted_reviewer

TOLD = 'A reviewer changed the arguments of this call before approving it: path was "a", is "b".'


def told_beside(messages: list[ModelMessage]) -> list[Any]:
    """What the model was told beside what its tools gave, but for the prompt with which the run began."""
    return [part.content for message in messages[1:] for part in message.parts if isinstance(part, UserPromptPart)]


def reading(result: Any) -> FunctionToolset[Any]:
    def read(path: str) -> Any:
        return result

    return FunctionToolset([read])


@pytest.mark.parametrize(("verdict", "told"), [(edited(path="b"), [TOLD]), (YES, []), (edited(path="a"), [])])
async def test_a_toolset_tells_the_model_beside_the_result(
    verdict: Verdict, told: list[str], default_store: str
) -> None:
    with scripted_reviewer(default_store, lambda _: verdict):
        run = await agent_with(ApprovalToolset(reading({"n": 1})), call("read", path="a")).run("go")
    messages = run.all_messages()
    assert returned(messages)["read"].content == {"n": 1}
    assert told_beside(messages) == told


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, [TOLD]), ("a picture", [["a picture", TOLD]]), (["a", "picture"], [["a", "picture", TOLD]])],
)
async def test_what_a_tool_itself_says_beside_its_result_comes_first(
    content: Any, told: list[Any], default_store: str
) -> None:
    own = ToolReturn(return_value="text", content=content, metadata={"kept": True})
    with scripted_reviewer(default_store, lambda _: edited(path="b")):
        run = await agent_with(ApprovalToolset(reading(own)), call("read", path="a")).run("go")
    messages = run.all_messages()
    part = returned(messages)["read"]
    assert (part.content, part.metadata) == ("text", {"kept": True})
    assert told_beside(messages) == told


@pytest.mark.parametrize(("verdict", "told"), [(edited(path="b"), [TOLD]), (YES, [])])
async def test_a_deferred_call_tells_the_model_beside_the_result(
    verdict: Verdict, told: list[str], default_store: str
) -> None:
    cleaner = Cleaner(delete("a"), capabilities=[approve_in_console()])
    with scripted_reviewer(default_store, lambda _: verdict):
        run = await cleaner.agent.run("clean up")
    messages = run.all_messages()
    (path,) = cleaner.deleted
    assert returned(messages)["a"].content == f"deleted {path}"
    assert told_beside(messages) == told


def test_a_proposal_says_what_was_changed_of_it(default_store: str, desk: BlockingStore) -> None:
    with ApprovalManager() as manager:
        proposals = [manager.create_request("Limits", "Raise them", {"limit": limit}) for limit in (9000, 7000)]
        request = desk.reviewer.get(proposals[0].request_id)
        changed = {**request.arguments, "proposed_action": {"limit": 5000}}
        edit(desk, request, changed)
        manager.approve(proposals[1].request_id, "ann")
        said = [each.refresh().edit_told for each in proposals]
    assert proposals[0].proposed_action == {"limit": 5000}
    assert said == [f"{TOLD.split(':')[0]}: proposed_action.limit was 9000, is 5000.", None]
