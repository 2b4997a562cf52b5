"""The audit log of a race as it grows, read by whoever judges it."""

from __future__ import annotations

from typing import Any, NamedTuple

from approval_tui.display.event_view import event_content
from approval_tui.domain import events as names
from approval_tui.store.blocking import BlockingStore

DECIDING = (names.APPROVED, names.VOTED, names.DENIED, names.REVOKED)


class Entry(NamedTuple):
    """One event, its JSON parsed."""

    seq: int
    name: str
    at: int
    request_id: str | None
    changes: dict[str, Any]
    details: dict[str, Any]

    @property
    def decision(self) -> dict[str, Any] | None:
        """What a reviewer, or a grant, said with it."""
        return self.changes["decisions"][-1] if self.name in DECIDING else None

    @property
    def by(self) -> tuple[str, str] | None:
        """Who did it, and through which door; None for agents and for time."""
        who = self.decision or self.details.get("by") or {}
        return (who["reviewer"], who["via"]) if who else None


class Log:
    """All events so far, oldest first."""

    def __init__(self, desk: BlockingStore) -> None:
        self.desk = desk
        self.entries: list[Entry] = []

    @property
    def head(self) -> int:
        """The number of the last event that was read."""
        return self.entries[-1].seq if self.entries else 0

    def read(self) -> list[Entry]:
        """Reads on, and gives what is new."""
        before = len(self.entries)
        while found := self.desk.reviewer.events(after=self.head):
            for event in sorted(found, key=lambda event: event.seq):
                content = event_content(event)
                changes, details = content["changes"], event.body["details"]
                self.entries.append(Entry(event.seq, event.name, event.at, event.request_id, changes, details))
        return self.entries[before:]
