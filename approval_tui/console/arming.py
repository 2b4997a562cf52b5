"""When a deciding key counts (rule R11): not right after the screen changed, and never inside a burst.

Pure: whoever uses it says when things happen, in ms of a clock that never runs backwards.
"""

from __future__ import annotations

BURST = 50
"""Two keys within so many ms come from a paste or a buffer, not from a person's decision."""


class Arming:
    """Deciding keys are dead for `delay` ms after what is shown changed."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._changed_at: int | None = None
        self._last_key_at: int | None = None

    def disarm(self, now: int) -> None:
        """What is shown changed, the screen opened, or the terminal regained the focus."""
        self._changed_at = now

    def note_key(self, now: int) -> bool:
        """Remembers a key; whether it stands alone so far."""
        alone = self._last_key_at is None or now - self._last_key_at >= BURST
        self._last_key_at = now
        return alone

    def is_armed(self, now: int) -> bool:
        """Whether a deciding key counts."""
        return self._changed_at is not None and now - self._changed_at >= self._delay

    def remaining(self, now: int) -> int:
        """For how many ms deciding keys are still dead."""
        if self._changed_at is None:
            return self._delay
        return max(0, self._delay - (now - self._changed_at))
