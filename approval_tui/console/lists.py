"""What the console's lists hold and how it is asked for: pending, history, audit. No Textual.

Each list remembers its filter, its rows and its place, so that going from one to another loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from approval_tui.console.filtering import parse_filter
from approval_tui.console.marks import Marks
from approval_tui.console.pages import FIRST, Key, Page, Want
from approval_tui.console.rows import Rows
from approval_tui.domain.lifecycle import PENDING, STATUSES, may_still_change
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, GRANTS_VIEW, HISTORY_VIEW, PENDING_VIEW
from approval_tui.store.transactions.filters import EVERYTHING, IN_DOUBT, PENDING_ONLY, Filter

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event
    from approval_tui.domain.grants import Grant

MORE = "more"  #: the rows that a search finds further on
MOST_FOUND = 2000
"""Rows after which a search stops; whoever seeks narrows it down instead."""


class Load(NamedTuple):
    """One thing to load: for which list, in which state of it, and what."""

    view: str
    token: int
    chosen: Filter
    request_id: str | None
    want: Want
    watched: tuple[str, ...] = ()
    seen_up_to: Key | None = None

    @property
    def is_search(self) -> bool:
        """Whether rows have to be looked for one by one."""
        return self.view in (HISTORY_VIEW, AUDIT_VIEW) and self.request_id is None and self.chosen != EVERYTHING


class Found(Rows[Any]):
    """The rows that a search found so far; it only grows, and goes on where it stopped."""

    def __init__(self, key_of: Any) -> None:
        super().__init__(key_of, is_ascending=False)
        self.go_on: Key | None = None  #: where the search goes on; None at its end
        self.looked_at = 0  #: how many rows the search has looked at

    @property
    def is_finished(self) -> bool:
        """Whether everything was looked at, or enough was found."""
        return self.is_loaded and (self.go_on is None or len(self) >= MOST_FOUND)

    def want(self, first: int, last: int) -> Want | None:
        """More rows, until those on the screen and one more screen are there."""
        if not self.is_loaded:
            return Want(FIRST)
        return None if self.is_finished or len(self) > 2 * last - first + 1 else Want(MORE, key=self.go_on)

    def want_again(self) -> Want:
        """The whole search anew."""
        return Want(FIRST)

    def take(self, rows: Sequence[Any], want: Want, go_on: Key | None, scanned: int) -> int:
        """Takes in one step of the search."""
        self.go_on = go_on
        self.looked_at = scanned + (self.looked_at if want.place == MORE else 0)
        known = [entry.row for entry in self.loaded] if want.place == MORE else []
        every = [*known, *rows]
        return self.merge(Page(every, offset=0, total=len(every)), Want(FIRST))


class ListView:
    """One list: its rows, its filter, and what of the store it shows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filter_text = ""
        self.chosen: Filter = self._everything
        self.request_id: str | None = None  #: in the audit view: the request whose events are shown
        self.token = 0
        self._home: Key | None = None  #: where the reviewer put the cursor; a filter comes back to it
        self.marks = Marks()  #: the rows that are to be decided together, whatever the filter
        self.rows: Rows[Any] = self._new_rows()

    @property
    def _everything(self) -> Filter:
        return PENDING_ONLY if self.name == PENDING_VIEW else EVERYTHING

    @property
    def is_filtered(self) -> bool:
        """Whether something is kept out of the list."""
        return self.chosen != self._everything or self.request_id is not None

    def filter_by(self, text: str, *, request_id: str | None = None) -> None:
        """Shows what the filter's text means; raises InvalidInput for a text that means nothing."""
        statuses = (PENDING,) if self.name == PENDING_VIEW else (*STATUSES, IN_DOUBT)
        chosen = parse_filter(text, statuses) if text.strip() else self._everything
        if (chosen, request_id) == (self.chosen, self.request_id):
            self.filter_text = text
            return
        self.filter_text, self.chosen, self.request_id = text, chosen, request_id
        self.token += 1
        before = self.rows.current
        if before is not None and (self.rows.was_moved or self._home is None):
            self._home = self._key_of(before)
        self.rows = self._new_rows()
        self.rows.prefer(self._home)

    def load(self, want: Want) -> Load:
        """What to ask the store for."""
        watched = self._watched() if self.name == PENDING_VIEW else ()
        return Load(self.name, self.token, self.chosen, self.request_id, want, watched, seen_up_to=self.rows.seen_up_to)

    def merge(self, load: Load, page: Page[Any], vanished: Mapping[Key, Any]) -> int:
        """Takes in what was loaded; see `Rows.merge`. Pages of an earlier filter are dropped."""
        if load.token != self.token:
            return 0
        if isinstance(self.rows, Found):
            return self.rows.take(page.rows, load.want, page.go_on, page.scanned)
        return self.rows.merge(page, load.want, vanished)

    def _new_rows(self) -> Rows[Any]:
        key_of = self._key_of
        if self.name in (HISTORY_VIEW, AUDIT_VIEW) and self.request_id is None and self.chosen != EVERYTHING:
            return Found(key_of)
        is_ascending = self.name == PENDING_VIEW or self.request_id is not None
        return Rows(key_of, is_ascending=is_ascending, marks=self.marks if self.name == PENDING_VIEW else None)

    @property
    def _key_of(self) -> Callable[[Any], Key]:
        if self.name == AUDIT_VIEW:
            return _event_key
        return _grant_key if self.name == GRANTS_VIEW else _request_key

    def _watched(self) -> tuple[str, ...]:
        """The ids of the requests whose story goes on: those that wait, and tombstones that may still change."""
        watched = []
        rows = [entry.row for entry in self.rows.loaded]
        if self.rows.current is not None:
            rows.append(self.rows.current)
        for request in rows:
            if may_still_change(request.status, request.outcome) and not request.in_doubt:
                watched.append(request.id)
        return tuple(dict.fromkeys(watched))


class Lists:
    """All lists and which of them is on the screen."""

    def __init__(self) -> None:
        self.views = {name: ListView(name) for name in (PENDING_VIEW, HISTORY_VIEW, AUDIT_VIEW, GRANTS_VIEW)}
        self.active = PENDING_VIEW
        self.on_screen = (0, 0)  #: the first and the last index of the shown list that are on the screen

    @property
    def shown(self) -> ListView:
        """The list that is on the screen."""
        return self.views[self.active]

    def want(self) -> Want:
        """What the shown list needs now: rows that came into view, or else those it has, as they are now."""
        rows = self.shown.rows
        return rows.want(*self.on_screen) or rows.want_again()

    @property
    def pending(self) -> ListView:
        """The list of what waits, loaded at every change whatever is on the screen."""
        return self.views[PENDING_VIEW]


def _request_key(request: Request) -> Key:
    return request.id


def _grant_key(grant: Grant) -> Key:
    return f"{grant.granted_at:016d} {grant.id}"


def _event_key(event: Event) -> Key:
    return event.seq
