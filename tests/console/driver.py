"""What a test does with the console, and what it sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from approval_tui.console.app import ConsoleApp
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.dialogs import TypedDialog
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.domain.ids import LAST_OF_ID
from approval_tui.domain.models import Request
from tests.support import ManualClock

_CHARACTERS = {"space": " ", "question_mark": "?", "slash": "/"}

PATIENCE = 20.0
"""Seconds after which a condition that never comes true fails the test."""


class Console:
    """A running console: keys go in, text comes out."""

    def __init__(self, pilot: Pilot[None], clock: ManualClock, monotonic: ManualClock) -> None:
        self.pilot = pilot
        self.clock = clock
        self.monotonic = monotonic
        self.app.contract.moment_of = lambda _: monotonic()  # the machine's clock must not decide a test

    @property
    def screen(self) -> MainScreen:
        """The main screen, also below a dialog."""
        for screen in self.pilot.app.screen_stack:
            if isinstance(screen, MainScreen):
                return screen
        raise LookupError("the main screen is not there yet")

    @property
    def app(self) -> ConsoleApp:
        """The running app."""
        app = self.pilot.app
        assert isinstance(app, ConsoleApp)
        return app

    @property
    def shown(self) -> Request:
        """The request that is on the screen."""
        shown = self.screen.shown_request
        if shown is None:
            raise LookupError("nothing is shown yet")
        return shown.request

    @property
    def unread_rows(self) -> int:
        """How many rows of the payload have not been visible yet."""
        screen = self.app.screen
        assert isinstance(screen, DecidingScreen)
        subject = screen.subject()
        assert subject is not None
        return subject.unread_rows

    async def press(self, *keys: str) -> None:
        """Presses keys one by one, each a second after all was drawn, and waits for what they do."""
        for key in keys:
            await self.settle()
            self.monotonic.move(1000)
            await self.press_at_once(key)

    async def approve(self) -> None:
        """Presses the approving key, and types the end of the id and the key again where that is asked for."""
        request = self.shown
        await self.press("a")
        if isinstance(self.app.screen, TypedDialog):
            await self.press(*request.id[-LAST_OF_ID:], "a")

    async def press_at_once(self, *keys: str) -> None:
        """Presses keys in the very moment of the clock, and waits for what they do."""
        for key in keys:
            noted = self.app.contract.arming.keys_noted
            self.app.post_message(key_event(key))
            # The clock may move on only after the key was taken note of.
            await self.until(lambda before=noted: self.app.contract.arming.keys_noted > before)  # type: ignore[misc]
        await self.settle()

    async def paste(self, text: str) -> None:
        """Pastes into whatever has the focus, as a terminal that brackets what is pasted."""
        self.app.post_message(events.Paste(text))
        await self.settle()

    async def look_away(self) -> None:
        """The terminal loses the focus."""
        self.pilot.app.post_message(events.AppBlur())
        await self.until(lambda: not self.app.app_focus)

    async def look_back(self) -> None:
        """The terminal regains the focus."""
        self.pilot.app.post_message(events.AppFocus())
        await self.until(lambda: self.app.app_focus)
        await self.settle()

    async def settle(self) -> None:
        """Waits until no decision is under way, all is drawn, and the rows that were drawn are noted as seen."""
        await self._pass_through()  # the app runs a key's action, and its widgets what comes of that
        await self._pass_through()
        await self._until_drawn(lambda: not self.app.is_busy)
        await self.until(self.has_found_what_is_unusual)
        await self._pass_through()
        await self._until_drawn(lambda: self._is_drawn() and (self.app.contract.is_painted or self.app._exit))
        await self.until(self._has_noted_what_is_shown)

    async def _pass_through(self) -> None:
        """Until every message that waits now has been handled, by the app and by every widget of the screen."""
        await self.pilot._wait_for_screen()

    def _is_drawn(self) -> bool:
        if self.app._exit:
            return True  # nothing is drawn any more
        screen = self.app.screen
        if screen._dirty_widgets or screen._callbacks:
            return False
        return not any(
            widget._layout_required or widget._repaint_required or widget._scroll_required
            for widget in (screen, *screen.query("*"))
        )

    def has_found_what_is_unusual(self) -> bool:
        """Whether nobody still finds out what is unusual about the request that is shown."""
        shown = self.screen.shown_request
        return self.app._exit or shown is None or not shown.is_unusual_under_way

    def _has_noted_what_is_shown(self) -> bool:
        return self.app._exit or all(pane.is_noted for pane in self.app.screen.query(DocumentPane))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds; fails after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while not _holds(condition):
            assert time.monotonic() < deadline, f"the condition never came true\n{self.text()}"
            await asyncio.sleep(0.002)

    async def _until_drawn(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds, and draws at once what waits for the next sixtieth of a second."""

        def drawn() -> bool:
            if _holds(condition):
                return True
            if not self.app._exit:
                with self.app._context():  # several consoles may run in one test
                    self.app.screen._on_timer_update()
            return False

        await self.until(drawn)

    async def read_to_the_end(self) -> None:
        """Pages through the payload, each page only after the one before was drawn."""
        await self.settle()
        while unread := self.unread_rows:
            await self.press("f")
            await self.until(lambda before=unread: self.unread_rows < before)  # type: ignore[misc]

    async def see(self, text: str) -> None:
        """Waits until the text is on the screen, and all that belongs to it."""
        await self._until_drawn(lambda: text in self.text())
        await self._until_drawn(self._is_drawn)

    def text(self) -> str:
        """Everything that is on the screen, as plain text."""
        compositor = self.pilot.app.screen._compositor
        return "\n".join("".join(segment.text for segment in strip) for strip in compositor.render_strips())


def key_event(key: str) -> events.Key:
    """The event of a key, as the terminal's driver makes it: `!` is called exclamation_mark, and has a character."""
    if len(key) == 1:
        return events.Key(_character_to_key(key), key)
    return events.Key(key, _CHARACTERS.get(key))


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except LookupError:
        return False
