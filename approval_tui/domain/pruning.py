"""What of the audit log may be pruned: the longest beginning of it that nothing needs which goes on after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import format_timestamp

UNENDED = 2**63 - 1
"""The last event of what is still in force, or not finished."""

MOST_KEEPERS = 20
"""Of what keeps events from being pruned, so many are told; the others are counted."""


class Segment(NamedTuple):
    """A sealed beginning of the log: up to `last_seq` it may be deleted, and the hash there stays."""

    number: int
    last_seq: int
    last_hash: str
    sealed_at: int  #: ms UTC

    def to_json(self) -> JsonObject:
        """The object that is printed."""
        return {
            "number": self.number,
            "last_seq": self.last_seq,
            "last_hash": self.last_hash,
            "sealed_at": format_timestamp(self.sealed_at),
        }


class Span(NamedTuple):
    """From which event to which the log is needed by one request, grant or hold, and what it is."""

    first: int
    last: int
    at: int  #: when it began, in ms UTC
    what: str  #: as `request apr_...`
    why: str  #: why it does not end sooner, as `is in doubt`


class Keeper(NamedTuple):
    """What keeps the rest of the log: since when (ms UTC), what it is, and why."""

    at: int
    what: str
    why: str

    def to_json(self) -> JsonObject:
        """The object that is printed."""
        return {"since": format_timestamp(self.at), "what": self.what, "why": self.why}


class Cut:
    """Finds the last number up to `limit` over which no span reaches; spans are added in the order of their begin."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reach = 0
        self._spans = 0
        self._here = 0
        self._spans_here = 0
        self.keepers: list[Keeper] = []
        self.further_keepers = 0

    def add(self, span: Span, counts: int = 1) -> None:
        """Takes the next span, which begins at or before the limit; it counts as so many requests."""
        if self._reach < span.first:
            self._here, self._spans_here = span.first - 1, self._spans
        self._reach = max(self._reach, span.last)
        self._spans += counts
        if span.last <= self._limit:
            return
        if len(self.keepers) < MOST_KEEPERS:
            self.keepers.append(Keeper(span.at, span.what, span.why))
        else:
            self.further_keepers += 1

    def found(self) -> tuple[int, int]:
        """The number, and how many requests begin up to there."""
        if self._reach <= self._limit:
            return self._limit, self._spans
        return self._here, self._spans_here


@dataclass(frozen=True)
class PrunePlan:
    """What of the log would go, and what keeps the rest.

    The events from `first_seq` (0 in an empty log) to `last_seq` go, none where that is less; `looked_up_to` is the
    last event that was looked at. `older_kept` events are old enough, too, and stay because of the `keepers`.
    `unfinished` is a segment whose deletion was begun before and not finished. Times are in ms UTC.
    """

    before: int
    first_seq: int
    last_seq: int
    last_hash: str
    first_at: int
    last_at: int
    requests: int
    sealed: Segment | None
    unfinished: Segment | None
    looked_up_to: int
    older_kept: int = 0
    keepers: tuple[Keeper, ...] = field(default=())
    further_keepers: int = 0

    @property
    def events(self) -> int:
        """How many events go."""
        return max(0, self.last_seq - self.first_seq + 1) if self.first_seq else 0

    @property
    def seals(self) -> bool:
        """Whether more goes than what was sealed before."""
        return self.last_seq > (0 if self.sealed is None else self.sealed.last_seq)

    def to_json(self) -> JsonObject:
        """The object that is printed."""
        span: dict[str, Any] = {"first_seq": None, "last_seq": None, "from": None, "to": None}
        if self.events:
            span = {
                "first_seq": self.first_seq,
                "last_seq": self.last_seq,
                "from": format_timestamp(self.first_at),
                "to": format_timestamp(self.last_at),
            }
        return {
            "before": format_timestamp(self.before),
            "events": self.events,
            "requests": self.requests,
            **span,
            "unfinished": self.unfinished is not None,
            "older_kept": self.older_kept,
            "keepers": [keeper.to_json() for keeper in self.keepers],
            "further_keepers": self.further_keepers,
        }
