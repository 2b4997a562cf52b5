"""The console's list as a Textual DataTable with as many rows as the first argument says."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import DataTable


class TableApp(App[None]):
    """One table, its cursor a whole row, moved by j and k."""

    BINDINGS: ClassVar = [("j", "move('down')", "Next"), ("k", "move('up')", "Previous")]

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows
        self.animation_level = "none"  # as in the console: the frame is the one after the key, not the end of a glide

    def compose(self) -> ComposeResult:
        table: DataTable[str] = DataTable(cursor_type="row")
        table.add_columns("age", "left", "risk", "tool", "requester", "what")
        for number in range(self._rows):
            what = f'command: "make deploy TARGET=web-{number:06d}"'
            table.add_row("12s", "9m48s", "~ medium", f"Q{number:06d}", "release-bot", what)
        yield table

    def action_move(self, direction: str) -> None:
        table = self.query_one(DataTable)
        table.action_cursor_down() if direction == "down" else table.action_cursor_up()


if __name__ == "__main__":
    TableApp(int(sys.argv[1])).run()
