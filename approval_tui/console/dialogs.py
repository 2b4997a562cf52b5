"""Questions before a decision; the focus begins on the harmless answer and Enter never approves (rule R11)."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from approval_tui.display.preview import preview_line
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import visible_text
from approval_tui.display.width import cut
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.models import Request

_WIDEST = 72


class DenyDialog(ModalScreen[str | None]):
    """Asks for the reason of a denial; gives the reason, or None when the reviewer went back."""

    BINDINGS = [Binding("escape", "back", "Back")]

    def __init__(self, request: Request, redactor: Redactor) -> None:
        super().__init__()
        self._request = request
        self._redactor = redactor

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("Deny this request?"), classes="dialog-title")
            yield Static(_summary(self._request, self._redactor), classes="dialog-text")
            yield Input(placeholder="Reason, for the agent (may be empty)", max_length=LONGEST_TEXT)
            yield Static(Content("enter denies · escape goes back"), classes="dialog-hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_back(self) -> None:
        self.dismiss(None)


class ExpireDialog(ModalScreen[bool]):
    """Asks whether to end a request without a verdict."""

    BINDINGS = [Binding("escape,n", "back", "Back"), Binding("y", "expire", "Expire")]

    def __init__(self, request: Request, redactor: Redactor) -> None:
        super().__init__()
        self._request = request
        self._redactor = redactor

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("End this request without a verdict?"), classes="dialog-title")
            yield Static(_summary(self._request, self._redactor), classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content("No, keep it"), id="back")
                yield Button(Content("Expire (y)"), id="expire", variant="warning")

    def on_mount(self) -> None:
        self.query_one("#back", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "expire")

    def action_back(self) -> None:
        self.dismiss(False)

    def action_expire(self) -> None:
        self.dismiss(True)


def _summary(request: Request, redactor: Redactor) -> Content:
    """What the question is about, in three safe lines."""
    preview = cut(preview_line(request.effective_arguments, redactor), _WIDEST)
    return Content(
        f"{cut(visible_text(request.tool), _WIDEST)}  for {cut(visible_text(request.requester), _WIDEST)}\n"
        f"{preview}\n{request.id}"
    )
