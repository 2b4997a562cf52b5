"""A grant as lines of marked pieces, with what it approved last. No Textual."""

from __future__ import annotations

from collections.abc import Sequence

from approval_tui.console.documents import Line, field_lines, title_line
from approval_tui.display.badges import status_badge
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.grant_view import grant_fields
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_preview
from approval_tui.display.width import cell_width, wrap
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.grants import Grant
from approval_tui.domain.models import Request


def grant_lines(
    grant: Grant, approved: Sequence[Request], redactor: Redactor, width: int, now: int, glyphs: Glyphs
) -> list[Line]:
    """Everything about the grant."""
    lines: list[Line] = []
    for field in grant_fields(grant, now, redactor, glyphs):
        lines += field_lines(field, width, glyphs)
    lines += [Line((("", "plain"),)), title_line("what it approved last", width, glyphs)]
    if not approved:
        lines.append(Line((("nothing yet" if not grant.uses else "...", "note"),)))
    room = max(10, width - 1)
    for request in approved:
        words = f"{status_badge(request).text(plain=glyphs.is_ascii)}  {_preview(request, redactor, glyphs)}"
        first, *more = wrap(f"{words}  {request.id}", room, onward=room - cell_width(glyphs.continued))
        lines.append(Line(((first, "plain"),)))
        lines += [Line(((glyphs.continued, "note"), (row, "plain"))) for row in more]
    return lines


def _preview(request: Request, redactor: Redactor, glyphs: Glyphs) -> str:
    try:
        return request_preview(request, redactor, glyphs)
    except StoreCorrupt:
        return "(cannot be read)"
