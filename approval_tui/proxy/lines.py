"""Lines of bytes, from chunks as they come; one that is too long is dropped while it comes, not kept."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.proxy.frames import LARGEST_FRAME

_KEPT = 1024


@dataclass(frozen=True)
class Line:
    """One line without its end. Of one that `is_too_long`, only the beginning and the end are there."""

    data: bytes
    is_too_long: bool = False


class LineSplitter:
    """Puts chunks together and cuts them at line feeds, and at nothing else: a carriage return is white space."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: bytes | None = None

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that this chunk ends; empty ones are left out."""
        lines: list[Line] = []
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._take(chunk[start:end])
            lines += self._ended()
            start = end + 1
        self._take(chunk[start:])
        return lines

    def rest(self) -> list[Line]:
        """What stands after the last line feed when nothing more comes."""
        return self._ended()

    def _take(self, part: bytes) -> None:
        self._data += part
        if len(self._data) > LARGEST_FRAME + 1 or self._head is not None:  # a carriage return may stand before the end
            if self._head is None:
                self._head = bytes(self._data[:_KEPT])
            del self._data[:-_KEPT]

    def _ended(self) -> list[Line]:
        data, head = bytes(self._data), self._head
        self._data, self._head = bytearray(), None
        if head is not None:
            return [Line(head + data, is_too_long=True)]
        data = data.strip(b" \t\r")
        return [Line(data)] if data else []
