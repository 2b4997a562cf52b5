"""What the keys do where the reviewer is, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from approval_tui.settings.actions import (
    AUDIT_VIEW,
    BULK_VIEW,
    EDITOR,
    GRANTING_VIEW,
    GRANTS_VIEW,
    HISTORY_VIEW,
    PAYLOAD_VIEW,
    PENDING_VIEW,
    REVIEW,
    SESSION_VIEW,
    VIEWS,
    Action,
)

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp

ABOUT = {
    PENDING_VIEW: (
        "What waits",
        "A key decides the request that is shown, never one that moved under the cursor. Keys that decide are dead for "
        "a moment after what is shown changed. A request that somebody else decided stays until you move on. A call of "
        "high risk asks for the end of its id before it is approved.",
    ),
    HISTORY_VIEW: (
        "History",
        "What no longer waits, newest first. The details tell the whole story of a request: who decided it, on which "
        "evidence, what an edit changed, and what became of the call.",
    ),
    AUDIT_VIEW: (
        "Audit",
        "Every event, newest first. Nothing here can be changed; `v` checks that nobody did.",
    ),
    GRANTS_VIEW: (
        "Grants",
        "What runs without asking, newest first: in one session or always, how often it was used, and until when. A "
        "grant ends by itself, and a key ends it at once.",
    ),
    BULK_VIEW: (
        "Several requests",
        "Exactly what is decided, each with its whole call. Approving counts when all of it was on the screen; of high "
        "risk, for several reviewers and too long ones are left out. What changed since is not decided.",
    ),
    GRANTING_VIEW: (
        "A grant",
        "It begins with exactly this call. Loosen a part, and it fits a pattern or may be anything: `*` is one word, "
        "`**` one path. Below stands what it approves now, and what it would have covered before.",
    ),
    SESSION_VIEW: (
        "A session",
        "What it asked and did, oldest first, and what it may do without asking. While it is held back, nothing of it "
        "is approved or runs.",
    ),
    PAYLOAD_VIEW: (
        "The whole payload",
        "Every row of the arguments. Approving counts when each row was on the screen; a payload too long for that "
        "asks for the end of its id instead.",
    ),
    REVIEW: (
        "The edited call",
        "What would run, and what your edit changed. Approving counts when each row was on the screen; it approves the "
        "edited arguments and nothing else.",
    ),
    EDITOR: (
        "The editor",
        "The arguments as JSON; letters are text here, and nothing decides. What cannot be seen stands as an escape.",
    ),
}
FILTER_HELP = (
    "A filter: words that must all occur. tool: requester: session: risk: look in one field, "
    "status: takes denied, expired, cancelled, consumed, approved or in_doubt, "
    'and quotes keep words together: "make deploy".'
)


class HelpScreen(ModalScreen[None]):
    """A page of help; escape closes it, and so do the keys that open it or leave the console."""

    BINDINGS = [Binding("escape", "close", "Close")]
    app: ConsoleApp

    def __init__(self, place: str, actions: Sequence[Action]) -> None:
        super().__init__()
        self._place = place
        self._actions = [action for action in actions if place in action.places]

    def compose(self) -> ComposeResult:
        title, about = ABOUT[self._place]
        with VerticalScroll(classes="dialog help"):
            yield Static(Content(f"{title} (escape closes this)"), classes="dialog-title")
            yield Static(Content(about), classes="dialog-text")
            yield Static(Content("\n".join(key_rows(self._actions))), classes="dialog-text")
            if self._place in VIEWS:
                yield Static(Content(FILTER_HELP), classes="dialog-text")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_key(self, event: events.Key) -> None:
        if self.app.is_key_of("help", event) or self.app.is_key_of("quit", event):
            event.stop()
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)


def key_rows(actions: Sequence[Action]) -> list[str]:
    """One line for each action: its keys, and what they do."""
    keys = [" ".join(action.keys) for action in actions]
    width = max(map(len, keys), default=0) + 2
    return [f"{key:<{width}}{action.does}" for key, action in zip(keys, actions, strict=True)]
