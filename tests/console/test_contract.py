"""The contract of the keys (rule R11): what decides, when, and what never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual import events
from textual.widgets import Static

from approval_tui.console.app import monotonic_clock
from approval_tui.console.contract import Contract, moment_of
from approval_tui.console.dialogs import expire_dialog
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console, key_event
from tests.support import BO, ManualClock, approve


def nothing_was_decided(store: BlockingStore, requests: list[Request]) -> bool:
    return {each.id for each in store.reviewer.list()} >= {each.id for each in requests}


async def click_in_footer(console: Console, label: str) -> None:
    """Clicks the footer's word of an action."""
    lines = console.text().split("\n")
    row = next(number for number in range(len(lines) - 1, -1, -1) if f"{label} " in lines[number])
    assert await console.pilot.click(offset=(lines[row].index(label) + 1, row))
    await console.settle()


# --- the moment of quiet --------------------------------------------------------------------------


class Desk:
    """A contract without a screen: keys come, and what they decided or were told is kept."""

    def __init__(self, arming: int = 400) -> None:
        self.clock = ManualClock(0)
        self.deferred: list[Callable[[], None]] = []
        self.contract = Contract(arming, self.clock, self.deferred.append)
        self.contract.moment_of = lambda _: self.clock()
        self.happened: list[str] = []
        self.contract.disarm()
        self.clock.move(1000)

    def key(self, key: str) -> events.Key:
        event = events.Key(key, key)
        self.contract.note(event)
        return event

    def decide(self, key: str) -> None:
        self.contract.begin_acting(self.key(key))
        self.act()

    def act(self) -> None:
        refusal = self.contract.refusal()
        if refusal is not None:
            self.happened.append(refusal)
            return
        self.contract.intend(lambda: self.happened.append("decided"), self.happened.append)

    async def quiet(self) -> None:
        """Waits for the moment of quiet after the deciding key, and lets what it deferred run."""
        while self.contract.is_intending and not self.deferred:
            await asyncio.sleep(0.005)
        waiting, self.deferred[:] = list(self.deferred), []
        for each in waiting:
            each()


@pytest.mark.parametrize(("later", "decides"), [(0, False), (49, False), (51, True)])
async def test_another_key_within_fifty_ms_after_the_deciding_one_undoes_it(later: int, decides: bool) -> None:
    desk = Desk()
    desk.decide("a")
    desk.clock.move(later)
    desk.key("z")
    await desk.quiet()
    assert desk.happened == ["decided" if decides else "Several keys at once: nothing was decided."]


@pytest.mark.parametrize(("later", "decides"), [(0, False), (49, False), (51, True)])
async def test_a_deciding_key_within_fifty_ms_after_another_one_does_nothing(later: int, decides: bool) -> None:
    desk = Desk()
    desk.key("z")
    desk.clock.move(later)
    desk.decide("a")
    await desk.quiet()
    assert desk.happened == ["decided" if decides else "Several keys at once: nothing was decided."]


@pytest.mark.parametrize(("later", "decides"), [(49, False), (51, True)])
async def test_the_same_deciding_key_again_counts_as_another_key(later: int, decides: bool) -> None:
    desk = Desk()
    desk.decide("a")
    desk.clock.move(later)
    if decides:
        await desk.quiet()
    desk.decide("a")
    await desk.quiet()
    assert ("decided" in desk.happened) == decides


async def test_what_is_shown_changes_before_the_moment_of_quiet_ended_and_nothing_is_decided() -> None:
    desk = Desk()
    desk.decide("a")
    desk.contract.disarm()
    await desk.quiet()
    assert desk.happened == []
    assert not desk.contract.is_intending


async def test_a_key_that_waited_in_the_queue_counts_from_when_it_came() -> None:
    """Keys that piled up while the console was busy come together, however late they act."""
    desk = Desk()
    first, second = desk.key("z"), desk.key("a")
    assert first is not second
    desk.clock.move(300)
    desk.contract.begin_acting(second)
    desk.act()
    await desk.quiet()
    assert desk.happened == ["Several keys at once: nothing was decided."]


async def test_keys_are_dead_for_exactly_the_arming_time() -> None:
    desk = Desk(arming=250)
    desk.contract.disarm()
    desk.clock.move(249)
    desk.decide("a")
    assert desk.happened[0].startswith("Too soon")
    desk.clock.move(60)
    desk.decide("a")
    await desk.quiet()
    assert desk.happened[-1] == "decided"


def test_a_key_came_when_it_was_sent_however_long_it_waited_for_its_turn() -> None:
    before = monotonic_clock()
    event = key_event("a")
    after = monotonic_clock()
    event.time -= 5
    assert before - 5001 <= moment_of(event) <= after - 4999


