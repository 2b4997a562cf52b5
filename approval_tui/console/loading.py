"""Asks the store for what the lists want, in short reads; gives pages and touches nothing else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from approval_tui.console.lists import Load
from approval_tui.console.pages import AT, FIRST, FROM, LAST, UNTIL, Key, Page
from approval_tui.console.row_check import check_row
from approval_tui.domain.errors import RequestNotFound
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, GRANTS_VIEW, PENDING_VIEW
from approval_tui.store.transactions.filters import PENDING_ONLY, Filter

if TYPE_CHECKING:
    from approval_tui.domain.grants import Grant
    from approval_tui.store.asynchronous import ReviewerStore

_SCAN = 20_000
_NEWEST = 20
_FOUND_AT_ONCE = 100
_MOST_GRANTS = 2_000
BEYOND = "g"  #: sorts behind every character of an id, so that what comes before it includes the id itself


async def load_page(store: ReviewerStore, load: Load) -> tuple[Page[Any], dict[Key, Request]]:
    """The page that a list wants, and what became of requests that it shows and that no longer wait.

    Raises StoreCorrupt for rows that hold what no command writes.
    """
    gone: dict[Key, Request] = {}
    if load.view == PENDING_VIEW:
        page, gone = await _pending(store, load)
    elif load.view == AUDIT_VIEW:
        page = await _events(store, load)
    elif load.view == GRANTS_VIEW:
        return await _grants(store, load), gone
    else:
        page = await _history(store, load)
    for row in (*page.rows, *gone.values()):
        check_row(row)
    return page, gone


async def load_newest(store: ReviewerStore) -> tuple[Request, ...]:
    """The newest requests that wait, whatever the lists show: somebody may have to be called for them.

    Raises StoreCorrupt as `load_page` does.
    """
    newest = (await store.pending_page(end=True, most=_NEWEST, count=False)).requests
    for request in newest:
        check_row(request)
    return newest


async def _pending(store: ReviewerStore, load: Load) -> tuple[Page[Any], dict[Key, Request]]:
    want = load.want
    newer_than = load.seen_up_to if isinstance(load.seen_up_to, str) else None
    found = await store.pending_page(
        load.chosen,
        start=want.key if want.place == FROM and isinstance(want.key, str) else None,
        until=want.key if want.place == UNTIL and isinstance(want.key, str) else None,
        index=want.offset if want.place == AT else None,
        end=want.place == LAST,
        newer_than=newer_than,
        most=want.most,
    )
    if not found.requests and found.total:  # all that came after the key were decided
        found = await store.pending_page(load.chosen, end=True, newer_than=newer_than, most=want.most)
    present = {request.id for request in found.requests}
    missing = tuple(each for each in load.watched if each not in present)
    vanished = await store.get_many(missing) if missing else ()
    if load.chosen == PENDING_ONLY:
        vanished = tuple(request for request in vanished if request.status != PENDING)
    gone: dict[Key, Request] = {request.id: request for request in vanished}
    return Page(found.requests, found.before, found.total, found.newer), gone


async def _history(store: ReviewerStore, load: Load) -> Page[Any]:
    want = load.want
    if load.is_search:
        before = want.key if isinstance(want.key, str) else None
        found = await store.search_history(load.chosen, before=before, most=_FOUND_AT_ONCE, scan=_SCAN)
        return Page(found.requests, go_on=found.before, scanned=found.scanned)
    total = await store.history_count()
    if want.place == UNTIL and isinstance(want.key, str):
        return Page(await store.history(after=want.key, most=want.most), total=total)
    if want.place == LAST:
        return Page(await store.history(oldest=True, most=want.most), total=total)
    before = f"{want.key}{BEYOND}" if want.place == FROM else None
    if want.place == AT:
        start = await store.history_id_at(want.offset)
        before = None if start is None else f"{start}{BEYOND}"
    return Page(await store.history(before=before, most=want.most), total=total)


async def _grants(store: ReviewerStore, load: Load) -> Page[Any]:
    """All grants that match; there are so few that they are loaded at once."""
    found = [grant for grant in await store.grants(most=_MOST_GRANTS) if _matches(grant, load.chosen)]
    return Page(found, offset=0, total=len(found))


def _matches(grant: Grant, chosen: Filter) -> bool:
    """Whether every word occurs: in its field, or anywhere in what is said of the grant."""
    fields = {"tool": grant.tool, "requester": grant.requester, "session": grant.session or ""}
    covered = "" if grant.matcher is None else " ".join(part.text or "" for part in grant.matcher.parts)
    anywhere = " ".join((*fields.values(), grant.id, grant.granted_by, grant.scope, grant.request_id, covered)).lower()
    return all(
        word.text.lower() in (anywhere if word.field is None else fields.get(word.field, "").lower())
        for word in chosen.words
    )


async def _events(store: ReviewerStore, load: Load) -> Page[Any]:
    want = load.want
    if load.request_id is not None:
        with contextlib.suppress(RequestNotFound):
            events = await store.events(request_id=load.request_id)
            return Page(events, offset=0, total=len(events))
        return Page((), offset=0, total=0)
    if load.is_search:
        found = await store.search_events(
            load.chosen, before=want.key if isinstance(want.key, int) else None, most=_FOUND_AT_ONCE, scan=_SCAN
        )
        return Page(found.events, go_on=found.before, scanned=found.scanned)
    bounds = await store.log_bounds()
    if bounds is None:
        return Page((), offset=0, total=0)
    total = bounds.last - bounds.first + 1
    if want.place == UNTIL and isinstance(want.key, int):
        events = await store.events(after=want.key, most=want.most)
    else:
        before = {
            FROM: want.key + 1 if isinstance(want.key, int) else None,
            AT: bounds.last - want.offset + 1,
            LAST: bounds.first + want.most,
            FIRST: None,
        }[want.place]
        events = await store.events(before=before, most=want.most)
    offset = bounds.last - events[0].seq if events else 0
    return Page(events, offset=max(0, offset), total=max(total, offset + len(events)))
