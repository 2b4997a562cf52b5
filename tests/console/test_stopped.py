"""The program is stopped, or ends by a signal, with its terminal or over a defect of ours: nothing is decided."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from approval_tui.console.app import MISSED_BEAT
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.test_real_terminal import PATIENCE
from tests.console.test_terminal_contract import AnyTerminal, opened_terminal, terminal, waiting
from tests.support import event_names

__all__ = ["terminal", "waiting"]  # the fixtures: a console on a store with one request, that takes deciding keys

AGAIN = 1.0
"""Seconds after which a deciding key is pressed again: one that comes too soon does nothing."""


def press_until(terminal: AnyTerminal, key: bytes, condition: Callable[[], bool]) -> None:
    """Presses the key again and again, each time alone, until the condition holds."""
    pressed_at = 0.0

    def holds() -> bool:
        nonlocal pressed_at
        if time.monotonic() - pressed_at > AGAIN and terminal.process.poll() is None:
            pressed_at = time.monotonic()
            terminal.type(key)
        return condition()

    terminal.until(holds)


def decided(store: BlockingStore, request: Request) -> bool:
    """Whether anything was recorded of the request since it was asked."""
    return event_names(store, request) != ["request_submitted"]


# --- stopped ---------------------------------------------------------------------------------------


def test_a_key_typed_while_the_program_was_stopped_decides_nothing_and_later_ones_do(
    terminal: AnyTerminal, waiting: tuple[BlockingStore, Request]
) -> None:
    store, request = waiting
    terminal.type(b"y")
    terminal.see("clipboard")
    assert "Too soon" not in terminal.screen.text
    os.kill(terminal.process.pid, signal.SIGSTOP)
    terminal.until(terminal.is_stopped)
    stopped_at = time.monotonic()
    terminal.type(b"a")
    terminal.until(lambda: time.monotonic() - stopped_at > MISSED_BEAT)  # by then it must know that it was stopped
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.until(lambda: "Too soon" in terminal.screen.text or decided(store, request))
    terminal.type(b"?")
    terminal.see("What waits")
    assert not decided(store, request)
    terminal.type(b"\x1b")
    terminal.until(lambda: "What waits" not in terminal.screen.text)
    press_until(terminal, b"a", lambda: store.reviewer.get(request.id).status == "approved")


# --- ended while a decision was intended -----------------------------------------------------------

INTENDS = """
import os
from approval_tui.console import contract
from approval_tui.cli.main import run

contract.BURST = 60_000
intend = contract.Contract.intend

def noted(self, carry_out, refuse):
    intend(self, carry_out, refuse)
    open(os.environ["INTENDED"], "w").close()

contract.Contract.intend = noted
raise SystemExit(run())
"""
"""The console as it is, but that a decision waits for a minute after its key, and a file says that it does."""


@pytest.mark.parametrize("how", ["closed", "signal"])
def test_a_decision_that_waits_for_its_moment_of_quiet_ends_with_the_terminal(
    how: str, store_path: str, tmp_path: Path, waiting: tuple[BlockingStore, Request]
) -> None:
    store, request = waiting
    intended = tmp_path / "intended"
    environment = {"TERM": "xterm-256color", "INTENDED": str(intended)}
    with opened_terminal(store_path, program=("-c", INTENDS), environment=environment) as terminal:
        terminal.see("live")
        press_until(terminal, b"a", intended.exists)
        if how == "closed":
            terminal.hang_up()
        else:
            os.kill(terminal.process.pid, signal.SIGHUP)
        terminal.process.wait(PATIENCE)
    assert not decided(store, request)


# --- a defect of ours ------------------------------------------------------------------------------

SECRET = "tok_3f9c2b7a81d04e55a0c1"
BREAKS = """
from approval_tui.cli.main import run
from approval_tui.console.{module} import {kind}

{how} broken(self, *arguments, **options):
    secret = {secret!r}
    raise ZeroDivisionError("a test divided by zero")

{kind}.{method} = broken
raise SystemExit(run())
"""
"""The console as it is, but for one method, which has a secret among its locals and raises."""


def breaks(module: str, kind: str, method: str, how: str = "def") -> str:
    """The program whose method of that class, in that module of the console, is broken."""
    return BREAKS.format(module=module, kind=kind, method=method, how=how, secret=SECRET)


DEFECTS = {
    "in what a key does": (breaks("list_keys", "ListKeys", "action_do_copy"), (b"y",)),
    "in what a decision does": (breaks("store_work", "StoreWork", "carry_out"), (b"a",)),
    "while a decision is carried out": (breaks("store_work", "StoreWork", "_command", "async def"), (b"a",)),
    "beside the keys": (breaks("store_work", "StoreWork", "_verification", "async def"), (b"3", b"v")),
    "while the first frame is drawn": (breaks("widgets.status_bar", "StatusBar", "render_line"), ()),
}
"""Where the defect is, and the keys behind which it shows."""


@pytest.fixture
def with_secret(store_path: str) -> tuple[BlockingStore, Request]:
    """A store with one request in it, whose arguments hold a secret."""
    store = open_store_blocking(store_path)
    arguments = {"command": "make deploy", "api_token": SECRET}
    return store, store.requester.submit(Call("shell", arguments, "release-bot")).request


@pytest.mark.parametrize("where", DEFECTS)
def test_a_defect_of_ours_ends_the_console_with_words_and_decides_nothing(
    where: str, store_path: str, with_secret: tuple[BlockingStore, Request]
) -> None:
    store, request = with_secret
    program, keys = DEFECTS[where]
    with opened_terminal(store_path, program=("-c", program)) as terminal:
        for key in keys:
            terminal.see("live")
            if key == keys[-1]:
                press_until(terminal, key, lambda: terminal.process.poll() is not None)
            else:
                terminal.type(key)
        terminal.until(lambda: terminal.process.poll() is not None and b"shows where it happened" in terminal.output)
        *_, after = terminal.output.split(b"\x1b[?1049l")
    assert terminal.process.returncode == 70
    assert b"a test divided by zero" in after
    assert b"this is a defect in approval-tui" in after
    assert len(after.decode().strip().splitlines()) == 2
    for never in (b"Traceback", b"broken", SECRET.encode()):
        assert never not in terminal.output
    assert not decided(store, request)
