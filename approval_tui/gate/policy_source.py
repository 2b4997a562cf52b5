"""The policy that a gate goes by: read when it is first needed, and anew whenever its file changes."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from typing import ClassVar

from approval_tui.domain.errors import ApprovalTuiError, PolicyError
from approval_tui.domain.policy_notes import SAID_AGAIN_AFTER, PolicyNote
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.files import read_policy

DEBOUNCE = 100
"""For how many ms a changed file must rest before it is read: whoever writes it may not be done."""

_LOOK_AGAIN = 500
"""After how many ms the file is looked at even if nothing was heard of it, as on network drives."""

_SAY_AGAIN = 60.0
"""Seconds after which the store is told again what it could not be told."""

_READ_AGAIN = 10.0
"""Seconds after which a file that could not be used is read again: what kept it from being read may have passed."""

_RETRY = 1.0
"""Seconds after which a folder that cannot be watched is looked at again: it may be gone, or the system is out of
watches."""

_LONGEST_END = 30.0
"""Seconds that a program which ends waits for its watcher, which may be telling a store that is held elsewhere."""

_at_work = threading.RLock()
"""Held while a watcher loads, reads or records. A fork waits for it: in the child, nobody would ever finish that."""

_log = logging.getLogger("approval_tui.gate")

Signature = tuple[int, int, int, int] | None


class PolicySource:
    """One policy file. A file that cannot be used keeps the policy that was read before; without one, nothing runs.

    What is in force, and what was wrong with the file, is handed to `note`, on a thread of its own.
    """

    _living: ClassVar[weakref.WeakSet[PolicySource]] = weakref.WeakSet()

    def __init__(self, path: str, note: Callable[[PolicyNote], object]) -> None:
        self.path = path
        self._note = note
        self._lock = threading.Lock()
        self._engine: PolicyEngine | None = None
        self._error: PolicyError | None = None
        self._signature: Signature = None
        self._unsaid: PolicyNote | None = None
        self._say_at = 0.0
        self._read_at = math.inf
        self._watcher: _Watcher | None = None
        self._living.add(self)

    def engine(self) -> PolicyEngine:
        """The engine of the policy in force; raises PolicyError where there is none."""
        watcher = self._watcher
        if watcher is None or watcher.process != os.getpid():  # a forked child watches for itself
            self._begin()
        error = self._error  # before the engine, because a mended file replaces them in the other order
        engine = self._engine
        if engine is not None:
            return engine
        assert error is not None
        raise PolicyError(error.problems)

    def reload(self) -> None:
        """Reads the file again, and says what came of it."""
        with self._lock:
            self._read()
        self.say()

    def has_changed(self) -> bool:
        """Whether the file is another one than the one that was read last, or could not be read some time ago."""
        return _signature(self.path) != self._signature or time.monotonic() >= self._read_at

    def say(self) -> None:
        """Hands what is not said yet to `note`, and now and then what is wrong once more; a failure is tried again."""
        now = time.monotonic()
        if now < self._say_at:
            return
        note = self._unsaid
        self._say_at = now + (math.inf if self._error is None else SAID_AGAIN_AFTER / 1000)
        if note is None:
            return
        try:
            self._note(note)
        except ApprovalTuiError as error:
            self._say_at = now + _SAY_AGAIN
            _log.warning("what is in force of the policy %s was not recorded: %s", self.path, error)
        else:
            self._unsaid = None if self._error is None else note

    def close(self) -> None:
        """Stops watching the file."""
        with self._lock:
            watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()

    @classmethod
    def note_fork(cls) -> None:
        """In a forked child, frees what a thread of the parent may have held."""
        _at_work.release()
        for source in cls._living:
            source._lock = threading.Lock()

    def _begin(self) -> None:
        with self._lock:
            if self._watcher is not None and self._watcher.process == os.getpid():
                return
            if self._engine is None or self.has_changed():
                self._read()
            self._watcher = _Watcher(self)

    def _read(self) -> None:
        self._signature = _signature(self.path)
        try:
            policy, content = read_policy(self.path)
        except PolicyError as error:
            self._read_at = time.monotonic() + _READ_AGAIN
            if self._error is not None and self._error.problems == error.problems:
                return
            self._error = error
            self._unsaid, self._say_at = PolicyNote(self.path, "", error.problems), 0.0
            kept = "nothing may run" if self._engine is None else "the policy that was read before stays in force"
            _log.error("the policy %s cannot be used, %s: %s", self.path, kept, "; ".join(error.problems))
            return
        self._read_at = math.inf
        self._engine, self._error = PolicyEngine(policy), None
        self._unsaid, self._say_at = PolicyNote(self.path, content), 0.0
        for warning in policy.warnings:
            _log.warning("%s", warning)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_at_work.acquire, after_in_parent=_at_work.release, after_in_child=PolicySource.note_fork
    )


class _Watcher:
    """A thread that reads the policy anew when its file changes; it ends with its source, or with the process."""

    def __init__(self, source: PolicySource) -> None:
        self.process = os.getpid()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(weakref.ref(source), source.path), name="policy-watch", daemon=True
        )
        atexit.register(self._end)
        self._thread.start()

    def stop(self) -> None:
        """Lets the thread end, which it does within a tenth of a second; in a forked child there is none."""
        if self.process == os.getpid():
            self._stop.set()

    def _end(self) -> None:
        """Ends the thread before Python goes down, which would cut it off inside the watching library."""
        if self.process == os.getpid():
            self._stop.set()
            self._thread.join(_LONGEST_END)

    def _run(self, source: weakref.ref[PolicySource], path: str) -> None:
        """Says what was read at first, then waits for changes; a source that is gone ends it, and no error does."""
        try:
            while not self._stop.is_set() and source() is not None:
                try:
                    if _reload_if_changed(source, path, self._stop):
                        _watch_folder(source, path, self._stop)
                except Exception as error:  # watchfiles has its own for a system that refuses
                    _log.debug("the policy %s cannot be watched: %s: %s", path, type(error).__name__, error)
                    self._stop.wait(_RETRY)
        finally:
            atexit.unregister(self._end)


def _watch_folder(source: weakref.ref[PolicySource], path: str, stop: threading.Event) -> None:
    """Watches the file's folder, because editors put a new file in the old one's place, until the source is gone.

    Where the folder itself is replaced, the looks in between notice what happens to the file.
    """
    if stop.is_set():
        return
    with _at_work:
        watch = _watching_library()
    folders = {os.path.dirname(path), os.path.dirname(os.path.realpath(path))}
    for _ in watch(
        *folders,
        watch_filter=None,
        debounce=DEBOUNCE,
        stop_event=stop,
        rust_timeout=_LOOK_AGAIN,
        yield_on_timeout=True,
        raise_interrupt=False,
        recursive=False,
    ):
        if not _reload_if_changed(source, path, stop):
            return


@cache
def _watching_library() -> Callable[..., Iterable[object]]:
    """watchfiles, which costs a tenth of a second, with all that it makes ready only when it is first used.

    A child that is forked meanwhile would wait for that for ever.
    """
    from watchfiles import watch

    ended = threading.Event()
    ended.set()
    for _ in watch(os.path.dirname(__file__), stop_event=ended, recursive=False):
        pass
    return watch


def _reload_if_changed(source: weakref.ref[PolicySource], path: str, stop: threading.Event) -> bool:
    """Reads the file again once it rests; says whether its source is still there."""
    alive = source()
    if alive is None:
        return False
    if alive.has_changed():
        signature = _signature(path)
        while not stop.wait(DEBOUNCE / 1000) and signature != _signature(path):
            signature = _signature(path)
        if not stop.is_set():
            with _at_work:
                alive.reload()
    else:
        with _at_work:
            alive.say()
    return True


def _signature(path: str) -> Signature:
    """What changes when a file changes; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size  # a change cannot hide the third
