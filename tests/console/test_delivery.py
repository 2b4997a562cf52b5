"""The console tells others of what waits while it runs, and neither waits for them nor ends over them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from approval_tui import console as console_room
from approval_tui.cli import demo
from approval_tui.console import delivery
from approval_tui.console.app import ConsoleApp
from approval_tui.console.delivery import Delivery, FindSinks
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.models import Request
from approval_tui.domain.sinks import Sink
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.test_real_terminal import Terminal
from tests.notify.receivers import Answer, receiving
from tests.notify.running import SECRET, sink_of, soon
from tests.support import approve

THREAD = "approval-tui-notices"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins without leaving time to the first frame, which a test waits for anyway."""
    monkeypatch.setattr(delivery, "FIRST_FRAME", 0.0)


@asynccontextmanager
async def delivering(console: Console, find_sinks: FindSinks) -> AsyncIterator[None]:
    """The delivery beside this console, as `run_console` has it."""
    beside = Delivery(console.app, find_sinks)
    beside.start()
    try:
        yield
    finally:
        await asyncio.to_thread(beside.stop)


async def test_a_webhook_is_told_of_what_waits_while_the_console_runs(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    with receiving() as receiver:
        async with open_console() as console, delivering(console, lambda: [sink_of(receiver)]):
            waiting = {request.id for request in requests if request.status == "pending"}
            await soon(lambda: len(receiver.received) >= len(waiting))
            assert set(receiver.told_of()) == waiting


async def test_a_webhook_that_hangs_keeps_no_key_waiting(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    with receiving(lambda _: Answer(hangs=True)) as receiver:
        async with open_console() as console, delivering(console, lambda: [sink_of(receiver)]):
            await soon(lambda: receiver.received)
            shown = console.shown.id
            await console.press("x", "y")
            await console.until(lambda: reviewing_store.reviewer.get(shown).status != "pending")


async def test_a_webhook_that_fails_is_said_in_a_line(open_console: OpenConsole, requests: list[Request]) -> None:
    with receiving(lambda _: Answer(500)) as receiver:
        async with open_console() as console, delivering(console, lambda: [sink_of(receiver)]):
            await console.see("127.0.0.1 was not told: it answered 500. It is tried again.")


def refuse() -> Sequence[Sink]:
    raise PolicyError(["policy.yaml: cannot be read"])


def break_down() -> NoReturn:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("find_sinks", "said"),
    [(refuse, "policy.yaml: cannot be read"), (break_down, "over a defect in approval-tui: ZeroDivisionError.")],
)
async def test_what_goes_wrong_is_said_and_the_console_goes_on(
    open_console: OpenConsole, requests: list[Request], find_sinks: FindSinks, said: str
) -> None:
    async with open_console() as console, delivering(console, find_sinks):
        await console.see(said)
        await console.press("j")
        assert console.screen.is_live


def deliverers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


@pytest.mark.parametrize("readonly", [False, True])
def test_a_console_that_only_looks_tells_nobody(store: BlockingStore, readonly: bool) -> None:
    app = ConsoleApp(store.location, reviewer=Reviewer("ann"), readonly=readonly)
    looked_up = threading.Event()

    def find_sinks() -> Sequence[Sink]:
        looked_up.set()
        return ()

    with console_room._delivering(app, find_sinks):
        assert readonly or looked_up.wait(60)
    assert looked_up.is_set() is not readonly
    assert deliverers() == []


def test_the_demo_tells_nobody(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, object]] = []

    def run(*_: object, **options: object) -> int:
        given.append(options)
        return 0

    monkeypatch.setattr(console_room, "run_console", run)
    assert demo._review_in_console(store_path) == 0
    assert given == [{}]


def is_known(store: BlockingStore, sink: Sink) -> bool:
    return bool(store._engine.read(lambda tx: tx.rows("sink", {"sink": sink.id})))


def test_the_command_tells_the_webhook_of_its_configuration(
    store_path: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver, open_store_blocking(store_path) as store:
        config = tmp_path / "config.yaml"
        config.write_text(
            f"notify: {{webhook: {{url: '{receiver.url}', secret: {SECRET}, allow_private: true, events: [decided]}}}}"
        )
        monkeypatch.setenv("APPROVAL_TUI_CONFIG", str(config))
        terminal = Terminal(store_path)
        try:
            terminal.until(lambda: b"live" in terminal.output)
            terminal.until(lambda: is_known(store, sink_of(receiver)))
            request = store.requester.submit(call).request
            approve(store, request)
            terminal.until(lambda: receiver.told_of() == [request.id])
            terminal.type(b"q")
            terminal.until(lambda: terminal.process.poll() is not None)
            assert terminal.process.returncode == 0
        finally:
            terminal.end()
