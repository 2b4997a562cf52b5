"""Everything about one request: its fields, what the agent says, a preview, and the whole payload.

Only what is on the screen is drawn; the widget keeps account of which rows of the payload were visible.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from approval_tui.console.reading import Reading
from approval_tui.display import payload
from approval_tui.display.preview import preview_lines
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import Field, request_fields
from approval_tui.display.width import cell_width, pad, wrap
from approval_tui.domain.clock import Clock
from approval_tui.domain.decisions import Evidence
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.identity import digest_for
from approval_tui.domain.models import Request

_LABEL = 12
_LONG_PAYLOAD = 12


@dataclass(frozen=True)
class Line:
    """One drawn line: pieces of text with the role of each; `payload_row` where it is one."""

    pieces: tuple[tuple[str, str], ...]
    payload_row: int | None = None


class RequestDetail(ScrollView, can_focus=True):
    """The right pane; `show` decides what it is about, and nothing else changes that."""

    COMPONENT_CLASSES = {
        "request-detail--label",
        "request-detail--title",
        "request-detail--agent",
        "request-detail--key",
        "request-detail--string",
        "request-detail--number",
        "request-detail--note",
        "request-detail--bad",
    }

    def __init__(self, redactor: Redactor, clock: Clock, monotonic: Clock, *, id: str) -> None:
        super().__init__(id=id)
        self._redactor = redactor
        self._clock = clock
        self._monotonic = monotonic
        self._request: Request | None = None
        self._lines: list[Line] = []
        self._reading = Reading(0, 0)
        self._read_digest: str | None = None
        self._read_width = 0
        self._is_intact = False
        self._payload: list[Line] = []

    @property
    def shown(self) -> Request | None:
        """The request that is on the screen."""
        return self._request

    @property
    def unread_rows(self) -> int:
        """How many rows of the payload have not been visible yet."""
        return self._reading.unseen

    @property
    def is_intact(self) -> bool:
        """Whether the request's digest fits what is shown; if not, somebody wrote to the store's file."""
        return self._is_intact

    def evidence(self) -> Evidence | None:
        """What a decision on the shown request rests on; None while rows of the payload are unread."""
        return self._reading.evidence(self._monotonic()) if self._reading.is_complete else None

    def show(self, request: Request | None) -> bool:
        """Shows the request; whether it is another one, or another content, than before."""
        before = self._request
        changed = (before and (before.id, before.digest)) != (request and (request.id, request.digest))
        self._request = request
        if changed:
            self._read_digest = None
            self._is_intact = request is not None and _digest_fits(request)
            self.scroll_to(y=0, animate=False, force=True)
        self.rebuild()
        return changed

    def toggle_masks(self) -> bool:
        """Lifts the masks from secrets, or puts them back; whether they are lifted now."""
        lifted = not self._redactor.is_lifted
        self._redactor = Redactor(self._redactor.names, is_lifted=lifted)
        self._read_digest = None
        self.rebuild()
        return lifted

    def mask_again(self) -> None:
        """Puts the masks back, as when another request is shown."""
        if self._redactor.is_lifted:
            self.toggle_masks()

    def rebuild(self) -> None:
        """Works out the lines for the present width and time."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        request = self._request
        if request is not None and (self._read_digest, self._read_width) != (request.digest, width):
            self._payload = _payload_lines(request, self._redactor, width)
            self._reading = Reading(len(self._payload), self._monotonic())
            self._read_digest, self._read_width = request.digest, width
        self._lines = [] if request is None else self._lines_of(request, width)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()
        self.call_after_refresh(self.note_visible_rows)

    def note_visible_rows(self) -> None:
        """Keeps account of the payload's rows that are on the screen right now."""
        if self._request is None or not self.screen.is_current or not self.is_on_screen:
            return
        top = int(self.scroll_offset.y)
        bottom = top + self.scrollable_content_region.height
        for line in self._lines[top:bottom]:
            if line.payload_row is not None:
                self._reading.saw(line.payload_row, line.payload_row)

    def on_resize(self) -> None:
        self.rebuild()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.call_after_refresh(self.note_visible_rows)

    def scroll_rows(self, rows: int) -> None:
        """Scrolls by so many rows at once, without passing over any on the way."""
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def page(self, direction: int) -> None:
        """Scrolls by a page, one row less than the pane is high."""
        self.scroll_rows(direction * max(1, self.scrollable_content_region.height - 1))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + int(self.scroll_offset.y)
        base = self.rich_style
        if index >= len(self._lines):
            return Strip([Segment(" " * width, base)], width)
        segments = [Segment(text, base + self._style(role)) for text, role in self._lines[index].pieces]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, role: str) -> Style:
        if role == "plain":
            return Style.null()
        style = self.get_component_rich_style(f"request-detail--{role}", partial=True)
        return Style(color=style.color, bold=style.bold, italic=style.italic, dim=style.dim)

    def _lines_of(self, request: Request, width: int) -> list[Line]:
        lines: list[Line] = []
        if not self._is_intact:
            lines += _wrapped("THE DIGEST DOES NOT FIT. Somebody wrote to the store; do not approve.", width, "bad")
        fields = request_fields(request, self._clock(), self._redactor)
        for field in fields:
            lines += _field_lines(field, width)
        arguments = request.effective_arguments
        rows = len(self._payload)
        if rows > _LONG_PAYLOAD:
            lines += [_blank(), _title("preview", width)]
            for text in preview_lines(arguments, self._redactor):
                lines += _wrapped(text, width, "plain")
        kind = "arguments, edited by the reviewer" if request.edited_arguments is not None else "arguments"
        lines += [_blank(), _title(f"{kind} ({rows} {'row' if rows == 1 else 'rows'}, all of them)", width)]
        lines += self._payload
        lines.append(_title("end of the arguments", width))
        return lines


def _digest_fits(request: Request) -> bool:
    try:
        return digest_for(request, request.effective_arguments) == request.digest
    except ApprovalTuiError:
        return False


def _blank() -> Line:
    return Line((("", "plain"),))


def _title(text: str, width: int) -> Line:
    return Line(((pad(f"── {text} " + "─" * width, width - 1).replace("…", "─"), "title"),))


def _wrapped(text: str, width: int, role: str) -> list[Line]:
    return [Line(((row, role),)) for row in wrap(text, width - 1)]


def _field_lines(field: Field, width: int) -> list[Line]:
    role = "agent" if field.from_agent else "plain"
    text = f"“{field.text}”" if field.from_agent else field.text
    rows = wrap(text, max(10, width - 1 - _LABEL))
    if cell_width(field.label) < _LABEL:
        lines = [Line(((pad(field.label, _LABEL), "label"), (rows.pop(0), role)))]
    else:  # a long label, as a key of the context may be, has rows of its own
        lines = [Line(((row, "label"),)) for row in wrap(field.label, width - 1)]
    return lines + [Line(((" " * _LABEL, "label"), (row, role))) for row in rows]


def _payload_lines(request: Request, redactor: Redactor, width: int) -> list[Line]:
    rows = payload.payload_rows(request.effective_arguments, redactor)
    return [
        Line(((row.lead, "note"), (row.label, "key"), (row.text, row.kind)), payload_row=index)
        for index, row in enumerate(payload.wrap_rows(rows, max(10, width - 1)))
    ]
