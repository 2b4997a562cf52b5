"""Marks in the list of what waits, and what is done with all that is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.console import messages
from approval_tui.console.granting_keys import GrantingKeys
from approval_tui.console.lists import Lists
from approval_tui.console.widgets.row_list import RowList
from approval_tui.domain.lifecycle import PENDING
from approval_tui.settings.actions import PENDING_VIEW

if TYPE_CHECKING:
    from approval_tui.console.marks import Marks
    from approval_tui.console.pages import Key
    from approval_tui.domain.models import Request


class MarkKeys(GrantingKeys):
    """The keys that mark rows; `a` and `d` go to the table of all that is marked, and decide nothing before it."""

    lists: Lists
    row_list: RowList
    _is_marking = False  #: whether the store is being asked what to mark

    def take_in(self, request: Request) -> None:
        """Shows what became of a request."""
        raise NotImplementedError

    def marks_changed(self) -> None:
        """Draws the marks anew."""
        raise NotImplementedError

    @property
    def _marks(self) -> Marks:
        return self.lists.pending.marks

    @property
    def _cursor_key(self) -> Key | None:
        """The request under the cursor, as long as it waits."""
        request = self.lists.pending.rows.current
        return None if request is None or request.status != PENDING else request.id

    def action_do_mark(self) -> None:
        key = self._cursor_key
        if key is None:
            self.say("There is nothing to mark that waits.")
            return
        if self._marks.toggle(key):
            self.lists.pending.rows.move(1)
            self.row_list.cursor_moved()
        self.marks_changed()

    def action_do_mark_range(self) -> None:
        key, anchor = self._cursor_key, self._marks.anchor
        if key is None:
            self.say("There is nothing to mark that waits.")
        elif anchor is None:
            self._marks.anchor = key
            self.say("Move to the other end of the range, and press the same key again.")
        else:
            self._marks.anchor = None
            self._is_marking = True
            self.app.bulk_work.mark(self.lists.pending.chosen, (anchor, key))
        self.marks_changed()

    def action_do_mark_all(self) -> None:
        self._is_marking = True
        self.app.bulk_work.mark(self.lists.pending.chosen, None)

    def on_marks_found(self, message: messages.MarksFound) -> None:
        self._is_marking = False
        if message.error is not None:
            self.say(message.error.happened, "bad")
            return
        self._marks.add(message.ids)
        if message.total > len(message.ids):
            self.say(f"The first {len(message.ids)} of {message.total:,} are marked: a table takes no more.")
        else:
            self.say(f"{len(self._marks)} marked.")
        self.marks_changed()

    def action_do_approve(self) -> None:
        if not self._open_table():
            super().action_do_approve()

    def action_do_deny(self) -> None:
        if not self._open_table():
            super().action_do_deny()

    def _open_table(self) -> bool:
        """Goes to the table of what is marked; whether something is, or is about to be (rule R11)."""
        if self._is_marking:
            self.say("What is to be marked is being looked for. Press again.")
            return True
        if self.place != PENDING_VIEW or not self._marks:
            return False
        anchor, key = self._marks.anchor, self._cursor_key
        between = None if anchor is None or key is None else (anchor, key)
        self.app.bulk_work.open_table(self.lists.pending.chosen, self._marks.keys, between)
        return True

    def on_table_loaded(self, message: messages.TableLoaded) -> None:
        from approval_tui.console.bulk_screen import BulkScreen

        if self.app.screen is not message.asked_on:
            return  # the reviewer has gone on to something else, and its keys are not the table's
        self.app.push_screen(BulkScreen(message.requests, self.redactor, left=message.left, holding=message.holding))

    def on_several_decided(self, message: messages.SeveralDecided) -> None:
        """Takes in what became of each, and tells it in the table."""
        from approval_tui.console.bulk_screen import BulkScreen

        self.app.work.commands_under_way -= 1
        for result in message.results:
            if result.decided is not None:
                self.take_in(result.decided)
        self._marks.drop(result.id for result in message.results if result.decided is not None)
        for screen in self.app.screen_stack:
            if isinstance(screen, BulkScreen):
                screen.take_results(message.results, has_held=message.is_held)
        decided = sum(result.decided is not None for result in message.results)
        words = f"{decided} of {len(message.results)} decided."
        if message.is_held:
            words = f"The session is held back. {words}" if message.results else "The session is held back."
        if message.error is not None:
            words = f"{message.error.happened} {message.error.not_done}"
        role = "good" if decided == len(message.results) and message.error is None else "bad"
        self.app.say(words, role)
        self.marks_changed()

    def clear_marks(self) -> bool:
        """Takes all marks away; whether there were any."""
        if self.place != PENDING_VIEW or not self._marks:
            return False
        self._marks.clear()
        self.marks_changed()
        return True
