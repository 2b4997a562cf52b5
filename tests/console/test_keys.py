"""What each key does in each place that it belongs to, and that it does nothing elsewhere."""

from __future__ import annotations

import base64
import json

import pytest

from approval_tui.console.clipboard import LONGEST
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.settings.actions import (
    ACTIONS,
    AUDIT_VIEW,
    BULK_VIEW,
    EDITOR,
    GRANTING_VIEW,
    GRANTS_VIEW,
    HISTORY_VIEW,
    PAYLOAD_VIEW,
    PENDING_VIEW,
    PLACES,
    READING,
    REVIEW,
    SESSION_VIEW,
    VIEWS,
)
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console, key_event
from tests.console.editing import open_editor, open_review, write_object
from tests.support import BO, ManualClock, approve, assert_sound, deny, submit

ENTERED_BY = {
    PENDING_VIEW: ("1",),
    HISTORY_VIEW: ("2",),
    AUDIT_VIEW: ("3",),
    GRANTS_VIEW: ("4",),
    PAYLOAD_VIEW: ("enter",),
    BULK_VIEW: ("space", "k", "a"),
    GRANTING_VIEW: ("s",),
    SESSION_VIEW: ("o",),
}


async def go_to(console: Console, place: str) -> None:
    """Goes to a place, from any of the lists."""
    if place in (EDITOR, REVIEW):
        await open_editor(console)
        if place == REVIEW:
            await write_object(console, command="ls")
            await open_review(console)
        return
    await console.press(*ENTERED_BY[place])
    if place not in VIEWS:
        await console.until(lambda: getattr(console.app.screen, "place", None) == place)
    else:
        await console.until(lambda: console.screen.place == place and console.screen.lists.shown.rows.is_loaded)
    await console.settle()


def many(store: BlockingStore, count: int, *, decided: bool = False) -> list[Request]:
    """So many requests more."""
    made = [submit(store, Call("many", {"number": number}, "many-bot")) for number in range(count)]
    if decided:
        for request in made:
            deny(store, request)
    return made


def cursor(console: Console) -> int:
    """The index of the row under the cursor."""
    index = console.screen.lists.shown.rows.cursor_index
    assert index is not None
    return index


# --- moving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [PENDING_VIEW, HISTORY_VIEW, AUDIT_VIEW])
async def test_letters_arrows_and_pages_move_through_each_list(
    view: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    many(reviewing_store, 40, decided=view == HISTORY_VIEW)
    async with open_console((140, 20)) as console:
        await go_to(console, view)
        rows = console.screen.lists.shown.rows
        await console.until(lambda: len(rows) >= 40)
        await console.press("g")
        page, last = max(1, console.screen.row_list.rows_on_screen - 1), len(rows) - 1
        steps = [("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", page), ("ctrl+d", 2 * page)]
        steps += [("pageup", page), ("ctrl+u", 0), ("G", last), ("down", last), ("g", 0), ("end", last), ("home", 0)]
        for key, index in steps:
            await console.press(key)
            await console.until(lambda: rows.cursor_index is not None)
            assert (key, cursor(console)) == (key, index)
            first, end = console.screen.row_list.visible_rows()
            assert first <= cursor(console) <= end


async def test_tab_goes_to_the_details_and_back_and_the_keys_move_what_has_the_focus(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 22)) as console:
        await console.press("j", "tab")
        detail = console.screen.detail
        assert detail.has_focus
        page, last = detail.scrollable_content_region.height - 1, detail.max_scroll_y
        steps = [("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", page), ("pageup", 0), ("ctrl+d", page)]
        steps += [("ctrl+u", 0), ("f", page), ("b", 0), ("G", last), ("g", 0), ("end", last), ("home", 0)]
        for key, top in steps:
            await console.press(key)
            assert (key, detail.scroll_offset.y) == (key, top)
            assert console.shown.id == requests[1].id
        await console.press("tab", "j")
        assert console.screen.row_list.has_focus
        assert console.shown.id == requests[2].id


