"""The contract of the keys (rule R11), kept for all screens of the app in one place.

Every key is noted when it arrives, before any widget sees it; a decision is carried out a moment after its
key, and only if no other key came with it, because a person's decision stands alone and a paste does not.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from textual import events
from textual.message_pump import MessagePump

from approval_tui.console.arming import BURST, REMEMBERED, Arming
from approval_tui.domain.clock import Clock, format_duration

_TICK = 0.001
"""Seconds to which the event loop rounds up what it waits: half of it, on average, every agent would wait, too."""


def moment_of(event: events.Event) -> int:
    """When it came, and not when its turn did: a program that was busy must not make old keys look late."""
    return int(1000 * event.time)


class Contract:
    """Says whether a key may decide now, and carries out what it decides when it stood alone."""

    def __init__(self, arming: int, monotonic: Clock, defer: Callable[[Callable[[], None]], object]) -> None:
        """`defer` runs something behind all keys that have arrived by then."""
        self.monotonic = monotonic
        self.moment_of: Callable[[events.Event], int] = moment_of  #: a seam, for tests with a clock of their own
        self._defer = defer
        self.arming = Arming(arming)
        self._noted: deque[tuple[events.Key, int]] = deque()
        self._acting_at: int | None = None  #: when the key came whose action runs; None for a click
        self._acted_at = 0  #: when that key or click came
        self._came = 0.0  #: the same by the machine's own clock, in seconds and exactly
        self._awaited: object | None = None  #: what is to be drawn before a key counts
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_intending(self) -> bool:
        """Whether a decision waits for its moment of quiet."""
        return self._timer is not None

    @property
    def is_painted(self) -> bool:
        """Whether what is to be decided about has been drawn."""
        return self._awaited is None

    def note(self, event: events.Key | events.MouseEvent) -> None:
        """Takes note of what arrives: a key, or a click, behind which no key stands."""
        moment = self.moment_of(event)
        if isinstance(event, events.Key):
            self.arming.note_key(moment)
            self._noted.append((event, moment))
            while self._noted[0][1] < moment - REMEMBERED:
                self._noted.popleft()
        else:
            self._acting_at, self._acted_at, self._came = None, moment, event.time

    def begin_acting(self, event: events.Key) -> None:
        """Says which key it is whose action comes next."""
        came = next((moment for noted, moment in self._noted if noted is event), None)
        self._acting_at = self.moment_of(event) if came is None else came
        self._acted_at, self._came = self._acting_at, event.time

    def disarm(self) -> None:
        """What is shown changed, or the terminal regained the focus: whoever was about to decide looks again."""
        self.forget()
        self.arming.disarm(self.monotonic())

    def await_painting(self, by: MessagePump) -> None:
        """Something else is about to be drawn by that widget: no key decides before, and the wait begins then."""
        self.disarm()
        awaited = self._awaited = object()

        def painted() -> None:
            if self._awaited is awaited:
                self._awaited = None
                self.arming.disarm(self.monotonic())

        if not by.call_after_refresh(painted):
            self._awaited = None  # it is closing, and nothing of it can be decided about

    def refusal(self) -> str | None:
        """Why the key or click that acts may not decide; None when it may."""
        if self._awaited is None and self.arming.is_armed(self._acted_at):
            return None
        wait = format_duration(self.arming.remaining(self.monotonic()) or 1)
        return f"Too soon: the screen changed just now. Look, then press again (after {wait})."

    def intend(self, carry_out: Callable[[], object], refuse: Callable[[str], object]) -> None:
        """Carries the decision out when its key turns out to stand alone; else says that nothing was decided."""
        acted_at = self.monotonic()
        key_at = self._acting_at

        def when_quiet() -> None:
            if self._timer is not timer:
                return  # it was forgotten, or another took its place
            self._timer = None
            if self.arming.stood_alone(key_at, acted_at):
                carry_out()
            else:
                refuse("Several keys at once: nothing was decided.")

        ends_at = self._came + BURST / 1000

        def at_last() -> None:
            time.sleep(max(0.0, ends_at - time.monotonic()))  # what is left of the tick
            self._defer(when_quiet)  # so that keys which arrived meanwhile are noted before it is looked at

        self.forget()
        wait = max(0.0, ends_at - _TICK - time.monotonic())
        timer = self._timer = asyncio.get_running_loop().call_later(wait, at_last)

    def forget(self) -> None:
        """Drops a decision that was not carried out yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
