"""Reads a screen back from the bytes that a program wrote to its terminal; it knows what Textual writes."""

from __future__ import annotations

import re

from approval_tui.display.width import cell_width

_PIECE = re.compile(
    r"\x1b\[(?P<private>[?<>=]?)(?P<numbers>[0-9;]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b[()*+].|\x1b[=>78cDEHMZ]|(?P<character>.)",
    re.DOTALL,
)


class ScreenReader:
    """A screen of so many columns and rows, as it stands after some bytes."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self.overflowed: list[str] = []  #: what was written behind the last column or row

    @classmethod
    def of(cls, output: bytes, columns: int, rows: int) -> ScreenReader:
        """The screen after these bytes."""
        screen = cls(columns, rows)
        screen.read(output.decode("utf-8", "replace"))
        return screen

    def read(self, text: str) -> None:
        """Takes in what was written."""
        for piece in _PIECE.finditer(text):
            if piece["character"] is not None:
                self._write(piece["character"])
            elif piece["final"] and not piece["private"]:
                self._control(piece["final"], [int(number or 0) for number in piece["numbers"].split(";")])

    @property
    def lines(self) -> list[str]:
        """What is on the screen, line by line."""
        return ["".join(row) for row in self._cells]

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.lines)

    def _control(self, final: str, numbers: list[int]) -> None:
        first = numbers[0]
        if final in "Hf":
            self._row = max(first, 1) - 1
            self._column = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif final == "A":
            self._row -= max(first, 1)
        elif final == "B":
            self._row += max(first, 1)
        elif final == "C":
            self._column += max(first, 1)
        elif final == "D":
            self._column -= max(first, 1)
        elif final == "J" and first == 2:
            self._cells = [[" "] * self.columns for _ in range(self.rows)]

    def _write(self, character: str) -> None:
        if character == "\n":
            self._row, self._column = self._row + 1, 0
        elif character == "\r":
            self._column = 0
        elif character >= " ":
            width = cell_width(character)
            if self._column + width > self.columns or not 0 <= self._row < self.rows:
                self.overflowed.append(character)
                return
            for offset in range(width):
                self._cells[self._row][self._column + offset] = "" if offset else character
            self._column += width
