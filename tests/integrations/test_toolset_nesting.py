"""Approval around approval: one call is asked once, and another call is never taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_ai import RunContext
from pydantic_ai.toolsets import AbstractToolset, CombinedToolset, FunctionToolset, WrapperToolset

from approval_tui.gate import Gate
from approval_tui.integrations.pydantic_ai import ApprovalBlocked, ApprovalResult, ApprovalToolset
from approval_tui.store.blocking import BlockingStore
from tests.integrations.runs import Files, Server, agent_with, approving, call, denying, run
from tests.integrations.scripted_reviewer import YES, edited, scripted_reviewer

Between = Callable[[AbstractToolset[Any]], AbstractToolset[Any]]

PASSING_ON: dict[str, tuple[Between, str]] = {
    "nothing": (lambda inner: inner, "delete"),
    "a prefix": (lambda inner: inner.prefixed("fs"), "fs_delete"),
    "another name": (lambda inner: inner.renamed({"remove": "delete"}), "remove"),
    "a filter": (lambda inner: inner.filtered(lambda ctx, tool_def: True), "delete"),
    "metadata": (lambda inner: inner.with_metadata(owner="ops"), "delete"),
    "several toolsets": (lambda inner: CombinedToolset([Server("ping"), inner]), "delete"),
    "all of it": (
        lambda inner: inner.renamed({"remove": "delete"}).prefixed("fs").filtered(lambda *_: True),
        "fs_remove",
    ),
}


@pytest.mark.parametrize("between", PASSING_ON)
async def test_a_call_that_is_passed_on_is_asked_once_by_callbacks(between: str) -> None:
    files, outer, inner = Files(), approving(), denying("asked twice")
    pass_on, name = PASSING_ON[between]
    toolset = ApprovalToolset(pass_on(ApprovalToolset(files.toolset(), inner)), outer)
    await run(toolset, call(name, path="a"))
    assert (files.done, outer.tools, inner.tools) == (["delete a"], [name], [])


@pytest.mark.parametrize("between", ["nothing", "a prefix", "another name", "a filter"])
async def test_a_call_that_is_passed_on_is_asked_once_in_the_console(
    between: str, default_store: str, desk: BlockingStore
) -> None:
    files = Files()
    pass_on, name = PASSING_ON[between]
    with scripted_reviewer(default_store, lambda request: edited(path="b")) as reviewer:
        await run(ApprovalToolset(pass_on(ApprovalToolset(files.toolset()))), call(name, path="a"))
    (asked,) = reviewer.requests
    assert (asked.tool, files.done) == (name, ["delete b"])
    assert desk.reviewer.get(asked.id).outcome == "succeeded"


async def test_three_wrappers_ask_once_and_what_the_outermost_lets_pass_the_next_one_asks() -> None:
    files, first, second, third = Files(), approving(), approving(), approving()
    innermost = ApprovalToolset(files.toolset(), third)
    await run(ApprovalToolset(ApprovalToolset(innermost, second), first), call("delete", path="a"))
    assert [len(asked.requests) for asked in (first, second, third)] == [1, 0, 0]
    lenient = ApprovalToolset(ApprovalToolset(innermost, second), first, {"delete": {"pre_approved": True}})
    await run(lenient, call("delete", path="b"))
    assert [len(asked.requests) for asked in (first, second, third)] == [1, 1, 0]
    by_mode = ApprovalToolset(innermost, mode="approve_all")
    await run(by_mode, call("delete", path="c"))
    assert [len(asked.requests) for asked in (first, second, third)] == [1, 1, 1]
    assert files.done == ["delete a", "delete b", "delete c"]


async def test_what_an_inner_toolset_blocks_never_runs_whoever_approved_it_outside(
    default_store: str, desk: BlockingStore
) -> None:
    class Locked(FunctionToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            return ApprovalResult.blocked("it is locked")

    files = Files()
    between = ApprovalToolset(Locked(files.functions())).prefixed("fs")
    with scripted_reviewer(default_store, lambda request: YES), pytest.raises(ApprovalBlocked, match="it is locked"):
        await run(ApprovalToolset(between), call("fs_delete", path="a"))
    assert files.done == []


async def test_what_an_outer_wrapper_denies_is_not_asked_inside() -> None:
    files, outer, inner = Files(), denying(), approving()
    with pytest.raises(PermissionError):
        await run(ApprovalToolset(ApprovalToolset(files.toolset(), inner), outer), call("delete", path="a"))
    assert (files.done, inner.requests) == ([], [])


# --- what is another call is asked again -------------------------------------------------------


class Changing(WrapperToolset[Any]):
    """Passes every call on with these arguments."""

    def __init__(self, inner: AbstractToolset[Any], arguments: dict[str, Any]) -> None:
        super().__init__(inner)
        self.arguments = arguments

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        return await self.wrapped.call_tool(name, self.arguments, ctx, tool)


async def test_a_call_whose_arguments_were_changed_on_the_way_is_asked_again() -> None:
    files, outer, inner = Files(), approving(), denying("not that")
    changing = Changing(ApprovalToolset(files.toolset(), inner), {"path": "b"})
    with pytest.raises(PermissionError, match="not that"):
        await run(ApprovalToolset(changing, outer), call("delete", path="a"))
    assert [request.tool_args for request in (*outer.requests, *inner.requests)] == [{"path": "a"}, {"path": "b"}]
    assert files.done == []


async def test_a_call_whose_arguments_were_changed_on_the_way_is_asked_again_in_the_console(
    default_store: str, desk: BlockingStore
) -> None:
    files = Files()
    changing = Changing(ApprovalToolset(files.toolset()), {"path": "b"})
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await run(ApprovalToolset(changing), call("delete", path="a"))
    assert [asked.arguments for asked in reviewer.requests] == [{"path": "a"}, {"path": "b"}]
    assert [desk.reviewer.get(asked.id).outcome for asked in reviewer.requests] == ["succeeded", "succeeded"]
    assert files.done == ["delete b"]


async def test_a_secret_that_was_changed_on_the_way_is_asked_again_though_it_reads_the_same() -> None:
    received: list[str] = []

    def log_in(password: SecretStr) -> str:
        received.append(password.get_secret_value())
        return "in"

    outer, inner = approving(), approving()
    changing = Changing(ApprovalToolset(FunctionToolset([log_in]), inner), {"password": SecretStr("other")})
    await run(ApprovalToolset(changing, outer), call("log_in", password="one"))
    assert [request.tool_args["password"].get_secret_value() for request in inner.requests] == received == ["other"]


@pytest.mark.parametrize("passed_on", [["delete"], ["read", "delete"], ["delete", "read"]])
async def test_a_call_that_is_passed_on_to_another_tool_is_asked_again(passed_on: list[str]) -> None:
    """The wrapper between makes a `delete` of the `read` that was approved, with the same arguments."""

    class Redirecting(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
            tools = await self.wrapped.get_tools(ctx)
            return [await self.wrapped.call_tool(each, tool_args, ctx, tools[each]) for each in passed_on]

    files, outer, inner = Files(), approving(), denying("not that")
    with pytest.raises(PermissionError, match="not that"):
        await run(ApprovalToolset(Redirecting(ApprovalToolset(files.toolset(), inner)), outer), call("read", path="a"))
    assert (outer.tools, inner.tools) == (["read"], ["delete"])
    assert "delete a" not in files.done


async def test_a_call_that_is_passed_on_twice_is_asked_for_the_second_time() -> None:
    class Twice(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
            await self.wrapped.call_tool(name, tool_args, ctx, tool)
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)

    files, outer, inner = Files(), approving(), approving()
    await run(ApprovalToolset(Twice(ApprovalToolset(files.toolset(), inner)), outer), call("delete", path="a"))
    assert files.done == ["delete a", "delete a"]
    assert len(outer.requests) + len(inner.requests) == 2


def calling_delete(guarded: ApprovalToolset[Any]) -> FunctionToolset[Any]:
    """A toolset whose one tool makes the call `delete` of another toolset, with its own arguments and context."""

    async def look_at(ctx: RunContext[Any], path: str) -> Any:
        tools = await guarded.get_tools(ctx)
        return await guarded.call_tool("delete", {"path": path}, ctx, tools["delete"])

    return FunctionToolset([look_at])


async def test_what_the_body_of_an_approved_call_calls_is_asked_for_itself() -> None:
    files, outer, inner = Files(), approving(), denying("not that")
    toolset = ApprovalToolset(calling_delete(ApprovalToolset(files.toolset(), inner)), outer)
    with pytest.raises(PermissionError, match="not that"):
        await run(toolset, call("look_at", path="a"))
    assert (files.done, outer.tools, inner.tools) == ([], ["look_at"], ["delete"])


async def test_what_the_body_of_an_approved_call_calls_is_asked_for_itself_in_the_console(default_store: str) -> None:
    files = Files()
    toolset = ApprovalToolset(calling_delete(ApprovalToolset(files.toolset())))
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await run(toolset, call("look_at", path="a"))
    assert [asked.tool for asked in reviewer.requests] == ["look_at", "delete"]


# --- sub-agents --------------------------------------------------------------------------------


@pytest.mark.parametrize("run_id", [None, "trace-7"])
async def test_a_sub_agents_call_is_asked_though_its_id_and_arguments_are_those_of_its_parents(
    run_id: str | None,
) -> None:
    """Also where both runs are given the id of one trace."""
    files, asked = Files(), approving()
    sub_agent = agent_with(ApprovalToolset(files.toolset(), asked), call("delete", "1", path="a"))

    async def delete(path: str) -> str:
        return (await sub_agent.run("go", run_id=run_id)).output

    parent = agent_with(ApprovalToolset(FunctionToolset([delete]), asked), call("delete", "1", path="a"))
    await parent.run("go", run_id=run_id)
    assert asked.tools == ["delete", "delete"]
    assert files.done == ["delete a"]


async def test_a_sub_agents_calls_are_asked_in_the_console_in_its_own_name(default_store: str) -> None:
    files = Files()
    sub_agent = agent_with(ApprovalToolset(files.toolset()), call("delete", "1", path="a"), name="cleaner")

    async def delete(path: str) -> str:
        return (await sub_agent.run("go")).output

    parent = agent_with(ApprovalToolset(FunctionToolset([delete])), call("delete", "1", path="a"), name="planner")
    with scripted_reviewer(default_store, lambda request: YES) as reviewer:
        await parent.run("go")
    assert [(asked.requester, asked.tool) for asked in reviewer.requests] == [
        ("planner", "delete"),
        ("cleaner", "delete"),
    ]
    assert len({asked.session for asked in reviewer.requests}) == 2
    assert files.done == ["delete a"]


async def test_a_sub_agents_denial_reaches_the_body_that_runs_it() -> None:
    files = Files()
    sub_agent = agent_with(ApprovalToolset(files.toolset(), denying("not that")), call("delete", "1", path="a"))
    met: list[str] = []

    async def tidy(path: str) -> str:
        try:
            return (await sub_agent.run("go")).output
        except PermissionError as error:
            met.append(str(error))
            return "the sub-agent was denied"

    told = await run(ApprovalToolset(FunctionToolset([tidy]), approving()), call("tidy", path="a"))
    assert told["tidy"].content == "the sub-agent was denied"
    assert (met, files.done) == (["Approval denied for delete: not that"], [])


DENYING = """
version: "1"
default: require_approval
tools:
  delete:
    rules:
      - {name: nothing is deleted, action: deny, on_deny: Nothing is deleted here.}
"""


@pytest.mark.parametrize("outer", ["a callback", "approve_all"])
async def test_what_the_policy_of_a_gate_denies_does_not_run_whoever_approved_it(
    outer: str, tmp_path: Path, desk: BlockingStore
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(DENYING)
    files = Files()
    async with Gate("cleaner", policy=str(policy)) as gate:
        toolset = ApprovalToolset(
            files.toolset(), gate=gate, mode="approve_all" if outer == "approve_all" else "interactive"
        )
        around = toolset if outer == "approve_all" else ApprovalToolset(toolset, approving())
        with pytest.raises(ApprovalBlocked, match="Nothing is deleted here"):
            await run(around, call("delete", path="a"))
        await run(around, call("read", path="a"))
    assert files.done == ["read a"]
    assert desk.reviewer.list() == ()
