"""The whole payload of one request on a screen of its own: wrapped, searchable, nothing hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from approval_tui.console import messages
from approval_tui.console.bindings import PAYLOAD_BINDINGS
from approval_tui.console.documents import Line
from approval_tui.console.pane_screen import PaneScreen
from approval_tui.console.searching import lines_with
from approval_tui.console.shown_request import status_of
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.models import Request
from approval_tui.domain.status_words import describe_status
from approval_tui.settings.actions import PAYLOAD_VIEW

if TYPE_CHECKING:
    from approval_tui.console.shown_request import ShownRequest, Subject

SEARCH_HINT = "Search in the arguments; enter goes to the next place, escape ends it"


class PayloadScreen(PaneScreen):
    """Shows one request until the reviewer goes back; it never turns to another one by itself."""

    BINDINGS = PAYLOAD_BINDINGS

    def __init__(self, shown: ShownRequest) -> None:
        super().__init__()
        self._shown = shown
        self.pane = DocumentPane(id="payload")  #: where the payload is
        self._found: list[list[int]] = []
        self._sought = ""
        self._current = -1

    @property
    def shown_request(self) -> ShownRequest:
        """The request that is on the screen."""
        return self._shown

    @property
    def redactor(self) -> Redactor:
        return self._shown.redactor

    def on_mount(self) -> None:
        self.pane.show(self._lines, self._shown.reading, from_top=True)
        self.pane.focus()
        self.app.contract.await_painting(self.pane)
        self._show_state()

    @property
    def place(self) -> str:
        return PAYLOAD_VIEW

    def subject(self) -> Subject | None:
        return self._shown.subject(self.pane.text_width)

    def request_changed(self, shown: Request) -> None:
        """Takes in what became of the request; another content begins a new reading and makes the keys wait."""
        if shown.id != self._shown.request.id:
            return
        is_other = (shown.id, shown.digest) != self._shown.identity
        if is_other:
            self._shown = self._shown.renewed(shown)
            self.app.contract.await_painting(self.pane)
            self.say("The request was changed. Read it again.", "bad")
        else:
            self._shown.update(shown)
        if self.is_mounted:  # until then, mounting shows it
            self.pane.show(self._lines, self._shown.reading, from_top=is_other)
            self._show_state()

    def _show_state(self) -> None:
        request = self._shown.request
        words = self.with_masks(describe_status(request))
        for status in self.query(StatusBar):
            status.set_state(words, "message")
        for keys in self.query(KeyBar):
            keys.show(self.place, status_of(request))

    def on_payload_prepared(self, message: messages.PayloadPrepared) -> None:
        message.shown.take(message.prepared)
        if message.shown is self._shown and self.is_mounted:
            self.app.contract.await_painting(self.pane)
            self.pane.show(self._lines, self._shown.reading, from_top=False)

    def _lines(self, width: int) -> list[Line]:
        if not self._shown.is_prepared(width):
            self.app.work.prepare(self._shown, width)
        request = self._shown.request
        return self.held_lines(request, width) + self._shown.lines(width, payload_only=True)

    # --- keys ----------------------------------------------------------------------------------

    def action_do_unmask(self) -> None:
        lifted = self._shown.toggle_masks()
        self.app.work.read_call(self._shown)
        self.say("Secrets are shown until something else is." if lifted else "Secrets are masked.")
        self.app.contract.await_painting(self.pane)
        self.pane.show(self._lines, self._shown.reading, from_top=True)

    def action_do_copy(self) -> None:
        self.app.copy_arguments(self._shown.request)

    def action_do_back(self) -> None:
        if self.query("#search"):
            self._end_search()
        else:
            self.dismiss(None)

    def action_do_filter(self) -> None:
        boxes = self.query("#search")
        if boxes:
            boxes.first().focus()
            return
        box = Input(id="search", placeholder=SEARCH_HINT, compact=True)
        self.mount(box, before="#status")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._search(event.value)
        self._close_search()
        self._go_to_match(0)

    def action_do_find_next(self) -> None:
        self._go_to_match(1)

    def action_do_find_previous(self) -> None:
        self._go_to_match(-1)

    def _search(self, text: str) -> None:
        self._sought = text
        self._search_again()
        self.pane.mark_matches(frozenset(index for place in self._found for index in place))
        self.say(f"{len(self._found)} places with {text!r}." if text else "")

    def _search_again(self) -> None:
        self._found = lines_with(self.pane.lines, self._sought, self.app.glyphs)

    def _end_search(self) -> None:
        self._search("")
        self._close_search()

    def _close_search(self) -> None:
        self.query("#search").remove()
        self.pane.focus()
        self.app.contract.disarm()

    def _go_to_match(self, direction: int) -> None:
        """Goes to the next place below the middle of the screen, or the one before; round the ends."""
        if not self._sought:
            self.say("Search with / first.")
            return
        self._search_again()
        if not self._found:
            self.say("It is nowhere in these arguments.")
            return
        self._current = self._next_place(direction)
        place = self._found[self._current]
        self.pane.bring_into_view(place[0])
        self.pane.mark_matches(frozenset(index for each in self._found for index in each))
        self.say(f"{self._current + 1} of {len(self._found)} places.")

    def _next_place(self, direction: int) -> int:
        """The number of the place to go to: from the top of the screen at first, then one by one, round the ends."""
        if direction == 0 or not 0 <= self._current < len(self._found):
            top = int(self.pane.scroll_offset.y)
            return next((number for number, place in enumerate(self._found) if place[0] >= top), 0)
        return (self._current + direction) % len(self._found)
