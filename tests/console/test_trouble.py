"""Trouble with the store: the banner says what to do, nothing crashes, and the console recovers by itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from approval_tui.console import store_watch
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.domain.policy_notes import REJECTION_COUNTS_FOR, PolicyNote
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers import sqlite
from tests.console.conftest import OpenConsole
from tests.console.driver import Console, key_event
from tests.seeded import seed
from tests.support import ManualClock

pytestmark = pytest.mark.usefixtures("store_looks_each_time")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A held store is given up after a moment, and looked for again soon, so that the test need not wait for it."""
    if hasattr(sqlite, "BUSY_TIMEOUT"):
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.2)
    monkeypatch.setattr(store_watch, "RETRY", 0.05)


@contextmanager
def held(path: str) -> Iterator[None]:
    """Another program holds the store for writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def in_trouble(console: Console, word: str) -> str:
    """Waits for the banner and gives the screen's text, a line break being a space."""
    await console.see(word)
    await console.settle()
    return " ".join(console.text().split())


async def test_a_missing_store_teaches_and_is_taken_up_when_it_appears(
    open_console: OpenConsole, store_path: str, clock: ManualClock, requests: list[Request]
) -> None:
    folder = os.path.dirname(store_path)
    async with open_console() as console:
        os.rename(folder, folder + ".away")
        said = await in_trouble(console, "NO STORE YET")
        assert "approval-tui demo" in said
        assert "--store" in said
        assert "Nothing can be decided" in said
        os.rename(folder + ".away", folder)
        await console.until(lambda: console.screen.is_live)
        await console.see("live")
        await console.until(lambda: "NO STORE YET" not in console.text())
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_another_store_in_its_place_is_said_and_then_shown(
    open_console: OpenConsole, store_path: str, tmp_path: object, clock: ManualClock, requests: list[Request]
) -> None:
    other = f"{store_path}.other"
    with open_store_blocking(other, clock=clock) as store:
        store.requester.submit(Call(tool="other_tool", arguments={}, requester="other-bot"))
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    async with open_console() as console:
        for suffix in ("-wal", "-shm"):
            if os.path.exists(store_path + suffix):
                os.remove(store_path + suffix)
        os.replace(other, store_path)
        await console.see("other_tool")
        await console.until(lambda: console.screen.is_live)
        assert console.shown.tool == "other_tool"


BAD_FILES = {
    "not a database": (b"this is no database at all, " * 100, "NOT A STORE OF THIS VERSION"),
    "empty": (b"", "NO"),
}


@pytest.mark.parametrize("what", BAD_FILES)
async def test_a_file_that_is_no_store_is_left_alone_and_said(
    what: str, open_console: OpenConsole, store_path: str, requests: list[Request]
) -> None:
    content, word = BAD_FILES[what]
    async with open_console() as console:
        _take_away(store_path)
        with open(store_path, "wb") as file:
            file.write(content)
        said = await in_trouble(console, word)
        assert "Nothing can be decided meanwhile" in said
        with open(store_path, "rb") as file:
            assert file.read() == content
        _bring_back(store_path)
        await console.until(lambda: console.screen.is_live)


async def test_a_store_of_a_newer_version_is_said_and_read_again_when_it_fits(
    open_console: OpenConsole, store_path: str, requests: list[Request]
) -> None:
    async with open_console() as console:
        _take_away(store_path)
        shutil.copy(store_path + ".away", store_path)
        with closing(sqlite3.connect(store_path)) as connection:
            connection.execute("PRAGMA user_version = 999")
        said = await in_trouble(console, "NOT A STORE OF THIS VERSION")
        assert "newer" in said
        _bring_back(store_path)
        await console.until(lambda: console.screen.is_live)


async def test_a_damaged_store_is_said(open_console: OpenConsole, store_path: str, requests: list[Request]) -> None:
    async with open_console() as console:
        _take_away(store_path)
        with open(store_path + ".away", "rb") as file:
            content = file.read()
        with open(store_path, "wb") as file:
            file.write(content[:4096] + b"\xa5" * (len(content) - 4096))
        said = await in_trouble(console, "STORE DAMAGED")
        assert "backup" in said
        _bring_back(store_path)
        await console.until(lambda: console.screen.is_live)


