"""Keymap, theme, layout, arming time and length of a payload as the configuration sets them."""

from __future__ import annotations

import pytest
from textual.color import Color

from approval_tui.console.help_screen import ABOUT, HelpScreen, key_rows
from approval_tui.console.palette import offered
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.settings.actions import (
    ACTIONS,
    HISTORY_VIEW,
    NEVER_DECIDING,
    PENDING_VIEW,
    keymap_problems,
    with_keymap,
)
from approval_tui.settings.configuration import THEMES, Settings, parse_settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.support import submit

PRESSED_AS = {
    "?": "question_mark",
    ",": "comma",
    "+": "plus",
    "!": "exclamation_mark",
    ".": "full_stop",
    "-": "minus",
    "@": "at",
    "~": "tilde",
    "G": "G",
    "f2": "f2",
    "ctrl+a": "ctrl+a",
    "alt+a": "alt+a",
    "insert": "insert",
}
"""Keys as a configuration names them, and as the terminal's driver does."""


@pytest.mark.parametrize("key", PRESSED_AS)
def test_any_key_may_be_the_one_that_approves(key: str) -> None:
    others = {"?": {"help": ("f1",)}, "G": {"last": ("end",)}}
    assert keymap_problems({"approve": (key,), **others.get(key, {})}) == {}


async def test_any_key_may_approve_and_the_old_one_does_not(open_console: OpenConsole, store: BlockingStore) -> None:
    sent = [submit(store, Call(tool="shell", arguments={"n": key}, requester="bot")) for key in PRESSED_AS]
    keymap = {"approve": tuple(PRESSED_AS), "help": ("f1",), "last": ("end",)}
    async with open_console(settings=Settings(keymap=keymap)) as console:
        await console.press("a")
        assert store.reviewer.get(sent[0].id).status == "pending"
        for request, key in zip(sent, PRESSED_AS.values(), strict=True):
            assert console.shown.id == request.id
            await console.press(key)
            await console.until(lambda: console.shown.status == "approved")
            await console.press("j")
        assert console.app.is_running
    assert [store.reviewer.get(request.id).status for request in sent] == ["approved"] * len(sent)


