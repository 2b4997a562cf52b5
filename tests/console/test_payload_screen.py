"""The whole payload on a screen of its own: read, searched, approved, and what happens meanwhile (rule R9)."""

from __future__ import annotations

import sqlite3

import pytest
from textual.widgets import Input

from approval_tui.console.dialogs import TypedDialog
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.support import BO, approve, deny


def payload(console: Console) -> PayloadScreen:
    """The payload's screen, also below a dialog."""
    (screen,) = [screen for screen in console.app.screen_stack if isinstance(screen, PayloadScreen)]
    return screen


async def open_second(console: Console) -> PayloadScreen:
    """Opens the payload of the second request, which has 43 lines of text."""
    await console.press("j", "enter")
    await console.until(lambda: isinstance(console.app.screen, PayloadScreen))
    await console.settle()
    return payload(console)


async def test_enter_opens_the_whole_payload_and_escape_closes_it(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 60)) as console:
        screen = await open_second(console)
        text = console.text()
        assert "BEGIN;" in text
        assert all(f"DROP COLUMN legacy_{number};" in text for number in range(40))
        assert "end of the arguments" in text
        assert screen.shown_request.request.id == requests[1].id
        await console.press("escape")
        assert console.app.screen is console.screen


async def test_approve_unlocks_when_every_row_was_on_the_screen(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20)) as console:
        await open_second(console)
        await console.press("a")
        await console.see("Read on first")
        for key in ("space", "pagedown", "ctrl+d", "j", "down"):
            await console.press(key)
        await console.read_to_the_end()
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = reviewing_store.reviewer.get(requests[1].id).decisions
    assert (decision.evidence.kind, decision.evidence.rows) == ("shown", 45)


@pytest.mark.parametrize("jump", ["G", "end"])
async def test_a_jump_to_the_end_unlocks_nothing(
    jump: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20)) as console:
        screen = await open_second(console)
        await console.press(jump)
        assert screen.pane.scroll_offset.y == screen.pane.max_scroll_y
        await console.press("a")
        await console.see("Read on first")
    assert reviewing_store.reviewer.get(requests[1].id).status == "pending"


async def test_what_was_read_beside_the_list_counts_on_the_payload_screen_and_the_other_way_round(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 20)) as console:
        await console.press("j")
        await console.press("space")
        beside = console.unread_rows
        assert 0 < beside < 45
        await console.press("enter")
        await console.settle()
        assert console.unread_rows <= beside
        await console.read_to_the_end()
        await console.press("escape")
        assert console.unread_rows == 0


async def test_what_was_read_stays_read_when_the_terminal_is_resized(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 20)) as console:
        screen = await open_second(console)
        await console.read_to_the_end()
        for width, height in ((70, 12), (200, 50), (60, 10)):
            before = screen.pane.text_width
            await console.pilot.resize_terminal(width, height)
            await console.until(lambda before=before: screen.pane.text_width != before)  # type: ignore[misc]
            assert console.unread_rows == 0


async def test_a_row_that_was_never_whole_on_the_screen_stays_unread_at_another_width(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 16)) as console:
        screen = await open_second(console)
        await console.press("G")
        await console.settle()
        unread = console.unread_rows
        assert unread > 0
        width = screen.pane.text_width
        await console.pilot.resize_terminal(110, 16)
        await console.until(lambda: screen.pane.text_width < width)
        await console.settle()
        assert console.unread_rows > 0


