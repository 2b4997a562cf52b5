"""The request that is on the screen: its payload, how much of it was read, and its story. No Textual.

One reading belongs to one request, digest and state of the masks; the panes that show it share it, so that
what was read in one counts in the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approval_tui.console.documents import (
    Line,
    Payload,
    digest_fits,
    payload_lines,
    payload_of,
    payload_total,
    request_lines,
)
from approval_tui.console.reading import Reading
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.domain.audit import Event
from approval_tui.domain.clock import Clock
from approval_tui.domain.models import Request
from approval_tui.store.transactions.filters import IN_DOUBT


@dataclass(frozen=True)
class Subject:
    """The request that is on the screen, and what of it the reviewer has seen."""

    request: Request
    reading: Reading
    rows: int
    unread_rows: int
    is_intact: bool


def status_of(request: Request) -> str:
    """The status by which keys go: that of a call in doubt is its own."""
    return IN_DOUBT if request.in_doubt else request.status


class ShownRequest:
    """One request as it is shown; a new one is made when another request or digest is shown."""

    def __init__(self, request: Request, redactor: Redactor, glyphs: Glyphs, clock: Clock, monotonic: Clock) -> None:
        self.request = request
        self.story: tuple[Event, ...] = ()
        self.is_intact = digest_fits(request)
        self._redactor = redactor
        self._glyphs = glyphs
        self._clock = clock
        self._monotonic = monotonic
        self._payloads: dict[int, Payload] = {}
        self.reading = Reading(0, 0)
        self._begin_reading()

    @property
    def identity(self) -> tuple[str, str]:
        """What a decision names: the id and the digest."""
        return self.request.id, self.request.digest

    @property
    def redactor(self) -> Redactor:
        """What masks its secrets, or shows them."""
        return self._redactor

    def update(self, request: Request, story: Sequence[Event] | None = None) -> None:
        """Takes in what became of the same request."""
        self.request = request
        if story is not None:
            self.story = tuple(story)

    def renewed(self, request: Request) -> ShownRequest:
        """The same for another request or content; masks are back."""
        redactor = Redactor(self._redactor.names)
        return ShownRequest(request, redactor, self._glyphs, self._clock, self._monotonic)

    def toggle_masks(self) -> bool:
        """Lifts the masks from secrets, or puts them back; whether they are lifted now. The reading begins anew."""
        self._redactor = Redactor(self._redactor.names, is_lifted=not self._redactor.is_lifted)
        self._payloads.clear()
        self._begin_reading()
        return self._redactor.is_lifted

    def payload(self, width: int) -> Payload:
        """The whole payload at that width, worked out once."""
        if width not in self._payloads:
            if len(self._payloads) > 3:
                self._payloads.clear()
            self._payloads[width] = payload_of(self.request, self._redactor, width, self._glyphs)
        return self._payloads[width]

    def lines(self, width: int) -> list[Line]:
        """Everything about it, for a pane of that width."""
        return request_lines(
            self.request,
            self.payload(width),
            self._redactor,
            width,
            self._clock(),
            self._glyphs,
            is_intact=self.is_intact,
            story=self.story,
        )

    def payload_lines(self, width: int) -> list[Line]:
        """The whole payload and whose it is, for a screen of its own."""
        return payload_lines(
            self.request,
            self.payload(width),
            self._redactor,
            width,
            self._clock(),
            self._glyphs,
            is_intact=self.is_intact,
        )

    def subject(self, width: int) -> Subject:
        """What a decision is about, with the rows counted as they are on a pane of that width."""
        payload = self.payload(width)
        unread = 0
        if not self.reading.is_complete:
            unread = sum(1 for line in (*payload.context, *payload.lines) if self._is_unread(line))
        return Subject(self.request, self.reading, len(payload.lines), unread, self.is_intact)

    def _is_unread(self, line: Line) -> bool:
        return line.span is not None and not self.reading.has_seen(*line.span)

    def _begin_reading(self) -> None:
        self.reading = Reading(payload_total(self.request, self._redactor, self._glyphs), self._monotonic())
