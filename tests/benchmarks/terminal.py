"""A program in a real pseudo-terminal: keys in, whole frames out, and what it costs the machine.

The terminal answers that it knows synchronized output, so every frame's end is marked in the bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic_ns

from tests.benchmarks.environment import without_settings
from tests.benchmarks.measuring import WAITED, Samples, waited_for_processor

PATIENCE = 20.0
"""Seconds after which what must be seen counts as never seen."""

MS = 1_000_000.0
"""Nanoseconds of a millisecond."""

A_SCREEN = 1000
"""A frame of more bytes than this draws a screen, and not just the cursor or a line."""

_ROWS, _COLUMNS = 34, 140
_UNTIL_DRAWN = 0.3
_ASKS_FOR_FRAMES, _KNOWS_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_END = b"\x1b[?2026l"
_CONTROL = re.compile(rb"\x1b\][^\x07]*\x07|\x1b\[[0-9;?<>=]*[ -/]*[@-~]")
_LAST_WORDS = 200
_APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")


class NotShown(Exception):
    """What a benchmark needs to see could not be seen; the message says what."""


@dataclass(frozen=True)
class Frame:
    """What was written since the frame before, and when the last of it was read (ns, monotonic)."""

    content: bytes
    at: int


def console(store_path: str) -> list[str]:
    """The command that opens the console on that store."""
    return [sys.executable, "-m", "approval_tui", "--store", store_path, "--reviewer", "ann"]


def app(name: str, *arguments: str) -> list[str]:
    """The command of one of the small programs in `apps`."""
    return [sys.executable, os.path.join(_APPS, f"{name}.py"), *arguments]


class Terminal:
    """A program in a pseudo-terminal of 140 by 34 cells; a context manager that ends it."""

    def __init__(self, command: Sequence[str], folder: str) -> None:
        """Starts it with `folder` for a home."""
        self._master, slave = pty.openpty()
        self._pending = b""
        self._frames: list[Frame] = []
        self._last_words = b""
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
            environment = {
                name: value
                for name, value in without_settings(folder).items()
                if name not in ("COLUMNS", "LINES", "NO_COLOR")
            }
            self.started_at = monotonic_ns()
            self._process = subprocess.Popen(
                command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
                start_new_session=True,
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    # --- keys and frames -----------------------------------------------------------------------

    def press(self, keys: bytes) -> int:
        """Types the keys, and says when (ns, monotonic)."""
        pressed_at = monotonic_ns()
        while keys:
            try:
                keys = keys[os.write(self._master, keys) :]
            except OSError:
                raise self._ended() from None
        return pressed_at

    def frame(self, wanted: Callable[[bytes], bool], what: str, seconds: float = PATIENCE) -> Frame:
        """The next frame with the wanted content; raises NotShown, naming `what`, when none comes."""
        for frame in self.frames(seconds):
            if wanted(frame.content):
                return frame
        raise NotShown(f"{what} did not come to the screen within {seconds:g} s")

    def frames(self, seconds: float) -> Iterator[Frame]:
        """The frames of so many seconds, each as it comes."""
        deadline = time.monotonic() + seconds
        while self._frames or (left := deadline - time.monotonic()) > 0:
            if self._frames:
                yield self._frames.pop(0)
            else:
                self._read(left)

    def settle(self, quiet: float = 0.03) -> bytes:
        """Reads until nothing came for so many seconds, and gives all of it."""
        deadline = time.monotonic() + PATIENCE
        while self._read(quiet):
            if time.monotonic() > deadline:
                raise NotShown(f"the output did not come to an end within {PATIENCE:g} s")
        content = b"".join(frame.content for frame in self._frames) + self._pending
        self._frames.clear()
        return content

    def until_drawn(self) -> None:
        """Waits for the first frame that is a whole screen, and until all that follows it is drawn."""
        self.frame(lambda content: len(content) > A_SCREEN, "the first screen")
        self.settle(_UNTIL_DRAWN)

    def until_written(self, text: bytes) -> int:
        """Reads until a program that draws no frames has written the text, and says when (ns, monotonic)."""
        while text not in self._pending:
            if not self._read(PATIENCE):
                raise NotShown(f"{text!r} did not come to the screen within {PATIENCE:g} s")
        self._pending = b""
        return monotonic_ns()

    def byte_back(self) -> float:
        """Milliseconds until the program that echoes has written a byte back."""
        pressed_at = self.press(b"x")
        return (self.until_written(b"x") - pressed_at) / MS

    def _read(self, seconds: float) -> bool:
        """Reads once, if something comes within so many seconds; whether it did."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            raise self._ended() from None
        at = monotonic_ns()
        self._last_words = (self._last_words + data)[-4096:]
        if _ASKS_FOR_FRAMES in self._last_words and _ASKS_FOR_FRAMES in self._pending[-16:] + data:
            os.write(self._master, _KNOWS_FRAMES)
        *whole, self._pending = (self._pending + data).split(_FRAME_END)
        self._frames += [Frame(content, at) for content in whole]
        return True

    def _ended(self) -> NotShown:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        words = _CONTROL.sub(b"", self._last_words).decode(errors="replace").split()
        said = " ".join(words)[-_LAST_WORDS:]
        return NotShown(f"the program ended with exit code {self._process.returncode}: {said}")

    # --- what it costs -------------------------------------------------------------------------

    def cpu(self) -> float:
        """Seconds of processor time of all its threads so far; raises NotShown where the system does not tell."""
        clock = (~self._process.pid << 3) | 2  # the number that clock_getcpuclockid(3) gives for a process
        try:
            return time.clock_gettime_ns(clock) / 1e9
        except OSError as error:
            raise NotShown(f"the system does not tell a program's processor time: {error}") from None

    def waited(self) -> float:
        """Seconds that its main thread, which draws, was ready and had no processor; 0 where the system tells nothing.

        Its other threads wait for a processor whenever one hands work to another, on a quiet machine too.
        """
        with contextlib.suppress(OSError), open(f"/proc/{self._process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
        return 0.0

    def resident(self) -> float:
        """Megabytes of memory that it holds now; raises NotShown where the system does not tell."""
        try:
            with open(f"/proc/{self._process.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        except OSError as error:
            raise NotShown(f"the system does not tell a program's memory: {error}") from None


def drain(terminals: Sequence[Terminal], seconds: float) -> None:
    """Reads what all of them write for so long, so that none waits for a reader."""
    deadline = time.monotonic() + seconds
    by_file = {terminal._master: terminal for terminal in terminals}
    while (left := deadline - time.monotonic()) > 0:
        for file in select.select(list(by_file), [], [], left)[0]:
            by_file[file]._read(0)
            by_file[file]._frames.clear()


def times_of(terminal: Terminal, actions: Iterable[Callable[[], float]], prepare: Callable[[], object]) -> Samples:
    """What each action measured (ms), prepared before; and for which share its program or this one had no processor."""
    times, waited = [], 0.0
    for action in actions:
        prepare()
        before = terminal.waited() + waited_for_processor()
        times.append(action())
        waited += terminal.waited() + waited_for_processor() - before
    return {"time": times, WAITED: [1000 * waited / sum(times)]}


def bytes_back(echo: Terminal, count: int) -> Samples:
    """As many times of a byte through a terminal and back; that the programs wait for each other is part of it."""
    return {"time": [echo.byte_back() for _ in range(count)], WAITED: [0.0]}