async def test_g_and_b_and_the_arrows_move_the_payload(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console((140, 20)) as console:
        pane = (await open_second(console)).pane
        page = pane.scrollable_content_region.height - 1
        moves = [("j", 1), ("down", 2), ("k", 1), ("up", 0), ("space", page), ("b", 0), ("pagedown", page)]
        moves += [("pageup", 0), ("ctrl+d", page), ("ctrl+u", 0), ("G", pane.max_scroll_y), ("g", 0)]
        moves += [("end", pane.max_scroll_y), ("home", 0)]
        for key, top in moves:
            await console.press(key)
            assert (key, pane.scroll_offset.y) == (key, top)


# --- searching ----------------------------------------------------------------------------------


async def search(console: Console, text: str) -> None:
    await console.press("/", *("space" if each == " " else each for each in text), "enter")


async def test_a_search_goes_to_the_first_place_and_n_and_N_go_round(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 20)) as console:
        pane = (await open_second(console)).pane
        await search(console, "LEGACY_3")
        await console.see("1 of 11 places")  # legacy_3 and legacy_30 to legacy_39
        tops = []
        for said in ("2 of 11", "3 of 11"):
            await console.press("n")
            await console.see(said)
            tops.append(pane.scroll_offset.y)
        await console.press("N", "N", "N")
        await console.see("11 of 11 places")
        assert "legacy_39" in console.text()
        await console.press("n")
        await console.see("1 of 11 places")


async def test_what_is_nowhere_is_said_and_n_without_a_search_says_how(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 20)) as console:
        await open_second(console)
        await console.press("n")
        await console.see("Search with / first")
        await search(console, "zebra")
        await console.see("nowhere")


async def test_escape_ends_a_search_and_the_next_one_leaves_the_payload(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 20)) as console:
        screen = await open_second(console)
        await console.press("/", "l", "escape")
        assert console.app.screen is screen
        await console.until(lambda: not screen.query("#search"))
        await console.press("escape")
        assert console.app.screen_stack[-1] is console.screen