async def test_a_store_that_another_program_holds_decides_nothing_and_recovers(
    open_console: OpenConsole, store_path: str, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        with held(store_path):
            console.monotonic.move(1000)
            console.app.post_message(key_event("a"))
            await console.see("held by another program")
            await console.settle()
            assert reviewing_store.reviewer.get(requests[0].id).status == "pending"
        await console.until(lambda: console.screen.is_live)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_a_row_that_somebody_wrote_nonsense_into_is_said_and_does_not_end_the_console(
    open_console: OpenConsole, store_path: str, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        forger = sqlite3.connect(store_path)
        with forger:
            for (name,) in forger.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
                forger.execute(f"DROP TRIGGER {name}")
            forger.execute("UPDATE requests SET arguments = '{nonsense' WHERE id = ?", (requests[2].id,))
        forger.close()
        said = await in_trouble(console, "STORE DAMAGED")
        assert "audit verify" in said


def _take_away(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    os.rename(path, path + ".away")


def _bring_back(path: str) -> None:
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    os.replace(path + ".away", path)


async def test_a_store_that_is_not_there_yet_is_shown_once_an_agent_makes_it(
    open_console: OpenConsole, store_path: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from approval_tui.console.app import ConsoleApp
    from approval_tui.domain.decisions import Reviewer

    monotonic = ManualClock(0)
    app = ConsoleApp(store_path, reviewer=Reviewer("ann", via="console"), clock=clock, monotonic=monotonic)
    async with app.run_test(size=(140, 34)) as pilot:
        console = Console(pilot, clock, monotonic)
        said = await in_trouble(console, "NO STORE YET")
        assert "approval-tui demo" in said
        assert not os.path.exists(store_path)
        await console.press("a", "d", "enter", "2", "3", "v", "1", "y", "l", "i", "m", "r")
        assert not os.path.exists(store_path)
        await console.press("1", "escape")
        seeded = seed(store_path, clock)
        await console.until(lambda: console.screen.is_live and len(console.screen.waiting) == len(seeded))


# --- a policy ----------------------------------------------------------------------------------

FAULT = "policy.yaml:3:5: tools.shell.ruls: is no key here; did you mean rules?"


async def test_a_policy_that_cannot_be_used_is_said_until_a_gate_has_taken_a_mended_one(
    open_console: OpenConsole, store: BlockingStore, requests: list[Request]
) -> None:
    async with open_console() as console:
        store.requester.note_policy(PolicyNote("policy.yaml", "", (FAULT, "more"), "release-bot"))
        said = await in_trouble(console, "POLICY REFUSED")
        assert f"{FAULT} (and 1 more)" in said
        assert "The gate of release-bot goes on with the policy it had" in said
        assert console.screen.is_live  # the store is well: everything can be decided
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        store.requester.note_policy(PolicyNote("another.yaml", "v1:sha256:aa", (), "mail-bot"))
        await console.until(lambda: store.reviewer.policy_standings()[0].note.file == "another.yaml")
        await in_trouble(console, "POLICY REFUSED")
        store.requester.note_policy(PolicyNote("policy.yaml", "v1:sha256:bb", (), "release-bot"))
        await console.until(lambda: "POLICY REFUSED" not in console.text())


async def test_a_rejection_that_nobody_repeated_for_a_day_is_old_news(
    open_console: OpenConsole, store: BlockingStore, clock: ManualClock, requests: list[Request]
) -> None:
    store.requester.note_policy(PolicyNote("policy.yaml", "", (FAULT,), "release-bot"))
    clock.move(REJECTION_COUNTS_FOR + 1)
    async with open_console() as console:
        await console.see("live")
        await console.settle()
        assert "POLICY REFUSED" not in console.text()


async def test_trouble_with_the_store_comes_before_trouble_with_a_policy(
    open_console: OpenConsole, store: BlockingStore, store_path: str, requests: list[Request]
) -> None:
    folder = os.path.dirname(store_path)
    store.requester.note_policy(PolicyNote("policy.yaml", "", (FAULT,), "release-bot"))
    async with open_console() as console:
        await in_trouble(console, "POLICY REFUSED")
        os.rename(folder, folder + ".away")
        said = await in_trouble(console, "NO STORE YET")
        assert "POLICY REFUSED" not in said
        os.rename(folder + ".away", folder)
        await in_trouble(console, "POLICY REFUSED")


async def test_what_a_policys_file_is_called_cannot_draw_on_the_screen(
    open_console: OpenConsole, store: BlockingStore, requests: list[Request]
) -> None:
    note = PolicyNote("\x1b[2J.yaml", "", ("[@click=app.quit]\x1b]0;x\x07\u202e[/b]",), "bot\nPOLICY FINE")
    store.requester.note_policy(note)
    async with open_console() as console:
        said = await in_trouble(console, "POLICY REFUSED")
        assert "[@click=app.quit]\\u{1B}]0;x\\u{7}\\u{202E}[/b]" in said
        assert '"bot\\u{A}POLICY FINE"' in said
