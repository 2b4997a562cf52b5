"""What becomes of open connections when their process forks."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from typing import ClassVar, Protocol

from approval_tui.domain.errors import StoreUnavailable

LONGEST_FORK = 1.0
"""Seconds that a fork waits for a transaction of another thread to end."""


class ForkedEngine(Protocol):
    """An engine with one connection, which nobody uses without the lock."""

    lock: threading.Lock
    connection: sqlite3.Connection


class Forks:
    """Counts how often this process is a forked child, and closes there what the parent had opened.

    A child inherits SQLite's memory of the parent's locks and not the locks. As long as that memory is there, a
    store that the child opens takes none either, and the parent, which so seems to be alone, deletes the write-ahead
    log at its end with what the child has yet to write into it.
    """

    count = 0
    _engines: ClassVar[weakref.WeakSet[ForkedEngine]] = weakref.WeakSet()
    _held: ClassVar[list[ForkedEngine]] = []
    _is_forking: ClassVar[bool] = False
    _turn: ClassVar[threading.RLock] = threading.RLock()
    """One fork at a time, and none while an engine is registered."""

    @classmethod
    def register(cls, engine: ForkedEngine) -> None:
        """Has the engine's connection closed in every child that is forked from now on."""
        with cls._turn:
            cls._engines.add(engine)

    @classmethod
    def prepare(cls) -> None:
        """Waits until no thread is inside SQLite; a transaction that takes long is not waited for."""
        cls._turn.acquire()
        cls._is_forking = True
        deadline = time.monotonic() + LONGEST_FORK
        cls._held = [
            engine for engine in cls._engines if engine.lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
        ]

    @classmethod
    def end(cls) -> None:
        """In the parent, everything goes on."""
        if not cls._is_forking:  # this module was loaded by another thread in the middle of the fork
            return
        cls._is_forking = False
        held, cls._held = cls._held, []
        for engine in held:
            engine.lock.release()
        cls._turn.release()

    @classmethod
    def note(cls) -> None:
        """In the child, connections at rest are closed; others cannot be touched."""
        cls.count += 1
        for engine in cls._held:
            with contextlib.suppress(sqlite3.Error, AttributeError):
                engine.connection.close()
        cls.end()


def opened_before_fork(location: str) -> StoreUnavailable:
    """The error for a forked child that uses what its parent had opened."""
    return StoreUnavailable(
        f"The store {location} was opened before this process was forked.",
        not_done="Nothing was read or written.",
        to_do="Open the store anew in the child process.",
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=Forks.prepare, after_in_parent=Forks.end, after_in_child=Forks.note)
