"""When a deciding key counts (rule R11): not right after the screen changed, and never inside a burst.

Pure: whoever uses it says when things happen, in ms of a clock that never runs backwards.
"""

from __future__ import annotations

from collections import deque

BURST = 50
"""Two keys within so many ms come from a paste or a buffer, not from a person's decision."""

REMEMBERED = 60_000
"""Ms for which keys are remembered; not so many keys, or a burst could push its own first key out."""


class Arming:
    """Deciding keys are dead for `delay` ms after what is shown changed."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._changed_at: int | None = None
        self._keys: deque[int] = deque()
        self.keys_noted = 0  #: how many keys there were in all

    def disarm(self, now: int) -> None:
        """What is shown changed, a screen opened, or the terminal regained the focus."""
        self._changed_at = now

    def is_armed(self, now: int) -> bool:
        """Whether a deciding key counts."""
        return self._changed_at is not None and now - self._changed_at >= self._delay

    def remaining(self, now: int) -> int:
        """For how many ms deciding keys are still dead."""
        if self._changed_at is None:
            return self._delay
        return max(0, self._delay - (now - self._changed_at))

    def note_key(self, now: int) -> None:
        """Remembers that a key came."""
        self.keys_noted += 1
        self._keys.append(now)
        while self._keys[0] < now - REMEMBERED:
            self._keys.popleft()

    def stood_alone(self, key_at: int | None, now: int) -> bool:
        """Whether no other key came within BURST before or after that one, or, for a click, before now."""
        moment, allowed = (now, 0) if key_at is None else (key_at, 1)
        return sum(1 for other in self._keys if abs(other - moment) <= BURST) <= allowed
