"""Wake-ups by LISTEN and NOTIFY: one connection listens for all who wait in this program.

A notification says only 'look again'. Those who wait look on their own as well, slowly, because a notification is
lost while nobody is connected; after a connection was lost and made again, all are woken.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from approval_tui.domain.errors import ApprovalTuiError, RequestNotFound
from approval_tui.domain.ids import is_request_id
from approval_tui.store.drivers.postgres_connections import pauses

_LONGEST_START = 2.0
"""Seconds that one who wants to wait waits for the connection that listens; after them, polling has to do."""

_UNUSED = 10.0
"""Seconds after which a connection closes on which nobody waits any more."""


class PostgresWakeups:
    """Who waits for what in this program, and the connection that listens for them."""

    def __init__(self, connect: Callable[[], Connection[Any]], prefix: str) -> None:
        self._connect = connect
        self._prefix = prefix
        self._lock = threading.Lock()
        self._wakers: dict[str, set[Waker]] = {}
        self._listener: _Listener | None = None

    def channels(self, request_ids: Collection[str]) -> list[str]:
        """Where to tell that these requests changed."""
        return [self._prefix, *(f"{self._prefix}_{each}" for each in sorted(request_ids))] if request_ids else []

    def hang(self, request_id: str | None, stack: contextlib.ExitStack) -> Waker:
        """A waker for that request, or for every change, until the stack ends; raises RequestNotFound for no id."""
        if request_id is not None and not is_request_id(request_id):
            raise RequestNotFound(request_id)
        return stack.enter_context(Waker(self, self._prefix if request_id is None else f"{self._prefix}_{request_id}"))

    def close(self) -> None:
        """Ends the listening."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    def add(self, waker: Waker) -> threading.Event:
        """Listens for that one, too; the event is set when it does."""
        with self._lock:
            self._wakers.setdefault(waker.channel, set()).add(waker)
            if self._listener is None or not self._listener.is_alive():
                self._listener = _Listener(self._connect, self)
                self._listener.start()
            return self._listener.wants_look()

    def remove(self, waker: Waker) -> None:
        """That one waits no more."""
        with self._lock:
            others = self._wakers.get(waker.channel, set())
            others.discard(waker)
            if not others:
                self._wakers.pop(waker.channel, None)
            if self._listener is not None:
                self._listener.wants_look()

    def wanted(self) -> frozenset[str]:
        """The channels for which somebody waits now."""
        with self._lock:
            return frozenset(self._wakers)

    def wake(self, channel: str | None) -> None:
        """Wakes those of that channel, or all."""
        with self._lock:
            wakers = self._wakers.get(channel, ()) if channel is not None else set().union(*self._wakers.values())
            for waker in wakers:
                waker.ring()

    def is_left(self, listener: _Listener) -> bool:
        """Whether nobody waits, and the listener, which then ends, is forgotten."""
        with self._lock:
            if self._wakers:
                return False
            if self._listener is listener:
                self._listener = None
            return True


class Waker:
    """A pair of sockets, of which one becomes readable when its owner should look; a context manager."""

    listens_later = True

    def __init__(self, wakeups: PostgresWakeups, channel: str) -> None:
        self.channel = channel
        self.file = -1
        self._wakeups = wakeups

    def __enter__(self) -> Waker:
        self._mine, self._others = socket.socketpair()
        self._mine.setblocking(False)
        self._others.setblocking(False)
        self.file = self._mine.fileno()
        self._is_heard = self._wakeups.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wakeups.remove(self)
        self._mine.close()
        self._others.close()

    def wait_until_listening(self) -> None:
        """Returns when every commit is heard of from now on, or soon after where the server is away."""
        self._is_heard.wait(_LONGEST_START)

    def ring(self) -> None:
        """Makes it readable."""
        with contextlib.suppress(OSError):  # full: it is readable already
            self._others.send(b"\0")

    def silence(self) -> None:
        """Takes what was rung so far, so that the next ring is noticed."""
        with contextlib.suppress(BlockingIOError):
            while self._mine.recv(4096):
                pass


class _Listener(threading.Thread):
    """Keeps a connection that listens on the channels that are wanted, and connects again when it is lost."""

    def __init__(self, connect: Callable[[], Connection[Any]], wakeups: PostgresWakeups) -> None:
        super().__init__(name="approval-tui-listener", daemon=True)
        self._connect = connect
        self._wakeups = wakeups
        self._is_stopped = False
        self._looks: list[threading.Event] = []
        self._poke_read, self._poke_write = socket.socketpair()
        self._poke_read.setblocking(False)
        self._poke_write.setblocking(False)

    def wants_look(self) -> threading.Event:
        """Has it look for what is wanted; the event is set when it listens for all of that."""
        looked = threading.Event()
        self._looks.append(looked)
        self._poke()
        return looked

    def stop(self) -> None:
        """Ends it; returns when it has ended."""
        self._is_stopped = True
        self._poke()
        self.join(timeout=5.0)

    def run(self) -> None:
        waits = pauses()
        was_lost = False
        try:
            while not self._is_stopped:
                try:
                    with contextlib.closing(self._connect()) as connection:
                        waits = pauses()
                        if was_lost:
                            self._wakeups.wake(None)  # what happened meanwhile was told to nobody
                        self._listen(connection)
                    return
                except (psycopg.Error, ApprovalTuiError, OSError):
                    was_lost = True
                    self._wakeups.wake(None)  # so that they find out that the store is away
                    self._sleep(next(waits))
                    if self._wakeups.is_left(self):
                        return
        finally:
            for looked in self._looks:
                looked.set()
            self._poke_read.close()
            self._poke_write.close()

    def _listen(self, connection: Connection[Any]) -> None:
        """Wakes whoever is told of, until nobody waits any more; raises psycopg.Error when the connection is lost."""
        listened: frozenset[str] = frozenset()
        connection.add_notify_handler(lambda notify: self._wakeups.wake(notify.channel))
        while not self._is_stopped:
            looks, self._looks = self._looks, []
            wanted = self._wakeups.wanted()
            for channel in wanted - listened:
                connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            for channel in listened - wanted:
                connection.execute(SQL("UNLISTEN {}").format(Identifier(channel)))
            listened = wanted
            for looked in looks:
                looked.set()
            ready = _readable([connection.fileno(), self._poke_read.fileno()], None if wanted else _UNUSED)
            self._silence()
            if connection.fileno() in ready:
                connection.pgconn.consume_input()
                while (told := connection.pgconn.notifies()) is not None:
                    self._wakeups.wake(told.relname.decode())
            if not ready and self._wakeups.is_left(self):
                return

    def _sleep(self, seconds: float) -> None:
        _readable([self._poke_read.fileno()], seconds)
        self._silence()

    def _poke(self) -> None:
        with contextlib.suppress(OSError):
            self._poke_write.send(b"\0")

    def _silence(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._poke_read.recv(4096):
                pass


def _readable(files: list[int], seconds: float | None) -> list[int]:
    """Those of the descriptors that can be read, waited for; their numbers may be above the 1023 of select()."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(None if seconds is None else seconds * 1000)]
