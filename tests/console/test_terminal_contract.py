"""The contract of the keys with real bytes: focus, paste, clicks, suspension, and a terminal that goes away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.screen_reader import ScreenReader
from tests.console.test_real_terminal import Terminal

HEAD_OF_EXPIRE = "End this request without a verdict?"
_UNFINISHED = re.compile(
    rb"(?:\x1b(?:\[[0-9;:?<>=$]*|\][^\x07\x1b]*|P[^\x1b]*|[()*+])?|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
"""Half a sequence or half a character at the end of what was read; the rest of it is still to come."""

FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"


class AnyTerminal(Terminal):
    """The console in a pseudo-terminal of any size and environment."""

    def __init__(
        self,
        store_path: str,
        *arguments: str,
        columns: int = 140,
        rows: int = 34,
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        program: Sequence[str] = ("-m", "approval_tui"),
    ) -> None:
        self.columns, self.rows = columns, rows
        self.output = b""
        self._screen, self._read = ScreenReader(columns, rows), 0
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        usual = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        dropped = ("COLUMNS", "LINES", "NO_COLOR", "TMUX", *usual)
        inherited = {name: value for name, value in os.environ.items() if name not in dropped}
        self.process = subprocess.Popen(
            [sys.executable, *program, "--store", store_path, "--reviewer", "ann", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, **(usual if environment is None else environment)},
            start_new_session=True,
            preexec_fn=before,
        )
        os.close(slave)

    @property
    def screen(self) -> ScreenReader:
        """What is on the screen now; only what came since the last look is read."""
        if (self._screen.columns, self._screen.rows) != (self.columns, self.rows):
            self._screen, self._read = ScreenReader(self.columns, self.rows), 0
        news = self.output[self._read :]
        unfinished = _UNFINISHED.search(news)
        news = news[: unfinished.start()] if unfinished else news
        self._screen.read(news.decode("utf-8", "replace"))
        self._read += len(news)
        return self._screen

    def see(self, text: str) -> None:
        """Reads what comes until the text is on the screen."""
        self.until(lambda: text in self.screen.text)

    def resize(self, columns: int, rows: int) -> None:
        """Gives the terminal another size, as a window manager does."""
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.process.pid, signal.SIGWINCH)

    def is_stopped(self) -> bool:
        """Whether the process is suspended."""
        return os.waitpid(self.process.pid, os.WNOHANG | os.WUNTRACED)[1] != 0


@contextlib.contextmanager
def opened_terminal(store_path: str, *arguments: str, **options: object) -> Iterator[AnyTerminal]:
    opened = AnyTerminal(store_path, *arguments, **options)  # type: ignore[arg-type]
    try:
        yield opened
    finally:
        opened.end()


@pytest.fixture
def waiting(store_path: str) -> tuple[BlockingStore, Request]:
    """A real store with one request in it, that fits on the screen."""
    store = open_store_blocking(store_path)
    call = Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot", risk="medium")
    return store, store.requester.submit(call).request


@pytest.fixture
def terminal(store_path: str, waiting: tuple[BlockingStore, Request]) -> Iterator[AnyTerminal]:
    with opened_terminal(store_path) as opened:
        opened.see("make deploy")
        opened.see("live")
        become_armed(opened)
        yield opened


def become_armed(terminal: AnyTerminal) -> None:
    """Waits until a deciding key counts: `x` asks whether to expire only then."""
    tried_at = 0.0

    def asks() -> bool:
        nonlocal tried_at
        if time.monotonic() - tried_at > 0.6:  # a key that comes too soon does nothing, so it is pressed again
            tried_at = time.monotonic()
            terminal.type(b"x")
        return HEAD_OF_EXPIRE in terminal.screen.text

    terminal.until(asks)
    terminal.type(b"\x1b")
    terminal.until(lambda: HEAD_OF_EXPIRE not in terminal.screen.text)
    time_goes_by = time.monotonic() + 0.5
    terminal.until(lambda: time.monotonic() > time_goes_by)


def wait_for(terminal: AnyTerminal, *texts: str) -> None:
    terminal.until(lambda: any(text in terminal.screen.text for text in texts))


def say_something_else(terminal: AnyTerminal) -> None:
    """Waits until a deciding key counts again, and what was said before is off the screen."""
    terminal.type(FOCUS_IN)
    become_armed(terminal)
    terminal.type(b"y")
    terminal.see("clipboard")


def press_right_behind_the_report_of_the_focus(terminal: AnyTerminal) -> None:
    terminal.type(FOCUS_OUT)
    terminal.type(FOCUS_IN + b"a")
    terminal.see("Too soon")


def click_approve(terminal: AnyTerminal, reported: bytes) -> None:
    """Clicks while the terminal has not got the focus, with or without a report that it comes with the click."""
    row = next(number for number, line in enumerate(terminal.screen.lines) if " Approve" in line)
    column = terminal.screen.lines[row].index("Approve")
    place = f"{column + 2};{row + 1}".encode()
    terminal.type(FOCUS_OUT)
    terminal.type(reported + b"\x1b[<0;" + place + b"M\x1b[<0;" + place + b"m")
    terminal.see("Too soon")


def test_a_key_or_a_click_that_comes_with_the_focus_decides_nothing(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    for bring_the_focus in (
        press_right_behind_the_report_of_the_focus,
        lambda terminal: click_approve(terminal, FOCUS_IN),
        lambda terminal: click_approve(terminal, b""),
    ):
        say_something_else(terminal)
        assert "Too soon" not in terminal.screen.text
        bring_the_focus(terminal)
        assert waiting[0].reviewer.get(waiting[1].id).status == "pending"


def test_a_paste_without_an_end_and_ctrl_c_decide_nothing(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    terminal.type(b"\x1b[200~aaa\r")
    terminal.type(b"a")
    waiting[0].requester.submit(Call(tool="late", arguments={}, requester="late-bot"))
    terminal.see("late-bot")
    terminal.type(b"\x1b[201~")
    wait_for(terminal, "Pasted text decides nothing")
    assert waiting[0].reviewer.get(waiting[1].id).status == "pending"

    terminal.type(b"\x03")
    waiting[0].requester.submit(Call(tool="late", arguments={}, requester="later-bot"))
    terminal.until(lambda: "later-bot" in terminal.screen.text or terminal.process.poll() is not None)
    assert waiting[0].reviewer.get(waiting[1].id).status == "pending"
    assert b"Traceback" not in terminal.output


def test_half_an_escape_sequence_swallows_no_safety(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    for half in (b"\x1b[", b"\x1b]52;c;", b"\x1bP", b"\x1b[<0;5", b"\xc3", b"\x1b[200"):
        terminal.type(half)
        terminal.type(b"a")
    terminal.type(b"\x07\x1b\\")
    terminal.resize(130, 30)
    terminal.until(lambda: terminal.output.count(b"make deploy") >= 2)
    assert waiting[0].reviewer.get(waiting[1].id).status == "pending"


def test_keys_typed_while_it_was_suspended_or_right_after_it_came_back_decide_nothing(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    for number, by_key in enumerate((True, False)):
        become_armed(terminal)
        if by_key:
            terminal.type(b"\x1a")
        else:
            os.kill(terminal.process.pid, signal.SIGTSTP)
        terminal.until(terminal.is_stopped)
        before = len(terminal.output)
        terminal.type(b"a")
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until(lambda before=before: b"make deploy" in terminal.output[before:])  # type: ignore[misc]
        waiting[0].requester.submit(Call(tool="late", arguments={"n": number}, requester=f"late-bot-{number}"))
        terminal.see(f"late-bot-{number}")
        assert waiting[0].reviewer.get(waiting[1].id).status == "pending"

    say_something_else(terminal)
    assert "Too soon" not in terminal.screen.text
    assert "nothing was decided" not in terminal.screen.text
    os.kill(terminal.process.pid, signal.SIGTSTP)
    terminal.until(terminal.is_stopped)
    before = len(terminal.output)
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.until(lambda: b"\x1b[?1049h" in terminal.output[before:])
    terminal.type(b"a")
    wait_for(terminal, "Too soon", "nothing was decided")
    assert waiting[0].reviewer.get(waiting[1].id).status == "pending"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_ends_it_decides_nothing_and_sigterm_leaves_the_terminal_as_it_was(
    number: signal.Signals, terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    terminal.type(b"d")
    terminal.see("Deny this request?")
    terminal.type(b"no")
    os.kill(terminal.process.pid, number)
    terminal.until(lambda: terminal.process.poll() is not None)
    assert [each.name for each in waiting[0].reviewer.events(request_id=waiting[1].id)] == ["request_submitted"]
    if number == signal.SIGTERM:
        with contextlib.suppress(AssertionError, OSError):
            terminal.until(lambda: b"\x1b[?1049l" in terminal.output or _at_end(terminal))
        assert b"\x1b[?1049l" in terminal.output
        assert b"\x1b[?1000l" in terminal.output


def _at_end(terminal: AnyTerminal) -> bool:
    import select

    return not select.select([terminal.master], [], [], 0)[0]


def test_a_storm_of_resizes_leaves_a_whole_screen_and_decides_nothing(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    for number in range(60):
        terminal.resize(20 + (number * 37) % 280, 2 + (number * 7) % 60)
    terminal.resize(1, 1)
    terminal.resize(120, 30)
    terminal.type(b"?")
    terminal.see("What waits")
    terminal.type(b"\x1b")
    terminal.see("release-bot")
    assert terminal.process.poll() is None
    assert waiting[0].reviewer.get(waiting[1].id).status == "pending"


# --- attention ----------------------------------------------------------------------------------


def test_a_request_rings_and_says_so_without_arguments_but_only_while_nobody_looks(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    before = len(terminal.output)
    waiting[0].requester.submit(Call(tool="late", arguments={}, requester="late-bot"))
    terminal.see("late-bot")
    terminal.type(b"?")
    terminal.see("What waits")
    assert b"\x1b]9;" not in terminal.output[before:]
    assert b"\x1b]2;" not in terminal.output[before:]

    terminal.type(b"\x1b")
    terminal.until(lambda: "What waits" not in terminal.screen.text)
    terminal.type(FOCUS_OUT)
    terminal.until(lambda: b"\x1b]2;(2) approval-tui\x07" in terminal.output)
    before = len(terminal.output)
    call = Call(tool="late\x07tool", arguments={"secret": "hunter2"}, requester="later-bot", risk="high")
    request = waiting[0].requester.submit(call).request
    terminal.until(lambda: b"\x1b]9;approval-tui: " in terminal.output[before:])
    terminal.until(lambda: b"\x1b]2;(3) approval-tui\x07" in terminal.output[before:])
    notice = terminal.output[before:].split(b"\x1b]9;")[1].split(b"\x07")[0].decode()
    assert "risk high, " in notice
    assert '"late\\u{7}tool" for later-bot' in notice
    assert request.id[-4:] in notice
    assert "hunter2" not in notice
    assert b"\x07\x1b]9;" in terminal.output[before:]
    terminal.type(FOCUS_IN)
    terminal.until(lambda: terminal.output.rfind(b"\x1b]2;approval-tui\x07") > before)


# --- terminals -----------------------------------------------------------------------------------

TERMINALS = {
    "no colour": {"TERM": "xterm-256color", "NO_COLOR": "1"},
    "the Linux console": {"TERM": "linux"},
    "16 colours": {"TERM": "xterm-16color"},
    "screen": {"TERM": "screen"},
}


@pytest.mark.parametrize("name", TERMINALS)
def test_words_carry_the_meaning_in_every_terminal(
    name: str, store_path: str, waiting: tuple[BlockingStore, Request]
) -> None:
    with opened_terminal(store_path, environment=TERMINALS[name]) as terminal:
        terminal.see("live")
        terminal.see("medium")
        terminal.see("make deploy")
        assert terminal.screen.overflowed == []


@pytest.mark.parametrize(("columns", "rows"), [(60, 24), (80, 24), (300, 60)])
def test_no_row_is_wider_than_the_screen(
    columns: int, rows: int, store_path: str, waiting: tuple[BlockingStore, Request]
) -> None:
    store, _ = waiting
    store.requester.submit(Call(tool="漢字" * 60, arguments={"k" * 400: "v" * 900}, requester="é" * 200, risk="high"))
    with opened_terminal(store_path, columns=columns, rows=rows) as terminal:
        terminal.see("2 pending")
        terminal.type(b"G")
        terminal.see("漢字")
        for key in (b"2", b"3", b"1", b"?", b"\x1b"):
            terminal.type(key)
        terminal.see("live")
        assert terminal.screen.overflowed == []
