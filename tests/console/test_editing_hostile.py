"""Whatever an agent wrote, or a reviewer types or pastes: in the editor it is visible and acts on nothing (R8)."""

from __future__ import annotations

import pytest
from textual import events

from approval_tui.console.edit_screen import EditScreen
from approval_tui.console.review_screen import ReviewScreen
from approval_tui.display.glyphs import ASCII
from approval_tui.domain.json_faults import object_or_fault
from approval_tui.store import open_store_blocking
from tests.console.conftest import OpenConsole
from tests.console.editing import editor, open_editor, open_review, write
from tests.console.looking import Look
from tests.console.storm import until_done
from tests.console.telling import CLICKABLE_TEXTS, TELLING_TEXTS
from tests.hostile import HOSTILE_CALLS, HOSTILE_TEXTS, LARGE_CALLS, everywhere
from tests.support import ManualClock

SIZE = (140, 34)
TELLING = tuple(TELLING_TEXTS.values())
EVERY = [3, pytest.param(1, marks=pytest.mark.soak)]
"""Of the texts every so many: a third of them, and in long runs all."""


@pytest.mark.parametrize("step", EVERY)
async def test_in_the_editor_and_the_review(
    step: int, open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        for text in TELLING[::step]:
            store.requester.submit(everywhere(text))
        async with open_console(SIZE) as console:
            look = Look(console)
            for _ in TELLING[::step]:
                request = console.shown
                await look.press("m")
                screen = await open_editor(console)
                assert object_or_fault(screen.area.text) == request.arguments
                look.check()
                await look.press("pagedown", "end", "tab", "pagedown", "G", "tab")
                await console.press("ctrl+home")
                screen.area.move_cursor((0, 1))
                await look.press(*'"new":1,')
                await console.until(lambda: editor(console).is_checked)
                await console.settle()
                look.check()
                await open_review(console)
                look.check()
                await look.press("pagedown", "G", "escape", "escape", "y", "j")
            assert look.wall.let_through == []


@pytest.mark.parametrize("step", EVERY)
async def test_in_the_editor_of_a_narrow_terminal_with_ascii_only(
    step: int, open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        for text in TELLING[::step]:
            store.requester.submit(everywhere(text))
        async with open_console((40, 12), glyphs=ASCII) as console:
            look = Look(console)
            for _ in TELLING[::step]:
                await look.press("m")
                screen = await open_editor(console)
                assert object_or_fault(screen.area.text) == console.shown.arguments
                for key in ("pagedown", "end", "pageup", "tab", "G"):
                    text = await look.press(key)
                    assert [line for line in text.split("\n") if not line.isascii()] == []
                await look.press("escape", "j")
            assert look.wall.let_through == []


@pytest.mark.parametrize("step", EVERY)
async def test_what_is_pasted_or_typed_is_seen_and_the_cursor_stands_where_it_seems(
    step: int, open_console: OpenConsole, requests: list[object]
) -> None:
    async with open_console(SIZE) as console:
        look = Look(console)
        screen = await open_editor(console)
        for text in list(HOSTILE_TEXTS.values())[::step]:
            await write(console, text)
            look.check()
            last = screen.area.document.get_line(screen.area.document.line_count - 1)
            assert screen.area.cursor_location == (screen.area.document.line_count - 1, len(last))
            if last.isascii():
                assert screen.area.get_column_width(*screen.area.cursor_location) == len(last)
        await console.press("f7", "delete")
        for character in "\u00a0\u200b\u202e\u0301\u3164":
            console.app.post_message(events.Key("x", character))
            await console.settle()
        look.check()
        assert look.wall.let_through == []


@pytest.mark.parametrize("name", [name for name in LARGE_CALLS if len(str(LARGE_CALLS[name].arguments)) < 200_000])
async def test_of_many_keys_each_can_be_edited(
    name: str, open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        store.requester.submit(HOSTILE_CALLS[name])
        async with open_console(SIZE) as console:
            look = Look(console)
            await console.until(lambda: "Working out" not in console.text())
            screen = await open_editor(console)
            assert isinstance(screen, EditScreen)
            assert object_or_fault(screen.area.text) == console.shown.arguments
            look.check()
            screen.area.move_cursor((0, 1))
            await look.press(*'"new":1' + ("," if console.shown.arguments else ""))
            await open_review(console)
            assert isinstance(console.app.screen, ReviewScreen)
            await console.until(lambda: "Working out" not in console.text())
            look.check()
            assert look.wall.let_through == []


async def test_no_click_on_markup_in_the_editor_does_anything_but_move_the_cursor(
    open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        sent = [store.requester.submit(everywhere(text)).request.id for text in CLICKABLE_TEXTS.values()]
        async with open_console(SIZE) as console:
            for _ in sent:
                screen = await open_editor(console)
                screens = list(console.app.screen_stack)
                for y, line in enumerate(console.text().split("\n")[1:-2], start=1):
                    x = line.find("[")
                    if x >= 0:
                        for kind in (events.MouseDown, events.MouseUp):
                            console.app.post_message(kind(None, x + 1, y, 0, 0, 1, False, False, False, x + 1, y))
                await until_done(console.app)
                assert console.app.screen_stack == screens
                await console.press("escape", "j")
                assert screen not in console.app.screen_stack
        assert [request.id for request in store.reviewer.list()] == sent


async def test_what_is_copied_from_the_editor_holds_nothing_unseen(
    open_console: OpenConsole, store_path: str, clock: ManualClock
) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        store.requester.submit(everywhere("rm \u202e\x1b[2J\U000e0041"))
        async with open_console(SIZE) as console:
            await open_editor(console)
            await console.press("f7", "ctrl+c")
            assert console.app.clipboard.replace("\n", "").isprintable()
            assert object_or_fault(console.app.clipboard) == console.shown.arguments
