"""Waiting for somebody's commit: a bell, with a slow look of one's own as the net."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from approval_tui.domain.errors import StoreAway

if TYPE_CHECKING:
    from approval_tui.store.engine import Engine

WAITER_POLL = 2.0
"""Seconds after which a waiting requester looks on its own."""

CONSOLE_POLL = 1.0
"""Seconds after which a console looks on its own."""

LONGEST_ABSENCE = 60.0
"""Seconds for which a waiting requester waits for a server that went away; a request is safe there meanwhile."""

Wait = Callable[[float], bool]


@contextlib.contextmanager
def blocking_wakeup(engine: Engine, request_id: str) -> Iterator[Wait]:
    """Gives a function that sleeps for that many seconds at most, and says whether the request's bell rang."""
    with contextlib.ExitStack() as stack:
        bell = engine.wakeups.hang(request_id, stack)
        if bell is None:
            yield stack.enter_context(contextlib.closing(FileWatch(engine.location))).wait
            return
        bell.wait_until_listening()
        poll = select.poll()
        poll.register(bell.file, select.POLLIN)

        def wait(seconds: float) -> bool:
            rang = bool(poll.poll(max(0.0, seconds) * 1000))
            if rang:
                bell.silence()
            return rang

        yield wait


class FileWatch:
    """Where there are no named pipes: watchfiles on the store's write-ahead log."""

    def __init__(self, store_path: str) -> None:
        import watchfiles  # only on platforms without named pipes; it costs start-up time

        self._name = os.path.basename(store_path)
        self._watch = watchfiles.watch
        self._folder = os.path.dirname(store_path)

    def wait(self, seconds: float) -> bool:
        """Sleeps for that many seconds at most, and says whether a file of the store changed.

        Where nothing can be watched (the system's limit is reached) it only sleeps: its caller looks anyway.
        """
        try:
            for changes in self._watch(
                self._folder,
                watch_filter=lambda _change, path: os.path.basename(path).startswith(self._name),
                debounce=50,
                step=5,
                rust_timeout=max(1, int(seconds * 1000)),
                yield_on_timeout=True,
                recursive=False,
                raise_interrupt=True,
            ):
                return bool(changes)
        except (OSError, RuntimeError):
            time.sleep(seconds)
        return False

    def close(self) -> None:
        """Nothing stays open between two waits."""


class Absence:
    """How long the store has been away while somebody waits."""

    def __init__(self) -> None:
        self._since: float | None = None

    def end(self) -> None:
        """The store is there."""
        self._since = None

    def seconds_to_wait(self, deadline: int | None, now: int) -> float | None:
        """How long to sleep before the next look; None when that has gone on for too long, or past the deadline."""
        moment = time.monotonic()
        if self._since is None:
            self._since = moment
        is_over = moment - self._since > LONGEST_ABSENCE or (deadline is not None and deadline <= now)
        return None if is_over else min(WAITER_POLL, max(0.05, moment - self._since))


def given_up(away: StoreAway, request_id: str) -> StoreAway:
    """The error for who waited for a server until it was too long."""
    return StoreAway(
        away.happened,
        not_done=f"The call may not run; request {request_id} stays there as it is.",
        to_do=f"When the server is back, `approval-tui wait {request_id}` goes on waiting.",
    )


def seconds_to_wait(expires_at: int, deadline: int | None, now: int) -> float | None:
    """How long a waiter may sleep before it looks again; None when its own deadline (ms UTC) has passed."""
    until = expires_at if deadline is None else min(expires_at, deadline)
    if deadline is not None and deadline <= now:
        return None
    return min(WAITER_POLL, max(0.001, (until - now) / 1000))
