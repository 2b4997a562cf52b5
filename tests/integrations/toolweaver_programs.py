"""Starts programs of ToolWeaver's in processes of their own, and speaks with them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.support import LONG, ROOT

COMMAND = [sys.executable, "-W", "error", "-m", "tests.integrations.toolweaver_worker"]


class Program:
    """One running program; what is read of it comes line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """Its next line; empty at its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def tell(self) -> None:
        """Lets it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def ended(self) -> list[str]:
        """Its last lines; it must have ended well."""
        out, err = self._process.communicate(timeout=LONG)
        assert (self._process.returncode, err) == (0, "")
        return out.splitlines()


@contextlib.contextmanager
def program(*words: str) -> Iterator[Program]:
    """The worker with that command while it runs; whatever is left of it afterwards is killed."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def programs(*commands: tuple[str, ...]) -> Iterator[list[Program]]:
    """Several of them, each of which has said that it is ready."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(program(*command)) for command in commands]
        assert [each.line() for each in started] == ["ready"] * len(started)
        yield started
