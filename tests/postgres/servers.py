"""Servers for tests, which listen on a socket in a folder of their own and do not outlive the run of tests."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from tests.postgres.programs import programs
from tests.support import ROOT

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

DATABASE = "approvals"
OWNER = "approvals_owner"
"""Who owns every schema: no super-user, but may make roles."""

SUPERUSER = "postgres"

StopMode = Literal["fast", "immediate"]
"""`fast` tells those who are connected; `immediate` is like a crash, from which the server recovers when it starts."""

_names = itertools.count()
_keepers: list[subprocess.Popen[str]] = []  # of shared servers, which live on when the one who started them is gone


class Server:
    """A server with the database `approvals`, in which each test has schemas of its own."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._administrator: Connection | None = None

    def url(self, schema: str, user: str = OWNER) -> str:
        """Where a store in this schema is, for this role."""
        return f"postgresql:///{DATABASE}?host={quote(self.folder)}&user={user}&options=-csearch_path%3D{schema}"

    def new_schema(self, schema: str | None = None) -> str:
        """The name of a new, empty schema; one that nobody used before if none is given."""
        from psycopg.sql import SQL, Identifier

        schema = schema or f"test_{os.getpid()}_{next(_names)}"
        self.administer(SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(Identifier(schema), Identifier(OWNER)))
        return schema

    def drop_schema(self, schema: str) -> None:
        """Drops the schema with everything in it; fails where somebody still holds a lock in it after 10 s."""
        from psycopg.sql import SQL, Identifier

        self.administer(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))

    def administer(self, statement: Composed) -> None:
        """Executes the statement as the super-user, in a transaction of its own."""
        if self._administrator is None or self._administrator.closed:
            self._administrator = self._connect(DATABASE)
        self._administrator.execute(statement)

    def leave(self) -> None:
        """Ends the connection over which this server was administered."""
        if self._administrator is not None:
            self._administrator.close()
            self._administrator = None

    def furnish(self) -> None:
        """Makes the owner and the database on a server that was just made."""
        from psycopg.sql import SQL, Identifier

        owner, database = Identifier(OWNER), Identifier(DATABASE)
        with self._connect("postgres") as connection:
            connection.execute(SQL("CREATE ROLE {} LOGIN CREATEROLE").format(owner))
            connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(database, owner))

    def _connect(self, database: str) -> Connection:
        import psycopg

        return psycopg.connect(
            host=self.folder, user=SUPERUSER, dbname=database, autocommit=True, options="-clock_timeout=10s"
        )


class OwnServer(Server):
    """A server for one test alone, which it may stop and start."""

    def __init__(self, folder: str, keeper: subprocess.Popen[str]) -> None:
        super().__init__(folder)
        self._keeper = keeper

    def stop(self, mode: StopMode = "fast") -> None:
        """Stops the server; returns when it is gone."""
        self.leave()
        self._ask(f"stop {mode}")

    def start(self) -> None:
        """Starts the stopped server; returns when it can be connected to."""
        self._ask("start")

    def restart(self, mode: StopMode = "fast") -> None:
        """Stops the server and starts it; returns when it can be connected to."""
        self.stop(mode)
        self.start()

    def _ask(self, what: str) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{what}\n")
        self._keeper.stdin.flush()
        _hear(self._keeper)


class Run:
    """The folder of a run of tests in which its servers live; whoever has its name can have servers."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def shared(self) -> Server:
        """The server that all processes of this run share, which the first that asks starts."""
        said = os.path.join(self.folder, "shared")
        with self._alone():
            if not os.path.exists(said):
                self._start_shared(said)
        with open(said, encoding="utf-8") as file:
            folder, failure = json.load(file)
        assert not failure, failure
        return Server(folder)

    @contextmanager
    def own(self) -> Iterator[OwnServer]:
        """A server of this process alone, which ends with the context or with the process."""
        folder = self._new_folder()
        keeper = self._keep(folder, subprocess.PIPE)
        server = OwnServer(folder, keeper)
        try:
            _hear(keeper)
            server.furnish()
            yield server
        finally:
            server.leave()
            keeper.communicate()

    def _start_shared(self, said: str) -> None:
        """Starts the server for all, and writes down where it is or why it did not start."""
        folder = self._new_folder()
        lifeline = os.open(_lifeline(self.folder), os.O_RDONLY | os.O_NONBLOCK)  # does not wait for a writer
        try:
            os.set_blocking(lifeline, True)
            keeper = self._keep(folder, lifeline)
        finally:
            os.close(lifeline)
        _keepers.append(keeper)
        failure = ""
        try:
            _hear(keeper)
            Server(folder).furnish()
        except AssertionError as failed:
            failure = str(failed)
        with open(said, "w", encoding="utf-8") as file:
            json.dump([folder, failure], file)

    def _keep(self, folder: str, lifeline: int) -> subprocess.Popen[str]:
        """A keeper that makes and starts a server in the folder, until its lifeline ends."""
        place, user = programs()
        kept = os.open(_kept(self.folder), os.O_RDWR)
        try:
            fcntl.flock(kept, fcntl.LOCK_SH)  # for the keeper, who inherits it
            return subprocess.Popen(
                [sys.executable, "-m", "tests.postgres.keeper", place, user or "", folder, str(kept)],
                cwd=ROOT,
                stdin=lifeline,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[kept],
                text=True,
                start_new_session=True,  # what interrupts the tests does not interrupt the server under them
            )
        finally:
            os.close(kept)

    def _new_folder(self) -> str:
        """A folder for a server, into which its user and this one alone may look."""
        folder = tempfile.mkdtemp(prefix="server-", dir=self.folder)
        user = programs().user
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, os.getegid())
            os.chmod(folder, 0o750)
        return folder

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps the other processes of this run waiting."""
        lock = os.open(os.path.join(self.folder, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class RunOwner:
    """The process that begins and ends a run: the shared server ends with it, even when it is killed."""

    def __init__(self) -> None:
        self.run = Run(tempfile.mkdtemp(prefix="approval-tui-", dir="/tmp"))  # the path of a socket has to be short
        os.chmod(self.run.folder, 0o711)  # the server's user reaches its folder
        path = _lifeline(self.run.folder)
        os.mkfifo(path, 0o600)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without which the next line would wait for one
        self._lifeline = os.open(path, os.O_WRONLY)
        os.close(reader)
        self._kept = os.open(_kept(self.run.folder), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._kept, fcntl.LOCK_SH)

    def end(self) -> None:
        """Ends the shared server, and returns when all servers are gone with their files."""
        os.close(self._lifeline)
        fcntl.flock(self._kept, fcntl.LOCK_EX)  # nobody else shares it
        os.close(self._kept)
        shutil.rmtree(self.run.folder, ignore_errors=True)


def _lifeline(folder: str) -> str:
    """The named pipe that the run's owner holds open; its end is the end of the shared server."""
    return os.path.join(folder, "lifeline")


def _kept(folder: str) -> str:
    """The file whose lock the run's owner and every keeper share for as long as they run."""
    return os.path.join(folder, "kept")


def _hear(keeper: subprocess.Popen[str]) -> None:
    """Waits until the keeper has done what it was asked; fails with the server's log if it could not."""
    assert keeper.stdout is not None
    answer = keeper.stdout.readline()
    assert answer, "the program that keeps PostgreSQL for the tests is gone"
    log = json.loads(answer)
    assert not log, f"PostgreSQL did not do what it should; its log:\n{log}"
