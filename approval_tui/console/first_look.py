"""Reads what waits while Textual is still being loaded, so that the first frame shows it. No Textual.

It only looks, in a process of its own, because a thread would take its time from what loads Textual; whatever
goes wrong is left to the watch, which tries and tells again.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from typing import NamedTuple, NoReturn

from approval_tui.domain.clock import Clock
from approval_tui.domain.models import Request

_MOST = 100
"""Rows that are read where it is not known how many the terminal has."""

_LONGEST_WAIT = 0.05
"""Seconds that the first frame waits for the rest of a look; without it, the watch fills the list a moment later."""

_CHUNK = 1 << 20


class Found(NamedTuple):
    """The oldest requests that wait, as many as the terminal can show, and how many wait in all."""

    requests: tuple[Request, ...]
    total: int


class FirstLook:
    """A look that another process takes at the store."""

    def __init__(self, path: str) -> None:
        self._pid = 0
        if not hasattr(os, "fork") or threading.active_count() > 1:
            return  # another thread could hold a lock that would never be free in the other process
        self._output, told = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:  # there are too many processes
            os.close(self._output)
        else:
            if self._pid == 0:
                _tell(path, told, self._output)
        os.close(told)

    def found(self) -> Found | None:
        """What was found; None where nothing could be read, or not yet. It can be asked once."""
        if not self._pid:
            return None
        told, is_whole = self._told()
        os.close(self._output)
        pid, self._pid = self._pid, 0
        if not is_whole:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if not is_whole or not told:
            return None
        import pickle  # not at the top: Textual has loaded it by now

        try:
            found: Found = pickle.loads(told)  # noqa: S301 - it comes from a process that is this very program
        except (pickle.UnpicklingError, EOFError):  # that process was ended while it told
            return None
        return found

    def _told(self) -> tuple[bytes, bool]:
        """What the other process told so far, and whether that is all of it."""
        parts: list[bytes] = []
        deadline = time.monotonic() + _LONGEST_WAIT
        while (left := deadline - time.monotonic()) > 0 and select.select([self._output], [], [], left)[0]:
            part = os.read(self._output, _CHUNK)
            if not part:
                return b"".join(parts), True
            parts.append(part)
        return b"", False


def look(path: str, clock: Clock | None = None) -> Found:
    """What waits in the store of that file; raises an ApprovalTuiError where it cannot be read or shown."""
    from approval_tui.console.row_check import check_row
    from approval_tui.store import open_store_blocking

    with open_store_blocking(path, create=False, readonly=True, clock=clock) as store:
        page = store.reader.pending_page(most=_rows_of_terminal())
    for request in page.requests:
        check_row(request)
    return Found(page.requests, page.total or 0)


def _tell(path: str, told: int, others_end: int) -> NoReturn:
    """Looks, tells, and ends; nothing that goes wrong is said, because it would be written over the screen."""
    with contextlib.suppress(BaseException), open(told, "wb") as output:
        import pickle

        os.close(others_end)  # or the end of the console would never be noticed here

        pickle.dump(look(path), output, pickle.HIGHEST_PROTOCOL)
    os._exit(0)


def _rows_of_terminal() -> int:
    """As many rows as can be on the screen: each costs time, and none is seen sooner for the others."""
    with contextlib.suppress(OSError):
        return os.get_terminal_size(sys.__stderr__.fileno() if sys.__stderr__ else 2).lines or _MOST
    return _MOST
