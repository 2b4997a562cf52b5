"""One session as a whole: what it asked, what policies decided of it without asking, its grants, and its hold."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.audit import Event
from approval_tui.domain.checks import check_name
from approval_tui.domain.errors import SessionNotFound
from approval_tui.domain.grants import Grant
from approval_tui.domain.holds import Hold
from approval_tui.domain.models import Request
from approval_tui.store.transaction import Transaction
from approval_tui.store.transactions import grants, holds
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import request_from_row

MOST_ASKED = 300
"""Requests of one session that are told, the newest of them."""

MOST_CALLS_LOOKED_AT = 5_000
"""Of all calls that policies decided by themselves, the newest that are looked through for those of a session."""

_MOST_GRANTS = 100


@dataclass(frozen=True)
class SessionStory:
    """What is known of one session; requests and calls oldest first, grants newest first.

    `earlier` is how many requests of it are older than those told. `calls` are the events of calls that a policy let
    run, or denied, without asking anybody, as far as they are among the newest.
    """

    requester: str
    session: str
    requests: tuple[Request, ...]
    earlier: int
    calls: tuple[Event, ...]
    grants: tuple[Grant, ...]
    hold: Hold | None

    @property
    def is_held(self) -> bool:
        """Whether a reviewer holds it back now."""
        return self.hold is not None and self.hold.is_in_force


def session_story(tx: Transaction, requester: str, session: str) -> SessionStory:
    """What is known of that session; raises SessionNotFound where it never asked anything."""
    check_name("requester", requester)
    check_name("session", session)
    name = {"requester": requester, "session": session}
    rows = tx.rows("requests_of_session", {**name, "most": MOST_ASKED})
    if not rows:
        raise SessionNotFound(requester, session)
    count = tx.rows("count_of_session", name)[0]["count"]
    given = tx.rows("grants_of_session", {**name, "most": _MOST_GRANTS})
    return SessionStory(
        requester,
        session,
        tuple(request_from_row(row, tx.now) for row in reversed(rows)),
        count - len(rows),
        _calls(tx, requester, session),
        tuple(grants.grant_from_row(row) for row in given),
        holds.find_hold(tx, requester, session),
    )


def _calls(tx: Transaction, requester: str, session: str) -> tuple[Event, ...]:
    calls = []
    for row in tx.rows("tool_call_events", {"most": MOST_CALLS_LOOKED_AT}):
        event = event_from_row(row)
        details = event.body.get("details")
        whose = (details.get("requester"), details.get("session")) if isinstance(details, dict) else None
        if whose == (requester, session) and event.request_id is None:
            calls.append(event)
    return tuple(reversed(calls))
