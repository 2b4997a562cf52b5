"""The keys of a screen that is one pane: line by line, page by page, to its ends."""

from __future__ import annotations

from approval_tui.console.granting_keys import GrantingKeys
from approval_tui.console.widgets.document_pane import DocumentPane


class PaneScreen(GrantingKeys):
    """A screen whose whole content stands in one pane."""

    pane: DocumentPane

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
