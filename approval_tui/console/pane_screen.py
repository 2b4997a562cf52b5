"""A screen that is one pane above the status and the keys, which move it line by line, page by page, to its ends."""

from __future__ import annotations

from textual.app import ComposeResult

from approval_tui.console.granting_keys import GrantingKeys
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar


class PaneScreen(GrantingKeys):
    """A screen whose whole content stands in one pane."""

    pane: DocumentPane

    def compose(self) -> ComposeResult:
        yield self.pane
        yield StatusBar(self.app.shown_path, self.app.reviewer.name, self.app.glyphs, id="status")
        yield KeyBar(self.app.actions, self.app.glyphs, id="keys")

    def say(self, words: str, role: str = "message") -> None:
        for status in self.query(StatusBar):  # there is none before the screen is laid out, and while it goes away
            status.say(self.with_masks(words), role)

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

    def action_do_read_on_too(self) -> None:
        self.pane.page(1)

    def action_do_read_back(self) -> None:
        self.pane.page(-1)

    def action_do_first(self) -> None:
        self.pane.go_to_top()

    def action_do_last(self) -> None:
        self.pane.go_to_end()

    def action_do_back(self) -> None:
        self.dismiss(None)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.pane.note_visible_rows()
