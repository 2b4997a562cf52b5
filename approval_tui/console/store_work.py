"""What is asked of the store on behalf of a screen: commands, stories, checks. Each posts a fact when it ends (R16)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from approval_tui.console import messages
from approval_tui.console.row_check import check_row
from approval_tui.console.shown_request import aids_failed
from approval_tui.display.quorum_words import vote_words
from approval_tui.display.reading_aids import has_reading_aids, reading_aids
from approval_tui.domain.errors import ApprovalTuiError, Conflict
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, PENDING
from approval_tui.domain.models import DENIAL, Request
from approval_tui.domain.names import quoted_name
from approval_tui.settings.files_on_disk import read_for_review

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from approval_tui.console.app import ConsoleApp
    from approval_tui.console.shown_request import ShownRequest
    from approval_tui.display.glyphs import Glyphs
    from approval_tui.display.reading_aids import Aid
    from approval_tui.display.redaction import Redactor
    from approval_tui.domain.precedents import Precedents

_LONGEST_NAME = 40

_REST = 0.05
"""Seconds that the cursor rests on a request before its story is loaded: who runs past it does not read it."""

_REST_BEFORE_MARKS = _REST
"""The same before it is found out what is unusual about it."""


class StoreWork:
    """Runs beside the keys, and tells the main screen what came of it."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self.commands_under_way = 0  #: those whose end the main screen has not heard of yet
        self._commands: set[asyncio.Task[None]] = set()

    def carry_out(self, request: Request, run: Callable[[], Awaitable[Request]], *, said: str | None = None) -> None:
        """Runs one command of the reviewer; `said` is what is said of it in place of the new status."""
        self.commands_under_way += 1
        # A task and no worker: to begin one takes as long as half of the transaction, and an agent waits for it.
        task = asyncio.get_running_loop().create_task(self._command(request, run, said))
        self._commands.add(task)
        task.add_done_callback(self._ended)

    def load_story(self, request: Request, *, is_told: bool = True) -> None:
        """Loads the events of one request, if they are told, and the request with them and the attempt before it.

        Only the last that was asked for counts.
        """
        self._begin(partial(self._story, request, is_told), "story", exclusive=True)

    def load_reasons(self, dialog: MessagePump) -> None:
        """Loads the reasons that the reviewer gave last, for the question of a denial."""
        self._begin(partial(self._reasons, dialog), "reasons", exclusive=True)

    def verify(self) -> None:
        """Checks the whole log; the screen hears how far it is and what it found."""
        self._begin(self._verification, "verify", exclusive=True)

    def prepare(self, shown: ShownRequest, width: int) -> None:
        """Has a large payload worked out; every screen hears when it is there."""
        if shown.begin_preparing(width):
            self._begin(partial(self._preparation, shown, width), "prepare")

    def read_call(self, shown: ShownRequest) -> None:
        """Has worked out what helps to read the call, with the files as they are now; one at a time for each request.

        It has a thread of its own, as files may take their time, and an ending console waits for none of it. What is
        unusual about the request is found out beside that, once for the masks of now.
        """
        if shown.ask_for_unusual():
            self._begin(partial(self._unusual, shown, shown.request, shown.redactor), "unusual")
        redactor = shown.redactor
        if has_reading_aids(shown.request) and shown.aids_under_way_with is not redactor:
            shown.aids_under_way_with = redactor
            Thread(
                target=self._read, args=(shown, shown.request, redactor), name="approval-tui-aids", daemon=True
            ).start()

    def _read(self, shown: ShownRequest, request: Request, redactor: Redactor) -> None:
        time.sleep(_REST)
        aids: tuple[Aid, ...] = ()
        if self._app.main_screen.shown_request is shown:
            try:
                aids = reading_aids(request, read_for_review, redactor, self._app.glyphs, home=os.path.expanduser("~"))
            except Exception as error:  # a defect of ours must not look as if there were nothing to say
                aids = (aids_failed(error),)
        with suppress(RuntimeError):  # the console has ended
            self._app.main_screen.post_message(messages.CallRead(shown, redactor, aids))

    def _begin(self, work: Any, group: str, *, exclusive: bool = False) -> None:
        """Runs a coroutine function; a coroutine that an ending console never ran would be complained of after it."""
        self._app.run_worker(work, group=group, exclusive=exclusive)

    async def _command(self, request: Request, run: Callable[[], Awaitable[Request]], said: str | None) -> None:
        screen = self._app.main_screen
        try:
            decided = await run()
            check_row(decided)
            said = self._said(request, decided, said)
        except ApprovalTuiError as error:
            screen.post_message(messages.DecisionRefused(request.id, _showable(error)))
            return
        screen.post_message(messages.DecisionRecorded(decided, said))

    def _said(self, before: Request, decided: Request, said: str | None) -> str:
        """What the reviewer hears of a command that was carried out."""
        tool, requester = (quoted_name(text, _LONGEST_NAME) for text in (decided.tool, decided.requester))
        if decided.status == PENDING:
            return f"{vote_words(before, decided, self._app.reviewer.name)} It still waits: {tool} for {requester}."
        said = said or decided.status.capitalize()
        if decided.status == APPROVED and decided.edited_arguments_text is not None:
            is_denial = decided.edit_taken_as == DENIAL
            said = "Approved as edited" + (
                ", which reaches this agent as a denial that names the edit" if is_denial else ""
            )
        elif decided.status == CONSUMED and decided.outcome is not None:
            said = f"Resolved as {decided.outcome.replace('_', ' ')}"
        return f"{said}: {tool} for {requester}."

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._app._handle_exception(error)

    async def _story(self, request: Request, is_told: bool) -> None:
        await asyncio.sleep(_REST)
        try:
            story = await self._app.store.reviewer.events(request_id=request.id) if is_told else ()
            found = await self._app.store.reviewer.get(request.id)
            check_row(found)
            for event in story:
                check_row(event)
        except ApprovalTuiError:
            return  # the watch says what is wrong with the store
        self._app.main_screen.post_message(messages.StoryLoaded(found, story, await self._attempt_before(found)))

    async def _attempt_before(self, request: Request) -> Request | None:
        """The request of the attempt before, if there is one that can be read."""
        if request.attempt is None or request.attempt.previous is None:
            return None
        try:
            found = await self._app.store.reviewer.get_many((request.attempt.previous,))
            for row in found:
                check_row(row)
        except ApprovalTuiError:
            return None
        return next(iter(found), None)

    async def _reasons(self, dialog: MessagePump) -> None:
        try:
            found = await self._app.store.reviewer.denial_reasons(self._app.reviewer.name)
        except ApprovalTuiError:
            return  # the watch says what is wrong with the store
        dialog.post_message(messages.ReasonsLoaded(found))

    async def _unusual(self, shown: ShownRequest, request: Request, redactor: Redactor) -> None:
        await asyncio.sleep(_REST_BEFORE_MARKS)
        aids: tuple[Aid, ...] | None = None
        if self._app.main_screen.shown_request is shown:
            with suppress(ApprovalTuiError):  # the watch says what is wrong with the store
                precedents = await self._app.store.reviewer.precedents(request.id)
                aids = await asyncio.to_thread(_marks, request, precedents, redactor, self._app.glyphs)
        self._app.main_screen.post_message(messages.UnusualFound(shown, redactor, aids))

    async def _verification(self) -> None:
        screen = self._app.main_screen

        def advanced(what: str, done: int, total: int) -> None:
            screen.post_message(messages.VerificationAdvanced(what, done, total))

        try:
            found = await self._app.store.reviewer.verify(progress=advanced)
        except ApprovalTuiError as error:
            screen.post_message(messages.VerificationEnded(None, error, self._app.clock()))
            return
        screen.post_message(messages.VerificationEnded(found, None, self._app.clock()))

    async def _preparation(self, shown: ShownRequest, width: int) -> None:
        prepared = await asyncio.to_thread(shown.work_out, width)
        for screen in self._app.screen_stack:
            screen.post_message(messages.PayloadPrepared(shown, prepared))


def _marks(request: Request, precedents: Precedents, redactor: Redactor, glyphs: Glyphs) -> tuple[Aid, ...]:
    """The marks, or words that say that they could not be worked out: it must not look as if there were none."""
    from approval_tui.display import unusual  # only beside the keys, as it brings much along

    try:
        return unusual.what_is_unusual(request, precedents, redactor, glyphs)
    except Exception as error:
        return (aids_failed(error, unusual.TITLE),)


def _showable(error: ApprovalTuiError) -> ApprovalTuiError:
    """The error, or in its place the one over the row that it brings along."""
    try:
        if isinstance(error, Conflict) and error.request is not None:
            check_row(error.request)
    except ApprovalTuiError as unreadable:
        return unreadable
    return error
