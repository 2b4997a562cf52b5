"""The questions before a decision: what each begins on, what its keys do, and what never answers it (rule R11)."""

from __future__ import annotations

import json

import pytest
from textual import events
from textual.widgets import Button, Input

from approval_tui.console.dialogs import ChoiceDialog, DecisionDialog, ReasonDialog, TypedDialog
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.support import BO, ManualClock, approve, consume, deny, event_names

ASKED_BY = {"d": "Deny this request?", "x": "End this request without a verdict?", "r": "Take this approval back?"}


async def ask(console: Console, key: str) -> DecisionDialog[object]:
    """Opens a dialog and waits until it has the focus."""
    await console.press(key)
    await console.until(lambda: isinstance(console.app.screen, DecisionDialog) and console.app.focused is not None)
    await console.settle()
    dialog = console.app.screen
    assert isinstance(dialog, DecisionDialog)
    return dialog


def in_doubt(store: BlockingStore, request: Request, clock: ManualClock) -> None:
    """The request's call began, and its time to report passed."""
    approve(store, request, BO)
    consume(store, request)
    clock.move(HOUR + MINUTE)


# --- what they begin on ---------------------------------------------------------------------------


async def test_a_dialog_says_what_it_asks_and_about_which_request(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for key in ("d", "x"):
            await ask(console, key)
            await console.see(ASKED_BY[key])
            text = console.text()
            assert requests[0].id in text
            assert "for release-bot" in text
            assert "escape" in text
            await console.press("escape")
            assert console.app.screen is console.screen
    assert event_names(reviewing_store, requests[0]) == ["request_submitted"]


async def test_a_secret_stays_masked_in_a_dialog(open_console: OpenConsole, requests: list[Request]) -> None:
    async with open_console() as console:
        await console.press("j", "j")
        for key in ("d", "x"):
            await ask(console, key)
            assert "tok_3f9c2b7a81d04e55a0c1" not in console.text()
            await console.press("escape")


async def test_a_choice_begins_on_the_answer_that_changes_nothing_and_enter_takes_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, clock: ManualClock
) -> None:
    async with open_console() as console:
        for key, keeps in (("x", "No, keep it"), ("R", "Still in doubt")):
            if key == "R":
                in_doubt(reviewing_store, requests[1], clock)
                await console.press("i")
                await console.until(lambda: console.shown.in_doubt)
            dialog = await ask(console, key)
            assert isinstance(dialog, ChoiceDialog)
            assert isinstance(console.app.focused, Button)
            assert str(console.app.focused.label) == keeps
            await console.press("enter")
            assert console.app.screen is console.screen
    assert reviewing_store.reviewer.get(requests[1].id).outcome is None


