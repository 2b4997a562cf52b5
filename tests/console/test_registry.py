"""One registry of actions: bindings, the line of keys, help, palette and commands all say the same (rule R17)."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.binding import Binding, BindingType

from approval_tui.cli.arguments import BY_NAME
from approval_tui.console.bindings import (
    BULK_BINDINGS,
    EDITOR_BINDINGS,
    GRANTING_BINDINGS,
    MAIN_BINDINGS,
    PAYLOAD_BINDINGS,
    REVIEW_BINDINGS,
    SESSION_BINDINGS,
)
from approval_tui.console.bulk_screen import BulkScreen
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.edit_screen import EditScreen
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.console.help_screen import ABOUT, key_rows
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.palette import offered
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.review_screen import ReviewScreen
from approval_tui.console.session_screen import SessionScreen
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.domain.models import Request
from approval_tui.settings.actions import (
    ACTIONS,
    AUDIT_VIEW,
    BULK_VIEW,
    BY_ID,
    EDITOR,
    GRANTING_VIEW,
    GRANTS_VIEW,
    HISTORY_VIEW,
    NEVER_DECIDING,
    PAYLOAD_VIEW,
    PENDING_VIEW,
    PLACES,
    REVIEW,
    SESSION_VIEW,
    VIEWS,
    Action,
)
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.support import BO, approve

GO_TO = {PENDING_VIEW: "1", HISTORY_VIEW: "2", AUDIT_VIEW: "3", GRANTS_VIEW: "4", PAYLOAD_VIEW: "enter"}
SCREENS: list[tuple[type[DecidingScreen], list[BindingType], tuple[str, ...]]] = [
    (MainScreen, MAIN_BINDINGS, VIEWS),
    (PayloadScreen, PAYLOAD_BINDINGS, (PAYLOAD_VIEW,)),
    (ReviewScreen, REVIEW_BINDINGS, (REVIEW,)),
    (EditScreen, EDITOR_BINDINGS, (EDITOR,)),
    (BulkScreen, BULK_BINDINGS, (BULK_VIEW,)),
    (GrantingScreen, GRANTING_BINDINGS, (GRANTING_VIEW,)),
    (SessionScreen, SESSION_BINDINGS, (SESSION_VIEW,)),
]
NOT_FOR_A_REVIEWER = {"submit", "wait", "consume", "outcome", "cancel", "demo", "audit head", "audit export"}
ONLY_FROM_A_SHELL = {"session list"}


def actions_of(*places: str) -> list[Action]:
    """The actions of the registry that can be done in one of these places, in its order."""
    return [action for action in ACTIONS if set(action.places) & set(places)]


@pytest.mark.parametrize(("screen", "bindings", "places"), SCREENS)
def test_the_bindings_of_a_screen_are_the_actions_of_its_places(
    screen: type[DecidingScreen], bindings: list[Binding], places: tuple[str, ...]
) -> None:
    assert list(screen.BINDINGS) == bindings
    told = [(each.id, each.action, each.description, each.tooltip, each.show) for each in bindings]
    assert told == [(each.id, f"do_{each.id}", each.label, each.does, each.in_footer) for each in actions_of(*places)]
    assert [len(each.key.split(",")) for each in bindings] == [len(each.keys) for each in actions_of(*places)]
    letters = {key: action.id for action in actions_of(*places) for key in action.keys if key.isalnum()}
    assert {key: each.id for each in bindings for key in each.key.split(",") if key in letters} == letters


@pytest.mark.parametrize(("screen", "places"), [(screen, places) for screen, _, places in SCREENS])
def test_every_action_of_a_screen_is_something_that_it_does(
    screen: type[DecidingScreen], places: tuple[str, ...]
) -> None:
    missing = [each.id for each in actions_of(*places) if not callable(getattr(screen, f"action_do_{each.id}", None))]
    assert missing == []


@pytest.mark.parametrize("screen", [screen for screen, _, _ in SCREENS])
def test_a_screen_does_nothing_that_the_registry_does_not_know(screen: type[DecidingScreen]) -> None:
    done = {name.removeprefix("action_do_") for name in dir(screen) if name.startswith("action_do_")}
    assert done <= set(BY_ID)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_means_one_thing_in_a_place(place: str) -> None:
    keys = Counter(key for action in actions_of(place) for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []


def test_no_deciding_key_is_one_that_is_pressed_without_a_thought() -> None:
    assert [each.id for each in ACTIONS if each.decides and set(each.keys) & NEVER_DECIDING] == []


def test_what_decides_is_what_changes_a_request() -> None:
    assert {each.id for each in ACTIONS if each.decides} == {
        *("approve", "approve_session", "approve_always", "deny", "expire", "revoke", "resolve"),
        *("deny_session", "release", "revoke_grant"),
    }


def test_every_action_says_what_it_does_in_a_sentence() -> None:
    for action in ACTIONS:
        assert action.keys
        assert action.label
        assert len(action.does) > len("Next row") - 1
        assert action.does[0].isupper()
        assert not action.does.endswith(".")
        assert set(action.places) <= set(PLACES)


def test_every_command_that_an_action_names_exists() -> None:
    assert [each.id for each in ACTIONS if each.command is not None and each.command not in BY_NAME] == []


def test_every_command_for_looking_and_deciding_has_an_action() -> None:
    of_a_reviewer = {
        name
        for name in BY_NAME
        if not name.startswith(("config ", "policy ", "proxy", "hook ", "notify ", "token ", "serve", "store "))
    }
    of_a_reviewer -= NOT_FOR_A_REVIEWER | ONLY_FROM_A_SHELL
    assert of_a_reviewer == {each.command for each in ACTIONS if each.command is not None}


def test_what_decides_has_a_command_of_the_same_name() -> None:
    others = {each.id: each.command for each in ACTIONS if each.decides and each.command != each.id}
    assert others == {
        "approve_session": "approve",  # with --for-session
        "approve_always": "grant add",
        "deny_session": "session hold",
        "release": "session release",
        "revoke_grant": "grant revoke",
    }


@pytest.mark.parametrize("place", PLACES)
def test_the_help_of_a_place_has_a_row_for_each_of_its_actions(place: str) -> None:
    rows = key_rows(actions_of(place))
    assert len(rows) == len(actions_of(place))
    for row, action in zip(rows, actions_of(place), strict=True):
        assert row.startswith(" ".join(action.keys))
        assert row.endswith(action.does)
    assert len({row.index(action.does) for row, action in zip(rows, actions_of(place), strict=True)}) == 1
    assert place in ABOUT


async def test_the_line_of_keys_and_the_palette_have_the_actions_of_the_place(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    approve(reviewing_store, requests[3], BO)
    async with open_console((300, 40)) as console:
        for place, status in ((HISTORY_VIEW, "approved"), (AUDIT_VIEW, None), (PENDING_VIEW, "pending")):
            await console.press(GO_TO[place])
            await console.until(lambda: console.screen.lists.shown.rows.is_loaded)
            await console.settle()
            shown_on(console, place, status)
        await console.press("enter")
        shown_on(console, PAYLOAD_VIEW, "pending")
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        await console.settle()
        shown_on(console, PAYLOAD_VIEW, "approved")


def shown_on(console: Console, place: str, status: str | None) -> None:
    """Compares the line of keys as it is drawn, and what the palette offers, with the registry."""
    screen = console.app.screen
    assert isinstance(screen, DecidingScreen)
    assert screen.place == place
    bar = screen.query_one("#keys", KeyBar)
    wanted = {each.id for each in actions_of(place) if each.in_footer and each.status in (None, status)}
    assert {each.id for each in bar.shown} == wanted
    line = console.text().split("\n")[-1]
    drawn = "".join(f" {each.keys[0]} {each.label} " for each in bar.shown)
    assert line.rstrip() == drawn.rstrip()
    ids = [each.id for each in offered(screen)]
    assert sorted([*ids, "palette", "next", "previous"]) == sorted(each.id for each in actions_of(place))


@pytest.mark.parametrize("columns", [60, 80])
async def test_help_and_quit_stand_in_the_narrowest_line_of_keys_and_no_word_is_cut(
    columns: int, open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console((columns, 24)) as console:
        for key in ("2", "3", "1", "enter"):
            await console.press(key)
            bar = console.app.screen.query_one("#keys", KeyBar)
            assert {"help", "quit"} <= {each.id for each in bar.shown}
            line = console.text().split("\n")[-1]
            assert "".join(f" {each.keys[0]} {each.label} " for each in bar.shown).rstrip() in line


async def test_the_help_that_is_opened_is_that_of_the_place(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console((140, 60)) as console:
        for place in (*VIEWS, PAYLOAD_VIEW):
            if place == PAYLOAD_VIEW:
                await console.press("1")
            await console.press(GO_TO[place])
            await console.press("question_mark")
            await console.see(ABOUT[place][0])
            text = console.text()
            for row in key_rows(actions_of(place)):
                assert row in text
            await console.press("escape")


@pytest.mark.parametrize("closing", ["escape", "question_mark", "q"])
async def test_help_is_closed_by_its_keys_and_nothing_else_happens(
    closing: str, open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        await console.press("question_mark", "a", "d", "x", closing)
        await console.until(lambda: console.app.screen is console.screen)
        assert console.app.is_running
        assert console.shown.status == "pending"
