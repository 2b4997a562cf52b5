"""The main screen: one of the lists, what is under its cursor beside it, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Footer, Input, Static

from approval_tui.console import messages, words
from approval_tui.console.bindings import MAIN_BINDINGS
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.documents import Line, event_lines, verification_lines
from approval_tui.console.lists import Lists
from approval_tui.console.painters import EventPainter, HistoryPainter, PendingPainter
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.shown_request import ShownRequest, Subject
from approval_tui.console.trouble import Trouble, readonly_trouble, trouble_of
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.row_list import Painter, RowList
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.console.widgets.view_bar import Tab, ViewBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.audit import Event
from approval_tui.domain.errors import Conflict, InvalidInput
from approval_tui.domain.lifecycle import PENDING
from approval_tui.domain.models import Request
from approval_tui.settings.actions import AUDIT_VIEW, BY_ID, HISTORY_VIEW, PENDING_VIEW, VIEWS
from approval_tui.settings.configuration import LAYOUT_COLUMNS, LAYOUT_STACKED


class MainScreen(DecidingScreen):
    """Shows a list and a detail; decides what the detail shows."""

    BINDINGS = MAIN_BINDINGS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]

    def __init__(self, lists: Lists, redactor: Redactor) -> None:
        super().__init__()
        self._lists = lists
        self._redactor = redactor
        self._painters: dict[str, Painter] = {}
        self._shown: ShownRequest | None = None
        self._shown_event: Event | None = None
        self._verified: Callable[[int], list[Line]] | None = None
        self._trouble: Trouble | None = None

    def compose(self) -> ComposeResult:
        clock, glyphs = self.app.clock, self.app.glyphs
        self._painters = {
            PENDING_VIEW: PendingPainter(self._redactor, clock, glyphs),
            HISTORY_VIEW: HistoryPainter(self._redactor, clock, glyphs),
            AUDIT_VIEW: EventPainter(glyphs),
        }
        tabs = [Tab(name, self.app.keys_of(name)[0], BY_ID[name].label) for name in VIEWS]
        shown = self._lists.shown
        yield ViewBar(tabs, glyphs, id="views")
        yield Static(id="banner")
        with Container(id="panes"):
            yield RowList(shown.rows, self._painters[shown.name], words.OPENING, glyphs, id="list")
            yield DocumentPane(id="detail")
        yield Input(id="filter", placeholder=words.FILTER_HINT, compact=True)
        yield StatusBar(self.app.shown_path, self.app.reviewer.name, glyphs, id="status")
        yield Footer(show_command_palette=False)

    # --- what a test may ask -------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """Whether the list shows what the store holds, as far as this screen knows."""
        return self._trouble is None and self._lists.shown.rows.is_loaded

    @property
    def waiting(self) -> list[str]:
        """The ids of the loaded requests that still wait."""
        return [entry.row.id for entry in self._lists.pending.rows.loaded if not entry.is_gone]

    @property
    def shown_request(self) -> ShownRequest | None:
        """The request that is on the screen; None where there is none, or an event instead."""
        return self._shown

    @property
    def lists(self) -> Lists:
        """The lists and which of them is shown."""
        return self._lists

    # --- parts ---------------------------------------------------------------------------------

    @property
    def row_list(self) -> RowList:
        return self.query_one("#list", RowList)

    @property
    def detail(self) -> DocumentPane:
        return self.query_one("#detail", DocumentPane)

    @property
    def status(self) -> StatusBar:
        return self.query_one("#status", StatusBar)

    @property
    def filter_input(self) -> Input:
        return self.query_one("#filter", Input)

    @property
    def redactor(self) -> Redactor:
        return self._redactor if self._shown is None else self._shown.redactor

    def on_mount(self) -> None:
        self.row_list.focus()
        self.set_class(self.app.settings.layout == LAYOUT_COLUMNS, "-columns")
        self.set_class(self.app.settings.layout == LAYOUT_STACKED, "-stacked")
        self.app.contract.disarm()
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.detail.note_visible_rows()
        self._show_current()

    @property
    def place(self) -> str:
        return self._lists.active

    def subject(self) -> Subject | None:
        return None if self._shown is None else self._shown.subject(self.detail.text_width)

    def say(self, words: str, role: str = "message") -> None:
        self.status.say(words, role)

    def _tick(self) -> None:
        """Ages tick; a request whose time passed is recorded as expired."""
        if len(self._lists.shown.rows):
            self.row_list.redraw()
        if self._shown is not None or self._shown_event is not None:
            self.detail.rebuild()
        now = self.app.clock()
        if any(not entry.is_gone and entry.row.expires_at <= now for entry in self._lists.pending.rows.loaded):
            self.app.reload()

    # --- facts ---------------------------------------------------------------------------------

    def on_page_loaded(self, message: messages.PageLoaded) -> None:
        view = self._lists.views[message.load.view]
        moved = view.merge(message.load, message.page, message.vanished)
        if view is self._lists.shown:
            self.row_list.rows_changed(moved)
            if view.rows.take_arrival():
                self.row_list.cursor_moved()
            self._show_current()
            self._ask_for_rows()

    def on_counts_loaded(self, message: messages.CountsLoaded) -> None:
        self.status.set_counts(pending=message.counts.pending, in_doubt=message.counts.in_doubt)

    def on_store_opened(self, message: messages.StoreOpened) -> None:
        self._set_trouble(None)
        self.status.set_state("live", "good")
        self.row_list.explain_emptiness(words.emptiness(self._lists.shown))

    def on_store_unavailable(self, message: messages.StoreUnavailable) -> None:
        self._set_trouble(trouble_of(message.error))
        self.row_list.explain_emptiness(words.EMPTY[PENDING_VIEW])

    def on_story_loaded(self, message: messages.StoryLoaded) -> None:
        request = message.request
        if self._shown is not None and self._shown.identity == (request.id, request.digest):
            self._shown.update(request, message.story)
            self.detail.rebuild()

    def on_decision_recorded(self, message: messages.DecisionRecorded) -> None:
        self.app.commands_under_way -= 1
        self._take_in(message.request)
        self.app.say(message.said, "good")

    def on_decision_refused(self, message: messages.DecisionRefused) -> None:
        """A lost race says who decided what; the row shows what the request is now."""
        self.app.commands_under_way -= 1
        error = message.error
        if isinstance(error, Conflict) and error.request is not None:
            self._take_in(error.request)
        self.app.say(f"{error.happened} {error.not_done}", "bad")

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
        self._show_current(from_top=True)

    def _take_in(self, request: Request) -> None:
        for name in (PENDING_VIEW, HISTORY_VIEW):
            is_gone = name == PENDING_VIEW and request.status != PENDING
            self._lists.views[name].rows.update(request, is_gone=is_gone)
        self.row_list.rows_changed()
        self._show_current()

    def _set_trouble(self, trouble: Trouble | None) -> None:
        if trouble is None and self.app.why_readonly is not None:
            trouble = readonly_trouble(self.app.why_readonly)
        self._trouble = trouble
        banner = self.query_one("#banner", Static)
        banner.set_class(trouble is not None, "-shown")
        if trouble is not None:
            banner.update(Content(f"{trouble.word}. {trouble.text}"))
            self.status.set_state(trouble.word, "bad")

    # --- what is shown -------------------------------------------------------------------------

    def on_row_list_picked(self, message: RowList.Picked) -> None:
        self.row_list.focus()
        self._go(lambda: self._lists.shown.rows.move_to(message.index))

    def on_row_list_scrolled(self, message: RowList.Scrolled) -> None:
        self._ask_for_rows()

    def on_view_bar_chosen(self, message: ViewBar.Chosen) -> None:
        self._show_view(message.name)

    def _show_view(self, name: str) -> None:
        if name != self._lists.active:
            self._lists.active = name
            self._show_rows()

    def _show_rows(self) -> None:
        view = self._lists.shown
        self.row_list.show(view.rows, self._painters[view.name], words.emptiness(view))
        self.refresh_bindings()
        self.app.contract.disarm()
        self._show_current(from_top=True)
        self.app.reload()

    def _show_current(self, *, from_top: bool = False) -> None:
        """Shows what is under the cursor; another request, or another content, makes the keys wait (R11)."""
        view = self._lists.shown
        current: Any = view.rows.current
        event = current if isinstance(current, Event) else None
        request = current if isinstance(current, Request) else None
        is_other = event != self._shown_event or self._is_other(request)
        self._shown_event = event
        if is_other:
            self._shown = None if request is None else self._newly_shown(request)
            self.app.contract.disarm()
            if view.name == HISTORY_VIEW and request is not None:
                self.app.load_story(request)
        elif self._shown is not None and request is not None:
            has_changed = self._shown.request.version != request.version
            self._shown.update(request)
            if has_changed and view.name == HISTORY_VIEW:
                self.app.load_story(request)
        reading = None if self._shown is None else self._shown.reading
        self.detail.show(self._detail_lines, reading, from_top=is_other or from_top)
        self._tell_payload_screen()
        self.query_one("#views", ViewBar).show(view.name, words.extent(view), words.filter_words(view))

    def _is_other(self, request: Request | None) -> bool:
        return (self._shown and self._shown.identity) != (request and (request.id, request.digest))

    def _newly_shown(self, request: Request) -> ShownRequest:
        return ShownRequest(request, self._redactor, self.app.glyphs, self.app.clock, self.app.contract.monotonic)

    def _detail_lines(self, width: int) -> list[Line]:
        lines = self._verified(width) if self._verified is not None and self._lists.active == AUDIT_VIEW else []
        if self._shown_event is not None:
            return lines + event_lines(self._shown_event, self._redactor, width, self.app.clock(), self.app.glyphs)
        return lines + (self._shown.lines(width) if self._shown is not None else [])

    def _tell_payload_screen(self) -> None:
        if self._shown is not None:
            for screen in self.app.screen_stack:
                if isinstance(screen, PayloadScreen):
                    screen.request_changed(self._shown.request)

    def _ask_for_rows(self) -> None:
        self._lists.on_screen = self.row_list.visible_rows()
        if self._lists.shown.rows.want(*self._lists.on_screen) is not None:
            self.app.load_rows()

    # --- keys ----------------------------------------------------------------------------------

    def action_do_payload(self) -> None:
        if self._shown is None:
            self.say("There is nothing to read.")
            return
        self.app.push_screen(PayloadScreen(self._shown))

    def action_do_filter(self) -> None:
        box = self.filter_input
        box.add_class("-shown")
        with self.prevent(Input.Changed):
            box.value = self._lists.shown.filter_text
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter_by(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._filter_by(event.value):
            self._close_filter()

    def _filter_by(self, text: str, request_id: str | None = None) -> bool:
        view = self._lists.shown
        before = view.token
        try:
            view.filter_by(text, request_id=request_id)
        except InvalidInput as error:
            self.say(f"{error.happened} {error.to_do}", "bad")
            return False
        if view.token != before:
            self._show_rows()
        return True

    def _close_filter(self) -> None:
        self.filter_input.remove_class("-shown")
        self.row_list.focus()
        self.app.contract.disarm()

    def action_do_back(self) -> None:
        if self.filter_input.has_class("-shown"):
            self._filter_by("")
            self._close_filter()
        elif self._lists.shown.is_filtered:
            self._filter_by("")

    def action_do_pending(self) -> None:
        self._show_view(PENDING_VIEW)

    def action_do_history(self) -> None:
        self._show_view(HISTORY_VIEW)

    def action_do_audit(self) -> None:
        self._show_view(AUDIT_VIEW)

    def action_do_events(self) -> None:
        event, request = self._shown_event, None if self._shown is None else self._shown.request.id
        request_id = request if event is None else event.request_id
        if request_id is None:
            self.say("There is no request whose events could be shown.")
            return
        self._lists.active = AUDIT_VIEW
        if not self._filter_by("", request_id=request_id) or self._lists.shown.request_id == request_id:
            self._show_rows()

    def action_do_in_doubt(self) -> None:
        self._lists.active = HISTORY_VIEW
        self._filter_by("status:in_doubt")
        self._show_rows()

    def action_do_verify(self) -> None:
        self.say("Verifying ..")
        self.app.verify()

    def action_do_next(self) -> None:
        self._step(1)

    def action_do_previous(self) -> None:
        self._step(-1)

    def action_do_page_down(self) -> None:
        self._page(1)

    def action_do_page_up(self) -> None:
        self._page(-1)

    def action_do_first(self) -> None:
        if self.detail.has_focus:
            self.detail.go_to_top()
        else:
            self._go(self._lists.shown.rows.go_to_first)

    def action_do_last(self) -> None:
        if self.detail.has_focus:
            self.detail.go_to_end()
        else:
            self._go(self._lists.shown.rows.go_to_last)

    def action_do_read_on(self) -> None:
        self.detail.page(1)

    def action_do_read_back(self) -> None:
        self.detail.page(-1)

    def action_do_switch_pane(self) -> None:
        (self.row_list if self.detail.has_focus else self.detail).focus()

    def action_do_unmask(self) -> None:
        if self._shown is None:
            return
        lifted = self._shown.toggle_masks()
        self.say("Secrets are shown until another request is." if lifted else "Secrets are masked.")
        self.app.contract.disarm()
        self._show_current()

    def action_do_copy(self) -> None:
        if self._shown_event is not None:
            self.app.copy_event(self._shown_event)
        elif self._shown is not None:
            self.app.copy_arguments(self._shown.request)
        else:
            self.say("There is nothing to copy.")

    def _step(self, rows: int) -> None:
        if self.detail.has_focus:
            self.detail.scroll_rows(rows)
        else:
            self._go(lambda: self._lists.shown.rows.move(rows))

    def _page(self, direction: int) -> None:
        if self.detail.has_focus:
            self.detail.page(direction)
        else:
            steps = direction * max(1, self.row_list.rows_on_screen - 1)
            self._go(lambda: self._lists.shown.rows.move(steps))

    def _go(self, move: Callable[[], bool]) -> None:
        self._lists.shown.rows.mark_seen(*self.row_list.visible_rows())
        move()
        self.row_list.cursor_moved()
        self._show_current()
        self._ask_for_rows()
