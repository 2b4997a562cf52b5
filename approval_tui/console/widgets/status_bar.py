"""The line that says what the console knows: the store, how fresh, how many wait, and who decides."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from approval_tui.display.glyphs import Glyphs
from approval_tui.display.width import cell_width, pad, wrap_words

_NARROWEST_PATH = 12
_MOST_ROWS = 6


class StatusBar(Widget):
    """One line with a message in its middle; a message that does not fit there stands above it, whole."""

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
        self._held = 0
        self._message = ""
        self._message_role = "message"
        self._above: list[str] = []

    def say(self, message: str, role: str = "message") -> None:
        """Shows a message; the roles are message, good and bad."""
        self._message, self._message_role = self._glyphs.visible(message), role
        self._fit()

    def set_counts(self, *, pending: int, in_doubt: int, held: int = 0) -> None:
        """How many requests wait, how many calls are in doubt, and how many sessions are held back."""
        if (pending, in_doubt, held) != (self._pending, self._in_doubt, self._held):
            self._pending, self._in_doubt, self._held = pending, in_doubt, held
            self.refresh()

    def set_state(self, state: str, role: str) -> None:
        """Whether the list is live, in a word, and its role."""
        if (self._glyphs.visible(state), role) != (self._state, self._state_role):
            self._state, self._state_role = self._glyphs.visible(state), role
            self.refresh()

    def on_resize(self) -> None:
        self._fit()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y < len(self._above):
            text = pad(f" {self._above[y]}", width, glyphs=self._glyphs)
            return Strip([Segment(text, base + self._role(self._message_role))]).adjust_cell_length(width, base)
        message = "" if self._above else self._message
        state, counts, right = self._ends()
        room = self._room(width)
        store_room = max(0, min(cell_width(self._store), room - cell_width(message)))
        if store_room < min(_NARROWEST_PATH, cell_width(self._store)):
            store_room = 0
        store = cut_left(self._store, store_room, self._glyphs)
        message_room = max(0, room - cell_width(store))
        segments = [
            Segment(state, base + self._role(self._state_role)),
            Segment(counts, base + Style(bold=True)),
            Segment("  " + pad(message, message_room, glyphs=self._glyphs), base + self._role(self._message_role)),
            Segment("  " + store, base + Style(dim=True)),
            Segment(right, base),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _ends(self) -> tuple[str, str, str]:
        """The state, the counts, and the reviewer."""
        counts = "" if self._pending is None else f" {self._pending:,} pending"
        if self._in_doubt:
            counts += f", {self._in_doubt:,} in doubt"
        if self._held:
            counts += f", {self._held:,} held"
        return f" {self._state}", counts, f" {self._reviewer} "

    def _room(self, width: int) -> int:
        """The cells that the message and the store's path share."""
        return max(0, width - sum(map(cell_width, self._ends())) - 4)

    def _fit(self) -> None:
        """Makes room above for a message that the line cannot hold: what was refused, and why, comes first in it."""
        width = self.size.width
        fits = width <= 2 or cell_width(self._message) <= self._room(width)
        above = [] if fits else wrap_words(self._message, width - 2)
        if len(above) > _MOST_ROWS:
            above = [*above[: _MOST_ROWS - 1], self._glyphs.ellipsis]
        if len(above) != len(self._above):
            self.styles.height = 1 + len(above)
        self._above = above
        self.refresh()

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
