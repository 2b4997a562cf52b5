"""The live list of requests: draws only the lines that are visible, and follows the queue's cursor."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from approval_tui.console.queue import Entry, Queue
from approval_tui.display.badges import risk_badge, status_badge
from approval_tui.display.preview import preview_line
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import visible_text
from approval_tui.display.width import pad
from approval_tui.domain.clock import Clock, format_age
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, DENIED

_AGE, _LEFT, _RISK = 6, 7, 11
_SHARE = 4
_EMPTY_STYLE = Style(dim=True)


class RequestList(ScrollView, can_focus=True):
    """One line a request: age, time left, risk, tool, requester and a one-line preview."""

    COMPONENT_CLASSES = {
        "request-list--header",
        "request-list--cursor",
        "request-list--gone",
        "request-list--warning",
        "request-list--bad",
        "request-list--good",
    }

    class Picked(Message):
        """The reviewer clicked the row with this index."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, queue: Queue, redactor: Redactor, clock: Clock, *, id: str, empty: list[str]) -> None:
        super().__init__(id=id)
        self._queue = queue
        self._redactor = redactor
        self._clock = clock
        self._empty = empty

    def queue_changed(self) -> None:
        """Draws the list anew after the queue changed, and keeps the cursor's row in view."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._queue) + 1)
        self._keep_cursor_in_view()
        self.refresh()

    def visible_rows(self) -> tuple[int, int]:
        """The first and the last row that are on the screen."""
        first = int(self.scroll_offset.y)
        return first, first + max(0, self._rows_on_screen() - 1)

    def on_resize(self) -> None:
        self.queue_changed()

    def on_click(self, event: events.Click) -> None:
        index = event.get_content_offset(self)
        if index is not None and index.y > 0:
            row = index.y - 1 + int(self.scroll_offset.y)
            if row < len(self._queue):
                self.post_message(self.Picked(row))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            style = self.get_component_rich_style("request-list--header")
            return Strip([Segment(self._header(width), style)], width)
        index = y - 1 + int(self.scroll_offset.y)
        if index >= len(self._queue):
            line = self._empty[y - 2] if not len(self._queue) and 0 <= y - 2 < len(self._empty) else ""
            return Strip([Segment(pad(f" {line}", width), self.rich_style + _EMPTY_STYLE)], width)
        return self._row(index, width)

    def _row(self, index: int, width: int) -> Strip:
        entry = self._queue.entry(index)
        request = entry.request
        now = self._clock()
        base = self.rich_style
        risk = risk_badge(request.risk)
        if index == self._queue.cursor_index:
            base = self.get_component_rich_style("request-list--cursor")
        elif entry.is_gone:
            base = self.get_component_rich_style("request-list--gone")
        tool, requester, preview = self._widths(width)
        segments = [
            Segment(self._mark(entry, index), base),
            Segment(pad(format_age(now - request.created_at), _AGE - 1, right=True) + " ", base),
            Segment(pad(self._left(entry, now), _LEFT - 1, right=True) + "  ", base + self._left_style(entry, now)),
            Segment(pad(risk.text(), _RISK), base + self._role_style(risk.role)),
            Segment(pad(visible_text(request.tool), tool - 1) + " ", base + Style(bold=not entry.is_gone)),
            Segment(pad(visible_text(request.requester), requester - 1) + " ", base),
            Segment(pad(self._preview(entry), preview), base),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _mark(self, entry: Entry, index: int) -> str:
        if index == self._queue.cursor_index:
            return "▌ "
        return "• " if entry.is_new else "  "

    def _preview(self, entry: Entry) -> str:
        if entry.is_gone:
            return gone_words(entry)
        return preview_line(entry.request.effective_arguments, self._redactor)

    def _left(self, entry: Entry, now: int) -> str:
        return "-" if entry.is_gone else format_age(entry.request.expires_at - now)

    def _left_style(self, entry: Entry, now: int) -> Style:
        if entry.is_gone or entry.request.expires_at - now > 60_000:
            return Style.null()
        return self._role_style("warning")

    def _role_style(self, role: str) -> Style:
        if role in ("warning", "bad", "good"):
            color = self.get_component_rich_style(f"request-list--{role}", partial=True).color
            return Style(color=color)
        return Style.null()

    def _header(self, width: int) -> str:
        tool, requester, preview = self._widths(width)
        return (
            "  "
            + pad("age", _AGE - 1, right=True)
            + " "
            + pad("left", _LEFT - 1, right=True)
            + "  "
            + pad("risk", _RISK)
            + pad("tool", tool - 1)
            + " "
            + pad("requester", requester - 1)
            + " "
            + pad("what", preview)
        )

    def _widths(self, width: int) -> tuple[int, int, int]:
        """The cells of tool, requester and preview: what the fixed columns leave."""
        room = max(12, width - 2 - _AGE - _LEFT - 1 - _RISK)
        tool = max(8, min(24, room // _SHARE + 2))
        requester = max(8, min(20, room // _SHARE + 1))
        return tool, requester, max(1, room - tool - requester)

    def _rows_on_screen(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _keep_cursor_in_view(self) -> None:
        index = self._queue.cursor_index
        if index < 0:
            return
        first, last = self.visible_rows()
        if index < first:
            self.scroll_to(y=index, animate=False, force=True)
        elif index > last:
            self.scroll_to(y=index - self._rows_on_screen() + 1, animate=False, force=True)


def gone_words(entry: Entry) -> str:
    """What a tombstone says."""
    request = entry.request
    words = status_badge(request).text()
    if request.decisions and request.status == DENIED:
        words += f" by {visible_text(request.decisions[-1].reviewer)}"
    elif request.decisions and request.status in (APPROVED, CONSUMED):
        words += f", approved by {visible_text(request.decisions[-1].reviewer)}"
    return words.replace("approved, approved", "approved")