async def test_several_keys_for_one_action_all_work_also_a_comma_among_them(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    keymap = {"next": (",", "s", "down"), "previous": ("w", "+")}
    async with open_console(settings=Settings(keymap=keymap)) as console:
        shown = [0]
        for key in ("comma", "s", "down", "plus", "w"):
            await console.press(key)
            shown.append([each.id for each in requests].index(console.shown.id))
        assert shown == [0, 1, 2, 3, 2, 1]
        for key in ("j", "k", "up"):
            await console.press(key)
            assert console.shown.id == requests[1].id


async def test_the_line_of_keys_help_palette_and_lists_show_the_new_keys(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    keymap = {"approve": ("f2",), "help": ("f1",), "history": ("H",), "deny": (",",)}
    async with open_console((140, 60), settings=Settings(keymap=keymap)) as console:
        line = console.text().split("\n")[-1]
        assert " f2 Approve " in line
        assert " f1 Help " in line
        assert " , Deny " in line
        assert " H History" in console.text().split("\n")[0]
        assert {each.id: each.keys for each in offered(console.screen)}["approve"] == ("f2",)
        await console.press("f1")
        await console.see(ABOUT[PENDING_VIEW][0])
        text = console.text()
        for row in key_rows([each for each in with_keymap(keymap) if PENDING_VIEW in each.places]):
            assert row in text
        await console.press("escape", "H")
        await console.until(lambda: console.screen.place == HISTORY_VIEW)


async def test_the_key_that_opened_the_help_closes_it_and_so_does_the_key_that_leaves(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    keymap = {"help": ("f1",), "quit": ("f10",)}
    async with open_console(settings=Settings(keymap=keymap)) as console:
        for closing in ("f1", "f10", "escape"):
            await console.press("f1")
            await console.until(lambda: isinstance(console.app.screen, HelpScreen))
            await console.press(closing)
            await console.until(lambda: console.app.screen is console.screen)
            assert console.app.is_running


async def test_the_contract_holds_for_the_new_keys(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    keymap = {"approve": ("!",), "deny": ("ctrl+n",)}
    async with open_console(armed=False, settings=Settings(keymap=keymap)) as console:
        console.monotonic.move(399)
        await console.press_at_once("!")
        await console.see("Too soon")
        console.monotonic.move(1000)
        await console.press_at_once("!", "!", "!")
        await console.see("Several keys at once: nothing was decided.")
        await console.paste("!")
        await console.see("Pasted text decides nothing.")
        assert len(reviewing_store.reviewer.list()) == len(requests)
        await console.press("ctrl+p")
        await console.press_at_once(*"approve")
        palette = console.app.screen
        await console.until(lambda: getattr(palette.query_one("CommandList"), "option_count", 0) > 0)
        await console.press("enter")
        await console.until(lambda: console.app.screen is console.screen)
        await console.see("Press ! for that")
        await console.press("ctrl+n")
        await console.see("Deny this request?")
    assert len(reviewing_store.reviewer.list()) == len(requests)


@pytest.mark.parametrize("name", ["+", "plus"])
async def test_the_new_approving_key_ends_the_typed_dialog_by_its_sign_and_by_its_name(
    name: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    settings = Settings(keymap={"approve": (name,)}, long_payload=20)
    async with open_console((140, 20), settings=settings) as console:
        await console.press("j", "plus")
        await console.see("rows unread?")
        await console.press(*requests[1].id[-4:], "a")
        assert reviewing_store.reviewer.get(requests[1].id).status == "pending"
        await console.press("plus")
        await console.until(lambda: console.shown.status == "approved")


async def test_new_keys_of_the_payload_and_of_escape_work_there(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    keymap = {"payload": ("o",), "back": ("u", "escape"), "find_next": ("f3",)}
    async with open_console(settings=Settings(keymap=keymap)) as console:
        await console.press("j", "enter")
        assert console.app.screen is console.screen
        await console.press("o")
        await console.until(lambda: isinstance(console.app.screen, PayloadScreen))
        await console.press("f3")
        await console.see("Search with / first.")
        await console.press("u")
        await console.until(lambda: console.app.screen is console.screen)


@pytest.mark.parametrize("action", [each.id for each in ACTIONS if each.decides])
@pytest.mark.parametrize("key", sorted(NEVER_DECIDING))
def test_what_decides_takes_no_key_that_is_pressed_without_a_thought(action: str, key: str) -> None:
    assert action in keymap_problems({action: (key,)})


@pytest.mark.parametrize(("named", "sent"), [("ctrl+m", "enter"), ("ctrl+i", "tab"), ("ctrl+h", "backspace")])
async def test_a_key_that_shares_its_byte_with_a_harmless_one_does_not_make_that_decide(
    named: str, sent: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(settings=Settings(keymap={"approve": (named,)})) as console:
        await console.press(sent)
    assert len(reviewing_store.reviewer.list()) == len(requests)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
def test_a_key_that_ends_every_textual_app_is_refused(key: str) -> None:
    assert "approve" in keymap_problems({"approve": (key,)})


def test_a_key_with_two_meanings_in_one_place_is_refused_and_named() -> None:
    problems = keymap_problems({"approve": ("j",)})
    assert problems == {"approve": "j is the key of next already"}
    assert keymap_problems({"next": ("s",)}) == {"next": "s is the key of approve_session already"}
    assert keymap_problems({"approve": ("j",), "next": ("z",)}) == {}


def test_a_keymap_of_the_file_is_the_keymap_of_the_console() -> None:
    text = 'console:\n  keys:\n    approve: "!"\n    next: [",", down]\n    pending: 7\n'
    settings = parse_settings(text, "config.yaml")
    assert settings.keymap == {"approve": ("!",), "next": (",", "down"), "pending": ("7",)}


# --- theme, layout, lengths ------------------------------------------------------------------------


async def test_every_theme_draws_the_console(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console(settings=Settings(theme=THEMES[0])) as console:
        for theme in THEMES:
            if theme != THEMES[0]:
                console.app.theme = theme
                await console.settle()
            assert console.app.theme == theme
            await console.see("make deploy")
            assert "HIGH" in console.text()
            background = Color.parse(console.app.theme_variables["background"])
            assert console.screen.background_colors[1].rgb == background.rgb


@pytest.mark.parametrize(
    ("layout", "columns", "is_beside"),
    [
        ("auto", 140, True),
        ("auto", 80, False),
        ("columns", 140, True),
        ("columns", 80, True),
        ("stacked", 140, False),
        ("stacked", 80, False),
    ],
)
async def test_the_layout_puts_the_details_beside_the_list_or_below_it(
    layout: str, columns: int, is_beside: bool, open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((columns, 34), settings=Settings(layout=layout)) as console:
        listed, detail = console.screen.row_list.region, console.screen.detail.region
        assert (detail.x >= listed.right) == is_beside
        assert (detail.y >= listed.bottom) == (not is_beside)
        assert listed.width > 20
        assert detail.height > 3


async def test_the_length_from_which_the_id_is_asked_is_that_of_the_configuration(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    for long_payload, said in ((44, "rows unread?"), (45, "Read on first")):
        async with open_console((140, 20), settings=Settings(long_payload=long_payload)) as console:
            await console.press("j", "a")
            await console.see(said)


async def test_names_of_the_configuration_are_masked(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console(settings=Settings(redact_names=("command",))) as console:
        await console.see("characters redacted")
        assert "make deploy" not in console.text()
        await console.press("m")
        await console.see("make deploy")
