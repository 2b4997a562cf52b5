"""Toolsets that judge their calls themselves, and say in words what a call would do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.toolsets.abstract import AbstractToolset, ToolsetTool

from approval_tui.domain.errors import ConfigurationError
from approval_tui.integrations.pydantic_ai import (
    ApprovalBlocked,
    ApprovalDenied,
    ApprovalResult,
    ApprovalToolset,
    needs_approval_from_config,
)
from tests.integrations.runs import Files, agent_with, approving, call, denying, run


class Shell(AbstractToolset[Any]):
    """A shell that lets plain looking pass and asks for the rest; it only remembers what it would execute."""

    SAFE = frozenset({"ls", "pwd", "whoami", "date", "echo", "cat"})
    RISKY = re.compile(r"\b(rm|sudo|mv|chmod)\b|[|>&`;]|\$\(")

    def __init__(self) -> None:
        self.executed: list[str] = []
        self.judged: list[tuple[str, Mapping[str, Any]]] = []

    @property
    def id(self) -> str | None:
        return "shell"

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        return {}

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        self.executed.append(tool_args["command"])
        return f"ran {tool_args['command']}"

    def needs_approval(self, name: str, tool_args: dict[str, Any], ctx: Any, config: Any) -> ApprovalResult:
        self.judged.append((name, config))
        command = tool_args["command"]
        if name != "shell" or self.RISKY.search(command):
            return ApprovalResult.needs_approval()
        if "shutdown" in command:
            return ApprovalResult.blocked("this machine stays up")
        program, *rest = command.split()
        if program not in config.get(name, {}).get("safe", self.SAFE):
            return ApprovalResult.needs_approval()
        if program == "cat" and not all(map(self._is_harmless, rest)):
            return ApprovalResult.needs_approval()
        return ApprovalResult.pre_approved()

    def get_approval_description(self, name: str, tool_args: dict[str, Any], ctx: Any) -> str:
        kind = "dangerous" if self.RISKY.search(tool_args["command"]) else "unknown"
        return f"Execute the {kind} command {tool_args['command']}"

    @staticmethod
    def _is_harmless(path: str) -> bool:
        asked = PurePosixPath(path)
        if ".." in asked.parts:
            return False
        return not asked.is_absolute() or any(asked.is_relative_to(folder) for folder in ("/tmp", "/var/log"))


async def execute(toolset: ApprovalToolset[Any], command: str, name: str = "shell") -> Any:
    """Calls the tool outside of a run, as pydantic-ai-blocking-approval can be called, too."""
    nothing: Any = None
    return await toolset.call_tool(name, {"command": command}, nothing, nothing)


@pytest.mark.parametrize(
    "command",
    ["ls -la", "pwd", "whoami", "date", "echo hello", "cat /tmp/a.log", "cat /var/log/syslog", "cat ./a.txt"],
)
async def test_what_the_toolset_lets_pass_runs_and_nobody_is_asked(command: str) -> None:
    shell, asked = Shell(), denying()
    assert await execute(ApprovalToolset(shell, asked), command) == f"ran {command}"
    assert (shell.executed, asked.requests) == ([command], [])


@pytest.mark.parametrize(
    "command",
    ["rm -rf /tmp/a", "sudo reboot", "mv a b", "ls | grep a", "echo a > b", "echo $(id)", "echo `id`", "ls; id"],
)
async def test_what_the_toolset_finds_dangerous_is_asked_in_its_own_words(command: str) -> None:
    shell, asked = Shell(), approving()
    await execute(ApprovalToolset(shell, asked), command)
    (request,) = asked.requests
    assert (request.tool_name, request.tool_args) == ("shell", {"command": command})
    assert request.description == f"Execute the dangerous command {command}"
    assert shell.executed == [command]


@pytest.mark.parametrize(
    "command", ["cat /etc/passwd", "cat ../etc/passwd", "cat /home/a/.ssh/id_rsa", "cat /tmp/../etc/passwd", "make all"]
)
async def test_what_the_toolset_does_not_know_never_runs_when_it_is_denied(command: str) -> None:
    shell, asked = Shell(), denying("too much")
    with pytest.raises(ApprovalDenied, match="too much"):
        await execute(ApprovalToolset(shell, asked), command)
    assert asked.requests[0].description == f"Execute the unknown command {command}"
    assert shell.executed == []


async def test_a_tool_that_the_toolset_does_not_know_is_asked() -> None:
    asked = approving()
    await execute(ApprovalToolset(Shell(), asked), "ls", name="powershell")
    assert asked.tools == ["powershell"]


async def test_what_the_toolset_blocks_is_never_asked_and_never_runs() -> None:
    shell, asked = Shell(), approving()
    with pytest.raises(ApprovalBlocked, match="this machine stays up") as caught:
        await execute(ApprovalToolset(shell, asked), "shutdown now")
    assert isinstance(caught.value, PermissionError)
    assert (shell.executed, asked.requests) == ([], [])


async def test_the_toolset_judges_by_the_configuration_that_it_is_handed() -> None:
    shell, asked = Shell(), denying()
    config = {"shell": {"safe": ["ls"]}}
    toolset = ApprovalToolset(shell, asked, config)
    await execute(toolset, "ls -la")
    with pytest.raises(ApprovalDenied):
        await execute(toolset, "pwd")
    assert shell.executed == ["ls -la"]
    assert [given is config for _, given in shell.judged] == [True, True]


async def test_the_words_are_those_of_this_very_call_when_several_wait() -> None:
    shell = Shell()
    words: dict[str, str] = {}
    both_wait = asyncio.Barrier(2)

    async def decide(request: Any) -> Any:
        await both_wait.wait()
        words[request.tool_args["command"]] = request.description
        return approving()(request)

    toolset = ApprovalToolset(shell, decide)
    await asyncio.gather(execute(toolset, "rm a"), execute(toolset, "make b"))
    assert words == {"rm a": "Execute the dangerous command rm a", "make b": "Execute the unknown command make b"}


@pytest.mark.parametrize("judged", [ApprovalResult.pre_approved(), ApprovalResult.needs_approval()])
async def test_an_async_judgement_is_awaited(judged: ApprovalResult) -> None:
    class Slow(FunctionToolset[Any]):
        async def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            await asyncio.sleep(0)
            return judged

    files, asked = Files(), approving()
    await run(ApprovalToolset(Slow(files.functions()), asked), call("delete", path="a"))
    assert files.done == ["delete a"]
    assert len(asked.requests) == judged.is_needs_approval


@pytest.mark.parametrize("answer", [None, True, "pre_approved"])
async def test_a_judgement_that_is_no_result_is_an_error_and_nothing_runs(answer: Any) -> None:
    class Odd(FunctionToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> Any:
            return answer

    files, asked = Files(), approving()
    with pytest.raises(TypeError, match="needs_approval must return ApprovalResult"):
        await run(ApprovalToolset(Odd(files.functions()), asked), call("delete", path="a"))
    assert (files.done, asked.requests) == ([], [])


async def test_a_toolset_may_go_by_the_configuration_itself_which_is_checked_then_too() -> None:
    class ByConfiguration(FunctionToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: Any, config: Any) -> ApprovalResult:
            return needs_approval_from_config(name, config)

    files, asked = Files(), denying()
    changed: dict[str, Any] = {"pre_approved": True}
    toolset = ApprovalToolset(ByConfiguration(files.functions()), asked, {"read": changed})
    await run(toolset, call("read", path="a"))
    changed["pre_approved"] = "false"  # after the toolset was made
    with pytest.raises(ConfigurationError, match="neither True nor False"):
        await run(toolset, call("read", path="b"))
    assert (files.done, asked.requests) == (["read a"], [])


async def test_a_judgement_sees_the_run_and_its_dependencies() -> None:
    class ByUser(FunctionToolset[Any]):
        def needs_approval(self, name: str, tool_args: Any, ctx: RunContext[Any], config: Any) -> ApprovalResult:
            return ApprovalResult.pre_approved() if ctx.deps == "admin" else ApprovalResult.blocked("only admins may")

    files = Files()
    agent = agent_with(ApprovalToolset(ByUser(files.functions()), denying()), call("delete", path="a"))
    await agent.run("go", deps="admin")
    with pytest.raises(ApprovalBlocked, match="only admins may"):
        await agent.run("go", deps="guest")
    assert files.done == ["delete a"]