# --- on the screen ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a", "d", "x"])
async def test_every_deciding_key_is_dead_right_after_the_console_opened(
    key: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(armed=False) as console:
        console.monotonic.move(399)
        await console.press_at_once(key)
        await console.see("Too soon")
        assert console.app.screen is console.screen
    assert nothing_was_decided(reviewing_store, requests)


async def test_the_arming_time_is_that_of_the_configuration(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(armed=False, settings=Settings(arming=5000)) as console:
        console.monotonic.move(4999)
        await console.press_at_once("a")
        await console.see("Too soon")
        assert nothing_was_decided(reviewing_store, requests)
        console.monotonic.move(1)
        console.monotonic.move(60)  # away from the key before
        await console.press_at_once("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_a_key_right_after_a_dialog_was_left_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("d", "escape")
        console.monotonic.move(300)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


async def test_an_answer_right_after_a_dialog_opened_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("x")
        console.monotonic.move(300)
        await console.press_at_once("y")
        await console.see("Too soon")
        await console.press("escape", "d")
        console.monotonic.move(300)
        await console.press_at_once("enter")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


@pytest.mark.parametrize("opened_by", ["?", "enter", "ctrl+p"])
async def test_a_key_right_after_another_screen_was_closed_decides_nothing(
    opened_by: str, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("question_mark" if opened_by == "?" else opened_by)
        await console.until(lambda: console.app.screen is not console.screen)
        await console.press("escape")
        await console.until(lambda: console.app.screen is console.screen)
        console.monotonic.move(300)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


async def test_a_key_right_after_the_payload_opened_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("enter")
        console.monotonic.move(300)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


async def test_the_key_that_brings_the_focus_back_decides_nothing_though_no_focus_was_reported(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.look_away()
        await console.press("a")
        await console.see("Too soon")
        assert nothing_was_decided(reviewing_store, requests)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")


async def test_a_click_on_approve_decides_when_the_screen_was_still(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await click_in_footer(console, "Approve")
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].evidence.kind == "shown"


async def test_a_click_on_approve_right_after_another_request_is_shown_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("j", "j", "j")
        console.monotonic.move(200)
        await click_in_footer(console, "Approve")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


@pytest.mark.parametrize("keys", [(), ("enter",), ("x",)])
async def test_pasted_text_decides_nothing_wherever_it_is_pasted(
    keys: tuple[str, ...], open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press(*keys)
        console.monotonic.move(1000)
        for text in ("a", "y", "a\r", "\n"):
            await console.paste(text)
    assert nothing_was_decided(reviewing_store, requests)


async def test_text_pasted_into_the_reason_stays_there_until_enter(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("d")
        console.monotonic.move(1000)
        await console.paste("not now\r\nreally")
        assert nothing_was_decided(reviewing_store, requests)
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == "not now really"


async def test_keys_typed_into_the_filter_never_decide(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("/", "a", "d", "x", "r", "enter")
        await console.press("escape")
    assert nothing_was_decided(reviewing_store, requests)


async def test_a_deciding_key_right_after_the_filter_was_closed_decides_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        await console.press("/", *"shell", "enter")
        await console.until(lambda: console.shown.tool == "shell")
        await console.settle()
        console.monotonic.move(300)
        await console.press_at_once("a")
        await console.see("Too soon")
    assert nothing_was_decided(reviewing_store, requests)


async def test_a_decision_whose_request_left_the_screen_at_once_is_dropped(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    """`a`, and a click on another row in the same moment: the keys' moment of quiet ends with another request."""
    async with open_console() as console:
        intend = console.app.contract.intend

        def intend_and_move(carry_out: Callable[[], object], refuse: Callable[[str], object]) -> None:
            intend(carry_out, refuse)
            console.screen._go(lambda: console.screen.lists.shown.rows.move(1))

        console.app.contract.intend = intend_and_move  # type: ignore[method-assign]
        await console.press("a")
        assert console.shown.id == requests[1].id
    assert nothing_was_decided(reviewing_store, requests)


async def test_a_request_that_comes_while_a_decision_is_intended_does_not_change_what_is_decided(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        console.monotonic.move(1000)
        console.pilot.app.post_message(events.Key("a", "a"))
        reviewing_store.requester.submit(Call(tool="late", arguments={}, requester="late-bot"))
        await console.until(lambda: console.shown.status == "approved")
        assert console.shown.id == requests[0].id


async def test_keys_pile_up_in_front_of_a_dialog_and_none_of_them_answers_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        for key in ("x", "y", "y", "y"):
            console.pilot.app.post_message(events.Key(key, key))
        await console.settle()
    assert nothing_was_decided(reviewing_store, requests)


async def test_a_tombstone_under_the_cursor_takes_no_approval(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        approve(reviewing_store, requests[0], BO)
        await console.until(lambda: console.shown.status == "approved")
        await console.press("d")
        await console.see("already approved by bo")
        assert console.app.screen is console.screen
    assert nothing_was_decided(reviewing_store, requests[1:])


class Gone(Static):
    """A widget that went away before it was drawn, and what was to be said then with it."""

    def call_after_refresh(self, *_: object, **__: object) -> bool:
        return True


async def test_a_dialog_that_goes_before_it_was_drawn_leaves_the_keys_as_they_were(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        dialog = expire_dialog(requests[0], console.screen.redactor)
        await console.app.push_screen(dialog)
        console.app.contract.await_painting(Gone())
        dialog.dismiss(None)
        await console.until(lambda: console.app.screen is console.screen)
        await console.until(lambda: console.app.contract.is_painted)
        await console.press("a")
        await console.until(lambda: console.shown.status == "approved")
    assert reviewing_store.reviewer.get(requests[0].id).status == "approved"


@pytest.mark.parametrize("others", [1, 30, 80, 2000])
async def test_a_burst_of_any_length_that_waited_in_a_busy_program_decides_nothing(
    others: int, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console() as console:
        keys = [key_event("a"), *(key_event("z") for _ in range(others))]
        console.app.contract.moment_of = lambda _: console.monotonic() - 100  # so long ago the terminal sent them
        for key in keys:
            key.time -= 0.1
            console.app.post_message(key)
        await console.until(lambda: console.app.contract.arming.keys_noted == len(keys))
        await console.see("Several keys at once: nothing was decided.")
    assert nothing_was_decided(reviewing_store, requests)
