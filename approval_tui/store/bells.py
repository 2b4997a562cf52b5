"""Bells: named pipes by which a writer wakes those whom its commit concerns.

A bell says only 'look again'; nothing is read from it but bytes without meaning. Waiters look on their own
as well, slowly, because a writer may die between commit and bell, or know nothing of bells.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from types import TracebackType

from approval_tui.domain.errors import RequestNotFound
from approval_tui.domain.ids import is_request_id

CONSOLES = "consoles"
SUPPORTED = hasattr(os, "mkfifo")


class Bells:
    """The folder of bells beside one store; whoever may not write makes none where there is none yet."""

    def __init__(self, folder: str, *, makes_folders: bool = True) -> None:
        self.folder = folder
        self.makes_folders = makes_folders

    def hang(self, request_id: str | None, stack: contextlib.ExitStack) -> Bell | None:
        """The bell of that request's waiter, or of a console, until the stack ends; None where pipes cannot be.

        Raises RequestNotFound for what can be no id.
        """
        bell = Bell.for_console(self) if request_id is None else Bell.for_request(self, request_id)
        if SUPPORTED:
            with contextlib.suppress(OSError):
                return stack.enter_context(bell)
        return None

    def ring(self, request_ids: Collection[str]) -> None:
        """Wakes the waiters of these requests, and every console; never fails, never waits."""
        if not SUPPORTED or not request_ids or not os.access(self.folder, os.F_OK):
            return  # nobody has ever waited here
        for request_id in request_ids:
            self._ring_folder(os.path.join(self.folder, shard(request_id)), request_id)
        self._ring_folder(os.path.join(self.folder, CONSOLES), "")

    def _ring_folder(self, folder: str, prefix: str) -> None:
        try:
            names = os.listdir(folder)
        except OSError:
            return
        for name in names:
            if name.startswith(prefix) and not name.startswith("."):
                _ring(os.path.join(folder, name))


class Bell:
    """One named pipe, open for reading while the context lasts; `file` is its descriptor."""

    listens_later = False

    def __init__(self, bells: Bells, place: str, name: str) -> None:
        self._folder = os.path.join(bells.folder, place)
        self._makes_folders = bells.makes_folders
        self._name = f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
        self.file = -1

    @classmethod
    def for_request(cls, bells: Bells, request_id: str) -> Bell:
        """The bell of one who waits for this request; raises RequestNotFound for what can be no id."""
        if not is_request_id(request_id):  # it becomes part of a path
            raise RequestNotFound(request_id)
        return cls(bells, shard(request_id), request_id)

    @classmethod
    def for_console(cls, bells: Bells) -> Bell:
        """The bell of one who wants to know of every change."""
        return cls(bells, CONSOLES, "console")

    def __enter__(self) -> Bell:
        """Hangs the bell; raises OSError where the folder cannot hold named pipes."""
        for folder in (os.path.dirname(self._folder), self._folder) if self._makes_folders else ():
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        hidden = os.path.join(self._folder, f".{self._name}")
        os.mkfifo(hidden, 0o600)
        try:
            # Open for both, so that the pipe never reports an end; renamed only now, so that no writer
            # finds it without a reader and takes it for stale.
            self.file = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            os.rename(hidden, self._path)
        except BaseException:
            self._take_down(hidden)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._take_down(self._path)

    def wait_until_listening(self) -> None:
        """It listens as soon as it hangs."""

    def silence(self) -> None:
        """Takes what was rung so far, so that the next ring is heard."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.file, 4096):
                pass

    @property
    def _path(self) -> str:
        return os.path.join(self._folder, self._name)

    def _take_down(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(path)
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def shard(request_id: str) -> str:
    """The subfolder of a request's bells: its last two digits, so that no folder grows long."""
    return request_id[-2:]


def _ring(path: str) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:  # no reader: whoever hung it is gone
        with contextlib.suppress(OSError):
            os.unlink(path)
        return
    try:
        os.write(file, b"\0")
    except OSError:
        pass  # full: it rings already
    finally:
        os.close(file)
