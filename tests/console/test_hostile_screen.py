"""Whatever an agent or another reviewer wrote, and wherever it is drawn: it is visible and acts on nothing (R8)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from textual import events
from textual.widgets import Input

from approval_tui.console import messages
from approval_tui.console.app import ConsoleApp
from approval_tui.console.clipboard import copied_json
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.display.glyphs import ASCII
from approval_tui.display.visible import is_all_visible
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request, Requirements
from approval_tui.notify import terminal
from approval_tui.notify.attention import notice_text
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.storm import until_done
from tests.console.telling import CLICKABLE_TEXTS, TELLING_TEXTS
from tests.hostile import HOSTILE_TEXTS, as_name, everywhere
from tests.support import ManualClock

SIZE = (140, 34)
TEXTS = tuple(HOSTILE_TEXTS.values())
TELLING = tuple(TELLING_TEXTS.values())


@pytest.fixture
def hostile_requests(store_path: str, clock: ManualClock) -> list[Request]:
    """A request for each text, with the text in every place that a requester can fill."""
    with open_store_blocking(store_path, clock=clock) as store:
        return [store.requester.submit(everywhere(text)).request for text in TEXTS]


@pytest.fixture
def telling_requests(store_path: str, clock: ManualClock) -> list[Request]:
    """The same for every other of those that tell most."""
    with open_store_blocking(store_path, clock=clock) as store:
        return [store.requester.submit(everywhere(text)).request for text in TELLING[::2]]


# --- what an agent writes -----------------------------------------------------------------------


async def test_in_the_list_and_in_the_details(open_console: OpenConsole, hostile_requests: list[Request]) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        for request in hostile_requests:
            assert console.shown.id == request.id
            await look.press("f")
            await look.press("j")
    assert look.wall.let_through == []


async def test_in_the_list_and_in_the_details_of_a_narrow_terminal(
    open_console: OpenConsole, telling_requests: list[Request]
) -> None:
    async with open_console((60, 20)) as console:
        look = Look(console)
        for request in telling_requests:
            assert console.shown.id == request.id
            await look.press("j")
    assert look.wall.let_through == []


async def test_in_the_dialogs(open_console: OpenConsole, telling_requests: list[Request]) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        for request in telling_requests:
            for key in "dx":
                assert request.id in await look.press(key)
                await look.press("escape")
            await look.press("j")
    assert look.wall.let_through == []


async def test_in_the_dialogs_of_a_terminal_with_ascii_only(
    open_console: OpenConsole, telling_requests: list[Request]
) -> None:
    async with open_console(SIZE, glyphs=ASCII) as console:
        look = Look(console)
        for number, _ in enumerate(telling_requests):
            text = await look.press("dx"[number % 2])
            assert [line for line in text.split("\n") if not line.isascii()] == []
            await look.press("escape")
            await look.press("j")


async def test_on_the_payload_screen(open_console: OpenConsole, telling_requests: list[Request]) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        for request in telling_requests:
            await look.press("enter")
            screen = console.app.screen
            assert isinstance(screen, PayloadScreen)
            assert screen.shown_request.request.id == request.id
            await look.press("f", "G")
            await look.press("escape", "j")
    assert look.wall.let_through == []


async def test_no_click_on_markup_does_anything_but_choose_a_row(
    open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        sent = [store.requester.submit(everywhere(text)).request.id for text in CLICKABLE_TEXTS.values()]
        async with open_console(SIZE) as console:
            look = Look(console)
            for _ in sent:
                for opened in ((), ("enter",), ("d",)):
                    await look.press(*opened)
                    screens = list(console.app.screen_stack)
                    for y, line in enumerate(console.text().split("\n")[1:-2], start=1):
                        x = line.find("[", 0 if opened else console.screen.detail.region.x)
                        if x >= 0:
                            for kind in (events.MouseDown, events.MouseUp):
                                console.app.post_message(kind(None, x + 1, y, 0, 0, 1, False, False, False, x + 1, y))
                    await until_done(console.app)
                    assert console.app.screen_stack == screens
                    await look.press(*(["escape"] if opened else []))
                await look.press("j")
        assert [request.id for request in store.reviewer.list()] == sent


# --- what other reviewers write -----------------------------------------------------------------


def decide_everything(store: BlockingStore, clock: ManualClock) -> None:
    """Requests of every kind of history, with hostile reviewers, reasons, edits and outcomes."""
    for number, text in enumerate(TELLING):
        reviewer = Reviewer(f"{as_name(text)[:200]} r", via="cli")
        kind = number % 5
        needs = Requirements(quorum=2) if kind == 4 else Requirements()
        call = everywhere(text)
        call = Call(**{**call.__dict__, "requirements": needs})
        request = store.requester.submit(call).request
        edited = {text: text, "was": f"{text}\n{text}"} if kind in (1, 4) else None
        verdict = "deny" if kind == 0 else "approve"
        decided = store.reviewer.decide(
            request.id, verdict, reviewer=reviewer, digest=request.digest, reason=text, edited_arguments=edited
        )
        if kind == 1:
            store.reviewer.revoke(decided.id, reviewer=reviewer, reason=text)
        if kind in (2, 3):
            claim = store.requester.consume(
                decided.id, decided.fingerprint, requester=decided.requester, claim_lifetime=1000
            )
            if kind == 3:
                store.requester.report_outcome(decided.id, claim.id, "failed", detail=text)
        if kind == 4:
            bo = Reviewer(f"{as_name(text)[:200]} too")
            store.reviewer.decide(decided.id, "approve", reviewer=bo, digest=decided.digest, reason=text)
    clock.move(2000)


@pytest.fixture
def decided(store_path: str, clock: ManualClock) -> list[Request]:
    with open_store_blocking(store_path, clock=clock) as store:
        decide_everything(store, clock)
        return list(store.reviewer.history())


async def test_in_the_history_with_stories_edits_and_its_dialogs(
    open_console: OpenConsole, decided: list[Request]
) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        await look.press("2")
        await console.until(lambda: console.screen.shown_request is not None)
        for request in decided:
            await console.until(lambda: bool(console.screen.shown_request and console.screen.shown_request.story))
            assert console.shown.id == request.id
            look.check()
            await look.press("tab", "G", "tab")
            for key in "rR":
                await look.press(key)
                if console.app.screen is not console.screen:
                    await look.press("escape")
            await look.press("j")
    assert look.wall.let_through == []


async def test_in_the_audit_view_and_the_events_of_one_request(
    open_console: OpenConsole, decided: list[Request]
) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        await look.press("3")
        await console.until(lambda: console.screen.lists.shown.rows.is_loaded)
        for _ in range(len(console.screen.lists.shown.rows)):
            await look.press("j")
        await look.press("l")
        await console.see("events of")
        look.check()
    assert look.wall.let_through == []


async def test_in_what_is_said_of_a_lost_race_and_on_tombstones(
    open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        for number in range(len(TELLING)):
            store.requester.submit(Call(tool="shell", arguments={"n": number}, requester="bot"))
        async with open_console(SIZE) as console:
            look = Look(console)
            for text in TELLING:
                request = console.shown
                console.monotonic.move(1000)
                store.reviewer.decide(
                    request.id, "deny", reviewer=Reviewer(as_name(text)), digest=request.digest, reason=text
                )
                await console.press_at_once("a")
                await console.until(lambda: console.shown.status != PENDING)
                look.check()
                await look.press("j")
    assert look.wall.let_through == []


# --- what else comes from outside ---------------------------------------------------------------


async def in_the_filter(console: Console, text: str) -> None:
    await console.press("/")
    await console.paste(text)


async def in_the_search(console: Console, text: str) -> None:
    await console.press("enter", "/")
    await console.paste(text)


async def in_a_reason(console: Console, text: str) -> None:
    await console.press("d")
    await console.paste(text)


async def in_the_palette(console: Console, text: str) -> None:
    await console.press("ctrl+p")
    await console.paste(text)


@pytest.mark.parametrize("paste", [in_the_filter, in_the_search, in_a_reason, in_the_palette])
async def test_pasted_into_an_input(
    paste: Callable[[Console, str], Awaitable[None]], open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        for first in range(0, len(TELLING), 5):
            await paste(console, " ".join(" ".join(text.splitlines()) for text in TELLING[first : first + 5]))
            look.check()
            assert isinstance(console.app.focused, Input)
            await look.press(*(["enter"] if paste in (in_the_filter, in_the_search) else []))
            while console.app.screen is not console.screen or console.screen.lists.shown.is_filtered:
                await look.press("escape")
            await console.until(lambda: console.screen.shown_request is not None)


async def test_in_the_banner(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        for text in TEXTS:
            error = StoreUnavailable(f"The store {text} is away.", not_done="", to_do=f"Look for {text}.")
            console.screen.post_message(messages.StoreUnavailable(error))
            await console.settle()
            look.check()
    assert look.wall.let_through == []


async def test_a_store_with_a_hostile_path_and_a_reviewer_with_a_hostile_name(
    clock: ManualClock, tmp_path: object
) -> None:
    texts = [as_name(text).replace("/", "").replace("\0", "") for text in TEXTS]
    for size in (SIZE, (300, 34)):
        for first in range(0, len(texts), 24):
            joined = " ".join(text[:30] for text in texts[first : first + 24])
            path = f"{tmp_path}/{joined[:60]}/none.db"
            app = ConsoleApp(
                path, reviewer=Reviewer(joined[:200], via="console"), clock=clock, monotonic=ManualClock(0)
            )
            async with app.run_test(size=size) as pilot:
                look = Look(Console(pilot, clock, ManualClock(0)))
                await look.console.see("NO STORE YET")
                await look.console.settle()
                look.check()
            assert look.wall.let_through == []


@pytest.mark.parametrize("text", TEXTS, ids=HOSTILE_TEXTS.keys())
def test_in_a_notice_a_title_and_what_is_copied(text: str, store_path: str, clock: ManualClock) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        request = store.requester.submit(everywhere(text)).request
    said = notice_text([request], clock())
    for begin, sequence in (
        ("\x1b]2;", terminal.title(text)),
        ("\x1b]9;", terminal.osc9(said)),
        ("\x1b]777;notify;", terminal.osc777(text, said)),
    ):
        assert sequence.startswith(begin)
        assert sequence.endswith("\x07")
        assert is_all_visible(sequence[len(begin) : -1])
    copied = copied_json(request.effective_arguments)
    assert copied.isascii()
    assert is_all_visible(copied.replace("\n", ""))
    assert json.loads(copied) == request.effective_arguments
