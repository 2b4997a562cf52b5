"""A session as lines of marked pieces. No Textual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.console.documents import Line, field_lines, title_line
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.display.session_view import session_fields, step_words, timeline
from approval_tui.display.width import cell_width, wrap

if TYPE_CHECKING:
    from approval_tui.store.transactions.sessions import SessionStory


def session_lines(story: SessionStory | None, redactor: Redactor, width: int, now: int, glyphs: Glyphs) -> list[Line]:
    """Everything about the session; until it is loaded, that it is being looked for."""
    if story is None:
        return [Line((("Looking ...", "note"),))]
    lines: list[Line] = []
    for field in session_fields(story, now, redactor, glyphs):
        lines += field_lines(field, width, glyphs)
    lines += [Line((("", "plain"),)), title_line("what it asked and did, oldest first", width, glyphs)]
    room = max(10, width - 1)
    for step in timeline(story, redactor, glyphs):
        first, *more = wrap(step_words(step, now, glyphs), room, onward=room - cell_width(glyphs.continued))
        lines.append(Line(((first, step.role),)))
        lines += [Line(((glyphs.continued, "note"), (row, "plain"))) for row in more]
    return [*lines, title_line("now", width, glyphs)]
