"""The question for a reason where it is about something else than one request."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from approval_tui.console.dialogs import ReasonDialog
from approval_tui.display.redaction import Redactor


class AboutDialog(ReasonDialog):
    """Asks for a reason; `about` says in safe words what it is about."""

    def __init__(self, redactor: Redactor, *, question: str, about: str, hint: str) -> None:
        super().__init__(None, redactor, question=question, hint=hint)
        self._about = about

    def head(self, question: str) -> list[Static]:
        about = Static(Content(self._about), classes="dialog-text")
        return [Static(Content(question), classes="dialog-title"), about]
