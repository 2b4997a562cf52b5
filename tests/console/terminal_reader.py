"""Reads the payload screen of a real terminal back, page by page, with a terminal emulator of its own."""

from __future__ import annotations

import re
import time

import pyte
import wcwidth

from approval_tui.console.documents import Line, payload_of, request_lines
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.models import Request
from tests.console.test_terminal_contract import AnyTerminal

BARS = 2
"""The rows below the payload: the status bar and the keys."""

_ZERO_WIDTH = "".join(
    re.escape(character) for character in map(chr, range(0x300, 0x20000)) if wcwidth.wcwidth(character) == 0
)
_TICKING = ("status", "asked")


class Grid(pyte.Screen):
    """The emulator's grid; a character without a width joins the cell before it, as in every terminal of today."""

    def draw(self, data: str) -> None:
        for part in re.split(f"([{_ZERO_WIDTH}])", data):
            if wcwidth.wcwidth(part[:1] or " ") != 0:
                super().draw(part)
            elif part:
                row = self.buffer[self.cursor.y]
                column = max(0, self.cursor.x - 1)
                column -= column > 0 and not row[column].data  # the second cell of a wide character
                row[column] = row[column]._replace(data=row[column].data + part)

    @property
    def rows(self) -> list[str]:
        """The rows, each as wide as the terminal; the second cell of a wide character is empty."""
        return ["".join(self.buffer[y][x].data for x in range(self.columns)) for y in range(self.lines)]


class Emulated:
    """The grid of a terminal emulator that was fed everything that the console wrote."""

    def __init__(self, terminal: AnyTerminal) -> None:
        self._terminal = terminal
        self._grid = Grid(terminal.columns, terminal.rows)
        self._stream = pyte.ByteStream(self._grid)
        self._fed = 0

    @property
    def rows(self) -> list[str]:
        """The rows of the screen, each as wide as the terminal."""
        news = self._terminal.output[self._fed :]
        self._fed += len(news)
        self._stream.feed(news)
        return self._grid.rows

    def see(self, text: str) -> None:
        """Waits until the text is on the screen."""
        self._terminal.until(lambda: any(text in row for row in self.rows))

    def read_payload(self, request: Request, glyphs: Glyphs) -> list[str]:
        """Pages from the top to the end of the payload that is open; the rows of the arguments, as the screen had them.

        What the console should show tells only when a page is complete.
        """
        height = self._terminal.rows - BARS
        width = self._terminal.columns - 1 - (0 if glyphs.is_ascii else 1)
        redactor = Redactor()
        shown = payload_of(request, redactor, width, glyphs)
        lines = request_lines(request, shown, redactor, width, 0, glyphs, is_intact=True, story=None)
        if len(lines) > height:
            self._wait_until_it_is_worked_out(lines[-height:])
        top, read = 0, dict[int, str]()
        while True:
            page = lines[top : top + height]
            self._terminal.until(lambda page=page: _is_page(self.rows, page))  # type: ignore[misc]
            read |= dict(enumerate(self.rows[: len(page)], start=top))
            if top + height >= len(lines):
                break
            top = min(top + height - 1, len(lines) - height)
            self._terminal.type(b"f")
        begin = next(
            at for at, row in sorted(read.items()) if re.search(r" arguments \([\d,]+ rows?, all of them\) ", row)
        )
        return [read[at][1 : width - self._terminal.columns] for at in range(begin + 1, len(lines) - 1)]

    def _wait_until_it_is_worked_out(self, last_page: list[Line]) -> None:
        """Goes to the end and back; until a large payload is worked out, the end is another one."""
        pressed_at = 0.0

        def is_at_the_end() -> bool:
            nonlocal pressed_at
            if time.monotonic() - pressed_at > 1.0:
                pressed_at = time.monotonic()
                self._terminal.type(b"G")
            return _is_page(self.rows, last_page)

        self._terminal.until(is_at_the_end)
        self._terminal.type(b"g")


def _is_page(rows: list[str], page: list[Line]) -> bool:
    return all(
        line.plain.startswith(_TICKING) or row[1:].rstrip(" ").startswith(line.plain.rstrip(" "))
        for row, line in zip(rows, page, strict=False)
    )
