"""A person at a pseudo-terminal that stands in the place of this process's stdin and stdout, and is asked there."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pty
import select
import sys
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from approval_tui.integrations.toolweaver import ApprovalRequest, request_cli_approval
from tests.support import LONG, until

QUESTION = "Approve this action? [y/n/details]: "
NAME = "Your name: "
REASON = "Rejection reason: "


class Asked:
    """What the person sees and types while the prompt runs on a thread of its own."""

    def __init__(self, master: int, prompt: concurrent.futures.Future[bool]) -> None:
        self._master = master
        self._prompt = prompt
        self._bytes = b""
        self._seen = 0

    @property
    def output(self) -> str:
        """Everything that came so far."""
        return self._bytes.decode(errors="replace").replace("\r\n", "\n")

    @property
    def raw(self) -> bytes:
        """The same as the terminal gets it."""
        return self._bytes

    def type(self, text: bytes) -> None:
        """Types as a person would."""
        os.write(self._master, text)

    def say(self, question: str, answer: str) -> None:
        """Types the answer and Enter as soon as the question stands there once more."""
        self.until_shown(question)
        self.type(answer.encode() + b"\n")

    def until_shown(self, text: str) -> None:
        """Reads until the text stands on the terminal, behind what was waited for before."""
        until(lambda: text in self._all()[self._seen :] or self._prompt.done())
        found = self._all().find(text, self._seen)
        assert found >= 0, f"the prompt ended before {text!r}: {self.output}"
        self._seen = found + len(text)

    def answer(self) -> bool:
        """What the prompt says in the end; raises what it raised."""
        until(lambda: (self._all(), self._prompt.done())[1])
        self._all()
        return self._prompt.result()

    def _all(self) -> str:
        """The output after everything was taken that is there."""
        while select.select([self._master], [], [], 0)[0]:
            self._bytes += os.read(self._master, 65536)
        return self.output


@contextlib.contextmanager
def asked(
    request: ApprovalRequest, *, typed_before: bytes = b"", columns: int = 120, encoding: str = "utf-8", **options: Any
) -> Iterator[Asked]:
    """The prompt for this request on a terminal of so many columns; what is left of it ends with the block.

    `typed_before` waits on the terminal before the prompt begins; `encoding` is that of the terminal.
    """
    with contextlib.ExitStack() as stack:
        master, slave = pty.openpty()
        stack.callback(os.close, slave)
        termios.tcsetwinsize(slave, (50, columns))
        kept_stdin = os.dup(0)
        stack.callback(os.close, kept_stdin)
        os.dup2(slave, 0)
        stack.callback(os.dup2, kept_stdin, 0)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(sys, "stdin", stack.enter_context(_terminal_file(slave, "r", encoding)))
        patch.setattr(sys, "stdout", stack.enter_context(_terminal_file(slave, "w", encoding)))
        if typed_before:
            os.write(master, typed_before)
            until(lambda: select.select([slave], [], [], 0)[0])
        worker = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        prompt = worker.submit(request_cli_approval, request, **options)
        try:
            yield Asked(master, prompt)
        finally:
            os.close(master)  # a prompt that still waits ends with its terminal
            concurrent.futures.wait([prompt], LONG)


@contextlib.contextmanager
def _terminal_file(descriptor: int, mode: str, encoding: str) -> Iterator[Any]:
    file = os.fdopen(os.dup(descriptor), mode, encoding=encoding, newline="")
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # its terminal is gone
            file.close()


def is_shown(text: str, output: str) -> bool:
    """Whether the output has all of the text, already made visible, however it is broken into rows."""
    return _unbroken(text) in _unbroken(output)


def _unbroken(text: str) -> str:
    return "".join(text.replace("↳", "").split())
