"""Sessions that a reviewer holds back: nothing of them is approved or runs until they are released."""

from __future__ import annotations

from dataclasses import dataclass

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import optional_timestamp

HELD_BACK = "(session held back)"
"""What stands for the rule where no rule denied a call, but a reviewer who holds its session back."""


@dataclass(frozen=True)
class Hold:
    """That a session is held back, or was; times are in ms UTC."""

    requester: str
    session: str
    held_by: str
    held_at: int
    reason: str | None
    released_by: str | None
    released_at: int | None

    @property
    def is_in_force(self) -> bool:
        """Whether the session is held back now."""
        return self.released_at is None

    def to_json(self) -> JsonObject:
        """The object that `--json` prints; times are ISO 8601 in UTC."""
        return {
            **self.__dict__,
            "held_at": optional_timestamp(self.held_at),
            "released_at": optional_timestamp(self.released_at),
        }
