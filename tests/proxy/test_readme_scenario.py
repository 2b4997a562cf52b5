"""What the README tells of MCP, done: the server for files, a write that asks, the console, and one file."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

from approval_tui.console.app import ConsoleApp
from approval_tui.domain.decisions import Reviewer
from approval_tui.policy.files import read_policy
from approval_tui.store import open_store_blocking
from tests.console.driver import Console
from tests.support import LONG, ROOT, ManualClock, assert_sound, event_names
from tests.test_readme import blocks

NPX = ["npx", "-y", "@modelcontextprotocol/server-filesystem"]
PROJECT = "/home/you/project"
POLICY = "/home/you/filesystem.yaml"


def with_server(words: list[str], server: list[str], **places: str) -> list[str]:
    """The README's words, with the server where it is installed here, and with these places."""
    start = next(index for index in range(len(words)) if words[index : index + len(NPX)] == NPX)
    words = [*words[:start], *server, *words[start + len(NPX) :]]
    return [places.get(os.path.basename(word).partition(".")[0], word) for word in words]


async def test_a_write_is_approved_in_the_console_and_written_exactly_once(
    filesystem: list[str], tmp_path: Path, store_path: str
) -> None:
    (configuration,) = (json.loads(block) for block in blocks("json"))
    server = configuration["mcpServers"]["files"]
    project = tmp_path / "project"
    project.mkdir()
    example = os.path.join(ROOT, "tests", "examples", "filesystem.yaml")
    assert server["command"] == "approval-tui"
    assert (POLICY in server["args"], PROJECT in server["args"]) == (True, True)
    words = with_server(server["args"], filesystem, filesystem=example, project=str(project))
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "approval_tui", *words],
        cwd=ROOT,
        env={**os.environ, "APPROVAL_TUI_STORE": store_path},
    )
    notes = {"path": str(project / "notes.txt"), "content": "as shown\n"}
    desk = open_store_blocking(store_path)
    async with Client(started) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert "write_file" in listed
        assert "read_file" not in listed
        writing = asyncio.create_task(client.call_tool("write_file", notes))
        request = await approve_in_console(store_path)
        result = await asyncio.wait_for(writing, LONG)
        assert not result.is_error
        assert (project / "notes.txt").read_text() == "as shown\n"

        (project / "notes.txt").unlink()
        again = asyncio.create_task(client.call_tool("write_file", notes))
        while not (waiting := desk.reviewer.list()):
            await asyncio.sleep(0.01)
        desk.reviewer.decide(waiting[0].id, "deny", reviewer=Reviewer("ann"), digest=waiting[0].digest, reason="once")
        denied = await asyncio.wait_for(again, LONG)
        assert denied.is_error
        assert "once" in str(denied.content)
    assert os.listdir(project) == []
    decided = desk.reviewer.get(request)
    assert (decided.tool, decided.arguments, decided.outcome) == ("write_file", notes, "succeeded")
    assert decided.decisions[0].evidence.kind == "shown"
    assert event_names(desk, decided) == [
        "request_submitted",
        "request_approved",
        "request_consumed",
        "outcome_reported",
    ]
    assert_sound(desk)
    desk.close()


async def approve_in_console(store_path: str) -> str:
    """Waits until the console shows a request, presses `a`, and gives the request's id."""
    monotonic = ManualClock(0)
    app = ConsoleApp(store_path, reviewer=Reviewer("ann", via="console"), monotonic=monotonic)
    async with app.run_test(size=(140, 34)) as pilot:
        console = Console(pilot, monotonic, monotonic)
        await console.until(lambda: console.screen.is_live and console.screen.shown_request is not None)
        shown = console.shown
        await console.press("a")
    return shown.id


def test_the_scanned_policy_is_valid_and_asks_for_every_tool(filesystem: list[str], tmp_path: Path) -> None:
    (line,) = (line for block in blocks("sh") for line in block.splitlines() if " npx " in line)
    project, policy = tmp_path / "project", tmp_path / "files.yaml"
    project.mkdir()
    words = with_server(shlex.split(line), filesystem, files=str(policy), project=str(project))
    assert words[0] == "approval-tui"
    finished = subprocess.run(
        [sys.executable, "-m", "approval_tui", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    written, _ = read_policy(str(policy))
    assert written.warnings == ()
    assert {tool.name for tool in written.tools} >= {"read_text_file", "write_file", "move_file"}
    assert {rule.action for tool in written.tools for rule in tool.rules} == {"require_approval"}
