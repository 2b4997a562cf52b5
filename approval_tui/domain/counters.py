"""What a policy counts: counters in windows of the calendar (UTC), and what a call would add to them.

Named tuples, which are quicker to define than dataclasses: a coding agent waits for its hook to start at every call.
"""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain.clock import DAY, HOUR, MINUTE

WINDOWS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
"""The windows by their words, with their lengths in ms."""

LARGEST_COUNT = 2**53 - 1
"""What a counter can hold, and what one call may add to it."""


class Counter(NamedTuple):
    """One counter: its name, as `create_charge.daily_spend`, and the length of its window in ms."""

    name: str
    window: int

    def window_start(self, moment: int) -> int:
        """The beginning of the window that holds the moment, in ms UTC; windows are aligned to the calendar."""
        return moment - moment % self.window


class Reservation(NamedTuple):
    """What one call adds to one counter, the most that the counter may hold after it, and the rule that says so."""

    counter: Counter
    amount: int
    most: int | None
    rule: str
    message: str
    """What the agent is told when the limit is reached."""
