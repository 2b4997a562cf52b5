"""Reasons to begin a denial with: where they come from, what brings them into the input, and that no arrow denies."""

from __future__ import annotations

import dataclasses

import pytest
from textual.widgets import Input

from approval_tui.console.dialogs import ReasonDialog
from approval_tui.display.glyphs import ASCII
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.console.driver import Console
from tests.console.looking import Look
from tests.console.telling import FEW_TEXTS
from tests.seeded import telling_calls
from tests.support import ANN, BO, ManualClock, approve, consume, deny, submit

CONFIGURED = Settings(deny_reasons=("Do it on a branch.", "Not on production."))


def said_before(store: BlockingStore, *reasons: str, reviewer: Reviewer = ANN) -> None:
    """Somebody denied calls for these reasons."""
    call = telling_calls()[0][0]
    for number, reason in enumerate(reasons):
        asked = dataclasses.replace(call, tool="earlier", arguments={"n": number, "by": reviewer.name})
        deny(store, submit(store, asked), reason, reviewer)


async def ask(console: Console, key: str = "d", *, showing: str | None = None) -> ReasonDialog:
    """Opens the question and waits until it stands there, with that reason in it."""
    await console.press(key)
    await console.until(lambda: isinstance(console.app.screen, ReasonDialog))
    if showing is not None:
        await console.see(showing)
    await console.settle()
    dialog = console.app.screen
    assert isinstance(dialog, ReasonDialog)
    return dialog


def typed(dialog: ReasonDialog) -> str:
    return dialog.query_one(Input).value


