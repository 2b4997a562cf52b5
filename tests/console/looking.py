"""Looks at the screens of a console for what must never be on them."""

from __future__ import annotations

import asyncio

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from approval_tui.console.visible_filter import VisibleFilter
from approval_tui.display.visible import is_all_visible
from tests.console.driver import Console, key_event
from tests.console.storm import until_done


class FirstWall(VisibleFilter):
    """The second wall, which keeps what the first one let through."""

    def __init__(self) -> None:
        super().__init__()
        self.let_through: list[str] = []

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Keeps what is not visible, and goes on as the second wall does."""
        for segment in segments:
            if not segment.control and not is_all_visible(segment.text):
                self.let_through.append(segment.text)
        return super().apply(segments, background)


class Look:
    """A console whose screens are looked at for what must never be on them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.wall = FirstWall()
        console.app._visible_filter = self.wall

    def check(self) -> str:
        """Everything on the screen is visible, no line is too long or short, and nothing can be clicked."""
        screen = self.console.app.screen
        width = self.console.app.size.width
        for strip in screen._compositor.render_strips():
            text = "".join(segment.text for segment in strip)
            assert is_all_visible(text), text
            assert cell_len(text) == width, text
            for segment in strip:
                if segment.style is not None:
                    assert segment.style.link is None, segment
                    assert "@click" not in segment.style.meta, segment
        return self.console.text()

    async def press(self, *keys: str) -> str:
        """Presses the keys and looks after each of them."""
        for key in keys:
            self.console.monotonic.move(1000)
            self.console.app.post_message(key_event(key))
            await until_done(self.console.app)
            await self.console.until(self.console.has_found_what_is_unusual)
            await asyncio.sleep(0)
            self.console.app.screen._on_timer_update()
            self.check()
        return self.console.text()

    async def page_through(self) -> None:
        """Reads to the end of what is shown."""
        before = None
        while before != (before := await self.press("f")):
            pass
