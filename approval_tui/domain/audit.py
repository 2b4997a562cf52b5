"""The audit log: its events, its checkpoints, and what they say about the rows that they describe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from approval_tui.domain import events, lifecycle
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import format_timestamp


@dataclass(frozen=True)
class Event:
    """One row of the audit log; `at` is in ms UTC, `body` the canonical JSON that the hash covers."""

    seq: int
    request_id: str | None
    name: str
    at: int
    body: JsonObject
    hash: str

    def to_json(self) -> JsonObject:
        """The object that is printed; `hash` follows from `seq`, the hash before it and the canonical `body`."""
        return {
            "seq": self.seq,
            "at": format_timestamp(self.at),
            "event": self.name,
            "request": self.request_id,
            "hash": self.hash,
            "body": self.body,
        }


@dataclass(frozen=True)
class Head:
    """A checkpoint of the log: the last event's number, hash and time (ms UTC)."""

    seq: int
    hash: str
    at: int


@dataclass(frozen=True)
class Problem:
    """Something in the log or the rows that no command of ours can have written."""

    what: str
    seq: int | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Verification:
    """What `verify` found; no problems means that log and rows agree."""

    events: int
    requests: int
    head: Head | None
    problems: tuple[Problem, ...] = field(default=())

    @property
    def is_sound(self) -> bool:
        return not self.problems


#: The statuses that each event may leave and must lead to; None as the first means that no row was there.
_STEPS: dict[str, tuple[tuple[str | None, ...], tuple[str, ...]]] = {
    events.SUBMITTED: ((None,), (lifecycle.PENDING,)),
    events.VOTED: ((lifecycle.PENDING,), (lifecycle.PENDING,)),
    events.EDITED: ((lifecycle.PENDING,), (lifecycle.PENDING,)),
    events.APPROVED: ((lifecycle.PENDING,), (lifecycle.APPROVED,)),
    events.DENIED: ((lifecycle.PENDING,), (lifecycle.DENIED,)),
    events.REVOKED: ((lifecycle.APPROVED,), (lifecycle.DENIED,)),
    events.EXPIRED: ((lifecycle.PENDING, lifecycle.APPROVED), (lifecycle.EXPIRED,)),
    events.CANCELLED: ((lifecycle.PENDING, lifecycle.APPROVED), (lifecycle.CANCELLED,)),
    events.CONSUMED: ((lifecycle.APPROVED,), (lifecycle.CONSUMED,)),
    events.ROLLED_BACK: ((lifecycle.CONSUMED,), (lifecycle.APPROVED, lifecycle.CONSUMED)),
    events.OUTCOME: ((lifecycle.CONSUMED,), (lifecycle.CONSUMED,)),
    events.RESOLVED: ((lifecycle.CONSUMED,), (lifecycle.CONSUMED,)),
}


#: What is said of a request without changing it.
_WITHOUT_A_STEP = (
    events.REUSED,
    events.LATE_OUTCOME,
    events.LATE_DECISION,
    events.TOOL_CALL,
    events.GRANT_GIVEN,
    events.GRANT_REVOKED,
)


def fold(row: dict[str, Any] | None, event: Event) -> tuple[dict[str, Any] | None, str | None]:
    """The row after the event, and what is wrong with that step, if anything is."""
    if event.name in _WITHOUT_A_STEP:
        return row, None if row is not None else f"{event.name} comes before the request"
    if event.name not in _STEPS:
        return row, f"{event.name} is no event of ours"
    before = None if row is None else row["status"]
    after_row = {**(row or {}), **event.body["changes"]}
    after = after_row.get("status")
    allowed_before, allowed_after = _STEPS[event.name]
    if before not in allowed_before or after not in allowed_after:
        return after_row, f"{event.name} leads from {before or 'nothing'} to {after}, which no rule allows"
    return after_row, None
