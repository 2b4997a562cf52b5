"""Notices: what sinks are told of requests, and the deliveries that are still to be made."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.canonical import canonical_hash
from approval_tui.domain.clock import DAY, SECOND
from approval_tui.domain.sinks import SINK_EVENTS

REMINDER = "reminder"  #: a request still waits; told to those who heard that it was requested
NOTICE_KINDS = (*SINK_EVENTS, REMINDER)

LEASE = 30 * SECOND
"""For how many ms a deliverer has a delivery for itself; if it dies, another takes it up after that."""

GIVEN_UP_AFTER = 7 * DAY
"""For how many ms a delivery is tried."""


@dataclass(frozen=True)
class Notice:
    """What is told of a request: never its arguments, nor anybody's reasons (rule R10); times are in ms UTC.

    `status` is what the event led to; of a request that was announced or that still waits, what it is now.
    """

    kind: str
    at: int
    request_id: str
    tool: str
    server: str | None
    requester: str
    risk: str | None
    status: str
    expires_at: int


@dataclass(frozen=True)
class Delivery:
    """One notice for one sink, leased to a deliverer; `attempts` counts the present one, too."""

    sink: str
    seq: int
    attempts: int
    notice: Notice

    @property
    def message_id(self) -> str:
        """The same in every attempt and in every deliverer, so that a receiver can tell a repetition.

        The request's id is in it because the numbers of two stores' events are alike.
        """
        notice = self.notice
        value = {"sink": self.sink, "seq": self.seq, "kind": notice.kind, "request": notice.request_id}
        return f"msg_{canonical_hash({'type': 'message', **value}).rpartition(':')[2][:32]}"


@dataclass(frozen=True)
class GivenUp:
    """A delivery that was dropped after it had been tried for too long; `failure` is what stood in its way last."""

    sink: str
    kind: str
    request_id: str
    attempts: int
    failure: str | None


@dataclass(frozen=True)
class Outlook:
    """What there is to do for sinks, by their ids."""

    behind: frozenset[str]  #: there are events that they have not been told of, or they are new
    due: frozenset[str]  #: they have deliveries that may be leased now
    has_old: bool  #: some delivery, of whatever sink, was tried for too long
