"""The text of an edit: whatever is typed or pasted can be seen, as what could not becomes an escape of JSON (R8)."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location

from approval_tui.display.editable_json import without_unseen
from approval_tui.display.glyphs import Glyphs

LARGEST_TEXT = 400_000
"""Characters that the text has at most."""

_PASTED = 100
"""Characters from which on it is worth counting how many there are already."""


class JsonArea(TextArea):
    """A text area that wraps, blinks at nobody, and holds no character that cannot be seen."""

    class Full(Message):
        """What was pasted was not added: there would be too much."""

    def __init__(self, text: str, glyphs: Glyphs, *, id: str) -> None:
        self._glyphs = glyphs
        super().__init__(text, id=id, compact=True)
        self.cursor_blink = False
        self.indent_width = 2

    def edit(self, edit: Edit) -> EditResult:
        """Carries the edit out with escapes in place of what cannot be seen."""
        edit.text = without_unseen(edit.text, self._glyphs)
        if len(edit.text) > _PASTED and len(edit.text) + sum(map(len, self.document.lines)) > LARGEST_TEXT:
            self.post_message(self.Full())
            return EditResult(self.cursor_location, "")
        return super().edit(edit)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """None: a bracket inside a text is no bracket, and to look for its fellow takes its time."""
        return None

    def on_paste(self, event: events.Paste) -> None:
        event.stop()  # it is text here, and decides nothing
