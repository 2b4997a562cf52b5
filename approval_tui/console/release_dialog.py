"""The question before a session that is held back may go on."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from approval_tui.console.dialogs import ChoiceDialog
from approval_tui.display.redaction import Redactor


class ReleaseDialog(ChoiceDialog):
    """Begins on the answer that keeps the session held."""

    def __init__(self, session: str, redactor: Redactor) -> None:
        """`session` is safe to show."""
        question = f"Let the session {session} go on?"
        super().__init__(None, redactor, question=question, keep="No, keep it", answers={"y": ("Release", "release")})

    def head(self, question: str) -> list[Static]:
        about = "What waits of it can be decided again, and what was approved and is still valid may run."
        return [
            Static(Content(question), classes="dialog-title"),
            Static(Content(about), classes="dialog-text"),
        ]
