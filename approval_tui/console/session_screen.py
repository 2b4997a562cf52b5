"""One session on a screen of its own: whether it is held, its grants, and all that it asked and did, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.console import messages
from approval_tui.console.bindings import SESSION_BINDINGS
from approval_tui.console.documents import Line
from approval_tui.console.pane_screen import PaneScreen
from approval_tui.console.session_lines import session_lines
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.redaction import Redactor
from approval_tui.settings.actions import SESSION_VIEW

if TYPE_CHECKING:
    from approval_tui.console.shown_request import Subject
    from approval_tui.store.transactions.sessions import SessionStory

HELD = "held"


class SessionScreen(PaneScreen):
    """Shows the session as it is; what changes in the store is shown at once."""

    BINDINGS = SESSION_BINDINGS

    def __init__(self, requester: str, session: str, redactor: Redactor) -> None:
        super().__init__()
        self.pane = DocumentPane(id="payload")
        self._session = requester, session
        self._redactor = redactor.masking()
        self._story: SessionStory | None = None

    def on_mount(self) -> None:
        self.pane.focus()
        self.pane.show(self._lines, None, from_top=True)
        self.app.contract.await_painting(self.pane)
        self._show_state()
        self.look_again()

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    @property
    def place(self) -> str:
        return SESSION_VIEW

    @property
    def story(self) -> SessionStory | None:
        """What is shown of the session; None until it is loaded."""
        return self._story

    def subject(self) -> Subject | None:
        """No request is shown whole here."""
        return None

    def look_again(self) -> None:
        self.app.bulk_work.load_session(*self._session)

    def on_session_loaded(self, message: messages.SessionLoaded) -> None:
        if message.story is None:
            self.say("" if message.error is None else message.error.happened, "bad")
            return
        if (message.story.requester, message.story.session) != self._session:
            return
        is_other = self._story is None or self._story.hold != message.story.hold
        self._story = message.story
        if is_other:
            self.app.contract.await_painting(self.pane)
        self.pane.rebuild()
        self._show_state()

    def _show_state(self) -> None:
        is_held = self._story is not None and self._story.is_held
        for status in self.query(StatusBar):
            status.set_state("held back" if is_held else "session", "bad" if is_held else "message")
        for keys in self.query(KeyBar):
            keys.show(self.place, HELD if is_held else None)

    def _lines(self, width: int) -> list[Line]:
        return session_lines(self._story, self._redactor, width, self.app.clock(), self.app.glyphs)

    # --- keys ----------------------------------------------------------------------------------

    def action_do_deny_session(self) -> None:
        self.hold_session(*self._session)

    def action_do_release(self) -> None:
        """Lets the session go on, after a question whose harmless answer keeps it held."""
        from approval_tui.console.release_dialog import ReleaseDialog

        why = self._why_no_command()
        if why is None and (self._story is None or not self._story.is_held):
            why = "It is not held back."
        if why is not None:
            self.say(why)
            return

        def answered(sure: str | None) -> None:
            if sure is not None:
                store, reviewer = self.app.store.reviewer, self.app.reviewer
                self.app.bulk_work.carry_out(
                    lambda: store.release_session(*self._session, reviewer=reviewer), "The session may go on."
                )

        name = self.app.glyphs.name(self._session[1])
        self._intend(lambda: self.app.push_screen(ReleaseDialog(name, self._redactor), answered))
