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
        self._queue: _Queue | None = None
        self._held: int | None = None

    def __enter__(self) -> None:
        if not HAS_LOCKS:
            return
        file = self._file
        if file is None:
            file = self._file = self._open()
            if file is None:
                return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._held = file
        except BlockingIOError:
            self._held = self._wait()
        except OSError:
            pass  # a file system without locks

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held, self._held = self._held, None
        if held is not None:
            fcntl.flock(held, fcntl.LOCK_UN)

    def close(self) -> None:
        """Gives the files back."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.abandon()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int | None:
        """The lock file, or None where there can be none; a forked child never comes here."""
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None

    def _wait(self) -> int | None:
        """The file that holds the turn, once the kernel's queue, which is fair, gave it; None when it took too long."""
        queue = self._queue
        if queue is None:
            try:
                queue = self._queue = _Queue(os.open(self._path, os.O_RDWR | os.O_CLOEXEC))
            except OSError:
                return None
            queue.start()
        came = False
        try:
            came = queue.wait(self._longest_wait)
        finally:
            if not came:  # too late, or interrupted: the queue frees the turn when it comes, and ends
                self._queue = None
                queue.abandon()
        return queue.file if came else None


class _Queue(threading.Thread):
    """A thread that stands in the kernel's queue for its owner, again and again; it can be left behind."""

    def __init__(self, file: int) -> None:
        super().__init__(name="approval-tui-turn", daemon=True)
        self.file = file
        self._wanted = threading.Semaphore(0)
        self._came = threading.Semaphore(0)
        self._state = threading.Lock()
        self._is_left = False

    def run(self) -> None:
        while True:
            self._wanted.acquire()
            if not self._is_left:
                with contextlib.suppress(OSError):
                    fcntl.flock(self.file, fcntl.LOCK_EX)
            with self._state:
                if self._is_left:
                    os.close(self.file)  # frees the lock too
                    return
                self._came.release()

    def wait(self, seconds: float) -> bool:
        """Stands in the queue; whether the turn came in time."""
        self._wanted.release()
        return self._came.acquire(timeout=seconds)

    def abandon(self) -> None:
        """Leaves the thread behind: a turn that came or comes is freed at once, and the file closed."""
        with self._state:
            self._is_left = True
        self._wanted.release()  # it may have the turn already and wait for the next wish
