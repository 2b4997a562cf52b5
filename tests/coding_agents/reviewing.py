"""What a reviewer's side of the store says of the requests of an agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import approve, until

MAKE = "echo made >> made.txt"


def only_request(desk: BlockingStore) -> Request:
    """The only request that there ever was, which no longer waits."""
    assert desk.reviewer.list() == ()
    (request,) = desk.reviewer.history()
    return request


def approve_all_until(desk: BlockingStore, is_over: Callable[[], bool]) -> None:
    """Approves whatever is asked until then."""

    def approved_all() -> bool:
        for request in desk.reviewer.list():
            approve(desk, request)
        return is_over()

    until(approved_all)


def details_of(desk: BlockingStore, request: Request, name: str) -> dict[str, Any]:
    """What the request's one event of that name says."""
    (event,) = [event for event in desk.reviewer.events(request_id=request.id) if event.name == name]
    details: dict[str, Any] = event.body["details"]
    return details
