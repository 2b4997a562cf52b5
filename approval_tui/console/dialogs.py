"""Questions before a decision; each begins on the harmless answer, and Enter never approves (rule R11).

The contract of the keys holds in a dialog as on the screen below: what decides is dead for a moment after the
dialog opened, and counts only when it stood alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from approval_tui.console.messages import ReasonsLoaded
from approval_tui.console.widgets.reason_list import ReasonList
from approval_tui.display.glyphs import Glyphs
from approval_tui.display.redaction import Redactor
from approval_tui.display.request_view import request_preview
from approval_tui.display.width import cut
from approval_tui.domain.ids import LAST_OF_ID, end_of_id
from approval_tui.domain.lifecycle import FAILED, NOT_RUN, SUCCEEDED
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.models import Request

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp

T = TypeVar("T")

_WIDEST = 72
_PLACEHOLDER = "Reason, for the agent (may be empty)"
_PLACEHOLDER_BELOW_REASONS = "Reason, for the agent (may be empty; up and down take one)"


class DecisionDialog(ModalScreen[T]):
    """A question about one request; its answers are given under the contract of the keys."""

    BINDINGS = [Binding("escape", "back", "Back")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]
    app: ConsoleApp

    def __init__(self, request: Request | None, redactor: Redactor) -> None:
        """`request` is None where it is about more than one."""
        super().__init__()
        self._request = request
        self._redactor = redactor

    @property
    def request(self) -> Request:
        """The one request that it is about."""
        assert self._request is not None
        return self._request

    def on_mount(self) -> None:
        self.app.contract.await_painting(self)

    def answer(self, value: T) -> None:
        """Gives the answer, if it may be given now and its key stands alone."""
        refusal = self.app.contract.refusal()
        if refusal is not None:
            self.say(refusal)
            return
        self.app.contract.intend(lambda: self.dismiss(value), self.say)

    def say(self, words: str) -> None:
        """Says why nothing happened."""
        self.query_one("#dialog-said", Static).update(Content(words))

    def action_back(self) -> None:
        self.app.contract.forget()
        self.dismiss(None)

    def head(self, question: str) -> list[Static]:
        """The question and what it is about."""
        return [
            Static(Content(question), classes="dialog-title"),
            Static(_summary(self.request, self._redactor, self.app.glyphs), classes="dialog-text"),
        ]

    def foot(self, hint: str) -> list[Static]:
        """What the keys do, and room for what is said."""
        return [Static(Content(hint), classes="dialog-hint"), Static(Content(""), id="dialog-said")]


class ReasonInput(Input):
    """A line for a reason; pasted lines become one, and what does not fit is said and not dropped in silence."""

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.replace(" ".join(event.text.splitlines()), *self.selection)

    def restricted(self) -> None:
        dialog = self.screen
        if isinstance(dialog, DecisionDialog):
            dialog.say(f"Nothing was added: a reason has at most {LONGEST_TEXT:,} characters.")


class ReasonDialog(DecisionDialog[str | None]):
    """Asks for a reason; gives it, or None when the reviewer went back.

    One that `offers` shows reasons to begin with: those of the configuration, and below them those that the reviewer
    gave last. The arrows bring them into the input, which is empty at first, and decide nothing.
    """

    BINDINGS = [Binding("up", "choose(-1)", "Reason above"), Binding("down", "choose(1)", "Reason below")]

    def __init__(
        self, request: Request | None, redactor: Redactor, *, question: str, hint: str, offers: bool = False
    ) -> None:
        super().__init__(request, redactor)
        self._question, self._hint, self._offers = question, hint, offers
        self._own = ""

    def compose(self) -> ComposeResult:
        self._reasons = ReasonList(self._redactor.masking(), self.app.glyphs)
        self._input = ReasonInput(placeholder=_PLACEHOLDER, max_length=LONGEST_TEXT, compact=True)
        with Vertical(classes="dialog"):
            yield from self.head(self._question)
            yield self._reasons
            yield self._input
            yield from self.foot(self._hint)

    def on_mount(self) -> None:
        super().on_mount()
        if self._offers:
            self._offer(self.app.settings.deny_reasons)
            self.app.work.load_reasons(self)

    def on_reasons_loaded(self, message: ReasonsLoaded) -> None:
        """Adds what the reviewer said last, the newest nearest to the input; nothing in which a secret is masked."""
        masked, configured = self._redactor.masking(), self.app.settings.deny_reasons
        given = [" ".join(reason.split()) for reason in reversed(message.reasons)]
        known = [reason for reason in given if reason and masked.redact(reason, self.app.glyphs) == reason]
        self._offer([*configured, *(each for each in dict.fromkeys(known) if each not in configured)])

    def _offer(self, reasons: Sequence[str]) -> None:
        self._reasons.offer(reasons)
        self._input.placeholder = _PLACEHOLDER_BELOW_REASONS if reasons else _PLACEHOLDER

    def action_choose(self, rows: int) -> None:
        if not self._reasons.reasons:
            return
        self._let_go_if_edited()
        if self._reasons.chosen is None:
            self._own = self._input.value
        chosen = self._reasons.step(rows)
        self._input.value = self._own if chosen is None else chosen
        self._input.cursor_position = len(self._input.value)

    def on_input_changed(self) -> None:
        self._let_go_if_edited()

    def _let_go_if_edited(self) -> None:
        """What was edited is the reviewer's own; asked again at an arrow, which may overtake the word of the edit."""
        if self._reasons.chosen is not None and self._input.value != self._reasons.chosen:
            self._reasons.let_go()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.answer(event.value.strip())


