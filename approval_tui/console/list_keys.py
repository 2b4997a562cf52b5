"""What the keys do in the lists: move, page, filter, and go from one list to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from approval_tui.console import words
from approval_tui.console.grant_keys import GrantKeys
from approval_tui.console.lists import Lists
from approval_tui.console.shown_request import ShownRequest
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.row_list import Painter, RowList
from approval_tui.console.widgets.view_bar import ViewBar
from approval_tui.domain.errors import InvalidInput
from approval_tui.settings.actions import AUDIT_VIEW, GRANTS_VIEW, HISTORY_VIEW, PENDING_VIEW

if TYPE_CHECKING:
    from textual.widgets import Input

    from approval_tui.domain.audit import Event


class ListKeys(GrantKeys):
    """The keys of a screen with a list and a detail; the screen itself says what is shown."""

    lists: Lists
    painters: Mapping[str, Painter]
    row_list: RowList
    detail: DocumentPane

    @property
    def shown_request(self) -> ShownRequest | None:
        """The request that is on the screen; None where there is none, or an event instead."""
        raise NotImplementedError

    @property
    def shown_event(self) -> Event | None:
        """The event that is on the screen."""
        raise NotImplementedError

    def show_current(self, *, from_top: bool = False) -> None:
        """Shows what is under the cursor."""
        raise NotImplementedError

    def toggle_masks(self) -> bool:
        """Lifts the masks from what is shown, or puts them back; whether they are lifted now."""
        raise NotImplementedError

    def ask_for_rows(self) -> None:
        """Asks for the rows that came into view, where they are not loaded."""
        raise NotImplementedError

    def _show_view(self, name: str) -> None:
        if name != self.lists.active:
            self._leave_filter()
            self.lists.active = name
            self._show_rows()

    def _show_rows(self) -> None:
        view = self.lists.shown
        self.row_list.show(view.rows, self.painters[view.name], words.emptiness(view))
        self.app.contract.disarm()
        self.show_current(from_top=True)
        self.app.reload()

    def on_view_bar_chosen(self, message: ViewBar.Chosen) -> None:
        self._show_view(message.name)

    def on_row_list_picked(self, message: RowList.Picked) -> None:
        self.row_list.focus()
        self._go(lambda: self.lists.shown.rows.move_to(message.index))

    def action_do_payload(self) -> None:
        if self.shown_request is None:
            self.say("There is nothing to read.")
            return
        from approval_tui.console.payload_screen import PayloadScreen

        self.app.push_screen(PayloadScreen(self.shown_request))

    def action_do_filter(self) -> None:
        from textual.widgets import Input

        boxes = self.query("#filter")
        if boxes:
            boxes.first().focus()
            return
        text = self.lists.shown.filter_text
        box = Input(text, id="filter", placeholder=words.FILTER_HINT, compact=True, select_on_focus=False)
        with box.prevent(Input.Changed):
            self.mount(box, before="#status")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter_by(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._filter_by(event.value):
            self._close_filter()

    def _show_filtered(self, name: str, text: str, request_id: str | None = None) -> None:
        """Goes to that list with a filter of ours."""
        self._leave_filter()
        self.lists.active = name
        self.lists.shown.filter_by(text, request_id=request_id)
        self._show_rows()

    def _filter_by(self, text: str) -> bool:
        """Filters the shown list; whether the text could be used. Rows are shown anew only for another filter."""
        view = self.lists.shown
        before = view.token
        try:
            view.filter_by(text)
        except InvalidInput as error:
            self.say(f"{error.happened} {error.to_do}", "bad")
            return False
        if view.token != before:
            self._show_rows()
        else:
            self.show_current()
        return True

    def _leave_filter(self) -> None:
        """A filter that is being typed belongs to the list that is shown."""
        if self.query("#filter"):
            self._close_filter()

    def _close_filter(self) -> None:
        self.query("#filter").remove()
        self.row_list.focus()
        self.app.contract.disarm()

    def action_do_back(self) -> None:
        if self.query("#filter"):
            self._filter_by("")
            self._close_filter()
        elif self.clear_marks():
            self.say("Nothing is marked any more.")
        elif self.lists.shown.is_filtered:
            self._filter_by("")

    def action_do_pending(self) -> None:
        self._show_view(PENDING_VIEW)

    def action_do_history(self) -> None:
        self._show_view(HISTORY_VIEW)

    def action_do_audit(self) -> None:
        self._show_view(AUDIT_VIEW)

    def action_do_grants(self) -> None:
        self._show_view(GRANTS_VIEW)

    def action_do_events(self) -> None:
        event, request = self.shown_event, None if self.shown_request is None else self.shown_request.request.id
        request_id = request if event is None else event.request_id
        if self.shown_grant is not None:
            request_id = self.shown_grant.request_id
        if request_id is None:
            self.say("There is no request whose events could be shown.")
            return
        self._show_filtered(AUDIT_VIEW, "", request_id)

    def action_do_in_doubt(self) -> None:
        self._show_filtered(HISTORY_VIEW, "status:in_doubt")

    def action_do_verify(self) -> None:
        self.say("Verifying ..")
        self.app.work.verify()

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
            self._go(self.lists.shown.rows.go_to_first)

    def action_do_last(self) -> None:
        if self.detail.has_focus:
            self.detail.go_to_end()
        else:
            self._go(self.lists.shown.rows.go_to_last)

    def action_do_read_on(self) -> None:
        self.detail.page(1)

    def action_do_read_on_too(self) -> None:
        self.detail.page(1)

    def action_do_read_back(self) -> None:
        self.detail.page(-1)

    def action_do_switch_pane(self) -> None:
        (self.row_list if self.detail.has_focus else self.detail).focus()

    def action_do_unmask(self) -> None:
        lifted = self.toggle_masks()
        self.say("Secrets are shown until something else is." if lifted else "Secrets are masked.")
        self.app.contract.await_painting(self.detail)
        self.show_current(from_top=True)

    def action_do_copy(self) -> None:
        if self.shown_event is not None:
            self.app.copy_event(self.shown_event)
        elif self.shown_grant is not None:
            self.app.copy_grant(self.shown_grant)
        elif self.shown_request is not None:
            self.app.copy_arguments(self.shown_request.request)
        else:
            self.say("There is nothing to copy.")

    def _step(self, rows: int) -> None:
        if self.detail.has_focus:
            self.detail.scroll_rows(rows)
        else:
            self._go(lambda: self.lists.shown.rows.move(rows))

    def _page(self, direction: int) -> None:
        if self.detail.has_focus:
            self.detail.page(direction)
        else:
            steps = direction * max(1, self.row_list.rows_on_screen - 1)
            self._go(lambda: self.lists.shown.rows.move(steps))

    def _go(self, move: Callable[[], bool]) -> None:
        self.lists.shown.rows.mark_seen(*self.row_list.visible_rows())
        move()
        self.row_list.cursor_moved()
        self.show_current()
        self.ask_for_rows()
