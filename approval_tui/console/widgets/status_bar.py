"""The line that says what the console knows: the store, how fresh, how many wait, and who decides."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import cell_width, pad

_NARROWEST_PATH = 12


class StatusBar(Widget):
    """One line; a message of the console takes the middle of it until the next one."""

    COMPONENT_CLASSES = {"status-bar--bad", "status-bar--good", "status-bar--message"}

    def __init__(self, store: str, reviewer: str, glyphs: Glyphs, *, id: str) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._store = glyphs.visible(store)
        self._reviewer = glyphs.visible(reviewer)
        self._state = "opening"
        self._state_role = "message"
        self._pending: int | None = None
        self._in_doubt = 0
        self._message = ""
        self._message_role = "message"

    def say(self, message: str, role: str = "message") -> None:
        """Shows a message; the roles are message, good and bad."""
        self._message, self._message_role = self._glyphs.visible(message), role
        self.refresh()

    def set_counts(self, *, pending: int, in_doubt: int) -> None:
        """How many requests wait, and how many calls are in doubt."""
        if (pending, in_doubt) != (self._pending, self._in_doubt):
            self._pending, self._in_doubt = pending, in_doubt
            self.refresh()

    def set_state(self, state: str, role: str) -> None:
        """Whether the list is live, in a word, and its role."""
        if (self._glyphs.visible(state), role) != (self._state, self._state_role):
            self._state, self._state_role = self._glyphs.visible(state), role
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        counts = "" if self._pending is None else f" {self._pending:,} pending"
        if self._in_doubt:
            counts += f", {self._in_doubt:,} in doubt"
        state = f" {self._state}"
        right = f" {self._reviewer} "
        room = max(0, width - cell_width(state) - cell_width(counts) - cell_width(right) - 4)
        store_room = max(0, min(cell_width(self._store), room - cell_width(self._message)))
        if store_room < min(_NARROWEST_PATH, cell_width(self._store)):
            store_room = 0
        store = cut_left(self._store, store_room, self._glyphs)
        message_room = max(0, room - cell_width(store))
        segments = [
            Segment(state, base + self._role(self._state_role)),
            Segment(counts, base + Style(bold=True)),
            Segment(
                "  " + pad(self._message, message_room, glyphs=self._glyphs), base + self._role(self._message_role)
            ),
            Segment("  " + store, base + Style(dim=True)),
            Segment(right, base),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _role(self, role: str) -> Style:
        style = self.get_component_rich_style(f"status-bar--{role}", partial=True)
        return Style(color=style.color, bold=style.bold)


def cut_left(path: str, width: int, glyphs: Glyphs) -> str:
    """The end of a path, which says more than its beginning, in at most `width` cells."""
    if cell_width(path) <= width:
        return path
    room = width - cell_width(glyphs.ellipsis)
    while path and cell_width(path) > room:
        path = path[1:]
    return glyphs.ellipsis + path if path else ""
