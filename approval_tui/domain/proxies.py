"""What a running proxy says of itself, and what others make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from approval_tui.domain.clock import DAY, SECOND, optional_timestamp

SAID_EVERY = 30 * SECOND
"""After how many ms a proxy says again that it is there."""

ALIVE_FOR = 90 * SECOND
"""For how many ms after that it is taken for running."""

FORGOTTEN_AFTER = 7 * DAY


@dataclass(frozen=True)
class ProxyStanding:
    """One run of a proxy: who asks, for which server, by which policy, and what it decided; times are in ms UTC."""

    id: str
    requester: str
    session: str
    server: str
    policy: str | None
    host: str
    process: int
    started_at: int
    ended_at: int | None = None
    heard_at: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def is_running(self, now: int) -> bool:
        """Whether it neither said that it ended nor has been silent for too long."""
        return self.ended_at is None and now - self.heard_at <= ALIVE_FOR

    def to_json(self) -> dict[str, object]:
        """The object that `--json` prints; times are ISO 8601 in UTC."""
        return {
            **vars(self),
            "counts": dict(self.counts),
            "started_at": optional_timestamp(self.started_at),
            "ended_at": optional_timestamp(self.ended_at),
            "heard_at": optional_timestamp(self.heard_at),
        }


@dataclass(frozen=True)
class DenyingRule:
    """A rule of a policy, and how many calls it denied by itself."""

    rule: str
    count: int


@dataclass(frozen=True)
class Denials:
    """The rules that denied most, among the newest calls that policies decided by themselves."""

    rules: tuple[DenyingRule, ...]
    calls: int
    denied: int
