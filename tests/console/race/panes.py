"""What the panes of a console that is at rest show, held against the store."""

from __future__ import annotations

import re
from collections.abc import Iterator

from approval_tui.console.bulk_screen import BulkScreen
from approval_tui.console.edit_screen import EditScreen
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.console.lists import ListView
from approval_tui.console.session_screen import SessionScreen
from approval_tui.display.badges import status_badge
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, GRANTS_VIEW, HISTORY_VIEW, PENDING_VIEW
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.filters import PENDING_ONLY
from tests.console.driver import Console
from tests.console.race.racing_console import RacingConsole


def stale(console: Console, desk: BlockingStore) -> list[str]:
    """Each thing that a pane of the console says and that is not so in the store."""
    return [f"{console.app.reviewer.name} {what}" for what in (*_main(console, desk), *_others(console, desk))]


def _main(console: Console, desk: BlockingStore) -> Iterator[str]:
    screen, reader = console.screen, desk.reviewer
    lists = screen.lists
    waiting = reader.list()
    yield from _pending(lists.pending, desk, [request.id for request in waiting])
    yield from _painted_marks(console)
    shown = lists.shown
    if shown.name == HISTORY_VIEW and shown.rows.is_loaded:
        yield from _requests(shown, desk)
        newest = [request.id for request in reader.history(most=5)]
        listed = [entry.row.id for entry in shown.rows.loaded]
        if shown.rows.offset == 0 and not shown.is_filtered and listed[: len(newest)] != newest:
            yield f"lists of the history {listed[:5]}, not {newest}"
    elif shown.name == AUDIT_VIEW and shown.rows.is_loaded and not shown.is_filtered:
        head = reader.head()
        newest_event = max((entry.row.seq for entry in shown.rows.loaded), default=0)
        if shown.rows.offset == 0 and head is not None and newest_event != head.seq:
            yield f"lists events up to {newest_event} of {head.seq}"
    elif shown.name == GRANTS_VIEW and shown.rows.is_loaded:
        if [entry.row for entry in shown.rows.loaded] != list(reader.grants()):
            yield "lists other grants"
        if screen.shown_grant is not None:
            if screen.shown_grant != reader.get_grant(screen.shown_grant.id):
                yield f"shows the grant {screen.shown_grant.id} as it was"
            uses = [request.id for request in reader.uses_of_grant(screen.shown_grant.id)]
            if [request.id for request in screen._approved_by_grant] != uses:
                yield f"shows other uses of the grant {screen.shown_grant.id}"
    held = {(hold.requester, hold.session): hold for hold in reader.holds() if hold.is_in_force}
    if console.app.held != held:
        yield f"knows of {sorted(console.app.held)} held, not {sorted(held)}"
    counts = reader.overview()
    if (screen.status._pending, screen.status._held) != (counts.pending, counts.held):
        yield f"counts {screen.status._pending} pending and {screen.status._held} held, not {counts}"
    if screen.shown_request is not None:
        yield from _shown(console, desk, screen.shown_request.request)


def _pending(view: ListView, desk: BlockingStore, waiting: list[str]) -> Iterator[str]:
    listed = [entry.row.id for entry in view.rows.loaded if not entry.is_gone]
    if view.chosen == PENDING_ONLY and listed != waiting:
        yield f"lists {listed}, and {waiting} wait"
    elif not set(listed) <= set(waiting):
        yield f"lists {set(listed) - set(waiting)}, which do not wait"
    if not set(view.marks.keys) <= set(waiting):
        yield f"has marks on {set(view.marks.keys) - set(waiting)}, which do not wait"
    yield from _requests(view, desk)


def _painted_marks(console: Console) -> Iterator[str]:
    """The number of marks stands in the first line."""
    view, app = console.screen.lists.shown, console.app
    assert isinstance(app, RacingConsole)
    if console.screen.is_in_front and view.name == PENDING_VIEW:
        said = re.search(r"(\d+) marked", app.painted.split("\n")[0])
        if (0 if said is None else int(said[1])) != len(view.marks):
            yield f"has painted {said and said[0]!r}, and marked are {len(view.marks)}"


def _requests(view: ListView, desk: BlockingStore) -> Iterator[str]:
    for entry in view.rows.loaded:
        now = desk.reviewer.get(entry.row.id)
        if _as_it_is(entry.row) != _as_it_is(now):
            yield f"has {now.id} in {view.name} as {entry.row.status}, and it is {now.status}: {entry.row} {now}"


def _as_it_is(request: Request) -> tuple[object, ...]:
    """What a pane says of it; that its time has passed is said before that is recorded."""
    return request.status, request.digest, request.decisions, request.outcome, request.consumed_at


def _shown(console: Console, desk: BlockingStore, shown: Request) -> Iterator[str]:
    now = desk.reviewer.get(shown.id)
    if _as_it_is(shown) != _as_it_is(now):
        yield f"shows {now.id} as {shown.status} ({shown.version}), and it is {now.status} ({now.version})"
    app = console.app
    assert isinstance(app, RacingConsole)
    if console.screen.is_in_front and console.screen.lists.active in (PENDING_VIEW, HISTORY_VIEW):
        region = console.screen.detail.content_region
        rows = [row[region.x : region.right].strip() for row in app.painted.split("\n")[region.y : region.bottom]]
        words = status_badge(now).text()
        said = [row for row in rows if row.startswith("status ")]
        if said and words not in said[0]:
            yield f"has painted {said[0]!r} of {now.id}, which is {words}"
        if now.status == PENDING and now.session is not None and not console.screen.lists.shown.is_filtered:
            is_held = desk.reviewer.find_hold(now.requester, now.session)
            says_held = any("HELD BACK" in row for row in rows)
            if says_held != (is_held is not None and is_held.is_in_force):
                yield f"has painted of {now.id} that its session is {'held' if says_held else 'not held'}"


def _others(console: Console, desk: BlockingStore) -> Iterator[str]:
    for screen in console.app.screen_stack:
        if isinstance(screen, BulkScreen):
            for item in screen.items:
                now, known = desk.reviewer.get(item.request.id), screen._now_as.get(item.request.id)
                if known is None or (known.status, known.digest) != (now.status, now.digest):
                    yield f"has {now.id} in the table as {known and known.status}, and it is {now.status}"
        elif isinstance(screen, SessionScreen):
            if screen.story is not None and screen.story != desk.reviewer.session(*screen._session):
                yield f"shows the session {screen._session} as it was"
        elif isinstance(screen, EditScreen):
            base, now = screen.editing.base, desk.reviewer.get(screen.editing.base.id)
            if (screen.editing.request.status, screen.editing.request.digest) != (now.status, now.digest):
                yield f"edits {now.id} as {screen.editing.request.status}, and it is {now.status}"
            if base.session is not None:
                hold = desk.reviewer.find_hold(base.requester, base.session)
                if screen.editing.hold != hold:
                    yield f"edits {now.id} as if its session were {screen.editing.hold}, and it is {hold}"
        elif isinstance(screen, GrantingScreen) and (subject := screen.subject()) is not None:
            now = desk.reviewer.get(subject.request.id)
            if subject.is_intact and subject.request.status != now.status:
                yield f"proposes a grant on {now.id} as {subject.request.status}, and it is {now.status}"
            if screen.is_looked_up and now.digest == subject.request.digest:
                preview = desk.reviewer.preview_grant(now.id, screen.proposal.terms, reviewer=console.app.reviewer)
                if screen._preview is None or [each.id for each in preview.releases] != [
                    each.id for each in screen._preview.releases
                ]:
                    yield "proposes a grant that would approve something else"
