"""The client's side: our own standard input and output, pipes or files."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from typing import BinaryIO

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line, LineSplitter

_CHUNK = 64 * 1024


class ClientGone(Exception):
    """Nobody reads what we write any more."""


class ClientPipes:
    """Reads lines from stdin and writes frames to stdout; they are ours alone, so nothing else may print there."""

    def __init__(self, reader: asyncio.StreamReader | int, writer: asyncio.StreamWriter | int) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = LineSplitter()
        self._lines: list[Line] = []
        self._is_gone = False

    @classmethod
    async def open(cls) -> ClientPipes:
        """Takes stdin and stdout over."""
        return cls(await _reader(sys.stdin.buffer), await _writer(sys.stdout.buffer))

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
            if isinstance(self._writer, int):
                while frame:
                    frame = frame[os.write(self._writer, frame) :]
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

    async def _read(self) -> bytes:
        try:
            if isinstance(self._reader, int):
                return os.read(self._reader, _CHUNK)
            return await self._reader.read(_CHUNK)
        except OSError:
            return b""


async def _reader(file: BinaryIO) -> asyncio.StreamReader | int:
    if _never_waits(file):
        return file.fileno()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    return reader


async def _writer(file: BinaryIO) -> asyncio.StreamWriter | int:
    if _never_waits(file):
        return file.fileno()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _never_waits(file: BinaryIO) -> bool:
    """Whether it is a regular file or a device like /dev/null, which no event loop can wait for, and none need."""
    mode = os.fstat(file.fileno()).st_mode
    return not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty())
