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
        self._parts: list[bytes] = []
        self._size = 0
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
        if not part:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > LARGEST_FRAME + 1:  # a carriage return may stand before the end
            whole = b"".join(self._parts)
            if self._head is None:
                self._head = whole[:_KEPT]
            self._parts, self._size = [whole[-_KEPT:]], LARGEST_FRAME + 2

    def _ended(self) -> list[Line]:
        data, head = b"".join(self._parts), self._head
        self._parts, self._size, self._head = [], 0, None
        if head is not None:
            return [Line(head + data[-_KEPT:], is_too_long=True)]
        data = data.strip(b" \t\r")
        return [Line(data)] if data else []
