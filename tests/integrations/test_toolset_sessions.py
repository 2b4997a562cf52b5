"""From one run to the next: approvals for a session, stores that are opened and closed, and ways to run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import CombinedToolset, FunctionToolset

from approval_tui import Gate
from approval_tui.integrations.pydantic_ai import (
    ApprovalBlocked,
    ApprovalDenied,
    ApprovalResult,
    ApprovalToolset,
)
from approval_tui.store.blocking import BlockingStore
from tests.integrations.runs import Files, Server, agent_with, call, run, store_threads
from tests.integrations.scripted_reviewer import YES, Verdict, edited, no, scripted_reviewer
from tests.support import ANN, assert_sound, until

DELETE_A = call("delete", path="a")


# --- for the session ---------------------------------------------------------------------------


async def test_an_approval_for_the_session_holds_for_the_same_call_of_the_same_conversation(
    default_store: str, desk: BlockingStore
) -> None:
    server = Server("copy")
    toolset = ApprovalToolset(server)

    async def copy(conversation: str, **arguments: str) -> None:
        await agent_with(toolset, call("copy", **arguments)).run("go", conversation_id=conversation)

    with scripted_reviewer(default_store, lambda request: Verdict("approve", for_session=True)) as reviewer:
        await copy("monday", source="a", target="b")
        await copy("monday", target="b", source="a")
        assert len(reviewer.requests) == 1
        await copy("monday", source="a", target="c")
        assert len(reviewer.requests) == 2
        await copy("tuesday", source="a", target="b")
        assert len(reviewer.requests) == 3
        granted = desk.reviewer.grants()
        assert [(grant.session, grant.uses) for grant in granted] == [("tuesday", 0), ("monday", 0), ("monday", 1)]
        desk.reviewer.revoke_grant(granted[2].id, reviewer=ANN)
        await copy("monday", source="a", target="b")
        assert len(reviewer.requests) == 4
    assert len(server.calls) == 5
    assert_sound(desk)


async def test_an_approval_for_the_session_is_not_for_a_tool_of_that_name_in_another_toolset(
    default_store: str, desk: BlockingStore
) -> None:
    staging, production = Files(), Files()
    toolset: CombinedToolset[Any] = CombinedToolset(
        [
            ApprovalToolset(FunctionToolset(staging.functions(), id="staging")).prefixed("staging"),
            ApprovalToolset(FunctionToolset(production.functions(), id="production")).prefixed("production"),
        ]
    )
    for_session = Verdict("approve", for_session=True)
    with (
        scripted_reviewer(default_store, lambda request: no() if desk.reviewer.grants() else for_session) as reviewer,
        pytest.raises(ApprovalDenied),
    ):
        await run(toolset, call("staging_delete", path="a"), call("production_delete", path="a"))
    assert len(reviewer.requests) == 2
    assert (staging.done, production.done) == (["delete a"], [])


async def test_an_approval_for_once_and_a_denial_hold_for_nothing_else(default_store: str) -> None:
    files = Files()
    said = iter([YES, no("once is enough")])
    async with Gate("release-bot", session="monday", dedupe_window=0) as gate:
        toolset = ApprovalToolset(files.toolset(), gate=gate, on_denied="tell_model")
        with scripted_reviewer(default_store, lambda request: next(said, YES)) as reviewer:
            for _ in range(3):
                await run(toolset, DELETE_A)
    assert len(reviewer.requests) == 3
    assert files.done == ["delete a", "delete a"]


# --- stores, and ways to run -------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [YES, no("stop")])
async def test_a_run_leaves_no_store_open_however_it_ends(verdict: Verdict, default_store: str) -> None:
    with scripted_reviewer(default_store, lambda request: verdict):
        before = store_threads()
        try:
            await run(ApprovalToolset(Files().toolset()), [DELETE_A, call("read", path="b")])
        except ApprovalDenied:
            assert verdict.verdict == "deny"
        until(lambda: store_threads() == before)


async def test_a_toolset_that_is_never_entered_leaves_no_store_open(default_store: str) -> None:
    class Plain(FunctionToolset[Any]):
        async def call_tool(self, name: str, tool_args: Any, ctx: Any, tool: Any) -> Any:
            return f"{name} {tool_args}"

    nothing: Any = None
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        before = store_threads()
        answers = await asyncio.gather(
            *(ApprovalToolset(Plain()).call_tool("delete", {"path": path}, nothing, nothing) for path in ("a", "b"))
        )
        until(lambda: store_threads() == before)
    assert answers == ["delete {'path': 'a'}", "delete {'path': 'b'}"]
    assert [asked.requester for asked in reviewer.requests] == ["pydantic-ai", "pydantic-ai"]


async def test_an_agent_that_is_entered_keeps_its_store_open_until_it_is_exited(default_store: str) -> None:
    files = Files()
    agent = agent_with(ApprovalToolset(files.toolset()), DELETE_A)
    with scripted_reviewer(default_store, lambda request: YES):
        before = store_threads()
        async with agent:
            await agent.run("go")
            (opened,) = store_threads() - before
            await agent.run("go")
            assert store_threads() - before == {opened}
        until(lambda: store_threads() == before)
    assert files.done == ["delete a"] * 2


async def test_a_gate_that_is_given_is_left_open_for_its_owner(default_store: str) -> None:
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        before = store_threads()
        async with Gate("release-bot") as gate:
            toolset = ApprovalToolset(Files().toolset(), gate=gate)
            await run(toolset, DELETE_A)
            (opened,) = store_threads() - before
            await run(toolset, DELETE_A)
            assert store_threads() - before == {opened}
        until(lambda: store_threads() == before)
    assert len(reviewer.requests) == 2


async def test_a_streamed_run_waits_too(default_store: str) -> None:
    files = Files()
    agent = Agent(TestModel(call_tools=["delete"]), toolsets=[ApprovalToolset(files.toolset())], name="release-bot")
    with scripted_reviewer(default_store, lambda request: edited(path="edited")) as reviewer:
        async with agent.run_stream("go") as streamed:
            assert "deleted edited" in await streamed.get_output()
        async with agent.iter("go") as stepwise:
            async for _ in stepwise:
                pass
    assert stepwise.result is not None
    assert "deleted edited" in stepwise.result.output
    assert len(reviewer.requests) == 2
    assert files.done == ["delete edited"] * 2


async def test_a_streamed_run_that_is_denied_runs_nothing(default_store: str) -> None:
    files = Files()
    agent = Agent(TestModel(call_tools=["delete"]), toolsets=[ApprovalToolset(files.toolset())], name="release-bot")
    with (
        scripted_reviewer(default_store, lambda request: no("not now")),
        pytest.raises(ApprovalDenied, match="not now"),
    ):
        async with agent.run_stream("go") as streamed:
            await streamed.get_output()
    assert files.done == []


async def test_what_the_toolset_lets_pass_never_opens_a_store(default_store: str) -> None:
    class Open(FunctionToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            return ApprovalResult.pre_approved() if name == "read" else ApprovalResult.blocked("never")

    files = Files()
    toolset = ApprovalToolset(Open(files.functions()))
    await run(toolset, call("read", path="a"))
    with pytest.raises(ApprovalBlocked):
        await run(toolset, DELETE_A)
    assert files.done == ["read a"]
    assert not Path(default_store).exists()
