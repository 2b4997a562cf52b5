"""The console in a real tmux: it is drawn there, hears its keys, and decides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from tests.support import until


class Tmux:
    """A tmux server of its own, with one window of 120 by 30 cells."""

    def __init__(self, command: list[str]) -> None:
        found = shutil.which("tmux")
        assert found, "tmux is needed for this test: install it with `apt-get install tmux` or `brew install tmux`"
        self._program = [found, "-L", f"approval-tui-test-{uuid.uuid4().hex}", "-f", os.devnull]
        without_tmux = {name: value for name, value in os.environ.items() if name not in ("TMUX", "COLUMNS", "LINES")}
        self._environment = {**without_tmux, "TERM": "xterm-256color"}
        self.run("new-session", "-d", "-x", "120", "-y", "30", *command)

    def run(self, *arguments: str) -> str:
        """Runs one command of tmux and gives what it prints."""
        finished = subprocess.run(
            [*self._program, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        return finished.stdout

    def screen(self) -> str:
        """What is on the screen of the window."""
        return self.run("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Presses keys in the window."""
        self.run("send-keys", *keys)

    def end(self) -> None:
        """Ends the server and whatever runs in it."""
        subprocess.run([*self._program, "kill-server"], env=self._environment, capture_output=True, check=False)


@pytest.fixture
def tmux(store_path: str) -> Iterator[Tmux]:
    with open_store_blocking(store_path):
        pass
    opened = Tmux([sys.executable, "-m", "approval_tui", "--store", store_path, "--reviewer", "ann"])
    try:
        yield opened
    finally:
        opened.end()


def press_until_shown(tmux: Tmux, key: str, text: str) -> None:
    """Presses the key until that is on the screen: one that comes too soon decides nothing."""
    pressed_at = 0.0

    def is_shown() -> bool:
        nonlocal pressed_at
        if text not in tmux.screen() and time.monotonic() - pressed_at > 1.0:
            pressed_at = time.monotonic()
            tmux.press(key)
        return text in tmux.screen()

    until(is_shown)


def test_a_request_appears_in_tmux_and_is_approved_with_its_key(tmux: Tmux, store_path: str) -> None:
    until(lambda: "Nothing waits." in tmux.screen())
    with open_store_blocking(store_path) as store:
        call = Call("shell", {"command": "make deploy"}, "release-bot", risk="high")
        request = store.requester.submit(call).request
        until(lambda: "make deploy" in tmux.screen() and "1 pending" in tmux.screen())
        assert "HIGH" in tmux.screen()
        tmux.press("Enter")
        until(lambda: "end of the arguments" in tmux.screen())
        tmux.press("Escape")
        until(lambda: "History" in tmux.screen())

        press_until_shown(tmux, "a", "Type the last 4 characters")
        for character in request.id[-4:]:
            tmux.press(character)
        until(lambda: "Typed. Now the approving key." in tmux.screen())
        press_until_shown(tmux, "a", "approved by ann")
        (decision,) = store.reviewer.get(request.id).decisions
        assert (decision.reviewer, decision.via, decision.evidence.kind) == ("ann", "console", "shown")
        tmux.press("q")
        until(lambda: not _sessions(tmux))


def _sessions(tmux: Tmux) -> str:
    """The sessions that are left; none when the console, which was the only one, has ended."""
    try:
        return tmux.run("list-sessions")
    except subprocess.CalledProcessError:
        return ""
