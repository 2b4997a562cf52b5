"""What is asked of the store beyond one request: what is marked and decided together, grants, and sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message

from approval_tui.console import messages
from approval_tui.console.loading import BEYOND
from approval_tui.console.pages import Key
from approval_tui.console.row_check import check_row
from approval_tui.domain.bulk import MOST_IN_BULK, BulkResult, Chosen
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.models import Request
from approval_tui.store.transactions.filters import Filter

if TYPE_CHECKING:
    from textual.screen import Screen

    from approval_tui.console.app import ConsoleApp
    from approval_tui.console.bulk_screen import BulkScreen
    from approval_tui.domain.grants import Grant, GrantTerms

Decide = Callable[[Chosen], Awaitable[Request]]
Hold = Callable[[], Awaitable[object]]


class BulkWork:
    """Runs beside the keys, and tells the main screen what came of it."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app

    def mark(self, chosen: Filter, between: tuple[Key, Key] | None) -> None:
        """Finds what waits and matches, all of it or from one key to another, so that it is marked."""
        self._begin(partial(self._marking, chosen, between), "mark")

    def open_table(self, chosen: Filter, keys: Sequence[Key], between: tuple[Key, Key] | None) -> None:
        """Loads what is marked, so that the table is shown."""
        self._begin(partial(self._opening, self._app.screen, chosen, keys, between), "table")

    def open_session(self, requester: str, session: str) -> None:
        """Loads what waits of a session, so that the table of it is shown."""
        self._begin(partial(self._opening_session, self._app.screen, requester, session), "table")

    def look_again(self, screen: BulkScreen) -> None:
        """Loads what has become of a table's requests."""
        self._begin(partial(self._looking, screen), "look again")

    def decide_each(self, chosen: Sequence[Chosen], decide: Decide, hold: Hold | None) -> None:
        """Decides each by itself, in order, after the session was held back where that is asked for."""
        self._app.work.commands_under_way += 1
        self._begin(partial(self._deciding, tuple(chosen), decide, hold), "decide each", exclusive=False)

    def preview_grant(self, request: Request, terms: GrantTerms) -> None:
        """Looks up what a grant would approve; only the last that was asked for counts."""
        self._begin(partial(self._previewing, request, terms), "preview")

    def load_uses(self, grant: Grant) -> None:
        """Loads what a grant approved last."""
        self._begin(partial(self._loading_uses, grant), "uses")

    def load_session(self, requester: str, session: str) -> None:
        """Loads what is known of a session."""
        self._begin(partial(self._loading_session, requester, session), "session")

    def carry_out(self, run: Callable[[], Awaitable[object]], said: str) -> None:
        """Runs a command of the reviewer that is about no single request."""
        self._app.work.commands_under_way += 1
        self._begin(partial(self._command, run, said), "command", exclusive=False)

    def _begin(self, work: Any, group: str, *, exclusive: bool = True) -> None:
        """Runs a coroutine function; see `StoreWork`."""
        self._app.run_worker(work, group=group, exclusive=exclusive)

    async def _marking(self, chosen: Filter, between: tuple[Key, Key] | None) -> None:
        try:
            ids, total = await self._ids(chosen, between)
            found = messages.MarksFound(ids, total, None)
        except ApprovalTuiError as error:
            found = messages.MarksFound((), 0, error)
        self._app.main_screen.post_message(found)

    async def _opening(
        self, asked_on: Screen[Any], chosen: Filter, keys: Sequence[Key], between: tuple[Key, Key] | None
    ) -> None:
        try:
            more, total = ((), 0) if between is None else await self._ids(chosen, between)
            marked = [key for key in keys if isinstance(key, str)]
            ids = tuple(dict.fromkeys((*marked, *more)))
            left = max(0, len(ids) - MOST_IN_BULK)
            if between is not None and total > len(more):
                end = max(map(str, between))
                left += total - len(more) - sum(more[-1] < key <= end for key in marked)
            requests = await self._requests(sorted(ids)[:MOST_IN_BULK])
        except ApprovalTuiError as error:
            self._app.say(error.happened, "bad")
            return
        self._app.main_screen.post_message(messages.TableLoaded(asked_on, requests, left, None))

    async def _opening_session(self, asked_on: Screen[Any], requester: str, session: str) -> None:
        chosen = Filter(status="pending", requester=requester, session=session)
        try:
            page = await self._app.store.reviewer.pending_page(chosen, most=MOST_IN_BULK)
            requests = await self._requests([request.id for request in page.requests])
        except ApprovalTuiError as error:
            self._app.say(error.happened, "bad")
            return
        left = page.total - len(page.requests) if page.total is not None else 0
        self._app.main_screen.post_message(messages.TableLoaded(asked_on, requests, left, (requester, session)))

    async def _looking(self, screen: BulkScreen) -> None:
        try:
            requests = await self._requests([item.request.id for item in screen.items])
        except ApprovalTuiError:
            return  # the watch says what is wrong with the store
        screen.post_message(messages.TableNews(requests))

    async def _previewing(self, request: Request, terms: GrantTerms) -> None:
        preview = error = None
        try:
            preview = await self._app.store.reviewer.preview_grant(request.id, terms, reviewer=self._app.reviewer)
            for row in (*preview.releases, *preview.covered):
                check_row(row)
        except ApprovalTuiError as refused:
            preview, error = None, refused
        self._tell_front(messages.GrantPreviewed(request.id, terms, preview, error))

    async def _loading_uses(self, grant: Grant) -> None:
        try:
            requests = await self._app.store.reviewer.uses_of_grant(grant.id)
            for request in requests:
                check_row(request)
        except ApprovalTuiError:
            return  # the watch says what is wrong with the store
        self._app.main_screen.post_message(messages.GrantUsesLoaded(grant.id, requests))

    async def _loading_session(self, requester: str, session: str) -> None:
        story = error = None
        try:
            story = await self._app.store.reviewer.session(requester, session)
            for request in story.requests:
                check_row(request)
            for event in story.calls:
                check_row(event)
        except ApprovalTuiError as refused:
            story, error = None, refused
        self._tell_front(messages.SessionLoaded(story, error))

    async def _command(self, run: Callable[[], Awaitable[object]], said: str) -> None:
        try:
            await run()
            error = None
        except ApprovalTuiError as refused:
            error = refused
        self._app.main_screen.post_message(messages.CommandEnded(said, error))

    def _tell_front(self, message: Message) -> None:
        """Tells the screen that a reviewer looks at, and any below it: who it is about knows."""
        for screen in self._app.screen_stack:
            screen.post_message(message)

    async def _ids(self, chosen: Filter, between: tuple[Key, Key] | None) -> tuple[tuple[str, ...], int]:
        """The ids of what waits and matches, as many as one table takes, and how many there are."""
        reviewer = self._app.store.reviewer
        if between is None:
            page = await reviewer.pending_page(chosen, most=MOST_IN_BULK)
            return tuple(request.id for request in page.requests), page.total or 0
        low, high = sorted(map(str, between))
        page = await reviewer.pending_page(chosen, start=low, most=MOST_IN_BULK)
        ids = tuple(request.id for request in page.requests if request.id <= high)
        if len(ids) < MOST_IN_BULK:
            return ids, len(ids)
        behind = await reviewer.pending_page(chosen, start=f"{high}{BEYOND}", most=1)
        return ids, max(len(ids), (behind.before or 0) - (page.before or 0))

    async def _requests(self, ids: Sequence[str]) -> tuple[Request, ...]:
        requests = await self._app.store.reviewer.get_many(ids)
        for request in requests:
            check_row(request)
        return requests

    async def _deciding(self, chosen: tuple[Chosen, ...], decide: Decide, hold: Hold | None) -> None:
        results: list[BulkResult] = []
        is_held = False
        try:
            if hold is not None:
                await hold()
                is_held = True
            for each in chosen:
                results.append(await self._decided(each, decide))
            error = None
        except ApprovalTuiError as refused:
            error = refused
        self._app.main_screen.post_message(messages.SeveralDecided(tuple(results), error, is_held=is_held))

    async def _decided(self, chosen: Chosen, decide: Decide) -> BulkResult:
        try:
            decided = await decide(chosen)
            check_row(decided)
        except ApprovalTuiError as error:
            return BulkResult(chosen.id, None, error)
        return BulkResult(chosen.id, decided)
