"""The life of what is inside: entered and exited with the run, made anew for a run or a step, listed in each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai import Agent, RunContext
from pydantic_ai.toolsets import AbstractToolset, CombinedToolset, DynamicToolset, FunctionToolset, WrapperToolset

from approval_tui.domain.errors import ConfigurationError
from approval_tui.integrations.pydantic_ai import ApprovalDenied, ApprovalResult, ApprovalToolset
from tests.integrations.runs import Files, Server, agent_with, approving, call, denying, run

ONCE = ["entered", "exited"]


# --- entering and exiting ----------------------------------------------------------------------


async def test_what_is_inside_is_entered_and_exited_once_a_run() -> None:
    server = Server("ping")
    agent = agent_with(ApprovalToolset(server, approving()), call("ping"), call("ping", "again"))
    await agent.run("go")
    assert server.life == ONCE
    await agent.run("go")
    assert server.life == ONCE * 2
    assert server.calls == [("ping", {})] * 4


@pytest.mark.parametrize("callback", [approving(), denying("no")])
async def test_what_is_inside_is_exited_when_the_run_fails(callback: Any) -> None:
    server = Server("fail")
    with pytest.raises((RuntimeError, ApprovalDenied)):
        await run(ApprovalToolset(server, callback), call("fail"))
    assert server.life == ONCE


async def test_what_is_inside_is_exited_when_the_configuration_is_wrong() -> None:
    server = Server("ping")
    with pytest.raises(ConfigurationError):
        await run(ApprovalToolset(server, approving(), {"pong": {"pre_approved": True}}), call("ping"))
    assert server.life == ONCE


async def test_an_agent_that_is_entered_keeps_what_is_inside_until_it_is_exited() -> None:
    server = Server("ping")
    agent = agent_with(ApprovalToolset(server, approving()), call("ping"))
    async with agent:
        await agent.run("go")
        await agent.run("go")
        assert server.life[0] == "entered"
        assert server.life.count("entered") - server.life.count("exited") == 1
    assert server.life.count("entered") == server.life.count("exited")


async def test_what_cannot_be_entered_is_not_exited() -> None:
    class Away(Server):
        async def __aenter__(self) -> Any:
            raise ConnectionError("nobody answers")

    server = Away("ping")
    with pytest.raises(ConnectionError, match="nobody answers"):
        await run(ApprovalToolset(server, approving()), call("ping"))
    assert server.life == []


async def test_a_toolset_of_several_is_entered_whole_and_all_its_tools_ask() -> None:
    first, second, asked = Server("ping"), Server("pong"), approving()
    both: CombinedToolset[Any] = CombinedToolset([first, second])
    await run(ApprovalToolset(both, asked), [call("ping"), call("pong")])
    assert (first.life, second.life) == (ONCE, ONCE)
    assert sorted(asked.tools) == ["ping", "pong"]


# --- made for a run or a step ------------------------------------------------------------------


@pytest.mark.parametrize("per_run_step", [True, False])
async def test_a_dynamic_toolset_has_its_tools_and_asks_for_them(per_run_step: bool) -> None:
    servers: list[Server] = []
    asked = approving()

    def make(ctx: RunContext[Any]) -> AbstractToolset[Any]:
        servers.append(Server("ping"))
        return servers[-1]

    toolset = ApprovalToolset(DynamicToolset(make, per_run_step=per_run_step), asked)
    agent = agent_with(toolset, call("ping"), call("ping", "again"))
    await agent.run("go")
    assert asked.tools == ["ping", "ping"]
    assert all(server.life == ONCE for server in servers)
    assert (len(servers) > 1) == per_run_step
    assert sum(len(server.calls) for server in servers) == 2
    made = len(servers)
    await agent.run("go")
    assert len(servers) == 2 * made


@pytest.mark.parametrize("per_run_step", [True, False])
async def test_a_dynamic_toolset_is_exited_when_the_run_is_denied(per_run_step: bool) -> None:
    servers: list[Server] = []

    def make(ctx: RunContext[Any]) -> AbstractToolset[Any]:
        servers.append(Server("ping"))
        return servers[-1]

    with pytest.raises(ApprovalDenied):
        await run(ApprovalToolset(DynamicToolset(make, per_run_step=per_run_step), denying()), call("ping"))
    assert [server.life for server in servers] == [ONCE] * len(servers)
    assert all(server.calls == [] for server in servers)


class Judging(FunctionToolset[Any]):
    """Lets `read` pass, blocks what it knows as `drop`, and asks for the rest."""

    def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
        if name == "drop":
            return ApprovalResult.blocked("nothing is dropped")
        return ApprovalResult.pre_approved() if name == "read" else ApprovalResult.needs_approval()

    def get_approval_description(self, name: str, tool_args: Any, ctx: Any) -> str:
        return f"{name} in its own words"


@pytest.mark.parametrize("per_run_step", [True, False])
async def test_a_dynamic_toolset_that_judges_is_asked_what_it_finds(per_run_step: bool) -> None:
    files, asked = Files(), approving()
    toolset = ApprovalToolset(DynamicToolset(lambda ctx: Judging(files.functions()), per_run_step=per_run_step), asked)
    await run(toolset, [call("read", path="a"), call("delete", path="b")])
    assert [request.description for request in asked.requests] == ["delete in its own words"]
    assert sorted(files.done) == ["delete b", "read a"]


class Lenient(FunctionToolset[Any]):
    """Asks for `delete`, and lets everything else pass."""

    def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
        return ApprovalResult.needs_approval() if name == "delete" else ApprovalResult.pre_approved()


@pytest.mark.parametrize("is_dynamic", [False, True])
async def test_a_toolset_that_judges_is_not_asked_about_names_that_it_does_not_know(is_dynamic: bool) -> None:
    """It would let `fs_delete` pass, which it knows as `delete`."""
    files, asked = Files(), denying()
    inner: Any = Lenient(files.functions()).prefixed("fs")
    toolset = ApprovalToolset(DynamicToolset(lambda ctx: inner) if is_dynamic else inner, asked)
    with pytest.raises(ApprovalDenied):
        await run(toolset, call("fs_delete", path="a"))
    assert (files.done, asked.tools) == ([], ["fs_delete"])


@pytest.mark.parametrize("is_dynamic", [False, True])
async def test_a_wrapper_that_judges_more_strictly_than_what_it_wraps_is_heeded(is_dynamic: bool) -> None:
    class Stricter(WrapperToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            return ApprovalResult.blocked("not in this team")

    files, asked = Files(), approving()
    inner: Any = Stricter(Lenient(files.functions()))
    toolset = ApprovalToolset(DynamicToolset(lambda ctx: inner) if is_dynamic else inner, asked)
    with pytest.raises(PermissionError, match="not in this team"):
        await run(toolset, call("read", path="a"))
    assert (files.done, asked.tools) == ([], [])


async def test_a_dynamic_toolset_may_have_its_tools_later_and_its_configured_ones_are_checked_then() -> None:
    files, asked = Files(), approving()
    later = DynamicToolset(lambda ctx: files.toolset() if ctx.run_step > 1 else None)
    agent = Agent(
        agent_with(FunctionToolset(), call("wait"), call("read", path="a")).model,
        toolsets=[ApprovalToolset(later, asked, {"read": {"pre_approved": True}}), FunctionToolset([wait])],
    )
    assert (await agent.run("go")).output == "done"
    assert (files.done, asked.tools) == (["read a"], [])
    misspelt = DynamicToolset(lambda ctx: files.toolset() if ctx.run_step > 1 else None)
    agent = Agent(
        agent_with(FunctionToolset(), call("wait"), call("read", path="b")).model,
        toolsets=[ApprovalToolset(misspelt, asked, {"raed": {"pre_approved": True}}), FunctionToolset([wait])],
    )
    with pytest.raises(ConfigurationError, match=r"raed is no tool of .*; read is one"):
        await agent.run("go")
    assert files.done == ["read a"]


def wait() -> str:
    """Gives the next step time to come."""
    return "waited"


async def test_runs_beside_one_another_do_not_share_what_was_made_for_each() -> None:
    made: dict[str, Files] = {}
    both_ask = asyncio.Barrier(2)

    def make(ctx: RunContext[Any]) -> AbstractToolset[Any]:
        return made.setdefault(ctx.deps, Files()).toolset()

    async def decide(request: Any) -> Any:
        await both_ask.wait()
        return approving()(request)

    agent = agent_with(ApprovalToolset(DynamicToolset(make, per_run_step=False), decide), call("delete", path="a"))
    await asyncio.gather(agent.run("go", deps="ann"), agent.run("go", deps="bo"))
    assert {name: files.done for name, files in made.items()} == {"ann": ["delete a"], "bo": ["delete a"]}