async def test_the_reasons_of_the_configuration_and_the_last_given_ones_are_listed_and_none_is_chosen(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    said_before(reviewing_store, "Too large.", "Ask again tomorrow.", "Not on production.")
    said_before(reviewing_store, "Of another.", reviewer=BO)
    async with open_console(settings=CONFIGURED) as console:
        dialog = await ask(console, showing="Too large.")
        rows = console.text().splitlines()
        listed = ["Do it on a branch.", "Not on production.", "Too large.", "Ask again tomorrow."]
        start = next(number for number, row in enumerate(rows) if listed[0] in row)
        for row, reason in zip(rows[start:], [*listed, "Reason, for the agent"], strict=False):
            assert reason in row
        assert "Of another." not in console.text()
        assert typed(dialog) == ""
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason is None


async def test_the_arrows_bring_a_reason_into_the_input_and_enter_denies_with_it(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    said_before(reviewing_store, "Too large.")
    async with open_console(settings=CONFIGURED) as console:
        dialog = await ask(console, showing="Too large.")
        seen = []
        for key in ("up", "up", "up", "up", "down", "down"):
            await console.press(key)
            seen.append(typed(dialog))
        first, second = CONFIGURED.deny_reasons
        assert seen == ["Too large.", second, first, "", first, second]
        assert f"▌ {second}" in console.text()
        assert len(reviewing_store.reviewer.list()) == len(requests)
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == "Not on production."


async def test_typing_edits_what_was_chosen_and_the_arrows_bring_the_own_words_back(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(settings=CONFIGURED) as console:
        dialog = await ask(console)
        await console.press("down", "!")
        assert typed(dialog) == "Do it on a branch.!"
        assert "▌ " not in console.text().partition("Deny this")[2].partition("enter denies")[0]
        await console.press("up")
        assert typed(dialog) == "Not on production."
        await console.press("down")
        assert typed(dialog) == "Do it on a branch.!"
        await console.press("backspace", "enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == "Do it on a branch."


async def test_what_was_edited_is_kept_however_fast_the_next_arrow_comes(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console(settings=CONFIGURED) as console:
        dialog = await ask(console)
        await console.press("down")
        dialog.query_one(Input).insert_text_at_cursor("!")
        dialog.action_choose(1)  # before anybody was told of the edit
        assert typed(dialog) == "Do it on a branch."
        await console.settle()
        await console.press("up")
        assert typed(dialog) == "Do it on a branch.!"


async def test_an_arrow_and_enter_of_one_moment_deny_nothing(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    async with open_console(settings=CONFIGURED) as console:
        dialog = await ask(console)
        console.monotonic.move(1000)
        await console.press_at_once("up", "enter")
        await console.see("nothing was decided")
        assert console.app.screen is dialog
    assert len(reviewing_store.reviewer.list()) == len(requests)


async def test_a_dialog_without_reasons_has_no_rows_for_them_and_arrows_do_nothing(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        dialog = await ask(console)
        await console.press("n", "o", "up", "down", "up")
        assert typed(dialog) == "no"
        assert dialog._reasons.size.height == 0


async def test_a_call_in_doubt_is_resolved_without_reasons_for_denials(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore, clock: ManualClock
) -> None:
    consume(reviewing_store, approve(reviewing_store, requests[0]))
    clock.move(HOUR + MINUTE)
    async with open_console(settings=CONFIGURED) as console:
        await console.press("i")
        await console.until(lambda: console.shown.in_doubt)
        await console.press("R", "f")
        await console.see("Record that it failed?")
        await console.press("up")
        assert "Not on production." not in console.text()


async def test_taking_an_approval_back_offers_them_too(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    approve(reviewing_store, requests[0])
    async with open_console(settings=CONFIGURED) as console:
        await console.press("2")
        await console.until(lambda: console.shown.id == requests[0].id)
        dialog = await ask(console, "r", showing="Not on production.")
        await console.press("up")
        assert typed(dialog) == "Not on production."
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[-1].reason == "Not on production."


async def test_a_long_reason_is_cut_with_a_mark_and_whole_in_the_input(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    long = f"Not {'very ' * 40}good."
    said_before(reviewing_store, f"{long}\n\nTruly.")
    async with open_console((70, 30)) as console:
        dialog = await ask(console, showing="Not very")
        assert sum("Not very" in row for row in console.text().splitlines()) == 1
        assert "…" in next(row for row in console.text().splitlines() if "Not very" in row)
        await console.press("up")
        assert typed(dialog) == f"{long} Truly."
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == f"{long} Truly."


async def test_a_reason_in_which_a_secret_would_be_masked_is_not_offered_again(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    said_before(reviewing_store, "password=hunter2222 is wrong", "Harmless.")
    async with open_console() as console:
        dialog = await ask(console, showing="Harmless.")
        assert dialog._reasons.reasons == ("Harmless.",)


@pytest.mark.parametrize("size", [(80, 24), (140, 12), (60, 18), (60, 40)], ids=lambda size: "x".join(map(str, size)))
async def test_however_many_there_are_the_input_and_what_is_said_stay_on_the_screen(
    size: tuple[int, int], open_console: OpenConsole, requests: list[Request]
) -> None:
    many = Settings(deny_reasons=tuple(f"Reason number {number}." for number in range(30)))
    async with open_console(size, settings=many) as console:
        dialog = await ask(console)
        assert "of 30, up and down go on" in console.text()
        for number in range(30):
            await console.press("down")
            assert typed(dialog) == f"Reason number {number}."
            assert f"▌ Reason number {number}." in console.text()
        await console.press("down")
        assert typed(dialog) == ""
        assert "Reason, for the agent" in console.text()
        await console.press_at_once("enter", "enter")
        await console.see("nothing was decided")


@pytest.mark.parametrize("text", FEW_TEXTS.values(), ids=FEW_TEXTS)
@pytest.mark.parametrize("is_ascii", [False, True])
async def test_a_hostile_reason_is_shown_visibly_and_told_exactly(
    text: str, is_ascii: bool, open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    hostile = f"x{text}x"
    said_before(reviewing_store, hostile)
    options = {"glyphs": ASCII} if is_ascii else {}
    async with open_console(**options) as console:
        dialog = await ask(console)
        await console.until(lambda: len(dialog._reasons.reasons) == 1)
        await console.settle()
        look = Look(console)
        look.check()
        assert look.wall.let_through == []
        await console.press("up")
        look.check()
        assert typed(dialog) == " ".join(hostile.split())
        await console.press("enter")
        await console.until(lambda: console.shown.status == "denied")
    assert reviewing_store.reviewer.get(requests[0].id).decisions[0].reason == " ".join(hostile.split())
