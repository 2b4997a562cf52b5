"""Clients that other people wrote get along with the proxy: what is hidden, held, refused and run reaches them so."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.proxy.client import proxy_command
from tests.support import LONG, ROOT, approve, deny, until

Answer = dict[str, Any]
Do = Callable[[Answer], Awaitable[Answer]]
"""Has the client do one thing, as clients/sdk_1.py describes it."""

POLICY = """
version: "1"
hide: [refuse]
tools:
  place:
    rules:
      - {name: ask, action: require_approval, hold: 0s}
  log:
    rules:
      - {name: hold, action: require_approval, hold: 60s}
"""

SDK_OF_TYPESCRIPT = """
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [cwd, command, ...args] = process.argv.slice(1);
const client = new Client({ name: "typescript", version: "1" });
await client.connect(new StdioClientTransport({ command, args, cwd, env: process.env }));
for await (const line of createInterface({ input: process.stdin })) {
  const wanted = JSON.parse(line);
  const progress = [];
  const onprogress = ({ message }) => progress.push(message);
  let answer;
  try {
    if (wanted.list) answer = { tools: (await client.listTools()).tools.map((tool) => tool.name) };
    else {
      const call = { name: wanted.call, arguments: wanted.arguments };
      answer = { result: await client.callTool(call, undefined, { onprogress }), progress };
    }
  } catch ({ code, message, data }) {
    answer = { error: { code, message, data }, progress };
  }
  console.log(JSON.stringify(answer));
}
await client.close();
"""
"""What clients/sdk_1.py does, for node."""


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_python_sdk_2_gets_along(mode: str, desk: BlockingStore, tmp_path: Path) -> None:
    async with sdk_2(command_of(desk, tmp_path), mode, tmp_path) as do:
        await assert_gets_along(do, desk, tmp_path / "record")


async def test_the_python_sdk_1_gets_along(python_of_sdk_1: str, desk: BlockingStore, tmp_path: Path) -> None:
    program = [python_of_sdk_1, str(Path(__file__).parent / "clients" / "sdk_1.py")]
    async with told_by_lines([*program, *command_of(desk, tmp_path)], ROOT) as do:
        await assert_gets_along(do, desk, tmp_path / "record")


async def test_the_typescript_sdk_gets_along(node_modules: Path, desk: BlockingStore, tmp_path: Path) -> None:
    program = ["node", "--input-type=module", "-e", SDK_OF_TYPESCRIPT, ROOT]
    async with told_by_lines([*program, *command_of(desk, tmp_path)], str(node_modules.parent)) as do:
        await assert_gets_along(do, desk, tmp_path / "record")


async def assert_gets_along(do: Do, desk: BlockingStore, record: Path) -> None:
    """A client lists, calls, is told to wait, comes back, is held, and is denied."""
    assert await do({"list": True}) == {"tools": ["echo", "count"]}
    counted = await do({"call": "count", "arguments": {}})
    assert counted["result"]["content"] == [{"type": "text", "text": "counted"}]

    order = {"call": "place", "arguments": {"region": "Ulm", "floor": 2}}
    pending = (await do(order))["error"]
    request = waiting(desk)
    assert (pending["code"], pending["data"]["type"]) == (-32003, "approval_required")
    assert pending["data"]["approval_id"] == request.id
    assert f"approval-tui approve {request.id}" in pending["message"]
    assert "place" not in record.read_text()
    approve(desk, request)
    assert (await do(order))["result"]["structuredContent"] == order["arguments"]
    assert (await do(order))["error"]["data"]["type"] == "approval_required"
    assert record.read_text().count("place") == 1
    assert desk.reviewer.get(request.id).outcome == "succeeded"

    deny(desk, waiting(desk), "not on that floor")
    denied = (await do(order))["result"]
    assert denied["isError"] is True
    assert "not on that floor" in denied["content"][0]["text"]
    assert denied["_meta"]["approval-tui/refusal"]["type"] == "approval_denied"

    held = asyncio.ensure_future(do({"call": "log", "arguments": {}}))
    approve(desk, await asyncio.to_thread(waiting, desk))
    answer = await held
    assert answer["result"]["content"] == [{"type": "text", "text": "logged"}]
    assert answer["progress"][0].startswith("Waiting for a person")
    hidden = await do({"call": "refuse", "arguments": {}})
    assert hidden["result"]["_meta"]["approval-tui/refusal"]["type"] == "policy_denied"
    assert record.read_text().count("refuse") == 0


# --- clients, and how they are told what to do ------------------------------------------------------


def command_of(desk: BlockingStore, tmp_path: Path) -> list[str]:
    """The command line of a proxy before a server of the SDK's version 2, which records its calls."""
    policy = tmp_path / "clients.yaml"
    policy.write_text(POLICY)
    server = [sys.executable, "-m", "tests.proxy.servers.over_stdio", str(tmp_path / "record")]
    return proxy_command("--store", desk.location, "-c", str(policy), server=server)


def waiting(desk: BlockingStore) -> Request:
    """Waits for the request that a person has to decide on."""
    until(lambda: desk.reviewer.list())
    (request,) = desk.reviewer.list()
    return request


@asynccontextmanager
async def sdk_2(command: list[str], mode: str, tmp_path: Path) -> AsyncIterator[Do]:
    """The official SDK's client, in this process."""
    server = StdioServerParameters(command=command[0], args=command[1:], cwd=ROOT)
    with open(tmp_path / "errors.txt", "w") as errors:
        async with Client(stdio_client(server, errors), mode=mode, read_timeout_seconds=LONG) as client:

            async def do(wanted: Answer) -> Answer:
                if "list" in wanted:
                    return {"tools": [tool.name for tool in (await client.list_tools()).tools]}
                told: list[str | None] = []

                async def heard(progress: float, total: float | None, message: str | None) -> None:
                    told.append(message)

                try:
                    result = await client.call_tool(wanted["call"], wanted["arguments"], progress_callback=heard)
                except MCPError as error:
                    return {"error": error.error.model_dump(mode="json"), "progress": told}
                return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True), "progress": told}

            yield do


@asynccontextmanager
async def told_by_lines(program: list[str], folder: str) -> AsyncIterator[Do]:
    """A program that is told what to do by lines of JSON, and answers so."""
    process = await asyncio.create_subprocess_exec(
        *program, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to_program, from_program = process.stdin, process.stdout

    async def do(wanted: Answer) -> Answer:
        to_program.write(json.dumps(wanted).encode() + b"\n")
        line = await asyncio.wait_for(from_program.readline(), LONG)
        answer: Answer = json.loads(line)
        return answer

    try:
        yield do
    finally:
        to_program.close()
        try:
            await asyncio.wait_for(process.wait(), LONG)
        except TimeoutError:
            process.kill()
            await process.wait()
    assert process.returncode == 0
