"""Reads what waits while Textual is still being loaded, so that the first frame shows it. No Textual.

It only looks, on a thread of its own; whatever goes wrong is left to the watch, which tries and tells again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from approval_tui.console.row_check import check_row
from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.models import Request

_MOST = 100
"""Rows that are read where it is not known how many the terminal has."""


class FirstLook:
    """The oldest requests that wait, and how many wait in all, as soon as they are read."""

    def __init__(self, path: str, clock: Clock = system_clock) -> None:
        self._path = path
        self._clock = clock
        self._found: tuple[tuple[Request, ...], int] | None = None
        self._thread = threading.Thread(target=self._look, name="first-look", daemon=True)
        self._thread.start()

    def found(self) -> tuple[tuple[Request, ...], int] | None:
        """What was found; None where nothing could be read, or not yet."""
        return None if self._thread.is_alive() else self._found

    def _look(self) -> None:
        from approval_tui.store import open_store_blocking

        with contextlib.suppress(Exception):  # a thread's complaint would be written over the screen
            with open_store_blocking(self._path, create=False, readonly=True, clock=self._clock) as store:
                page = store.reader.pending_page(most=_rows_of_terminal())
            for request in page.requests:
                check_row(request)
            self._found = page.requests, page.total or 0


def _rows_of_terminal() -> int:
    """As many rows as can be on the screen: each costs time, and none is seen sooner for the others."""
    with contextlib.suppress(OSError):
        return os.get_terminal_size(sys.__stderr__.fileno() if sys.__stderr__ else 2).lines or _MOST
    return _MOST
