"""The real command: in a process of its own, in this process, and on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.support import LONG, until

COMMAND = [sys.executable, "-W", "error", "-m", "approval_tui"]


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout, which must be ASCII."""
        assert self.out.isascii()
        return json.loads(self.out)


def run_process(*words: str, stdin: bytes = b"", **environment: str) -> Finished:
    """Runs the command in a process of its own, without a terminal."""
    finished = subprocess.run(
        [*COMMAND, *words],
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=LONG,
        check=False,
    )
    assert b"Traceback" not in finished.stderr
    return Finished(finished.returncode, finished.stdout.decode(), finished.stderr.decode())


@contextlib.contextmanager
def started(*words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs; whatever is left of it afterwards is killed."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[bytes]) -> Finished:
    """What the process said until its end."""
    out, err = process.communicate(timeout=LONG)
    assert b"Traceback" not in err
    return Finished(process.returncode, out.decode(), err.decode())


def has_bell(store: BlockingStore, request: Request) -> bool:
    """Whether somebody waits for the request."""
    for folder, _, names in os.walk(f"{store.path}.bells"):
        if any(name.startswith(request.id) for name in names):
            return os.path.basename(folder) == request.id[-2:]
    return False


def one_pending(store: BlockingStore) -> Request:
    """The only request that waits, as soon as there is one and somebody waits for it."""
    until(lambda: len(store.reviewer.list()) == 1 and has_bell(store, store.reviewer.list()[0]))
    return store.reviewer.list()[0]


class Terminal:
    """The command on a pseudo-terminal, which is its controlling one; `typed_before` waits in it from the start."""

    def __init__(self, *words: str, typed_before: bytes = b"", **environment: str) -> None:
        self.output = ""
        self._code: int | None = None
        self._process, self._master = pty.fork()
        if self._process == 0:  # the child
            if typed_before:
                _until_readable(0)
            os.execve(COMMAND[0], [*COMMAND, *words], {**os.environ, **environment})
        if typed_before:
            os.write(self._master, typed_before)

    def type(self, text: bytes) -> None:
        """Types as a person would."""
        os.write(self._master, text)

    def until_shown(self, text: str) -> None:
        """Reads until the text stands on the terminal."""
        deadline = time.monotonic() + LONG
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            assert self._read(), f"it ended before {text!r}: {self.output}"

    def ended(self) -> int:
        """Reads to the end and gives the exit code."""
        while self._code is None:
            if not self._read():
                _, status = os.waitpid(self._process, 0)
                self._code = os.waitstatus_to_exitcode(status)
        assert "Traceback" not in self.output
        return self._code

    def close(self) -> None:
        """Kills what is left of the command."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, 9)
            os.waitpid(self._process, 0)
        os.close(self._master)

    def _read(self) -> bool:
        """Takes what came; False when the other side is closed."""
        assert select.select([self._master], [], [], LONG)[0], self.output
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.output += data.decode().replace("\r\n", "\n")
        return bool(data)


def _until_readable(descriptor: int) -> None:
    select.select([descriptor], [], [], LONG)


@contextlib.contextmanager
def on_terminal(*words: str, typed_before: bytes = b"", **environment: str) -> Iterator[Terminal]:
    """The command on a terminal of its own."""
    terminal = Terminal(*words, typed_before=typed_before, **environment)
    try:
        yield terminal
    finally:
        terminal.close()
