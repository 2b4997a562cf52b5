"""The installed command on a real pseudo-terminal: bytes in, bytes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.seeded import hostile_call

PATIENCE = 60.0
"""Seconds after which a condition that never comes true fails the test."""


class Terminal:
    """The console in a pseudo-terminal of 140 by 34 cells."""

    def __init__(self, store_path: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 34, 140, 0, 0))
        self.output = b""
        without_size = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "approval_tui", "--store", store_path, "--reviewer", "ann"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**without_size, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    def until(self, condition: Callable[[], bool]) -> None:
        """Reads what comes until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"never came true; the end of the output: {self.output[-2000:]!r}"
            if select.select([self.master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.output += os.read(self.master, 65536)

    def hang_up(self) -> None:
        """Closes the terminal, as when its window is closed."""
        os.close(self.master)
        self.master = -1

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.master >= 0:
            os.close(self.master)


@pytest.fixture
def waiting(store_path: str) -> tuple[BlockingStore, Request]:
    """A real store with one request in it, that fits on the screen."""
    store = open_store_blocking(store_path)
    call = Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot")
    return store, store.requester.submit(call).request


@pytest.fixture
def terminal(store_path: str, waiting: tuple[BlockingStore, Request]) -> Iterator[Terminal]:
    opened = Terminal(store_path)
    try:
        opened.until(lambda: b"make deploy" in opened.output and b"live" in opened.output)
        yield opened
    finally:
        opened.end()


def test_a_approves_and_q_leaves(terminal: Terminal, waiting: tuple[BlockingStore, Request]) -> None:
    store, request = waiting

    pressed_at = 0.0

    def approved() -> bool:
        nonlocal pressed_at
        if time.monotonic() - pressed_at > 1.0:  # a key that comes too soon decides nothing, so it is pressed again
            pressed_at = time.monotonic()
            terminal.type(b"a")
        return store.reviewer.get(request.id).status == "approved"

    terminal.until(approved)
    terminal.type(b"q")
    terminal.until(lambda: terminal.process.poll() is not None)
    assert terminal.process.returncode == 0
    (decision,) = store.reviewer.get(request.id).decisions
    assert (decision.reviewer, decision.via, decision.evidence.kind) == ("ann", "console", "shown")
    assert decision.tty is not None


def test_hostile_text_reaches_the_terminal_only_in_visible_form(
    terminal: Terminal, waiting: tuple[BlockingStore, Request]
) -> None:
    store, _ = waiting
    store.requester.submit(hostile_call())
    terminal.until(lambda: b"2 pending" in terminal.output)
    terminal.type(b"G")
    terminal.until(lambda: rb"\u{202E} gnp.txt" in terminal.output and rb"\u{202E} literal" in terminal.output)
    for raw in ("\x1b]0;owned", "\x9b", "\u202e", "\u200b", "\u2066"):
        assert raw.encode() not in terminal.output


def test_pasted_and_buffered_keys_decide_nothing(terminal: Terminal, waiting: tuple[BlockingStore, Request]) -> None:
    store, request = waiting
    terminal.type(b"\x1b[200~a\x1b[201~")
    terminal.until(lambda: b"Pasted text decides nothing" in terminal.output)
    terminal.type(b"aaaaaaaaaaz")
    terminal.until(lambda: b"nothing was decided" in terminal.output or b"Too soon" in terminal.output)
    assert store.reviewer.get(request.id).status == "pending"


@pytest.mark.parametrize("how", ["closed", "signal"])
def test_a_terminal_that_goes_away_ends_the_console_and_decides_nothing(
    how: str, terminal: Terminal, waiting: tuple[BlockingStore, Request]
) -> None:
    store, request = waiting
    if how == "closed":
        terminal.hang_up()
    else:
        os.kill(terminal.process.pid, signal.SIGHUP)
    terminal.process.wait(PATIENCE)
    assert store.reviewer.get(request.id).status == "pending"
    assert [event.name for event in store.reviewer.events(request_id=request.id)] == ["request_submitted"]
