"""Writers take turns: an advisory lock beside the store that keeps the worst wait bounded.

SQLite's own busy handler sleeps in growing steps and is unfair. Correctness never rests on the turn: a
writer that cannot have it in time goes on without, and SQLite's lock decides.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from types import TracebackType

HAS_LOCKS = sys.platform != "win32"
if HAS_LOCKS:
    import fcntl

LONGEST_WAIT = 5.0
"""Seconds after which a writer goes on without its turn (its holder may be stopped)."""


class Turn:
    """A context in which this process has the turn, or has waited long enough for it."""

    def __init__(self, path: str, longest_wait: float = LONGEST_WAIT) -> None:
        self._path = path
        self._longest_wait = longest_wait
        self._file: int | None = None
        self._process = 0

    def __enter__(self) -> None:
        if not HAS_LOCKS:
            return
        file = self._open()
        if file is None:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._queue()
        except OSError:
            pass  # a file system without locks

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Gives the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int | None:
        """The lock file of this very process: a lock is shared with a forked child."""
        if self._file is not None and self._process != os.getpid():
            self.close()
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return None
            self._process = os.getpid()
        return self._file

    def _queue(self) -> None:
        """Waits in the kernel's queue, which is fair, on a thread that can be left behind."""
        file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        queue = _Queue(file)
        queue.start()
        if queue.wait(self._longest_wait):
            self.close()
            self._file, self._process = file, os.getpid()


class _Queue(threading.Thread):
    """Waits for one lock; whoever gave up on it gets the file closed and the lock freed at once."""

    def __init__(self, file: int) -> None:
        super().__init__(name="approval-tui-turn", daemon=True)
        self._file = file
        self._answered = threading.Event()
        self._lock = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._lock:
            if self._abandoned:
                os.close(self._file)
            else:
                self._answered.set()

    def wait(self, seconds: float) -> bool:
        """Whether the turn came in time; if not, the file is closed as soon as the turn comes."""
        came = False
        try:
            came = self._answered.wait(seconds)
        finally:
            if not came:
                with self._lock:
                    self._abandoned = True
                    if self._answered.is_set():
                        os.close(self._file)
        return came
