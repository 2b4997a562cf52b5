"""The main screen: one of the lists, what is under its cursor beside it, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from approval_tui.console import messages, words
from approval_tui.console.bindings import MAIN_BINDINGS
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.documents import Line, event_lines, verification_lines
from approval_tui.console.first_look import FirstLook
from approval_tui.console.list_keys import ListKeys
from approval_tui.console.lists import Lists
from approval_tui.console.pages import Page
from approval_tui.console.painters import EventPainter, GrantPainter, HistoryPainter, PendingPainter
from approval_tui.console.shown_request import ShownRequest, Subject, status_of
from approval_tui.console.trouble import Trouble, policy_trouble, readonly_trouble, trouble_of
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.row_list import Painter, RowList
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.console.widgets.view_bar import Tab, ViewBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.errors import Conflict, StoreReadOnly
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, BY_ID, GRANTS_VIEW, HISTORY_VIEW, PENDING_VIEW, VIEWS

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event
    from approval_tui.domain.policy_notes import PolicyStanding

WIDE = 110
"""Columns from which on list and detail stand beside each other."""

_LOOK_ANEW = 10
"""Seconds after which everything is loaded again, though nobody wrote."""


GRANTED = "granted"
"""What the footer calls a grant that is in force."""


class Panes(Container):
    """What list and detail stand in."""

    BLANK = True  # nothing of its own is ever seen


class MainScreen(ListKeys):
    """Shows a list and a detail; decides what the detail shows."""

    BLANK = True  # the same

    BINDINGS = MAIN_BINDINGS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]

    def __init__(self, lists: Lists, redactor: Redactor, layout: str, first_look: FirstLook | None) -> None:
        super().__init__(classes=f"-{layout}")
        self._first_look = first_look
        self.lists = lists
        self._redactor = redactor
        self._event_redactor = redactor
        self.painters: dict[str, Painter] = {}
        self._shown: ShownRequest | None = None
        self._shown_event: Event | None = None
        self._verified: Callable[[int], list[Line]] | None = None
        self._trouble: Trouble | None = None
        self._standings: Sequence[PolicyStanding] = ()
        self._ticks = 0
        self._has_resumed = False

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.ScreenResume) and not self._has_resumed:
            self._has_resumed = True
            event.refresh_styles = False  # all of it got its styles just now, when it was mounted
        await super().on_event(event)

    def compose(self) -> ComposeResult:
        clock, glyphs = self.app.clock, self.app.glyphs
        self._take_first_look()
        self.add_class("-wide" if self.app.size.width >= WIDE else "-narrow", update=False)  # else they come too late
        self.painters = {
            PENDING_VIEW: PendingPainter(self._redactor, clock, glyphs),
            HISTORY_VIEW: HistoryPainter(self._redactor, clock, glyphs),
            AUDIT_VIEW: EventPainter(self._redactor, glyphs),
            GRANTS_VIEW: GrantPainter(self._redactor, clock, glyphs),
        }
        tabs = [Tab(name, self.app.keys_of(name)[0], BY_ID[name].label) for name in VIEWS]
        shown = self.lists.shown
        # Kept here, because to look a widget up costs as much as to draw some lines.
        self._views = ViewBar(tabs, glyphs, id="views")
        self._banner = Static(id="banner")
        self.row_list = RowList(shown.rows, self.painters[shown.name], words.OPENING, glyphs, id="list")
        self.detail = DocumentPane(id="detail")
        self.status = StatusBar(self.app.shown_path, self.app.reviewer.name, glyphs, id="status")
        self._keys = KeyBar(self.app.actions, glyphs, id="keys")
        yield self._views
        yield self._banner
        with Panes(id="panes"):
            yield self.row_list
            yield self.detail
        yield self.status
        yield self._keys

    def _take_first_look(self) -> None:
        """Shows what was read while the program was loaded."""
        found = None if self._first_look is None else self._first_look.found()
        if found is not None:
            requests, total = found
            pending = self.lists.pending
            want = pending.rows.want_again()
            pending.merge(pending.load(want), Page(requests, offset=0, total=total), {})

    # --- what a test may ask -------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Whether the list shows what the store holds, as far as this screen knows."""
        return self.app.is_store_open and self.lists.shown.rows.is_loaded

    @property
    def waiting(self) -> list[str]:
        """The ids of the loaded requests that still wait."""
        return [entry.row.id for entry in self.lists.pending.rows.loaded if not entry.is_gone]

    @property
    def shown_request(self) -> ShownRequest | None:
        """The request that is on the screen; None where there is none, or an event instead."""
        return self._shown

    @property
    def shown_event(self) -> Event | None:
        """The event that is on the screen."""
        return self._shown_event

    @property
    def redactor(self) -> Redactor:
        return self._redactor if self._shown is None else self._shown.redactor

    def on_mount(self) -> None:
        self.row_list.focus()
        self.app.contract.disarm()
        self.set_interval(1.0, self._tick)
        self.show_current()  # so that the first frame has all of it

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.detail.note_visible_rows()
        self.show_current()

    @property
    def place(self) -> str:
        return self.lists.active

    @property
    def is_in_front(self) -> bool:
        """Whether no other screen covers this one, not even in part."""
        return self.app.screen is self

    def subject(self) -> Subject | None:
        return None if self._shown is None else self._shown.subject(self.detail.text_width)

    def say(self, words: str, role: str = "message") -> None:
        self.status.say(self.with_masks(words), role)

    def _tick(self) -> None:
        """Ages tick; a request whose time passed is recorded as expired."""
        if len(self.lists.shown.rows):
            self.row_list.tick()
        if self.is_in_front and any((self._shown, self._shown_event, self._shown_grant)):
            self.detail.rebuild()
        self._ticks += 1
        if self._shown is not None and self.is_in_front and self._ticks % _LOOK_ANEW == 0:
            self.app.work.read_call(self._shown)
        elif self._shown is not None and self._shown.announce_aids():
            self._moved()
        if self._standings and self._ticks % _LOOK_ANEW == 0:
            self._show_trouble()  # a rejection that nobody repeats is old news one day
        now = self.app.clock()
        is_due = any(not entry.is_gone and entry.row.expires_at <= now for entry in self.lists.pending.rows.loaded)
        if is_due or self._ticks % _LOOK_ANEW == 0:  # time alone makes approvals expire and calls doubtful
            self.app.reload()

    # --- facts ---------------------------------------------------------------------------------

    def on_page_loaded(self, message: messages.PageLoaded) -> None:
        view = self.lists.views[message.load.view]
        moved = view.merge(message.load, message.page, message.vanished)
        if view is self.lists.pending:  # before it is drawn how many are marked
            view.marks.drop(key for key, request in message.vanished.items() if request.status != PENDING)
        if view is self.lists.shown:
            self.row_list.rows_changed(moved)
            self.row_list.explain_emptiness(words.emptiness(view))
            if view.rows.take_arrival():
                self.row_list.cursor_moved()
            self.show_current()
            self.ask_for_rows()
        if view is self.lists.pending:
            self._look_again()

    def _look_again(self) -> None:
        """What other screens hold of the store may be old."""
        for screen in self.app.screen_stack:
            if isinstance(screen, DecidingScreen):
                screen.look_again()

    def on_counts_loaded(self, message: messages.CountsLoaded) -> None:
        counts = message.counts
        self.status.set_counts(pending=counts.pending, in_doubt=counts.in_doubt, held=counts.held)

    def on_policies_loaded(self, message: messages.PoliciesLoaded) -> None:
        self._standings = message.standings
        self._show_trouble()

    def on_holds_loaded(self, message: messages.HoldsLoaded) -> None:
        """What is shown of a session that is held, or is no longer, says so; that moves what is read (rule R11)."""
        before = self.app.held
        self.app.held = {(held.requester, held.session): held for held in message.holds}
        if before != self.app.held:
            self._moved()
            self._tell_payload_screen()

    def on_store_opened(self, message: messages.StoreOpened) -> None:
        self._set_trouble(None)
        self.row_list.explain_emptiness(words.emptiness(self.lists.shown))
        if self._shown is not None:
            self.app.work.read_call(self._shown)

    def on_store_unavailable(self, message: messages.StoreUnavailable) -> None:
        self._set_trouble(trouble_of(message.error, message.again_after))
        self.row_list.explain_emptiness(words.UNREADABLE)

    def on_story_loaded(self, message: messages.StoryLoaded) -> None:
        request = message.request
        if self._shown is not None and self._shown.identity == (request.id, request.digest):
            is_news = message.previous is not None and self._shown.previous is None
            self._shown.update(request, message.story, message.previous)
            self.detail.rebuild()
            if is_news:  # what is read moves, so keys wait as for another request (rule R11)
                self.app.contract.await_painting(self.detail)
                self._tell_payload_screen()

    def on_call_read(self, message: messages.CallRead) -> None:
        """What is read moves when the aids come, or a file has changed, so keys wait as for another request (R11)."""
        if message.shown.take_aids(message.redactor, message.aids) and message.shown is self._shown:
            self._moved()

    def on_unusual_found(self, message: messages.UnusualFound) -> None:
        """The same, as it stands above what else is read."""
        if message.shown.take_unusual(message.redactor, message.aids) and message.shown is self._shown:
            self._moved()

    def _moved(self) -> None:
        self.app.contract.await_painting(self.detail)
        self.detail.rebuild()

    def on_decision_recorded(self, message: messages.DecisionRecorded) -> None:
        self.app.work.commands_under_way -= 1
        self.take_in(message.request)
        self.app.say(message.said, "good")

    def on_decision_refused(self, message: messages.DecisionRefused) -> None:
        """A lost race says who decided what; the row shows what the request is now."""
        self.app.work.commands_under_way -= 1
        error = message.error
        if isinstance(error, StoreReadOnly):
            self.app.open_store_anew()
        if isinstance(error, Conflict) and error.request is not None:
            self.take_in(error.request)
        self.app.say(f"{error.happened} {error.not_done}", "bad")

    def on_command_ended(self, message: messages.CommandEnded) -> None:
        self.app.work.commands_under_way -= 1
        if message.error is None:
            self.app.say(message.said, "good")
        else:
            self.app.say(f"{message.error.happened} {message.error.not_done}", "bad")
        self.app.reload()

    def on_sinks_told(self, message: messages.SinksTold) -> None:
        self.app.say(message.line)

    def on_verification_advanced(self, message: messages.VerificationAdvanced) -> None:
        self.say(f"Verifying: {message.done:,} of {message.total:,} {message.what}.")

    def on_verification_ended(self, message: messages.VerificationEnded) -> None:
        verification = message.verification
        if verification is None:
            assert message.error is not None
            self.say(f"Not verified: {message.error.happened}", "bad")
            return
        self._verified = lambda width: verification_lines(verification, width, message.at, self.app.glyphs)
        if verification.is_sound:
            self.say(f"The log verifies: {verification.events:,} events.", "good")
        else:
            self.say(f"THE LOG DOES NOT VERIFY: {len(verification.problems)} problems.", "bad")
        self.show_current(from_top=True)

    def take_in(self, request: Request) -> None:
        """What was decided first of several may have gone on before the last was, and be listed so already."""
        for name in (PENDING_VIEW, HISTORY_VIEW):
            is_gone = name == PENDING_VIEW and request.status != PENDING
            rows = self.lists.views[name].rows
            known = rows.known(request.id)
            if known is None or known.version <= request.version:
                rows.update(request, is_gone=is_gone)
        self.row_list.rows_changed()
        self.show_current()

    def marks_changed(self) -> None:
        self.row_list.rows_changed()
        self.show_current()

    def _set_trouble(self, trouble: Trouble | None) -> None:
        if trouble is None and self.app.why_readonly is not None:
            trouble = readonly_trouble(self.app.why_readonly)
        self._trouble = trouble
        self.status.set_state(*(("live", "good") if trouble is None else (trouble.word, "bad")))
        self._show_trouble()

    def _show_trouble(self) -> None:
        """The banner; what is wrong with the store comes before what is wrong with a policy."""
        trouble = self._trouble or policy_trouble(self._standings, self.app.clock())
        self._banner.set_class(trouble is not None, "-shown")
        if trouble is not None:
            self._banner.update(Content(self.app.glyphs.visible(f"{trouble.word}. {trouble.text}")))

    # --- what is shown -------------------------------------------------------------------------

    def on_row_list_scrolled(self, message: RowList.Scrolled) -> None:
        self.ask_for_rows()

    def show_current(self, *, from_top: bool = False) -> None:
        """Shows what is under the cursor; another request, or another content, makes the keys wait (R11)."""
        view = self.lists.shown
        current: Any = view.rows.current
        request = current if isinstance(current, Request) else None
        grant = current if view.name == GRANTS_VIEW else None
        event: Event | None = current if view.name == AUDIT_VIEW else None
        is_other = event != self._shown_event or self.is_other_grant(grant) or self._is_other(request)
        self._shown_event = event
        self.show_grant(grant, is_other=is_other)
        if is_other:
            self._event_redactor = self._redactor
            self._shown = None if request is None else self._newly_shown(request)
            self.app.contract.await_painting(self.detail)
            if request is not None and (view.name == HISTORY_VIEW or _comes_after_another(request)):
                self.app.work.load_story(request, is_told=view.name == HISTORY_VIEW)
            if self._shown is not None:
                self.app.work.read_call(self._shown)
        elif self._shown is not None and request is not None:
            has_changed = self._shown.request.version != request.version
            self._shown.update(request)
            if has_changed:
                self.app.work.read_call(self._shown)
            if has_changed and view.name == HISTORY_VIEW:
                self.app.work.load_story(request)
        reading = None if self._shown is None else self._shown.reading
        self.detail.show(self._detail_lines, reading, from_top=is_other or from_top)
        self._tell_payload_screen()
        self._keys.show(view.name, self._status_for_keys(request))
        self._views.show(view.name, words.extent(view), words.filter_words(view))

    def toggle_masks(self) -> bool:
        if self._shown is not None:
            is_lifted = self._shown.toggle_masks()
            self.app.work.read_call(self._shown)
            return is_lifted
        lifted = not self._event_redactor.is_lifted
        self._event_redactor = self._redactor.lifted() if lifted else self._redactor
        return lifted

    def _status_for_keys(self, request: Request | None) -> str | None:
        """By what the footer goes: the status of what is shown."""
        if self._shown_grant is not None:
            return GRANTED if self._shown_grant.is_in_force(self.app.clock()) else None
        return None if request is None else status_of(request)

    def _is_other(self, request: Request | None) -> bool:
        return (self._shown and self._shown.identity) != (request and (request.id, request.digest))

    def _newly_shown(self, request: Request) -> ShownRequest:
        return ShownRequest(request, self._redactor, self.app.glyphs, self.app.clock, self.app.contract.monotonic)

    def on_payload_prepared(self, message: messages.PayloadPrepared) -> None:
        message.shown.take(message.prepared)
        if message.shown is self._shown:
            self.app.contract.await_painting(self.detail)
            self.show_current()

    def _detail_lines(self, width: int) -> list[Line]:
        if self._shown is not None and self.is_in_front and not self._shown.is_prepared(width):
            self.app.work.prepare(self._shown, width)
        lines = self._verified(width) if self._verified is not None and self.lists.active == AUDIT_VIEW else []
        if self._shown_event is not None:
            now, glyphs = self.app.clock(), self.app.glyphs
            return lines + event_lines(self._shown_event, self._event_redactor, width, now, glyphs)
        if self._shown_grant is not None:
            from approval_tui.console.grant_lines import grant_lines  # few look at grants

            return grant_lines(
                self._shown_grant,
                self._approved_by_grant,
                self._event_redactor,
                width,
                self.app.clock(),
                self.app.glyphs,
            )
        if self._shown is None:
            return lines
        return lines + self.held_lines(self._shown.request, width) + self._shown.lines(width)

    def _tell_payload_screen(self) -> None:
        if self._shown is not None:
            for screen in self.app.screen_stack:
                if isinstance(screen, DecidingScreen) and screen is not self:
                    screen.request_changed(self._shown.request)

    def ask_for_rows(self) -> None:
        self.lists.on_screen = self.row_list.visible_rows()
        if self.lists.shown.rows.want(*self.lists.on_screen) is not None:
            self.app.load_rows()


def _comes_after_another(request: Request) -> bool:
    return request.attempt is not None and request.attempt.previous is not None
