"""Nothing that an agent writes acts on the screen or hides on it (rule R8)."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.widgets import Static

from approval_tui.console.visible_filter import VisibleFilter
from approval_tui.display.visible import is_invisible
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.conftest import OpenConsole
from tests.seeded import hostile_call


@pytest.mark.parametrize("size", [(140, 34), (80, 40), (40, 20)])
async def test_no_invisible_character_is_drawn(
    size: tuple[int, int], open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.requester.submit(hostile_call())
    async with open_console(size) as console:
        await console.press("G")
        text = console.text()
    assert not [character for character in text if character != "\n" and is_invisible(character)]


async def test_hostile_text_is_shown_as_it_is_in_the_list_and_in_the_details(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.requester.submit(hostile_call())
    async with open_console((200, 40)) as console:
        await console.press("G")
        text = console.text()
    assert "[@click=app.approve('x')]shell[/]" in text
    assert "\\u{202E} gnp.txt \\u{1B}]0;owned\\u{7}" in text
    assert "“[@click=app.quit]see details[/] \\u{9B}2J”" in text
    assert '"\\\\u{202E} literal"' in text


async def test_a_dialog_shows_hostile_text_as_it_is(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.requester.submit(hostile_call())
    async with open_console() as console:
        await console.press("G")
        for dialog in ("d", "x"):
            await console.press(dialog)
            await console.see("\"[@click=app.approve('x')]shell[/]\"")
            await console.see('for "evil\\u{2066}bot"')
            await console.press("escape")


async def test_clicking_on_hostile_text_does_nothing_but_choose_the_row(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.requester.submit(hostile_call())
    async with open_console() as console:
        for row in range(1, 7):
            for column in (5, 40, 60):
                await console.pilot.click("#list", offset=(column, row))
        await console.pilot.click("#detail", offset=(20, 5))
        await console.settle()
        assert console.shown.requester == "evil\u2066bot"
    assert len(reviewing_store.reviewer.list()) == len(requests) + 1


async def test_the_second_wall_stops_what_a_widget_lets_through(
    open_console: OpenConsole, requests: list[Request]
) -> None:
    async with open_console() as console:
        leaking = Static(Content("safe \u202e\x1b]52;c;evil\x07 text"), markup=False)
        await console.screen.mount(leaking)
        await console.settle()
        text = console.text()
    assert "\\u{202E}" in text
    assert not [character for character in text if character != "\n" and is_invisible(character)]


def test_the_second_wall_keeps_the_width_of_the_line() -> None:
    segments = [Segment("ab\u200bcd"), Segment("\x9b" * 3)]
    filtered = VisibleFilter().apply(segments, Color(0, 0, 0))
    assert Segment.get_line_length(filtered) == Segment.get_line_length(segments)
    assert "".join(segment.text for segment in filtered).startswith("ab\\u")


async def test_a_tool_with_a_very_long_name_does_not_push_anything_off_the_screen(
    open_console: OpenConsole, requests: list[Request], reviewing_store: BlockingStore
) -> None:
    reviewing_store.requester.submit(Call(tool="t" * 250, arguments={"k" * 300: "v" * 3000}, requester="r" * 250))
    async with open_console() as console:
        await console.press("G")
        widths = {len(line) for line in console.text().split("\n")}
    assert widths == {140}
