"""The editor of one request's arguments. Letters are text here and nothing decides: the review behind it does that."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static, TextArea

from approval_tui.console import messages
from approval_tui.console.bindings import EDITOR_BINDINGS
from approval_tui.console.deciding import DecidingScreen
from approval_tui.console.documents import Line
from approval_tui.console.edit_policy import policy_word
from approval_tui.console.editing import DECIDABLE_AGAIN, CheckedText, Editing, check_text
from approval_tui.console.review_screen import ReviewScreen
from approval_tui.console.revised_request import RevisedRequest, Revision
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.json_area import LARGEST_TEXT, JsonArea
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.editable_json import editable_json
from approval_tui.display.redaction import Redactor
from approval_tui.display.width import cut
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.json_faults import JsonFault, object_or_fault
from approval_tui.domain.models import Request
from approval_tui.settings.actions import EDITOR

if TYPE_CHECKING:
    from approval_tui.console.shown_request import Subject
    from approval_tui.store.asynchronous import AsyncStore

_REST = 0.1
"""Seconds that the keys rest before the text is looked at: who types on does not read what is said of it."""

_DROP = "drop"


class EditScreen(DecidingScreen):
    """Shows the arguments as a text, and below it what the text is and how it differs from the agent's."""

    BINDINGS = EDITOR_BINDINGS

    def __init__(self, base: Request, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self._base = base
        self._editing: Editing | None = None
        self._original = ""
        self._checked: CheckedText | None = None
        self._review: ReviewScreen | None = None
        self._said: str | None = None  #: why nothing can be decided, as far as that was said

    def compose(self) -> ComposeResult:
        glyphs = self.app.glyphs
        self._editing = Editing(self._base, self._redactor, glyphs)
        self._original = editable_json(self._base.effective_arguments, glyphs)
        self.area = JsonArea(self._original, glyphs, id="edit")
        self.checks = DocumentPane(id="checks")
        yield Static(id="edited")
        yield self.area
        yield self.checks
        yield StatusBar(self.app.shown_path, self.app.reviewer.name, glyphs, id="status")
        yield KeyBar(self.app.actions, glyphs, id="keys")

    def on_mount(self) -> None:
        self.area.focus()
        self.checks.show(self._check_lines, None, from_top=True)
        review, other, back = (self.app.keys_of(action)[0] for action in ("review", "switch_pane", "back"))
        self.say(f"Nothing is decided here: {review} goes on to read the edit, {other} to what is below, {back} back.")
        self._show_state()
        self._look_at(self.area.text)
        self._look_for_hold()

    def on_resize(self) -> None:
        """The line at the top says what is edited, as far as it is wide."""
        glyphs = self.app.glyphs
        words = f" {glyphs.name(self._base.tool)} for {glyphs.name(self._base.requester)}, {self._base.id}"
        self.query_one("#edited", Static).update(Content(cut(words, max(1, self.size.width), glyphs)))

    # --- what a test may ask -------------------------------------------------------------------

    @property
    def editing(self) -> Editing:
        """The edit that is made here."""
        assert self._editing is not None
        return self._editing

    @property
    def is_checked(self) -> bool:
        """Whether what stands below the text is about that text."""
        return self._checked is not None and self._checked.text == self.area.text

    # --- what every screen has -----------------------------------------------------------------

    @property
    def place(self) -> str:
        return EDITOR

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    def subject(self) -> Subject | None:
        """None: nothing is decided here."""
        return None

    def say(self, words: str, role: str = "message") -> None:
        for status in self.query(StatusBar):
            status.say(self.with_masks(words), role)

    def request_changed(self, request: Request) -> None:
        """Takes in what became of the request, and says at once where nothing can be decided about it any more."""
        if self._editing is not None and self._editing.take(request):
            self._look_for_hold()
            self._show_state()

    # --- facts ---------------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self._look_at(event.text_area.text)

    def on_json_area_full(self, message: JsonArea.Full) -> None:
        self.say(f"Nothing was added: {LARGEST_TEXT:,} characters are the most.", "bad")

    def on_edit_checked(self, message: messages.EditChecked) -> None:
        self._checked = message.checked
        self._show_checks()

    def on_hold_found(self, message: messages.HoldFound) -> None:
        self.editing.hold = message.hold
        self._show_state()
        if self._review is not None:
            self._review.show_state()

    def on_edit_judged(self, message: messages.EditJudged) -> None:
        """Opens the review of what was judged, if that is still what stands in the editor."""
        if self.app.screen is not self:
            return
        if message.text != self.area.text:
            self.say("The text was changed meanwhile: nothing was taken over.")
            return
        app = self.app
        shown = RevisedRequest(
            message.revision, message.policy, self._redactor, app.glyphs, app.clock, app.contract.monotonic
        )
        self._review = ReviewScreen(shown, self.editing)
        app.push_screen(self._review, lambda _: self._reviewed(message.revision))

    def _reviewed(self, revision: Revision) -> None:
        self._review = None
        if revision.is_recorded(self.editing.request, self.app.reviewer.name):
            self.dismiss(None)

    # --- keys ----------------------------------------------------------------------------------

    def action_do_review(self) -> None:
        text = self.area.text
        why_not = self.editing.why_not(self.app.clock())
        if why_not is not None:
            self.say(why_not, "bad")
            return
        found = object_or_fault(text)
        if isinstance(found, JsonFault):
            self.say(found.words, "bad")
            if found.line:
                self.area.move_cursor((found.line - 1, found.column - 1))
            return
        try:
            revision = Revision(self._base, found)
        except ApprovalTuiError as error:
            self.say(error.happened, "bad")
            return
        if revision.changes_nothing:
            self.say("Nothing was changed: go back and approve it as it is.")
        elif not self.app.is_store_open:
            self.say("The store is away. Nothing can be decided until it is back.", "bad")
        else:
            self._begin(partial(self._ask_policy, self.app.store, text, revision), "policy")

    def action_do_back(self) -> None:
        if self.area.text == self._original:
            self.dismiss(None)
            return
        from approval_tui.console.dialogs import ChoiceDialog

        dialog = ChoiceDialog(
            self.editing.request,
            self._redactor.masking(),
            question="Drop what you changed? Nothing is decided by that.",
            keep="Keep editing",
            answers={"y": ("Drop it", _DROP)},
        )
        self.app.push_screen(dialog, self._dropped)

    def _dropped(self, answer: str | None) -> None:
        if answer == _DROP:
            self.dismiss(None)

    def action_do_switch_pane(self) -> None:
        (self.checks if self.area.has_focus else self.area).focus()

    def action_do_next(self) -> None:
        self.checks.scroll_rows(1)

    def action_do_previous(self) -> None:
        self.checks.scroll_rows(-1)

    def action_do_page_down(self) -> None:
        self.checks.page(1)

    def action_do_page_up(self) -> None:
        self.checks.page(-1)

    def action_do_first(self) -> None:
        self.checks.go_to_top()

    def action_do_last(self) -> None:
        self.checks.go_to_end()

    # --- looking -------------------------------------------------------------------------------

    def _begin(self, work: Any, group: str) -> None:
        """Runs a coroutine function beside the keys; only the last of its group counts."""
        self.run_worker(work, group=group, exclusive=True)

    def _look_at(self, text: str) -> None:
        self._begin(partial(self._check, text), "check")

    async def _check(self, text: str) -> None:
        await asyncio.sleep(_REST)
        checked = await asyncio.to_thread(check_text, text, self._base, self._redactor, self.app.glyphs)
        self.post_message(messages.EditChecked(checked))

    async def _ask_policy(self, store: AsyncStore, text: str, revision: Revision) -> None:
        word = await policy_word(store, self.app.settings, self._base, revision.arguments)
        self.post_message(messages.EditJudged(text, revision, word))

    def _look_for_hold(self) -> None:
        if self._base.session is not None:
            self._begin(self._find_hold, "hold")

    async def _find_hold(self) -> None:
        assert self._base.session is not None
        try:
            hold = await self.app.store.reviewer.find_hold(self._base.requester, self._base.session)
        except ApprovalTuiError:
            return  # the watch says what is wrong with the store
        self.post_message(messages.HoldFound(hold))

    def _check_lines(self, width: int) -> list[Line]:
        return self.editing.check_lines(self._checked, self.app.clock(), width)

    def _show_checks(self) -> None:
        if self.is_mounted:
            self.checks.rebuild()

    def _show_state(self) -> None:
        why_not = self.editing.why_not(self.app.clock())
        state = ("editing", "message") if why_not is None else ("NOT TO BE DECIDED", "bad")
        for status in self.query(StatusBar):
            status.set_state(*state)
        for keys in self.query(KeyBar):
            keys.show(EDITOR, None)
        if why_not != self._said:
            self.say(why_not or DECIDABLE_AGAIN, "message" if why_not is None else "bad")
            self._said = why_not
        self._show_checks()
