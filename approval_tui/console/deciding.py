"""What every screen that decides has in common: which request a key is about, and how it is carried out.

Dialogs and help are loaded when they are first asked for, because start-up time is a feature.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import Screen

from approval_tui.console.shown_request import Subject
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.decisions import NO_EVIDENCE, Evidence
from approval_tui.domain.lifecycle import APPROVE, APPROVED, CONSUMED, DENY, PENDING
from approval_tui.domain.models import EVIDENCE_SHOWN, Request
from approval_tui.domain.status_words import describe_status
from approval_tui.settings.actions import BY_ID

if TYPE_CHECKING:
    from approval_tui.console.app import ConsoleApp
    from approval_tui.console.documents import Line
    from approval_tui.domain.grants import GrantTerms


class DecidingScreen(Screen[None]):
    """Decides the request whose id and digest are on the screen, and no other (rule R11)."""

    app: ConsoleApp

    def subject(self) -> Subject | None:
        """What the deciding keys are about."""
        raise NotImplementedError

    def say(self, words: str, role: str = "message") -> None:
        """Says something to the reviewer; the roles are message, good and bad."""
        raise NotImplementedError

    def request_changed(self, request: Request) -> None:
        """Takes in what became of a request that may be the one on this screen."""

    def held_lines(self, request: Request, width: int) -> list[Line]:
        """That its session is held back, where it is and the request could still run."""
        held = self.app.hold_of(request)
        if held is None or request.status not in (PENDING, APPROVED):
            return []
        from approval_tui.console.documents import bad_lines
        from approval_tui.display.session_view import hold_words

        words = f"ITS SESSION IS HELD BACK {hold_words(held, self.redactor, self.app.glyphs)}"
        return bad_lines(f"{words} ({self.app.keys_of('session')[0]} shows it)", width)

    def look_again(self) -> None:
        """The store was looked at anew: what this screen holds of it may be old."""

    @property
    def redactor(self) -> Redactor:
        """What masks secrets here."""
        raise NotImplementedError

    def with_masks(self, words: str) -> str:
        """The words with secrets masked, also while the reviewer looks into those of a payload."""
        return self.redactor.masking().redact(words, self.app.glyphs)

    @property
    def place(self) -> str:
        """Where the reviewer is, as the registry of actions calls it."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the actions that the registry allows here."""
        found = BY_ID.get(action.removeprefix("do_"))
        return found is None or not action.startswith("do_") or self.place in found.places

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.say("Pasted text decides nothing.")

    def on_screen_resume(self) -> None:
        """Another screen was closed: what is shown comes back, and so does the wait before a key counts."""
        contract = self.app.contract
        contract.disarm()
        if not contract.is_painted:
            contract.await_painting(self)  # a screen that went away may have taken the word of it along

    # --- actions -------------------------------------------------------------------------------

    def _say_unread(self, subject: Subject) -> None:
        rows = "row" if subject.unread_rows == 1 else "rows"
        key = self.app.keys_of("read_on")[0]
        self.say(f"Read on first: {subject.unread_rows} {rows} not shown yet ({key}).", "bad")

    def _why_no_command(self) -> str | None:
        """Why nothing at all can be decided here now; None where it can."""
        if self.app.why_readonly is not None:
            return f"{self.app.why_readonly} Nothing can be decided here."
        if not self.app.is_store_open:
            return "The store is away. Nothing can be decided until it is back."
        return self.app.contract.refusal()

    def action_do_approve(self) -> None:
        """Approves what was read to its end.

        A call of high risk takes the end of its id besides, and one too long to be read takes it instead.
        """
        subject = self._decidable("approve", PENDING)
        if subject is None:
            return
        if not subject.is_intact:
            self.say("The digest does not fit what is shown: it cannot be approved here.", "bad")
            return
        now = self.app.contract.monotonic()
        is_read = subject.reading.is_complete
        if is_read and not subject.request.is_of_high_risk:
            evidence = subject.reading.shown(subject.rows, now)
            self._intend(lambda: self._decide(subject.request, APPROVE, None, evidence))
        elif is_read or self._may_stay_unread(subject):
            self._intend(lambda: self._ask_for_id(subject))
        else:
            self._say_unread(subject)

    def action_do_edit(self) -> None:
        from approval_tui.console.editing import why_not_editable

        subject, why = self.subject(), None
        if self.app.why_readonly is not None:
            why = f"{self.app.why_readonly} Nothing can be decided here."
        elif subject is None:
            why = "There is nothing to edit."
        elif not subject.is_ready:
            why = "It is still being worked out. Read it first."
        elif not subject.is_intact:
            why = "The digest does not fit what is shown: it cannot be edited here."
        else:
            unmask = self.app.keys_of("unmask")[0]
            why = why_not_editable(subject.request, self.redactor, self.app.clock(), unmask)
        if why is not None or subject is None:
            self.say(why or "")
            return
        from approval_tui.console.edit_screen import EditScreen

        self.app.push_screen(EditScreen(subject.request, self.redactor))

    def _may_stay_unread(self, subject: Subject) -> bool:
        """Whether it is so long that the end of its id may be typed instead, and no rule wants all of it shown."""
        wants_all = subject.request.requirements.evidence == EVIDENCE_SHOWN
        return subject.rows > self.app.settings.long_payload and not wants_all

    def action_do_deny(self) -> None:
        from approval_tui.console import dialogs

        subject = self._decidable("deny", PENDING)
        if subject is None:
            return

        def answered(reason: str | None) -> None:
            if reason is not None:
                self._decide(subject.request, DENY, reason or None, self._seen(subject))

        self._intend(lambda: self.app.push_screen(dialogs.deny_dialog(subject.request, self.redactor), answered))

    def action_do_expire(self) -> None:
        from approval_tui.console import dialogs

        subject = self._decidable("expire", PENDING)
        if subject is None:
            return
        request = subject.request

        def answered(answer: str | None) -> None:
            if answer is not None:
                store, reviewer = self.app.store.reviewer, self.app.reviewer
                self._command(request, lambda: store.expire(request.id, reviewer=reviewer))

        self._intend(lambda: self.app.push_screen(dialogs.expire_dialog(request, self.redactor), answered))

    def action_do_revoke(self) -> None:
        from approval_tui.console import dialogs

        subject = self._decidable("revoke", APPROVED)
        if subject is None:
            return
        request = subject.request

        def answered(reason: str | None) -> None:
            if reason is not None:
                store, reviewer = self.app.store.reviewer, self.app.reviewer
                self._command(request, lambda: store.revoke(request.id, reviewer=reviewer, reason=reason or None))

        self._intend(lambda: self.app.push_screen(dialogs.revoke_dialog(request, self.redactor), answered))

    def action_do_resolve(self) -> None:
        from approval_tui.console import dialogs

        subject = self._decidable("resolve", CONSUMED)
        if subject is None:
            return
        request = subject.request

        def answered(outcome: str | None) -> None:
            if outcome is not None:
                dialog = dialogs.resolve_reason_dialog(request, self.redactor, outcome)
                self.app.push_screen(dialog, lambda reason: self._resolve(request, outcome, reason))

        self._intend(lambda: self.app.push_screen(dialogs.resolve_dialog(request, self.redactor), answered))

    def _resolve(self, request: Request, outcome: str, reason: str | None) -> None:
        if reason is not None:
            store, reviewer = self.app.store.reviewer, self.app.reviewer
            self._command(request, lambda: store.resolve(request.id, outcome, reviewer=reviewer, reason=reason or None))

    # --- actions that every screen has ---------------------------------------------------------

    def action_do_help(self) -> None:
        from approval_tui.console.help_screen import HelpScreen

        self.app.push_screen(HelpScreen(self.place, self.app.actions))

    def action_do_palette(self) -> None:
        self.app.open_palette()

    def action_do_redraw(self) -> None:
        self.app.redraw()

    def action_do_suspend(self) -> None:
        self.app.action_suspend_process()

    def action_do_quit(self) -> None:
        self.app.exit()

    # --- the contract --------------------------------------------------------------------------

    def _decidable(self, verb: str, status: str) -> Subject | None:
        """What is shown, if a key may do this to it now; otherwise says why not."""
        subject = self.subject()
        why = self._why_not(subject, verb, status)
        if why is not None:
            self.say(why)
            return None
        return subject

    def _why_not(self, subject: Subject | None, verb: str, status: str) -> str | None:
        if self.app.why_readonly is not None:
            return f"{self.app.why_readonly} Nothing can be decided here."
        if subject is None:
            return f"There is nothing to {verb}."
        request = subject.request
        if verb == "approve" and not subject.is_ready:
            return "It is still being worked out. Read it first."
        if verb == "revoke" and request.status == CONSUMED and request.consumed_at is not None:
            return f"Too late to take it back: it was used at {format_timestamp(request.consumed_at)}."
        if verb == "resolve" and not request.in_doubt:
            return f"It is not in doubt: it is {describe_status(request)}."
        is_over = request.status == PENDING and request.expires_at <= self.app.clock()
        if request.status != status or is_over:
            return f"It is {describe_status(request)}."
        if not self.app.is_store_open:
            return "The store is away. Nothing can be decided until it is back."
        if verb == "approve" and self.app.hold_of(request) is not None:
            return f"Its session is held back: release it first ({self.app.keys_of('session')[0]})."
        return self.app.contract.refusal()

    def _intend(self, carry_out: Callable[[], object]) -> None:
        self.app.contract.intend(carry_out, self.say)

    def _seen(self, subject: Subject) -> Evidence:
        if not subject.reading.is_complete:
            return NO_EVIDENCE
        return subject.reading.shown(subject.rows, self.app.contract.monotonic())

    def _ask_for_id(self, subject: Subject) -> None:
        """Approves once the end of the id was typed; what was shown is shown all the same."""
        from approval_tui.console import dialogs

        reading, is_read, seen = subject.reading, subject.reading.is_complete, subject.rows - subject.unread_rows

        def answered(sure: bool | None) -> None:
            if sure:
                now = self.app.contract.monotonic()
                evidence = reading.shown(subject.rows, now) if is_read else reading.typed(seen, now)
                self._decide(subject.request, APPROVE, None, evidence)

        self.app.push_screen(
            dialogs.TypedDialog(
                subject.request,
                self.redactor,
                unread=subject.unread_rows,
                is_approve_key=lambda event: self.app.is_key_of("approve", event),
            ),
            answered,
        )

    def _decide(
        self,
        request: Request,
        verdict: str,
        reason: str | None,
        evidence: Evidence,
        *,
        grant: GrantTerms | None = None,
        said: str | None = None,
    ) -> None:
        store, reviewer = self.app.store.reviewer, self.app.reviewer
        self._command(
            request,
            lambda: store.decide(
                request.id,
                verdict,
                reviewer=reviewer,
                reason=reason,
                evidence=evidence,
                grant=grant,
                **self.decided_about(request),
            ),
            said=said,
        )

    def decided_about(self, request: Request) -> dict[str, Any]:
        """What a decision on it names: the digest of what was shown, and an edit if there is one."""
        return {"digest": request.digest}

    def _command(self, request: Request, run: Callable[[], Awaitable[Request]], *, said: str | None = None) -> None:
        self.app.work.carry_out(request, run, said=said)