class ChoiceDialog(DecisionDialog[str | None]):
    """Asks for one of several answers, each with a key; the focus begins on the one that changes nothing."""

    def __init__(
        self,
        request: Request | None,
        redactor: Redactor,
        *,
        question: str,
        keep: str,
        answers: dict[str, tuple[str, str]],
    ) -> None:
        """`answers` gives for each key its word on the button and its value."""
        super().__init__(request, redactor)
        self._question, self._keep, self._answers = question, keep, answers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield from self.head(self._question)
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content(self._keep), id="back", compact=True)
                for key, (word, value) in self._answers.items():
                    yield Button(Content(f"{word} ({key})"), id=value, variant="warning", compact=True)
            yield from self.foot("escape goes back")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#back", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "back" or event.button.id is None:
            self.action_back()
        else:
            self.answer(event.button.id)

    def on_key(self, event: events.Key) -> None:
        if event.character in self._answers:
            event.stop()
            self.app.contract.begin_acting(event)
            self.answer(self._answers[event.character][1])


class TypedDialog(DecisionDialog[bool | None]):
    """Asks to type the end of the id, for a call of high risk or a payload too long to be read; then `a` approves."""

    def __init__(
        self, request: Request, redactor: Redactor, *, unread: int, is_approve_key: Callable[[events.Key], bool]
    ) -> None:
        super().__init__(request, redactor)
        self._unread = unread
        self._is_approve_key = is_approve_key
        self._typed = ""

    @property
    def _expected(self) -> str:
        return end_of_id(self.request.id)

    def compose(self) -> ComposeResult:
        what = "this call of HIGH RISK" if self.request.is_of_high_risk else "this call"
        unread = f" with {self._unread:,} {'row' if self._unread == 1 else 'rows'} unread" if self._unread else ""
        recorded = "; what was not shown is recorded with the decision" if self._unread else ""
        with Vertical(classes="dialog"):
            yield from self.head(f"Approve {what}{unread}?")
            yield Static(self._asked(), id="dialog-typed")
            yield from self.foot(f"escape goes back{recorded}")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            return
        event.stop()
        self.app.contract.begin_acting(event)
        if len(self._typed) == LAST_OF_ID:
            if self._is_approve_key(event):
                self.answer(True)
                return
            if event.key != "backspace":
                return
        if event.key == "backspace":
            self._typed = self._typed[:-1]
        elif event.character is not None and event.character == self._expected[len(self._typed)]:
            self._typed += event.character
        else:
            self._typed = ""
        self.query_one("#dialog-typed", Static).update(self._asked())

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.say("Pasted text decides nothing.")

    def _asked(self) -> Content:
        if len(self._typed) == LAST_OF_ID:
            return Content("Typed. Now the approving key.")
        return Content(f"Type the last {LAST_OF_ID} characters of the id: {self._typed:_<{LAST_OF_ID}}")


def deny_dialog(request: Request, redactor: Redactor) -> ReasonDialog:
    """The question before a denial."""
    hint = "enter denies, escape goes back"
    return ReasonDialog(request, redactor, question="Deny this request?", hint=hint, offers=True)


def revoke_dialog(request: Request, redactor: Redactor) -> ReasonDialog:
    """The question before an approval is taken back."""
    hint = "enter takes the approval back, escape keeps it"
    return ReasonDialog(request, redactor, question="Take this approval back?", hint=hint, offers=True)


def expire_dialog(request: Request, redactor: Redactor) -> ChoiceDialog:
    """The question before a request is ended without a verdict."""
    return ChoiceDialog(
        request,
        redactor,
        question="End this request without a verdict?",
        keep="No, keep it",
        answers={"y": ("Expire", "expire")},
    )


def resolve_dialog(request: Request, redactor: Redactor) -> ChoiceDialog:
    """The question what became of a call that never reported."""
    return ChoiceDialog(
        request,
        redactor,
        question="What became of this call? It began and never reported.",
        keep="Still in doubt",
        answers={"s": ("Succeeded", SUCCEEDED), "f": ("Failed", FAILED), "n": ("Not run", NOT_RUN)},
    )


def resolve_reason_dialog(request: Request, redactor: Redactor, outcome: str) -> ReasonDialog:
    """The question how the reviewer knows what became of the call."""
    said = outcome.replace("_", " ")
    return ReasonDialog(
        request, redactor, question=f"Record that it {said}?", hint="enter records it, escape goes back"
    )


def _summary(request: Request, redactor: Redactor, glyphs: Glyphs) -> Content:
    """What the question is about, in safe lines; no name can go on in the next of them."""
    tool, requester = (cut(glyphs.name(text, _WIDEST), _WIDEST, glyphs) for text in (request.tool, request.requester))
    preview = cut(request_preview(request, redactor, glyphs), _WIDEST, glyphs)
    return Content(f"{tool}\nfor {requester}\n{preview}\n{request.id}")