async def test_enter_on_the_button_of_an_answer_answers_after_tab_went_there(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await ask(console, "x")
        await console.press("tab", "enter")
        await console.until(lambda: console.shown.status == "expired")
    assert event_names(reviewing_store, requests[0]) == ["request_submitted", "request_expired"]


@pytest.mark.parametrize("key", ["a", "d", "x", "space", "Y", "q", "1", "ctrl+p", "question_mark"])
async def test_no_key_of_the_screen_below_does_anything_in_a_choice(
    key: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        dialog = await ask(console, "x")
        before = console.screen.place
        await console.press(key)
        if key != "space":  # the space key presses the button that has the focus: the harmless one
            assert console.app.screen is dialog
        assert console.app.is_running
        assert console.screen.place == before
    assert len(reviewing_store.reviewer.list()) == len(requests)


# --- reasons ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "reason"), [("", None), ("   ", None), ("  too risky ", "too risky")])
async def test_the_reason_of_a_denial_is_what_was_typed_without_its_edges(
    typed: str, reason: str | None, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await ask(console, "d")
        await console.press_at_once(*("space" if each == " " else each for each in typed))
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == reason


async def test_a_reason_is_no_longer_than_the_store_takes(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        dialog = await ask(console, "d")
        await console.press("n", "o")
        await console.paste("x" * LONGEST_TEXT)
        await console.see("Nothing was added: a reason has at most 16,384 characters.")
        assert dialog.query_one(Input).value == "no"
        await console.paste("x" * (LONGEST_TEXT - 2))
        await console.press("end", "y")
        assert len(dialog.query_one(Input).value) <= LONGEST_TEXT
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert len(reviewing_store.reviewer.get(requests[0].id).decisions[0].reason or "") <= LONGEST_TEXT


async def test_a_reason_that_would_fool_the_reader_is_recorded_exactly_and_shown_visibly(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await ask(console, "d")
        await console.paste("[b]no\u202e\u200b[/b]")
        assert "\u202e" not in console.text()
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
        await console.press("2")
        await console.see("\\u{202E}")
        assert "\u202e" not in console.text()
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == "[b]no\u202e\u200b[/b]"


async def test_taking_an_approval_back_asks_and_escape_keeps_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
        dialog = await ask(console, "r")
        assert isinstance(dialog, ReasonDialog)
        await console.see(ASKED_BY["r"])
        await console.press("n", "o", "escape")
        assert reviewing_store.reviewer.get(requests[0].id).status == "approved"
        await ask(console, "r")
        await console.press_at_once(*"oops")
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    events_of = reviewing_store.reviewer.events(request_id=requests[0].id)
    assert events_of[-1].name == "request_revoked"
    assert "oops" in json.dumps(dict(events_of[-1].body), default=str)


# --- resolving in two steps -----------------------------------------------------------------------


@pytest.mark.parametrize(("key", "outcome"), [("s", "succeeded"), ("f", "failed"), ("n", "not_run")])
async def test_a_call_in_doubt_is_resolved_in_two_steps(
    key: str,
    outcome: str,
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
    clock: ManualClock,
) -> None:
    in_doubt(reviewing_store, requests[0], clock)
    async with open_console() as console:
        await console.press("i")
        await console.until(lambda: console.shown.in_doubt)
        await ask(console, "R")
        await console.press(key)
        await console.until(lambda: isinstance(console.app.screen, ReasonDialog))
        await console.settle()
        await console.press("escape")  # the second step can be left, too, and nothing is recorded
        assert console.app.screen is console.screen
        assert reviewing_store.reviewer.get(requests[0].id).outcome is None
        await ask(console, "R")
        await console.press(key)
        await console.until(lambda: isinstance(console.app.screen, ReasonDialog))
        await console.settle()
        await console.press_at_once(*"log")
        await console.press("enter")
        await console.see(f"Resolved as {outcome.replace('_', ' ')}")
    resolved = reviewing_store.reviewer.get(requests[0].id)
    assert (resolved.outcome, resolved.in_doubt) == (outcome, False)


async def test_the_answer_and_an_enter_behind_it_at_once_resolve_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, clock: ManualClock
) -> None:
    in_doubt(reviewing_store, requests[0], clock)
    async with open_console() as console:
        await console.press("i")
        await console.until(lambda: console.shown.in_doubt)
        await ask(console, "R")
        console.monotonic.move(1000)
        await console.press_at_once("s", "enter")
        await console.settle()
    assert reviewing_store.reviewer.get(requests[0].id).outcome is None


# --- too soon, and too many ------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "answer"), [("x", "y"), ("d", "enter")])
async def test_an_answer_counts_only_when_the_dialog_stood_there_for_a_moment(
    key: str, answer: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        dialog = await ask(console, key)
        console.monotonic.move(399)
        await console.press_at_once(answer)
        await console.see("Too soon")
        assert console.app.screen is dialog
        assert reviewing_store.reviewer.get(requests[0].id).status == "pending"
        console.monotonic.move(61)
        await console.press_at_once(answer)
        await console.until(lambda: console.shown.status in ("expired", "denied"))


@pytest.mark.parametrize(("key", "burst"), [("x", "yyyy"), ("d", ("n", "o", "enter"))])
async def test_a_burst_of_keys_answers_no_dialog(
    key: str,
    burst: tuple[str, ...] | str,
    open_console: OpenConsole,
    requests: list[Request],
    reviewing_store: BlockingStore,
) -> None:
    async with open_console() as console:
        dialog = await ask(console, key)
        console.monotonic.move(1000)
        await console.press_at_once(*burst)
        await console.see("nothing was decided")
        assert console.app.screen is dialog
    assert len(reviewing_store.reviewer.list()) == len(requests)


@pytest.mark.parametrize(("key", "answer"), [("x", "y"), ("d", "enter")])
async def test_an_answer_right_after_the_terminal_regained_the_focus_counts_for_nothing(
    key: str, answer: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        dialog = await ask(console, key)
        console.monotonic.move(1000)
        await console.look_away()
        await console.look_back()
        console.monotonic.move(100)
        await console.press_at_once(answer)
        await console.see("Too soon")
        assert console.app.screen is dialog
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_escape_right_behind_an_answer_takes_it_back(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await ask(console, "x")
        console.monotonic.move(1000)
        for key in ("y", "escape"):
            console.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await console.until(lambda: console.app.screen is console.screen)
        await console.settle()
    assert len(reviewing_store.reviewer.list()) == len(requests)


# --- meanwhile -------------------------------------------------------------------------------------


async def test_a_request_decided_by_somebody_else_below_a_dialog_is_told_when_it_is_answered(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await ask(console, "d")
        approve(reviewing_store, requests[0], BO)
        await console.until(lambda: console.shown.status == "approved")
        await console.press("enter")
        await console.see("already approved by bo")
    assert reviewing_store.reviewer.get(requests[0].id).status == "approved"


async def test_a_dialog_answers_for_its_request_though_the_list_below_moved_on(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j")
        await ask(console, "x")
        deny(reviewing_store, requests[0], reviewer=BO)
        await console.until(lambda: len(console.screen.waiting) == 3)
        await console.press("y")
        await console.until(lambda: console.shown.status == "expired")
        assert console.shown.id == requests[1].id
    assert [reviewing_store.reviewer.get(each.id).status for each in requests] == [
        "denied",
        "expired",
        "pending",
        "pending",
    ]


# --- the end of the id ------------------------------------------------------------------------------


async def test_the_typed_dialog_takes_only_the_end_of_the_id_and_then_the_approving_key_alone(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console((140, 20), settings=Settings(long_payload=20)) as console:
        await console.press("j", "a")
        await console.until(lambda: isinstance(console.app.screen, TypedDialog))
        assert console.app.focused is None  # nothing that enter or space could press
        await console.press(*requests[1].id[-4:])
        await console.see("Typed. Now the approving key.")
        await console.press("backspace")
        await console.see(f"{requests[1].id[-4:-1]}_")
        await console.press("a")
        assert isinstance(console.app.screen, TypedDialog)
        await console.press(*requests[1].id[-4:])
        await console.see("Typed. Now the approving key.")
        console.monotonic.move(1000)
        await console.press_at_once("a", "a")
        await console.see("nothing was decided")
        assert reviewing_store.reviewer.get(requests[1].id).status == "pending"
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.get(requests[1].id).decisions[0].evidence.kind == "typed"
