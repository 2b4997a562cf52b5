"""The request that is on the screen: its payload, how much of it was read, and its story. No Textual.

One reading belongs to one request, digest and state of the masks; the panes that show it share it, so that
what was read in one counts in the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.console.documents import (
    Line,
    Payload,
    aid_lines,
    changes_between_attempts,
    digest_fits,
    payload_of,
    preparing,
    request_lines,
    unreadable,
)
from approval_tui.console.reading import Reading
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.reading_aids import NOTE, Aid, AidRow
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import Clock
from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.models import Request
from approval_tui.domain.precedents import may_be_unusual
from approval_tui.store.transactions.filters import IN_DOUBT

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event

WORKED_OUT = Aid("what helps to read it", (AidRow("", "is being worked out ...", NOTE),))
"""What stands in the place of aids that take their time."""


def aids_failed(error: Exception, title: str = WORKED_OUT.title) -> Aid:
    """What stands in the place of aids that could not be worked out."""
    words = f"could not be worked out ({type(error).__name__}); this is a defect in approval-tui"
    return Aid(title, (AidRow("", words, NOTE),))


LARGE = 50_000
"""Characters of stored arguments and context beyond which they are worked out on a thread, beside the keys."""


class Subject(NamedTuple):
    """The request that is on the screen, and what of it the reviewer has seen."""

    request: Request
    reading: Reading
    rows: int  #: of arguments and context
    unread_rows: int
    is_intact: bool
    is_ready: bool = True  #: whether all of it has been worked out


class Prepared(NamedTuple):
    """A payload as it was worked out for one width and one state of the masks, and whether its digest fits."""

    width: int
    redactor: Redactor
    payload: Payload
    is_intact: bool


def status_of(request: Request) -> str:
    """The status by which keys go: that of a call in doubt is its own."""
    return IN_DOUBT if request.in_doubt else request.status


class ShownRequest:
    """One request as it is shown; a new one is made when another request or digest is shown."""

    counts_edit = False  #: whether what an edit changed has to be read, too

    def __init__(self, request: Request, redactor: Redactor, glyphs: Glyphs, clock: Clock, monotonic: Clock) -> None:
        self.request = request
        self.story: tuple[Event, ...] = ()
        self.previous: Request | None = None  #: the request of the attempt before it, once it is loaded
        self.aids: tuple[Aid, ...] = ()  #: what helps to read the call, once it is worked out
        self._were_aids_under_way = False
        self.aids_under_way_with: Redactor | None = None  #: the masks with which that is being worked out
        self.unusual: tuple[Aid, ...] = ()  #: what is unusual about it, once that is known
        self.unusual_asked_with: Redactor | None = None  #: the masks with which that was asked for last
        self.is_unusual_under_way = False
        self.is_intact = True
        self.is_large = _size(request) > LARGE
        self._redactor = redactor
        self._glyphs = glyphs
        self._clock = clock
        self._monotonic = monotonic
        self._payloads: dict[int, Payload] = {}
        self._changes: dict[int, list[Line]] = {}
        self._aids: dict[int, list[Line]] = {}
        self._began = False
        self._under_way: set[tuple[int, Redactor]] = set()
        self.reading = Reading(None, monotonic())

    @property
    def identity(self) -> tuple[str, str]:
        """What a decision names: the id and the digest."""
        return self.request.id, self.request.digest

    @property
    def redactor(self) -> Redactor:
        """What masks its secrets, or shows them."""
        return self._redactor

    def update(self, request: Request, story: Sequence[Event] | None = None, previous: Request | None = None) -> None:
        """Takes in what became of the same request, and the attempt before it."""
        self.request = request
        if self.unusual and not may_be_unusual(request):
            self.unusual = ()
            self._aids.clear()
        if previous is not None:
            self.previous = previous
        if story is not None:
            self.story = tuple(story)

    def renewed(self, request: Request) -> ShownRequest:
        """The same for another request or content; masks are back."""
        shown = ShownRequest(request, self._redactor.masking(), self._glyphs, self._clock, self._monotonic)
        if request.id == self.request.id:
            shown.previous = self.previous
        return shown

    def toggle_masks(self) -> bool:
        """Lifts the masks from secrets, or puts them back; whether they are lifted now. The reading begins anew."""
        redactor = self._redactor
        self._redactor = redactor.masking() if redactor.is_lifted else redactor.lifted()
        self._payloads.clear()
        self._changes.clear()
        self.aids = self.unusual = ()
        self._aids.clear()
        self._began = False
        self.reading.begin(None, self._monotonic())
        return self._redactor.is_lifted

    # --- working it out ------------------------------------------------------------------------

    def is_prepared(self, width: int) -> bool:
        """Whether the payload at that width is there, or small enough to be worked out in passing."""
        return not self.is_large or width in self._payloads

    def begin_preparing(self, width: int) -> bool:
        """Whether somebody has to work it out for that width; says so once."""
        key = (width, self._redactor)
        if key in self._under_way:
            return False
        self._under_way.add(key)
        return True

    def work_out(self, width: int) -> Prepared:
        """The payload at that width; changes nothing here, so that a thread may do it."""
        redactor = self._redactor
        try:
            payload = payload_of(self.request, redactor, width, self._glyphs, counts_edit=self.counts_edit)
        except StoreCorrupt as error:
            payload = unreadable(error)
        return Prepared(width, redactor, payload, digest_fits(self.request))

    def take(self, prepared: Prepared) -> None:
        """Takes in what was worked out, unless the masks were changed meanwhile; the first begins the reading."""
        self._under_way.discard((prepared.width, prepared.redactor))
        if prepared.redactor is not self._redactor or prepared.width in self._payloads:
            return
        self.is_intact = prepared.is_intact
        if not self._began:
            self._began = True
            self.reading.begin(prepared.payload.total, self._monotonic())
        if self.is_large or len(self._payloads) >= _MOST_WIDTHS:
            self._payloads.clear()
        self._payloads[prepared.width] = prepared.payload

    def payload(self, width: int) -> Payload:
        """The whole payload at that width; words in its place while a large one is worked out."""
        if width not in self._payloads:
            if self.is_large:
                return preparing(_size(self.request))
            self.take(self.work_out(width))
        return self._payloads[width]

    def take_aids(self, redactor: Redactor, aids: tuple[Aid, ...]) -> bool:
        """Takes in what helps to read the call, unless the masks were changed meanwhile; says whether it is news."""
        if self.aids_under_way_with is redactor:
            self.aids_under_way_with = None
        if redactor is not self._redactor or aids == self.aids:
            return False
        self.aids = aids
        self._aids.clear()
        return True

    def ask_for_unusual(self) -> bool:
        """Whether somebody has to find out what is unusual about it, for the masks of now; says so once."""
        if not may_be_unusual(self.request):
            self.is_unusual_under_way = False
            return False
        if self.unusual_asked_with is self._redactor:
            return False
        self.unusual_asked_with, self.is_unusual_under_way = self._redactor, True
        return True

    def take_unusual(self, redactor: Redactor, unusual: tuple[Aid, ...] | None) -> bool:
        """Takes in what is unusual about it, unless the masks were changed or all is over; says whether it is news.

        None where that could not be read: it may be asked for again.
        """
        if redactor is not self._redactor:
            return False
        self.is_unusual_under_way = False
        if unusual is None:
            self.unusual_asked_with = None
        if unusual is None or unusual == self.unusual or not may_be_unusual(self.request):
            return False
        self.unusual = unusual
        self._aids.clear()
        return True

    def announce_aids(self) -> bool:
        """Says, where they were under way when it was last called too, that they are; whether that is news."""
        were_under_way, self._were_aids_under_way = self._were_aids_under_way, self.aids_under_way_with is not None
        if not were_under_way or self.aids_under_way_with is None or self.aids:
            return False
        self.aids = (WORKED_OUT,)
        self._aids.clear()
        return True

    # --- what is shown -------------------------------------------------------------------------

    def lines(self, width: int, *, payload_only: bool = False) -> list[Line]:
        """Everything about it, for a pane of that width, or only what is approved and whose it is."""
        return request_lines(
            self.request,
            self.payload(width),
            self._redactor,
            width,
            self._clock(),
            self._glyphs,
            is_intact=self.is_intact,
            story=None if payload_only else self.story,
            previous=self.previous,
            changes=() if payload_only else self._changes_at(width),
            aids=() if payload_only else self._aids_at(width),
        )

    def _changes_at(self, width: int) -> list[Line]:
        """How it differs from the attempt before, worked out once for each width."""
        if self.previous is None:
            return []
        if width not in self._changes:
            if len(self._changes) >= _MOST_WIDTHS:
                self._changes.clear()
            self._changes[width] = changes_between_attempts(
                self.previous, self.request, self._redactor, width, self._glyphs
            )
        return self._changes[width]

    def _aids_at(self, width: int) -> list[Line]:
        """What is unusual about it and what helps to read it, wrapped once for each width."""
        if width not in self._aids:
            if len(self._aids) >= _MOST_WIDTHS:
                self._aids.clear()
            self._aids[width] = aid_lines((*self.unusual, *self.aids), width, self._glyphs)
        return self._aids[width]

    def subject(self, width: int) -> Subject:
        """What a decision is about, with the rows counted as they are on a pane of that width."""
        is_ready = self.is_prepared(width)
        counted = self.payload(width).counted
        unread = 0
        if is_ready and not self.reading.is_complete:
            unread = self.reading.count_unseen(line.span for line in counted if line.span is not None)
        return Subject(
            self.request,
            self.reading,
            len(counted),
            unread,
            self.is_intact,
            is_ready,
        )


_MOST_WIDTHS = 2


def _size(request: Request) -> int:
    edited = request.edited_arguments_text
    return len(request.context_text) + len(request.arguments_text if edited is None else edited)
