"""The whole payload of one request on a screen of its own: wrapped, searchable, nothing hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input

from approval_tui.console.bindings import PAYLOAD_BINDINGS
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.documents import Line
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


class PayloadScreen(DecidingScreen):
    """Shows one request until the reviewer goes back; it never turns to another one by itself."""

    BINDINGS = PAYLOAD_BINDINGS

    def __init__(self, shown: ShownRequest) -> None:
        super().__init__()
        self._shown = shown
        self._found: list[int] = []
        self._sought = ""
        self._current = -1

    def compose(self) -> ComposeResult:
        yield DocumentPane(id="payload")
        yield StatusBar(self.app.shown_path, self.app.reviewer.name, self.app.glyphs, id="status")
        yield KeyBar(self.app.actions, id="keys")

    @property
    def pane(self) -> DocumentPane:
        """Where the payload is."""
        return self.query_one("#payload", DocumentPane)

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
        self.query_one("#keys", KeyBar).show(self.place)
        self.app.contract.disarm()
        self._show_state()

    @property
    def place(self) -> str:
        return PAYLOAD_VIEW

    def subject(self) -> Subject | None:
        return self._shown.subject(self.pane.text_width)

    def say(self, words: str, role: str = "message") -> None:
        self.query_one("#status", StatusBar).say(words, role)

    def request_changed(self, shown: Request) -> None:
        """Takes in what became of the request; another content begins a new reading and makes the keys wait."""
        if shown.id != self._shown.request.id:
            return
        is_other = (shown.id, shown.digest) != self._shown.identity
        if is_other:
            self.app.contract.disarm()
            self._shown = self._shown.renewed(shown)
            self.say("The request was changed. Read it again.", "bad")
        else:
            self._shown.update(shown)
        self.pane.show(self._lines, self._shown.reading, from_top=is_other)
        self._show_state()

    def _show_state(self) -> None:
        request = self._shown.request
        self.query_one("#status", StatusBar).set_state(describe_status(request), "message")

    def _lines(self, width: int) -> list[Line]:
        return self._shown.payload_lines(width)

    # --- keys ----------------------------------------------------------------------------------

    def action_do_next(self) -> None:
        self.pane.scroll_rows(1)

    def action_do_previous(self) -> None:
        self.pane.scroll_rows(-1)

    def action_do_page_down(self) -> None:
        self.pane.page(1)

    def action_do_page_up(self) -> None:
        self.pane.page(-1)

    def action_do_read_on(self) -> None:
        self.pane.page(1)

    def action_do_read_back(self) -> None:
        self.pane.page(-1)

    def action_do_first(self) -> None:
        self.pane.go_to_top()

    def action_do_last(self) -> None:
        self.pane.go_to_end()

    def action_do_unmask(self) -> None:
        lifted = self._shown.toggle_masks()
        self.say("Secrets are shown until another request is." if lifted else "Secrets are masked.")
        self.app.contract.disarm()
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
        self._sought = text.lower()
        lines = self.pane.lines
        self._found = [index for index, line in enumerate(lines) if text and self._sought in line.plain.lower()]
        self.pane.mark_matches(frozenset(self._found))
        self.say(f"{len(self._found)} rows with {text!r}." if text else "")

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
        at = self._match_index(direction)
        self.pane.bring_into_view(self._found[at])
        self._current = self._found[at]
        self.say(f"{at + 1} of {len(self._found)} places.")

    def _search_again(self) -> None:
        lines = self.pane.lines
        self._found = [index for index, line in enumerate(lines) if self._sought in line.plain.lower()]

    def _match_index(self, direction: int) -> int:
        if direction == 0 or self._current not in self._found:
            top = int(self.pane.scroll_offset.y)
            return next((number for number, index in enumerate(self._found) if index >= top), 0)
        return (self._found.index(self._current) + direction) % len(self._found)
