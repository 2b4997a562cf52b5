"""The server as a child process: spoken to over its pipes, and ended with its group."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from contextlib import suppress

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line, LineSplitter
from approval_tui.proxy.spawn import signal_group
from approval_tui.proxy.upstream import Undelivered, UpstreamEnded

_GRACE = 0.5
_TERM_GRACE = 1.0
"""Seconds that a server has to end by itself once nothing more comes, and again after it is asked to.

With the time for last answers that is less than clients give us before they kill (the SDKs: four seconds).
"""

_CHUNK = 64 * 1024


class ChildServer:
    """A server over stdio (MCP, transports): a frame a line each way; what it writes to stderr goes to ours."""

    needs_tools_first = False

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        reading: asyncio.BaseTransport,
    ) -> None:
        self._process = process
        self._input = writer
        self._output = reader
        self._reading = reading
        self._ended = asyncio.get_running_loop().create_task(asyncio.to_thread(process.wait))
        self._splitter = LineSplitter()
        self._lines: list[Line] = []
        self._is_closed = False

    @classmethod
    async def adopt(cls, process: subprocess.Popen[bytes]) -> ChildServer:
        """The server of a process that `spawn` gave."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, process.stdin)
        return cls(process, asyncio.StreamWriter(transport, protocol, None, loop), reader, reading)

    async def send(self, message: JsonObject) -> None:
        """Hands one message over; raises Undelivered if the server certainly has nothing of it, else UpstreamEnded."""
        frame = frame_of(message)
        if self._input.is_closing() or self._ended.done():
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

    def was_lost(self, _request_id: object) -> bool:
        """Never: what comes over the pipe is the server's."""
        return False

    async def ended(self) -> int:
        """Waits until the process has ended, and gives its exit code as a shell would."""
        code = await asyncio.shield(self._ended)
        return code if code >= 0 else 128 - code

    def end_input(self) -> None:
        """Closes the server's stdin, at which most servers end by themselves (MCP, lifecycle, shutdown)."""
        with suppress(OSError, RuntimeError):
            self._input.close()

    async def close(self) -> None:
        """Ends the server: its input is closed, then it and its group are asked to end, then they are killed."""
        if self._is_closed:
            return
        self._is_closed = True
        self.end_input()
        if not await self._is_gone(_GRACE):
            signal_group(self._process, signal.SIGTERM)
            await self._is_gone(_TERM_GRACE)
        signal_group(self._process, signal.SIGKILL)  # it, or what it started and left behind
        await self._ended

    def release(self) -> None:
        """Closes the pipe from which nothing more is read."""
        self._reading.close()

    async def _is_gone(self, seconds: float) -> bool:
        done, _ = await asyncio.wait([self._ended], timeout=seconds)
        return bool(done)
