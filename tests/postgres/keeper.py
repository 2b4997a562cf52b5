"""The program that keeps a PostgreSQL server for tests: `python -m tests.postgres.keeper PROGRAMS USER FOLDER LOCK`.

With what the folder PROGRAMS holds, run as USER (or as oneself where that is empty), it makes a new server in FOLDER
and starts it, then obeys the lines `stop fast`, `stop immediate` and `start` on its standard input. It answers each,
and the first start, with a line of JSON: the empty string when that is done, and otherwise the server's log. When its
input ends, and so when whoever holds the other end is gone in whatever way, it stops the server and removes FOLDER. If
nobody else shares the lock on the open file of the number LOCK, the run of tests is over, and it removes the folder
around that too.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import json
import locale
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time

LONGEST = 60.0
"""Seconds that a server may take to start or to stop."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux' prctl(2)

_STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 300
shared_buffers = 32MB
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 1GB
checkpoint_timeout = 1h
"""


class _Failed(Exception):
    """The server did not do what was asked; its log says why."""


class _Keeper:
    """One server, in `data` of its folder, with its socket and its `log` beside that."""

    def __init__(self, programs: str, user: str, folder: str) -> None:
        self.programs = programs
        self.user = user or None
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "log")
        self.server: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Makes the server's files, whose super-user is called `postgres` and needs no password."""
        initdb = [self._program("initdb"), f"--pgdata={self.data}", "--username=postgres", "--auth=trust"]
        initdb += ["--encoding=UTF8", f"--locale={_locale()}", "--wal-segsize=1", "--no-sync", "--no-instructions"]
        if self._run(initdb).wait() != 0:
            raise _Failed
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(_CONFIGURATION.format(folder=self.folder))

    def start(self) -> None:
        """Starts the server and waits until it can be connected to."""
        self.server = self._run([self._program("postgres"), "-D", self.data])
        deadline = time.monotonic() + LONGEST
        while not self._is_ready(self.server.pid):
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise _Failed
            time.sleep(0.005)

    def stop(self, mode: str) -> None:
        """Stops the server, `fast` or `immediate`, and waits until it is gone."""
        if self.server is None or self.server.poll() is not None:
            return
        self.server.send_signal(_STOPS[mode])
        try:
            self.server.wait(LONGEST)
        except subprocess.TimeoutExpired:
            raise _Failed from None

    def obey(self, line: str) -> str:
        """Does what the line says; gives the server's log if that failed."""
        try:
            if line == "make":
                self.make()
            if line in ("make", "start"):
                self.start()
            else:
                self.stop(line.removeprefix("stop "))
        except _Failed:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read() or "it wrote nothing into its log"
        return ""

    def _program(self, name: str) -> str:
        return os.path.join(self.programs, name)

    def _is_ready(self, pid: int) -> bool:
        """Whether the file in which the server says how it is was written by this process and says `ready`."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready"

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Runs the program as the server's user; if this process is killed, it ends as after `stop immediate`."""
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                preexec_fn=_die_with_parent,
            )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGQUIT, 0, 0, 0)


def _locale() -> str:
    try:
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    except locale.Error:
        return "C"
    return "C.UTF-8"


def main(programs: str, user: str, folder: str, lock: str) -> None:
    """Keeps a server until the input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    keeper = _Keeper(programs, user, folder)
    try:
        for line in itertools.chain(["make"], sys.stdin):
            with contextlib.suppress(BrokenPipeError):  # who asked is gone, and others may use the server
                print(json.dumps(keeper.obey(line.strip())), flush=True)
    finally:
        keeper.obey("stop immediate")
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(int(lock), fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(os.path.dirname(folder), ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
