"""The line that says what the console knows: the store, how fresh, how many wait, and who decides."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.visible import visible_text
from approval_tui.display.width import cell_width, cut, pad

_NARROWEST_PATH = 12


class StatusBar(Widget):
    """One line; a message of the console takes the middle of it until the next one."""

    COMPONENT_CLASSES = {"status-bar--bad", "status-bar--good", "status-bar--message"}

    def __init__(self, store: str, reviewer: str, *, id: str) -> None:
        super().__init__(id=id)
        self._store = visible_text(store)
        self._reviewer = visible_text(reviewer)
        self._state = "opening"
        self._state_role = "message"
        self._pending = 0
        self._new = 0
        self._shown = 0
        self._message = ""
        self._message_role = "message"

    def say(self, message: str, role: str = "message") -> None:
        """Shows a message; the roles are message, good and bad."""
        self._message, self._message_role = visible_text(message), role
        self.refresh()

    def set_counts(self, *, pending: int, new: int, shown: int) -> None:
        """How many requests wait in all, how many of them are new to the reviewer, how many the list holds."""
        self._pending, self._new, self._shown = pending, new, shown
        self.refresh()

    def set_state(self, state: str, role: str) -> None:
        """Whether the list is live, in a word, and its role."""
        self._state, self._state_role = visible_text(state), role
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        counts = f" {self._pending} pending"
        if self._shown < self._pending:
            counts += f" (the first {self._shown} listed)"
        if self._new:
            counts += f", {self._new} new"
        state = f" {self._state}"
        right = f" {self._reviewer} "
        room = max(0, width - cell_width(state) - cell_width(counts) - cell_width(right) - 4)
        store_room = max(0, min(cell_width(self._store), room - cell_width(self._message)))
        if store_room < min(_NARROWEST_PATH, cell_width(self._store)):
            store_room = 0
        store = "…" + self._store[-(store_room - 1) :] if cell_width(self._store) > store_room > 1 else self._store
        message_room = max(0, room - cell_width(cut(store, store_room)))
        segments = [
            Segment(state, base + self._role(self._state_role)),
            Segment(counts, base + Style(bold=True)),
            Segment("  " + pad(self._message, message_room), base + self._role(self._message_role)),
            Segment("  " + cut(store, store_room), base + Style(dim=True)),
            Segment(right, base),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _role(self, role: str) -> Style:
        style = self.get_component_rich_style(f"status-bar--{role}", partial=True)
        return Style(color=style.color, bold=style.bold)
