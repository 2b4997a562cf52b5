"""An MCP server over stdio that answers whatever any reader could take for a request, and writes down what came.

Usage: python -m tests.proxy.careless_server RECORD. RECORD gets one JSON text for each line that arrived, as it
arrived, in Latin-1.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line
from tests.proxy.strict_readers import Reading, readings

TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("read", "write", "delete")]


def careless_server(record: Path) -> list[str]:
    """The command line of this server."""
    return [sys.executable, "-m", "tests.proxy.careless_server", str(record)]


def arrived(record: Path) -> list[bytes]:
    """The lines that reached the server so far."""
    if not record.exists():
        return []
    return [json.loads(text).encode("latin-1") for text in record.read_text().splitlines()]


def answers(line: bytes) -> Iterator[bytes]:
    """What such a server says to a line: one answer to each id that a reader finds in it, as careless as they come.

    A call says by its argument `answer` what it wants: nothing (`never`), no JSON (`broken`), no JSON and an id that
    is no number either (`unreadable`), or a task (`task`). `tasks/cancel` names its task there, too. A notification
    with `cancel` among its arguments has that request answered with an error, as the Python SDK 1 does with what is
    cancelled.
    """
    answered: list[object] = []
    for reading in readings(line):
        if reading.id is None and isinstance(reading.arguments, dict) and "cancel" in reading.arguments:
            error = {"code": 0, "message": "Request cancelled"}
            yield json.dumps({"jsonrpc": "2.0", "id": reading.arguments["cancel"], "error": error}).encode()
        for request_id in (careless_id(reading.id), reading.id):
            known = (type(request_id), request_id)
            if type(request_id) in (str, int) and reading.method and known not in answered:
                answered.append(known)
                yield from _answer(request_id, reading, line)


def careless_id(value: object) -> object:
    """The id for a server that takes a text of digits for a number, as the Python SDK 1.9.4 did with pydantic."""
    if not isinstance(value, str):
        return value
    text = value.partition("\0")[0].strip()
    return int(text.partition(".")[0]) if re.fullmatch(r"[+-]?[0-9]+(_[0-9]+)*(\.0+)?", text, re.ASCII) else text


class CarelessUpstream:
    """The same server without a process; `lines` are what reached it."""

    needs_tools_first = False

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.is_idle = asyncio.Event()
        """Set while every answer has been dealt with."""
        self._answers: asyncio.Queue[Line] = asyncio.Queue()

    async def send(self, message: JsonObject) -> None:
        """Takes one message, as a line, and answers it."""
        line = frame_of(message)
        self.lines.append(line)
        for answer in answers(line):
            self._answers.put_nowait(Line(answer))
            self.is_idle.clear()

    async def receive(self) -> Line | None:
        """The next answer; it never ends."""
        if self._answers.empty():
            self.is_idle.set()
        return await self._answers.get()

    def was_undelivered(self, _request_id: object) -> bool:
        """Never."""
        return False

    def release(self) -> None:
        """There is nothing to let go of."""

    def was_lost(self, _request_id: object) -> bool:
        """Never."""
        return False

    async def ended(self) -> int:
        """Zero."""
        return 0

    def end_input(self) -> None:
        """Nothing is to be ended."""

    async def close(self) -> None:
        """Nothing is to be ended."""


def _answer(request_id: object, reading: Reading, line: bytes) -> Iterator[bytes]:
    wanted = reading.arguments.get("answer") if isinstance(reading.arguments, dict) else None
    beginning = b'{"jsonrpc":"2.0","id":' + json.dumps(request_id).encode()
    if wanted == "broken":
        yield beginning + b',"result":{"content":[],"n":NaN}}'
    elif wanted == "unreadable":
        yield b'{"jsonrpc":"2.0","id": 007, "result":{}}'
    elif wanted != "never":
        yield beginning + b"," + json.dumps(_outcome(reading, wanted, line))[1:].encode()


def _outcome(reading: Reading, wanted: object, line: bytes) -> dict[str, Any]:
    if reading.method == "initialize":
        version = re.search(r'"protocolVersion": *"([0-9-]+)"', line.decode("latin-1"))
        agreed = version.group(1) if version else "2025-11-25"
        return {"result": {"protocolVersion": agreed, "capabilities": {}, "serverInfo": {"name": "careless"}}}
    if reading.method == "tools/list":
        return {"result": {"tools": TOOLS}}
    if wanted == "task":
        return {"result": {"task": {"taskId": f"task-{reading.id}", "status": "working"}}}
    if reading.method == "tasks/cancel":
        return {"result": {"taskId": wanted, "status": "cancelled"}}
    if reading.method == "no/such":
        return {"error": {"code": -32601, "message": "no such method"}}
    return {"result": {"content": []}}


def main() -> None:
    record = open(sys.argv[1], "a", encoding="ascii", buffering=1)  # noqa: SIM115 - until the process ends
    for line in sys.stdin.buffer:
        print(json.dumps(line.decode("latin-1")), file=record)
        for answer in answers(line):
            sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
