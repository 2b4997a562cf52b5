"""The client's side: our own standard input and output, pipes or files."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from typing import BinaryIO

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line, LineSplitter

_CHUNK = 64 * 1024
_LONGEST_END = 1.0
"""Seconds that a client which does not read has for what was written last."""


class ClientGone(Exception):
    """Nobody reads what we write any more."""


class ClientPipes:
    """Reads lines from stdin and writes frames to stdout; they are ours alone, so nothing else may print there."""

    def __init__(self) -> None:
        self._input: BinaryIO = os.fdopen(os.dup(0), "rb", buffering=0)
        self._output: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        self._reader: asyncio.StreamReader | None = None
        self._reading: asyncio.BaseTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._splitter = LineSplitter()
        self._lines: list[Line] = []
        self._is_gone = False
        self._is_closed = False

    @classmethod
    async def open(cls) -> ClientPipes:
        """Takes stdin and stdout over, as files of its own that it can close."""
        pipes, loop = cls(), asyncio.get_running_loop()
        if _makes_wait(pipes._input):
            reader = pipes._reader = asyncio.StreamReader()
            pipes._reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipes._input)
        if _makes_wait(pipes._output):
            transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipes._output)
            pipes._writer = asyncio.StreamWriter(transport, protocol, None, loop)
        return pipes

    async def receive(self) -> Line | None:
        """The next line that the client wrote; None when it writes no more."""
        while not self._lines:
            chunk = await self._read()
            if not chunk:
                self._lines = self._splitter.rest()
                return self._lines.pop(0) if self._lines else None
            self._lines = self._splitter.feed(chunk)
        return self._lines.pop(0)

    async def send(self, message: JsonObject | list[JsonObject]) -> None:
        """Writes one message, or one batch of answers; raises ClientGone."""
        if self._is_gone:
            return
        frame = frame_of(message)
        try:
            if self._writer is None:
                while frame:
                    frame = frame[self._output.write(frame) :]
            elif self._writer.is_closing():
                raise ClientGone
            else:
                self._writer.write(frame)
                await self._writer.drain()
        except OSError:
            raise ClientGone from None

    def abandon(self) -> None:
        """Sends nothing more: what still comes is for nobody."""
        self._is_gone = True

    async def close(self) -> None:
        """Lets the client have what was written, for a while, and closes the files; again, it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self.abandon()
        if self._reading is not None:
            self._reading.close()
        if self._writer is not None and not self._writer.is_closing():
            self._writer.transport.set_write_buffer_limits(high=0)
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._writer.drain(), _LONGEST_END)
            self._writer.transport.abort()
        await asyncio.sleep(0)  # transports close their files in the loop's next round
        self._input.close()
        self._output.close()

    async def _read(self) -> bytes:
        try:
            if self._reader is None:
                return self._input.read(_CHUNK)
            return await self._reader.read(_CHUNK)
        except OSError:
            return b""


def _makes_wait(file: BinaryIO) -> bool:
    """Whether an event loop can wait for it; a regular file, or a device like /dev/null, is always ready."""
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()
