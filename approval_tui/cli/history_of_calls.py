"""The calls of a store in the order of their times: those that asked, and those that a policy decided by itself."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from approval_tui.domain import events
from approval_tui.domain.lifecycle import CONSUMED, DENIED, DENY, NOT_RUN
from approval_tui.policy.replay import PastCall

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event
    from approval_tui.domain.canonical import JsonObject
    from approval_tui.domain.models import Request
    from approval_tui.store.blocking import BlockingStore

_PAGE = 500


def past_calls(store: BlockingStore, since: int | None) -> Iterator[PastCall]:
    """All that no longer waits, oldest first, in short reads; `since` is in ms UTC."""
    given_back = {_details(event).get("claim") for event in _events(store, since, events.TOOL_CALL_NOT_RUN)}
    asked = (_of_request(request) for request in _requests(store, since))
    judged = (_of_event(event, given_back) for event in _events(store, since, events.TOOL_CALL))
    return heapq.merge(asked, judged, key=lambda past: past.at)


def _requests(store: BlockingStore, since: int | None) -> Iterator[Request]:
    """The requests of the history; their ids begin with their times, so that older ones need not be read."""
    after = f"apr_{max(0, since or 0):012x}"
    while True:
        page = store.reader.history(after=after, most=_PAGE)
        yield from (request for request in reversed(page) if request.created_at >= (since or 0))
        if len(page) < _PAGE:
            return
        after = page[0].id


def _events(store: BlockingStore, since: int | None, name: str) -> Iterator[Event]:
    """The events of that name, oldest first; those of a request are told by the request."""
    after = _last_before(store, since or 0)
    while True:
        page = store.reader.events(after=after, most=_PAGE)
        for event in reversed(page):
            if event.name == name and event.request_id is None:
                yield event
        if len(page) < _PAGE:
            return
        after = page[0].seq


def _last_before(store: BlockingStore, moment: int) -> int:
    """The number of the last event before the moment; times in the log never run backwards."""
    bounds = store.reader.log_bounds()
    if bounds is None:
        return 0
    low, high = bounds.first - 1, bounds.last
    while low < high:
        middle = (low + high + 1) // 2
        (event,) = store.reader.events(after=middle - 1, most=1)
        if event.at < moment:
            low = middle
        else:
            high = middle - 1
    return low


def _of_request(request: Request) -> PastCall:
    return PastCall(
        id=request.id,
        at=request.created_at,
        tool=request.tool,
        requester=request.requester,
        arguments=request.effective_arguments,
        then=request.status,
        was_asked=not request.is_decided_by_policy,
        was_denied=request.status == DENIED,
        has_run=request.status == CONSUMED and request.outcome != NOT_RUN,
        was_given_back=request.outcome == NOT_RUN,
    )


def _of_event(event: Event, given_back: Container[object]) -> PastCall:
    said = _details(event)
    was_given_back = said.get("claim") is not None and said.get("claim") in given_back
    verdict = str(said.get("verdict"))
    return PastCall(
        id=f"event {event.seq}",
        at=event.at,
        tool=str(said.get("tool")),
        requester=str(said.get("requester")),
        arguments=None,
        then=verdict,
        was_asked=False,
        was_denied=verdict == DENY,
        has_run=verdict != DENY and not was_given_back,
        was_given_back=was_given_back,
    )


def _details(event: Event) -> JsonObject:
    details = event.body.get("details")
    return details if isinstance(details, dict) else {}