async def test_keys_typed_into_the_search_decide_nothing_and_n_is_a_letter_there(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("enter", "/", "a", "d", "n", "q", "m")
        assert payload(console).query_one("#search", Input).value == "adnqm"
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_search_finds_what_the_end_of_a_row_cuts_in_two(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    text = "".join(f"{number:04}" for number in range(200))  # every part of it stands somewhere, rows or not
    reviewing_store.requester.submit(Call(tool="long", arguments={"text": text}, requester="bot"))
    async with open_console() as console:
        await console.press("G", "enter")
        lines = [line.plain for line in payload(console).pane.lines]
        cut_at = next(line for line in lines if "0000" in line).rstrip()[-2:]
        assert cut_at
        row = next(line for line in lines if "0000" in line).rstrip()
        position = text.index(row[-8:]) + 8
        sought = text[position - 4 : position + 4]
        assert not any(sought in line for line in lines)
        await search(console, sought)
        await console.see("1 of 1 places")


async def test_a_search_goes_from_what_is_on_the_screen(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console((140, 20)) as console:
        await open_second(console)
        await console.press("space")
        await search(console, "DROP COLUMN")
        await console.until(lambda: " of 40 places" in console.text())
        assert "1 of 40 places" not in console.text().replace("11 of 40", "")


# --- too long to be read --------------------------------------------------------------------------


async def typed_dialog(console: Console) -> TypedDialog:
    await open_second(console)
    await console.press("a")
    await console.until(lambda: isinstance(console.app.screen, TypedDialog))
    dialog = console.app.screen
    assert isinstance(dialog, TypedDialog)
    return dialog


async def test_a_payload_too_long_to_read_is_approved_with_the_end_of_its_id(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await typed_dialog(console)
        await console.see("rows unread?")
        await console.press(*requests[1].id[-4:])
        await console.see("Typed. Now the approving key.")
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    (decision,) = reviewing_store.reviewer.get(requests[1].id).decisions
    assert decision.evidence.kind == "typed"
    assert decision.evidence.rows is not None
    assert 0 < decision.evidence.rows < 45


async def test_enter_wrong_characters_and_pasted_text_approve_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    last = requests[1].id[-4:]
    wrong = "z"
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await typed_dialog(console)
        await console.press(last[0], last[1])
        await console.see(f"{last[:2]}__")
        await console.press(wrong)
        await console.see(" ____")
        await console.press(last[0], "backspace")
        await console.see(" ____")
        console.monotonic.move(1000)
        await console.paste(last)
        await console.see("Pasted text decides nothing")
        await console.see(" ____")
        await console.press("enter", "a", "y", "space")
        await console.press(*last, "enter", "space", "y", "tab")
        await console.settle()
        assert isinstance(console.app.screen, TypedDialog)
        await console.press("escape")
        assert isinstance(console.app.screen, PayloadScreen)
    assert reviewing_store.reviewer.get(requests[1].id).status == "pending"


async def test_the_end_of_an_id_typed_as_fast_as_a_paste_approves_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await typed_dialog(console)
        console.monotonic.move(1000)
        await console.press_at_once(*requests[1].id[-4:], "a")
        await console.see("nothing was decided")
    assert reviewing_store.reviewer.get(requests[1].id).status == "pending"


async def test_a_long_payload_that_was_read_whole_is_approved_as_shown(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await open_second(console)
        await console.read_to_the_end()
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.get(requests[1].id).decisions[0].evidence.kind == "shown"


# --- meanwhile ------------------------------------------------------------------------------------


async def test_a_request_that_another_reviewer_decides_stays_and_says_so(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        screen = await open_second(console)
        deny(reviewing_store, requests[1], "no", BO)
        await console.see("already denied by bo (no)")
        assert screen.shown_request.request.id == requests[1].id
        await console.press("a")
        await console.see("It is already denied")
    assert reviewing_store.reviewer.get(requests[1].id).status == "denied"


async def test_a_request_that_a_filter_hides_once_it_is_decided_is_still_told_on_its_payload(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("/", *"write", "enter")
        await console.until(lambda: console.shown.id == requests[1].id)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, PayloadScreen))
        approve(reviewing_store, requests[1], BO)
        await console.see("already approved by bo")


async def test_another_content_of_the_same_request_begins_a_new_reading(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, store_path: str
) -> None:
    """A revision has another digest; here somebody writes one into the file, which changes the row's version too."""
    async with open_console((140, 60)) as console:
        screen = await open_second(console)
        await console.read_to_the_end()
        assert console.unread_rows == 0
        forger = sqlite3.connect(store_path)
        with forger:
            for (trigger,) in forger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                if "call_is_fixed" in trigger:
                    forger.execute(f"DROP TRIGGER {trigger}")
            forger.execute(
                "UPDATE requests SET digest = 'v1:sha256:' || substr(digest, 12) || '0', version = version + 1"
                " WHERE id = ?",
                (requests[1].id,),
            )
        forger.close()
        await console.until(lambda: screen.shown_request.identity[1] != requests[1].digest)
        await console.see("was changed. Read it again")
        await console.press_at_once("a")
        await console.settle()
    assert reviewing_store.reviewer.get(requests[1].id).status == "pending"


async def test_secrets_are_masked_there_and_lifting_the_masks_begins_a_new_reading(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    secret = "tok_3f9c2b7a81d04e55a0c1"
    async with open_console() as console:
        await console.press("j", "j", "enter")
        await console.see("characters redacted")
        assert secret not in console.text()
        await console.press("m")
        await console.see(secret)
        await console.press("escape")
        await console.press("k", "j")
        assert secret not in console.text()


async def test_the_payload_can_be_denied_and_expired_from_there(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_second(console)
        await console.press("d", *"no", "enter")
        await console.see("already denied by ann")
        await console.press("escape", "j", "enter", "x", "y")
        await console.see("expired since")
    assert [reviewing_store.reviewer.get(each.id).status for each in requests[1:3]] == ["denied", "expired"]


async def test_a_request_that_is_decided_while_its_payload_goes_away_ends_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await open_second(console)
        screen = console.app.screen
        await screen.query("#status, #keys").remove()
        approve(reviewing_store, requests[1])
        await console.until(lambda: console.shown.status == "approved")
        await console.press("escape")
        assert console.app.screen is console.screen
