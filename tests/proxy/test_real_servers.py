"""Servers that other people wrote, behind the proxy: what is approved runs once, and what is hidden is not there."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextContent

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.proxy.client import proxy_command
from tests.support import ANN, LONG, ROOT, approve, assert_sound, deny, until

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """A real server, two calls of its tools, and a tool that nobody is to know of.

    `deed` looks at what the call that needs an approval leaves behind, which is `done` after it ran once.
    """

    command: list[str]
    free: tuple[str, Arguments]
    gated: tuple[str, Arguments]
    hidden: str
    deed: Callable[[], object] = field(default=lambda: None)
    done: object = None


@pytest.fixture(params=["everything", "filesystem", "time", "git"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    """Each of the servers, ready to be started."""
    folder = tmp_path / "served"
    folder.mkdir()
    if request.param == "everything":
        command = request.getfixturevalue("everything")
        return Served(command, ("echo", {"message": "hello"}), ("get-sum", {"a": 1, "b": 2}), "get-env")
    if request.param == "filesystem":
        return _filesystem(request.getfixturevalue("filesystem"), folder)
    python = request.getfixturevalue("python_of_sdk_1")
    if request.param == "git":
        return _git(python, folder)
    when = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    command = [python, "-m", "mcp_server_time", "--local-timezone", "UTC"]
    return Served(command, ("get_current_time", {"timezone": "UTC"}), ("convert_time", when), "no_such_tool")


def _filesystem(command: list[str], folder: Path) -> Served:
    note = folder / "note.txt"
    return Served(
        [*command, str(folder)],
        ("list_directory", {"path": str(folder)}),
        ("write_file", {"path": str(note), "content": "once \u202e\n"}),
        "move_file",
        lambda: note.read_text() if note.exists() else None,
        "once \u202e\n",
    )


def _git(python: str, folder: Path) -> Served:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=ann", "-c", "user.email=ann@example.com")
        ran = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
        return ran.stdout

    git("init", "--quiet")
    git("config", "user.name", "ann")
    git("config", "user.email", "ann@example.com")
    git("commit", "--allow-empty", "--quiet", "-m", "first")
    git("commit", "--allow-empty", "--quiet", "-m", "second")
    (folder / "a.txt").write_text("a")
    git("add", "a.txt")
    return Served(
        [python, "-m", "mcp_server_git", "--repository", str(folder)],
        ("git_status", {"repo_path": str(folder)}),
        ("git_commit", {"repo_path": str(folder), "message": "by an agent"}),
        "git_reset",
        lambda: git("log", "--format=%s").splitlines(),
        ["by an agent", "second", "first"],
    )


async def test_an_approved_call_of_a_real_server_runs_once(served: Served, desk: BlockingStore, tmp_path: Path) -> None:
    before = served.deed()
    async with client_of(served, desk, tmp_path) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert {served.free[0], served.gated[0]} <= set(names)
        assert served.hidden not in names
        assert (await client.call_tool(*served.free)).is_error is not True

        with pytest.raises(MCPError) as pending:
            await client.call_tool(*served.gated)
        request = the_request(desk)
        assert_points_to(request, pending.value)
        assert served.deed() == before

        approve(desk, request)
        result = await client.call_tool(*served.gated)
        assert result.is_error is not True
        assert served.deed() == (served.done or before)
        assert desk.reviewer.get(request.id).outcome == "succeeded"

        with pytest.raises(MCPError) as again:
            await client.call_tool(*served.gated)
        assert again.value.data["approval_id"] != request.id
        deny(desk, the_request(desk), "once is enough")
        assert "once is enough" in text_of(await client.call_tool(*served.gated))
        assert (await client.call_tool(served.hidden, {})).is_error is True
        assert served.deed() == (served.done or before)
    assert_sound(desk)


@pytest.mark.parametrize("served", ["filesystem"], indirect=True)
async def test_a_model_is_told_that_a_person_has_to_decide_where_errors_do_not_reach_it(
    served: Served, desk: BlockingStore, tmp_path: Path
) -> None:
    async with client_of(served, desk, tmp_path, "--on-pending", "tool_error", "--hold", "0") as client:
        answer = await client.call_tool(*served.gated)
        request = the_request(desk)
        assert answer.is_error is True
        assert f"approval-tui approve {request.id}" in text_of(answer)
        assert answer.meta is not None
        assert answer.meta["approval-tui/refusal"]["approval_id"] == request.id
        approve(desk, request)
        assert (await client.call_tool(*served.gated)).is_error is not True
        assert served.deed() == served.done


@pytest.mark.parametrize("served", ["filesystem"], indirect=True)
async def test_an_edit_of_the_reviewer_is_what_a_real_server_gets(
    served: Served, desk: BlockingStore, tmp_path: Path
) -> None:
    tool, arguments = served.gated
    async with client_of(served, desk, tmp_path, "--hold", "60s") as client:
        asked = asyncio.ensure_future(client.call_tool(tool, arguments))
        request = await asyncio.to_thread(the_request, desk)
        written = {**arguments, "content": "what the reviewer wrote"}
        desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=written)
        assert (await asked).is_error is not True
    assert served.deed() == "what the reviewer wrote"


# --- what is there, and what was said ---------------------------------------------------------------


def the_request(desk: BlockingStore) -> Request:
    """Waits for the request that a person has to decide on."""
    until(lambda: desk.reviewer.list())
    (request,) = desk.reviewer.list()
    return request


def assert_points_to(request: Request, error: MCPError) -> None:
    """The error tells the program of the client all that it needs to come back."""
    assert error.code == -32003
    assert error.data["type"] == "approval_required"
    assert error.data["approval_id"] == request.id
    assert error.data["tool"] == request.tool
    assert error.data["retryable"] is True
    assert f"approval-tui approve {request.id}" in error.data["human_instructions"]


def text_of(result: CallToolResult) -> str:
    """What a model reads of the result."""
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


# --- the client ------------------------------------------------------------------------------------


@asynccontextmanager
async def client_of(served: Served, desk: BlockingStore, tmp_path: Path, *options: str) -> AsyncIterator[Client]:
    """The official SDK's client, of a proxy before that server."""
    policy = tmp_path / "servers.yaml"
    policy.write_text(
        f"""
        version: "1"
        hide: [{served.hidden}]
        tools:
          {served.gated[0]}: {{rules: [{{name: ask, action: require_approval}}]}}
        """
    )
    command = proxy_command(
        "--store", desk.location, "-c", str(policy), *(options or ("--hold", "0")), server=served.command
    )
    server = StdioServerParameters(command=command[0], args=command[1:], cwd=ROOT)
    with open(tmp_path / "errors.txt", "w") as errors:
        async with Client(stdio_client(server, errors), read_timeout_seconds=LONG) as client:
            yield client