async def test_space_and_b_read_on_and_back_while_the_list_keeps_the_keys(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((140, 22)) as console:
        await console.press("j", "f")
        detail = console.screen.detail
        assert detail.scroll_offset.y == detail.scrollable_content_region.height - 1
        assert console.screen.row_list.has_focus
        await console.press("b")
        assert detail.scroll_offset.y == 0
        assert console.shown.id == requests[1].id


async def test_escape_in_a_list_without_a_filter_changes_nothing(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        await console.press("j")
        before = console.shown.id
        await console.press("escape", "escape")
        assert console.shown.id == before
        assert isinstance(console.app.screen, MainScreen)
        assert console.app.is_running


# --- nothing elsewhere ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
async def test_keys_that_belong_elsewhere_do_nothing(
    place: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    deny(reviewing_store, requests[3])
    here = {key for action in ACTIONS if place in action.places for key in action.keys}
    elsewhere = sorted({key for action in ACTIONS for key in action.keys} - here - {"ctrl+q"})  # which always leaves
    assert elsewhere
    async with open_console() as console:
        await go_to(console, place)
        screen, shown, events = console.app.screen, console.screen.shown_request, console.screen.shown_event
        for key in elsewhere:
            await console.press(key)
            assert console.app.screen is screen, key
            assert console.screen.place == (place if place in VIEWS else PENDING_VIEW), key
            assert (console.screen.shown_request, console.screen.shown_event) == (shown, events), key
    assert [each.status for each in reviewing_store.reviewer.get_many(tuple(each.id for each in requests))] == [
        *["pending"] * 3,
        "denied",
    ]
    assert_sound(reviewing_store)


# --- what each does -------------------------------------------------------------------------------


async def test_what_decides_works_beside_the_list_in_either_pane_and_on_the_payload(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("tab", "a")
        await console.until(lambda: console.shown.status == "approved")
        await console.press("tab", "j", "j", "enter")
        await console.approve()
        await console.until(lambda: console.shown.status == "approved")
        await console.press("r", "enter")
        await console.until(lambda: console.shown.status == "denied")
        await console.press("escape", "j", "x", "y")
        await console.until(lambda: console.shown.status == "expired")
    found = [reviewing_store.reviewer.get(each.id) for each in requests]
    assert [each.status for each in found] == ["approved", "pending", "denied", "expired"]


async def test_q_leaves_every_place_where_it_is_no_letter_and_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    for place in READING:
        async with open_console() as console:
            await go_to(console, place)
            console.monotonic.move(1000)
            console.app.post_message(key_event("q"))
            await console.until(lambda: console.app._exit)
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_y_copies_exactly_what_may_run_as_ascii_json(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    arguments = {"command": "echo \u202e é \U0001f600 \x1b]52;c;x\x07", "n": 2**60, "lone": ["", None, True, 1.5]}
    request = submit(reviewing_store, Call("odd", arguments, "odd-bot"))
    async with open_console() as console:
        for place in (PENDING_VIEW, PAYLOAD_VIEW):
            await console.press("G")
            await console.until(lambda: console.shown.id == request.id)
            if place == PAYLOAD_VIEW:
                await go_to(console, place)
            console.app.copy_to_clipboard("something else")
            await console.press("y")
            assert console.app.clipboard.isascii()
            assert json.loads(console.app.clipboard) == arguments
            await console.see("Sent the arguments to the terminal's clipboard")
            await console.see("whether it took them")
        assert "\x1b" not in console.app.clipboard


async def test_y_says_so_where_it_copies_secrets_that_the_screen_masks(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    arguments = {"url": "https://example.org", "password": "hunter22"}
    request = submit(reviewing_store, Call("http", arguments, "odd-bot"))
    async with open_console() as console:
        await console.press("G")
        await console.until(lambda: console.shown.id == request.id)
        assert "hunter22" not in console.text()
        await console.press("y")
        await console.see("Sent the arguments, SECRETS UNMASKED, to the terminal's clipboard")
        assert json.loads(console.app.clipboard) == arguments


async def test_y_copies_the_edited_arguments_of_a_decided_request_and_an_event_of_the_log(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request, edited = requests[0], {"command": "make deploy ENV=staging"}
    reviewing_store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments=edited)
    async with open_console() as console:
        await go_to(console, HISTORY_VIEW)
        await console.press("y")
        assert json.loads(console.app.clipboard) == edited
        await go_to(console, AUDIT_VIEW)
        await console.press("y")
        copied = json.loads(console.app.clipboard)
        assert (copied["seq"], copied["event"], copied["request"]) == (6, "request_approved", request.id)
        await console.see("Sent the event to the terminal's clipboard")


@pytest.mark.parametrize(("length", "fits"), [(LONGEST - 20, True), (LONGEST, False)])
async def test_a_copy_that_terminals_would_drop_is_refused_and_says_so(
    length: int, fits: bool, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    text = "x" * length
    submit(reviewing_store, Call("long", {"text": text}, "long-bot"))
    async with open_console((200, 34)) as console:
        console.app.copy_to_clipboard("before")
        await console.press("G", "y")
        if fits:
            assert json.loads(console.app.clipboard) == {"text": text}
            assert len(base64.b64encode(console.app.clipboard.encode())) <= 100_000
        else:
            await console.see("Nothing was copied")
            assert console.app.clipboard == "before"


async def test_y_where_there_is_nothing_says_so(
    open_console: OpenConsole, store_path: str, requests: list[Request]
) -> None:
    async with open_console() as console:
        await go_to(console, HISTORY_VIEW)
        await console.press("y")
        await console.see("There is nothing to copy.")
        await console.press("enter")
        await console.see("There is nothing to read.")
        await console.press("r")
        await console.see("There is nothing to revoke.")
        await console.press("l")
        await console.see("There is no request whose events could be shown.")


async def test_m_lifts_the_masks_and_puts_them_back_wherever_arguments_are_shown(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    secret = "tok_3f9c2b7a81d04e55a0c1"
    approve(reviewing_store, requests[2], BO)
    async with open_console() as console:
        for place in (HISTORY_VIEW, PAYLOAD_VIEW):
            await go_to(console, place)
            assert secret not in console.text()
            await console.press("m")
            await console.see("Secrets are shown until something else is.")
            assert secret in console.text()
            await console.press("m")
            await console.see("Secrets are masked.")
            assert secret not in console.text()
        await console.press("escape")


async def test_a_masked_secret_of_an_event_can_be_lifted_too(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    request, secret = requests[2], "tok_another_secret_0042"
    edited = {**request.arguments, "api_token": secret}
    reviewing_store.reviewer.decide(request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments=edited)
    async with open_console((160, 70)) as console:
        await go_to(console, AUDIT_VIEW)
        await console.press("j")
        await console.see("characters redacted")
        assert secret not in console.text()
        await console.press("m")
        await console.see(secret)


# --- the palette ----------------------------------------------------------------------------------


async def choose(console: Console, words: str) -> None:
    """Opens the palette, types the words at once, and takes the first action that it finds."""
    await console.press("ctrl+p")
    await console.press_at_once(*("space" if each == " " else each for each in words))
    palette = console.app.screen
    options = palette.query_one("CommandList")
    await console.until(lambda: getattr(options, "option_count", 0) > 0 and getattr(options, "highlighted", 0) == 0)
    await console.press("enter")
    await console.until(lambda: console.app.screen is not palette)
    await console.settle()


async def test_the_palette_says_the_key_of_what_decides_and_does_not_do_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for words, key in (("approve the request", "a"), ("deny the", "d"), ("without a verdict", "x")):
            await choose(console, words)
            await console.see(f"Press {key} for that: what ends with enter never decides.")
            assert console.app.screen is console.screen
        await console.press("enter")
        await choose(console, "approve the request")
        await console.see("Press a for that")
        assert isinstance(console.app.screen, PayloadScreen)
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_the_palette_does_what_does_not_decide(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await choose(console, "no longer waits")
        await console.until(lambda: console.screen.place == HISTORY_VIEW)
        await choose(console, "what waits")
        await console.until(lambda: console.screen.place == PENDING_VIEW)
        await choose(console, "last row")
        await console.until(lambda: console.shown.id == requests[3].id)
        await choose(console, "whole payload")
        await console.until(lambda: isinstance(console.app.screen, PayloadScreen))


async def test_escape_leaves_the_palette_and_nothing_happens(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("ctrl+p", "a", "escape")
        await console.until(lambda: console.app.screen is console.screen)
    assert len(reviewing_store.reviewer.list()) == len(requests)


# --- before anything is there ---------------------------------------------------------------------


async def test_keys_are_harmless_where_nothing_waits(open_console: OpenConsole, store_path: str) -> None:
    from approval_tui.store import open_store_blocking

    with open_store_blocking(store_path, clock=ManualClock()):
        pass
    async with open_console() as console:
        await console.see("Nothing waits.")
        for key, words in (("a", "approve"), ("d", "deny"), ("x", "expire"), ("r", "revoke")):
            await console.press(key)
            await console.see(f"There is nothing to {words}.")
        await console.press("j", "k", "G", "g", "pagedown", "pageup", "tab", "space", "b", "m", "escape", "l")
        assert console.app.is_running
