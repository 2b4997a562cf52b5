"""The server as a child process: started in a group of its own, spoken to over its pipes, ended with its group."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line, LineSplitter
from approval_tui.proxy.upstream import Undelivered, UpstreamEnded

GRACE = 2.0
"""Seconds that a server has to end by itself once nothing more comes, and again after it is asked to."""

_CHUNK = 64 * 1024
_FAILED_TO_START = "The server could not be started"


class ChildServer:
    """A server over stdio (MCP, transports): a frame a line each way; what it writes to stderr goes to ours."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._splitter = LineSplitter()
        self._lines: list[Line] = []
        self._is_closed = False

    @classmethod
    async def start(cls, command: Sequence[str]) -> ChildServer:
        """Starts the command; raises InvalidInput where that cannot be done."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InvalidInput(
                f"{_FAILED_TO_START}: {command[0]}: {reason}.",
                not_done="Nothing runs.",
                to_do="Check the command after --.",
            ) from None
        return cls(process)

    async def send(self, message: JsonObject) -> None:
        """Hands one message over; raises Undelivered if the server certainly has nothing of it, else UpstreamEnded."""
        frame = frame_of(message)
        if self._input.is_closing() or self._process.returncode is not None:
            raise Undelivered
        try:
            self._input.write(frame)
            await self._input.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise UpstreamEnded from None

    async def receive(self) -> Line | None:
        """The next line that the server wrote; None when it writes no more."""
        while not self._lines:
            try:
                chunk = await self._output.read(_CHUNK)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                self._lines = self._splitter.rest()
                return self._lines.pop(0) if self._lines else None
            self._lines = self._splitter.feed(chunk)
        return self._lines.pop(0)

    def was_undelivered(self, _request_id: object) -> bool:
        """Never: what is in a pipe may have been read."""
        return False

    async def ended(self) -> int:
        """Waits until the process has ended, and gives its exit code as a shell would."""
        code = await self._process.wait()
        return code if code >= 0 else 128 - code

    async def close(self) -> None:
        """Ends the server: its input is closed, then it and its group are asked to end, then they are killed."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(OSError, RuntimeError):
            self._input.close()
        if not await self._is_gone(GRACE):
            self._signal(signal.SIGTERM)
            if not await self._is_gone(GRACE):
                self._signal(signal.SIGKILL)
                await self._process.wait()
                return
        self._signal(signal.SIGKILL)  # what it started and left behind

    async def _is_gone(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
