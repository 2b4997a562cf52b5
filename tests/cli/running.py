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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from approval_tui.cli.main import run
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


Cli = Callable[..., Finished]


def in_this_process(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command as a function of its words, which is quick."""

    def call(*words: str) -> Finished:
        capsys.readouterr()
        return Finished(run(words), *capsys.readouterr())

    return call


def run_process(*words: str, stdin: bytes = b"", encoding: str = "utf-8", **environment: str) -> Finished:
    """Runs the command in a process of its own, without a terminal."""
    finished = subprocess.run(
        [*COMMAND, *words],
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=LONG,
        check=False,
    )
    out, err = finished.stdout.decode(encoding), finished.stderr.decode(encoding)
    assert "Traceback" not in err
    return Finished(finished.returncode, out, err)


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
    for folder, _, names in os.walk(f"{store.location}.bells"):
        if any(name.startswith(request.id) for name in names):
            return os.path.basename(folder) == request.id[-2:]
    return False


def one_pending(store: BlockingStore) -> Request:
    """The only request that waits, as soon as there is one and somebody waits for it."""
    until(lambda: len(store.reviewer.list()) == 1 and has_bell(store, store.reviewer.list()[0]))
    return store.reviewer.list()[0]


#: Takes the terminal on stdin as the controlling one, so that Ctrl-C works; then becomes the command. With a
#: first argument it waits until something was typed.
_ON_TERMINAL = """
import fcntl, os, select, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1]:
    select.select([0], [], [])
os.execv(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """The command on a pseudo-terminal; what was `typed_before` waits there from the start."""

    def __init__(self, *words: str, typed_before: bytes = b"", **environment: str) -> None:
        self._bytes = b""
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, "wait" if typed_before else "", *COMMAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        os.close(slave)
        if typed_before:
            os.write(self._master, typed_before)

    @property
    def output(self) -> str:
        """Everything that came so far."""
        return self._bytes.decode(errors="replace").replace("\r\n", "\n")

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
        while self._master >= 0 and self._read():
            pass
        code = self._process.wait(LONG)
        assert "Traceback" not in self.output
        return code

    def hang_up(self) -> None:
        """Closes the terminal, as when its window is closed."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """Kills what is left of the command."""
        self._process.kill()
        self._process.wait()
        if self._master >= 0:
            os.close(self._master)

    def _read(self) -> bool:
        """Takes what came; False when the other side is closed."""
        assert select.select([self._master], [], [], LONG)[0], self.output
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self._bytes += data
        return bool(data)


@contextlib.contextmanager
def on_terminal(*words: str, typed_before: bytes = b"", **environment: str) -> Iterator[Terminal]:
    """The command on a terminal of its own."""
    terminal = Terminal(*words, typed_before=typed_before, **environment)
    try:
        yield terminal
    finally:
        terminal.close()
