"""Opens the store, watches it, loads what the lists want, and comes back by itself when the store went away.

It posts facts to the main screen and touches no widget (rule R16). It never makes a store: agents do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from approval_tui.console import messages
from approval_tui.console.lists import Lists, ListView
from approval_tui.console.loading import load_newest, load_page
from approval_tui.domain.clock import Clock, system_clock
from approval_tui.domain.errors import ApprovalTuiError, StoreAway, StoreReadOnly, StoreUnavailable
from approval_tui.store import open_store

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp
    from approval_tui.store.asynchronous import AsyncStore

SHORTEST_RELOAD = 0.033
"""Seconds between two loads; the first after a rest happens at once."""

CALMEST_RELOAD = 0.25
"""Seconds between two loads in a flood."""

FLOOD = 10
"""Events between two loads from which on it is a flood, in which nobody could read each single change anyway."""

SHARE = 2
"""How many times as long as a load took nothing is loaded after it, so that a slow one leaves room for keys."""

RETRY = 1.0
"""Seconds after which a store that went away is looked for again."""

LONGEST_RETRY = 5.0
"""Seconds to which that grows, doubling, for a server that stays away."""

WRITABLE_AGAIN = 5.0
"""Seconds after which a store that could only be read is tried for writing."""


class StoreWatch:
    """The one reader of the store for the lists of the console."""

    def __init__(self, app: ConsoleApp, location: str, lists: Lists, clock: Clock | None) -> None:
        """Without a clock, the store's counts."""
        self.lists = lists
        self.why_readonly: str | None = None  #: why the store itself cannot be written
        self.is_open = False
        self._app = app
        self._location = location
        self._clock = clock
        self._ahead = 0
        self._store: AsyncStore | None = None
        self._poke = asyncio.Event()
        self._wants_all = True
        self._newest_event: int | None = None
        self._newest_policy_event = 0
        self._new_events = 0
        self._has_holds = False
        self._opened_at: float | None = None
        self._had_trouble = False
        self._granted_up_to = 0

    @property
    def store(self) -> AsyncStore:
        """The open store; raises StoreUnavailable while there is none."""
        if self._store is None:
            raise StoreUnavailable(
                "The store is away.", not_done="Nothing was done.", to_do="Wait until it is back, then try again."
            )
        return self._store

    def now(self) -> int:
        """The moment that counts in the store, in ms UTC; until it was opened, by the machine's clock."""
        if self._clock is not None:
            return self._clock()
        return system_clock() + self._ahead

    def poke(self, *, rows_only: bool = False) -> None:
        """Asks for a load now; `rows_only` where nothing changed and other rows came into view."""
        self._wants_all = self._wants_all or not rows_only
        self._poke.set()

    def open_anew(self) -> None:
        """Asks for the store to be opened again, as when it refused to be written."""
        self._opened_at = None
        self._poke.set()

    async def run(self) -> None:
        """Watches until it is cancelled; whatever goes wrong is posted, and tried again."""
        retry = RETRY
        while True:
            try:
                await self._open()
                retry = RETRY
                await self._watch()
            except ApprovalTuiError as error:
                self.is_open = False
                is_away = isinstance(error, StoreAway)
                message = messages.StoreUnavailable(error, retry if is_away else None)
                self._app.main_screen.post_message(message)
                await self.close()
                await asyncio.sleep(retry)
                retry = min(2 * retry, LONGEST_RETRY) if is_away else RETRY
            else:
                await self.close()
                await asyncio.sleep(RETRY)

    async def close(self) -> None:
        """Closes the store."""
        store, self._store = self._store, None
        self.is_open = False
        if store is not None:
            with contextlib.suppress(ApprovalTuiError):
                await store.close()

    async def _open(self) -> None:
        self.why_readonly = None
        self._opened_at = time.monotonic()
        self._granted_up_to = 0
        open_here = partial(open_store, self._location, create=False, clock=self._clock, patience=0.0)
        if self._app.why_readonly is not None:
            self._store = await open_here(readonly=True)
            return
        try:
            self._refuse_unwritable()
            self._store = await open_here()
        except StoreReadOnly as error:
            self._store = await open_here(readonly=True)
            self.why_readonly = error.happened
        if not self._store.may_decide:
            self.why_readonly = "This database role is an agent's and may not decide."

    def _refuse_unwritable(self) -> None:
        """Raises StoreReadOnly for a file that may only be read: SQLite opens it all the same, and refuses later."""
        if os.path.exists(self._location) and not os.access(self._location, os.W_OK):
            raise StoreReadOnly(
                f"The store {self._location} may only be read by this user.",
                not_done="It was opened for reading.",
                to_do="Mend the permissions of the file and its folder.",
            )

    async def _watch(self) -> None:
        changes = self.store.reviewer.changes()
        change = asyncio.ensure_future(anext(changes))
        poke = asyncio.ensure_future(self._poke.wait())
        pause = SHORTEST_RELOAD
        try:
            while True:
                if change.done() and self._new_events > FLOOD:
                    pause = min(2 * pause, CALMEST_RELOAD)
                    await asyncio.wait({poke}, timeout=pause)  # who is at the keys does not wait for that
                else:
                    pause = SHORTEST_RELOAD
                await asyncio.wait({change, poke}, return_when=asyncio.FIRST_COMPLETED, timeout=self._patience())
                self._poke.clear()
                if poke.done():
                    poke = asyncio.ensure_future(self._poke.wait())
                if change.done():
                    change.result()
                    change = asyncio.ensure_future(anext(changes))
                    self._wants_all = True
                began = time.monotonic()
                opened_at = self._opened_at
                if opened_at is None or (self.why_readonly is not None and began - opened_at > WRITABLE_AGAIN):
                    return  # it is opened anew, for writing if that can be
                await self._load()
                await asyncio.sleep(max(SHORTEST_RELOAD, SHARE * (time.monotonic() - began)))
        finally:
            poke.cancel()
            change.cancel()
            await asyncio.wait([change, poke])
            await changes.aclose()

    def _patience(self) -> float | None:
        return None if self.why_readonly is None else WRITABLE_AGAIN

    async def _load(self) -> None:
        """Loads what changed: everything, or only the rows that came into view."""
        wants_all, self._wants_all = self._wants_all, False
        shown = self.lists.shown
        if wants_all:
            await self._apply_grants()
        await self._load_view(shown, is_shown=True)  # first, because somebody looks at it
        if not wants_all:
            return
        if shown is not self.lists.pending:
            await self._load_view(self.lists.pending, is_shown=False)
        screen, reviewer = self._app.main_screen, self.store.reviewer
        counts = await reviewer.overview()
        self._new_events = 0 if self._newest_event is None else counts.newest_event - self._newest_event
        self._newest_event = counts.newest_event
        screen.post_message(messages.CountsLoaded(counts))
        if counts.newest_policy_event != self._newest_policy_event:
            screen.post_message(messages.PoliciesLoaded(await reviewer.policy_standings()))
            self._newest_policy_event = counts.newest_policy_event
        if counts.held or self._has_holds:
            holds = await reviewer.holds()
            screen.post_message(messages.HoldsLoaded([held for held in holds if held.is_in_force]))
            self._has_holds = counts.held > 0
        if not self._app.app_focus:
            self._app.tell(await load_newest(reviewer), counts.pending)
        trouble = await self._expire_due()
        if trouble is not None:
            screen.post_message(messages.StoreUnavailable(trouble))
        elif not self.is_open or self._had_trouble:
            screen.post_message(messages.StoreOpened())
        self._ahead = self.store.now() - system_clock()
        self._had_trouble = trouble is not None
        self.is_open = True

    async def _apply_grants(self) -> None:
        """Approves what grants cover, where this console may and agents may not: before it is shown as waiting."""
        if self._app.why_readonly is None and self.store.knows_roles:
            with contextlib.suppress(StoreUnavailable):  # what is loaded next says so, if it stays so
                self._granted_up_to = await self.store.reviewer.apply_grants(self._granted_up_to)

    async def _expire_due(self) -> StoreUnavailable | None:
        """Records what expired, where this console may; a store that can only be read is no reason to stop."""
        if self._app.why_readonly is not None:
            return None
        try:
            await self.store.reviewer.expire_due()
        except StoreUnavailable as error:
            return error
        return None

    async def _load_view(self, view: ListView, *, is_shown: bool) -> None:
        want = self.lists.want() if is_shown else view.rows.want_again()
        load = view.load(want)
        page, vanished = await load_page(self.store.reviewer, load)
        self._app.main_screen.post_message(messages.PageLoaded(load, page, vanished))
