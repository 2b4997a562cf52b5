"""A console that cannot or may not write: on the web, on a file of somebody else, on a full disk."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator

import pytest

from approval_tui import console
from approval_tui.console.app import ConsoleApp
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.driver import Console
from tests.console.test_terminal_contract import AnyTerminal, become_armed, opened_terminal, wait_for, waiting
from tests.permissions import obey_permissions
from tests.support import ManualClock, approve, assert_sound

__all__ = ["waiting"]  # the fixture: a store with one request

LOOKS_SOON = (
    "from approval_tui.cli.main import run; from approval_tui.console import store_watch;"
    "store_watch.WRITABLE_AGAIN = store_watch.RETRY = 0.2; raise SystemExit(run())"
)
"""The console as it is, but for how long it waits before it looks whether the store may be written again."""


class ConsoleOnTheWeb(ConsoleApp):
    """The console as `textual serve` runs it."""

    CSS_PATH = os.path.join(os.path.dirname(console.__file__), "console.tcss")

    @property
    def is_web(self) -> bool:
        return True


async def test_on_the_web_everything_can_be_read_and_nothing_decided(
    store_path: str, clock: ManualClock, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    approve(reviewing_store, requests[3])
    monotonic = ManualClock(0)
    app = ConsoleOnTheWeb(store_path, reviewer=Reviewer("ann", via="console"), clock=clock, monotonic=monotonic)
    async with app.run_test(size=(140, 34)) as pilot:
        driven = Console(pilot, clock, monotonic)
        await driven.see("READ ONLY")
        await driven.see("web browser")
        for key in ("a", "d", "x"):
            await driven.press(key)
            await driven.see("anybody could be at the keys. Nothing can be decided here.")
            assert driven.app.screen is driven.screen
        await driven.press("enter", "a", "d", "x")
        await driven.see("Nothing can be decided here.")
        await driven.press("escape", "2")
        await driven.until(lambda: driven.shown.id == requests[3].id)
        await driven.press("r")
        await driven.see("Nothing can be decided here.")
        driven.clock.move(40 * 60_000)  # and what expires meanwhile is recorded by somebody else
        await driven.press("3", "v", "1")
    assert [event.name for event in reviewing_store.reviewer.events()][::-1].count("request_submitted") == 4
    assert len(reviewing_store.reviewer.events()) == 5
    assert_sound(reviewing_store)


@pytest.fixture
def read_only(store_path: str, waiting: tuple[BlockingStore, Request]) -> Iterator[str]:
    """The store's folder, in which nothing may be written."""
    folder = os.path.dirname(store_path)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o444)
    os.chmod(folder, 0o555)
    yield folder
    os.chmod(folder, 0o700)


def test_a_store_that_may_only_be_read_says_so_before_a_key_is_pressed(
    read_only: str, store_path: str, waiting: tuple[BlockingStore, Request]
) -> None:
    with opened_terminal(store_path, before=obey_permissions) as terminal:
        terminal.see("make deploy")
        wait_for(terminal, "READ ONLY", "live")
        assert "READ ONLY" in terminal.screen.text


def test_a_store_that_may_only_be_read_decides_nothing_and_goes_on_when_it_may_be_written(
    read_only: str, store_path: str, waiting: tuple[BlockingStore, Request]
) -> None:
    store, request = waiting

    def decided_by(terminal: AnyTerminal, expected: Callable[[], bool]) -> None:
        pressed_at = 0.0

        def reached() -> bool:
            nonlocal pressed_at
            if time.monotonic() - pressed_at > 1.0:  # a key that comes too soon does nothing: it is pressed again
                pressed_at = time.monotonic()
                terminal.type(b"a")
            return expected()

        terminal.until(reached)

    with opened_terminal(store_path, before=obey_permissions, program=("-c", LOOKS_SOON)) as terminal:
        terminal.see("make deploy")
        decided_by(
            terminal,
            lambda: "READ ONLY" in terminal.screen.text or "cannot be opened for writing" in terminal.screen.text,
        )
        assert store.reviewer.get(request.id).status == "pending"
        os.chmod(read_only, 0o700)
        for name in os.listdir(read_only):
            os.chmod(os.path.join(read_only, name), 0o600)
        decided_by(terminal, lambda: store.reviewer.get(request.id).status == "approved")


def test_a_disk_that_is_full_is_said_and_the_decision_can_be_made_again_when_there_is_room(
    store_path: str, waiting: tuple[BlockingStore, Request]
) -> None:
    """A limit on the size of its files stands for the full disk; a write beyond it fails in the same place."""
    store, request = waiting
    with opened_terminal(store_path) as terminal:
        terminal.see("make deploy")
        terminal.see("live")
        become_armed(terminal)
        hard = resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (1, hard))
        terminal.type(b"a")
        terminal.until(lambda: "othing was" in terminal.screen.text or "DISK FULL" in terminal.screen.text)
        assert store.reviewer.get(request.id).status == "pending"
        assert terminal.process.poll() is None
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        terminal.see("live")
        become_armed(terminal)
        terminal.type(b"a")
        terminal.until(lambda: store.reviewer.get(request.id).status == "approved")
    assert_sound(store)
