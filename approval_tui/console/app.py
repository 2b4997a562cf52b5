"""The app around the screen: the store, the watch on it, and the second wall against invisible text."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import select
import sys
import time
from collections.abc import Sequence

from textual import events, work
from textual.app import App
from textual.filter import LineFilter

from approval_tui.console import messages
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.visible_filter import VisibleFilter
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import ApprovalTuiError, RequestNotFound
from approval_tui.domain.lifecycle import may_still_change
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store, store_path
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.transactions.queries import MOST_ROWS

SHORTEST_RELOAD = 0.033
"""Seconds between two loads under a flood; the first of them happens at once."""

RETRY = 1.0
"""Seconds after which a store that went away is looked for again."""


def monotonic_clock() -> int:
    """Milliseconds of a clock that never runs backwards."""
    return time.monotonic_ns() // 1_000_000


class ConsoleApp(App[None]):
    """The console on one store, for one reviewer."""

    CSS_PATH = "console.tcss"
    TITLE = "approval-tui"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        store_location: str | None,
        *,
        reviewer: str,
        settings: Settings | None = None,
        clock: Clock = system_clock,
        monotonic: Clock = monotonic_clock,
        shown_path: str | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings or Settings()
        self._store_path = store_path(store_location)
        self._shown_path = shown_path or _with_tilde(self._store_path)
        self._reviewer = Reviewer(reviewer, via="console", os_user=_os_user(), tty=_tty())
        self._clock = clock
        self._monotonic = monotonic
        self._store: AsyncStore | None = None
        self._visible_filter = VisibleFilter()
        self._poke = asyncio.Event()
        self.closing_words = ""
        self.animation_level = "none"  # rows that only fly past on the way to the end have not been shown

    @property
    def store(self) -> AsyncStore:
        """The open store; the screen that uses it comes only after it was opened."""
        assert self._store is not None
        return self._store

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._visible_filter]

    async def on_mount(self) -> None:
        themes = self.available_themes
        self.theme = self._settings.theme if self._settings.theme in themes else "textual-dark"
        try:
            self._store = await open_store(self._store_path, clock=self._clock)
        except ApprovalTuiError as error:
            self.closing_words = str(error)
            self.exit(return_code=5)
            return
        await self.push_screen(
            MainScreen(
                reviewer=self._reviewer,
                redactor=Redactor.with_names(self._settings.redact_names),
                clock=self._clock,
                monotonic=self._monotonic,
                arming=self._settings.arming,
                store_path=self._shown_path,
            )
        )
        self.watch_store()
        self.set_interval(1.0, self._leave_when_terminal_is_gone)

    async def on_unmount(self) -> None:
        if self._store is not None:
            await self._store.close()

    def on_app_focus(self, event: events.AppFocus) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                screen.terminal_focused()

    def reload(self) -> None:
        """Asks the watch to load the list now, as when a request's time has passed."""
        self._poke.set()

    @work(group="watch", exclusive=True)
    async def watch_store(self) -> None:
        """Loads the list at every change and posts what it found; goes on when the store comes back."""
        while True:
            try:
                await self._watch()
            except ApprovalTuiError as error:
                self._main_screen().post_message(messages.StoreUnavailable(error))
                await asyncio.sleep(RETRY)
                await self._reopen()

    async def _watch(self) -> None:
        changes = self.store.reviewer.changes()
        watched: set[str] = set()
        change = asyncio.ensure_future(anext(changes))
        try:
            while True:
                poke = asyncio.ensure_future(self._poke.wait())
                await asyncio.wait({change, poke}, return_when=asyncio.FIRST_COMPLETED)
                poke.cancel()
                self._poke.clear()
                if change.done():
                    change.result()
                    change = asyncio.ensure_future(anext(changes))
                watched = await self._load(watched)
                await asyncio.sleep(SHORTEST_RELOAD)
        finally:
            change.cancel()
            await asyncio.wait([change])
            await changes.aclose()

    async def _load(self, watched: set[str]) -> set[str]:
        """Posts the pending requests and what became of those watched; gives the ids to watch from now on.

        A request that no longer waits is watched until its story has ended, so that its tombstone tells it.
        """
        reviewer = self.store.reviewer
        await reviewer.expire_due()
        pending = await reviewer.list()
        total = len(pending) if len(pending) < MOST_ROWS else await reviewer.pending_count()
        ids = {request.id for request in pending}
        vanished: dict[str, Request] = {}
        for request_id in watched - ids:
            with contextlib.suppress(RequestNotFound):  # another store may stand in the old one's place
                vanished[request_id] = await reviewer.get(request_id)
        self._main_screen().post_message(messages.RequestsLoaded(pending, total, vanished))
        return ids | {
            request.id
            for request in vanished.values()
            if may_still_change(request.status, request.outcome) and not request.in_doubt
        }

    async def _reopen(self) -> None:
        """Opens the store anew, but never makes one; fails quietly, because the watch tries again and says so."""
        if not await asyncio.to_thread(os.path.exists, self._store_path):
            return
        try:
            store = await open_store(self._store_path, clock=self._clock)
        except ApprovalTuiError:
            return
        old, self._store = self._store, store
        if old is not None:
            await old.close()

    def _main_screen(self) -> MainScreen:
        return next(screen for screen in self.screen_stack if isinstance(screen, MainScreen))

    def _leave_when_terminal_is_gone(self) -> None:
        """Ends the app when the terminal was closed without a signal; nothing is decided by that."""
        if self.is_headless:
            return
        poll = select.poll()
        poll.register(sys.__stdin__.fileno() if sys.__stdin__ else 0, select.POLLHUP)
        if any(flags & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, flags in poll.poll(0)):
            self.exit(return_code=1)


def _with_tilde(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path


def _os_user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def _tty() -> str | None:
    try:
        return os.ttyname(0)
    except OSError:
        return None
