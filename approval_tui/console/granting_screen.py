"""The proposal of a grant: what it covers, part by part, and what it approves, before a key gives it."""

from __future__ import annotations

from textual.widgets import Input

from approval_tui.console import messages
from approval_tui.console.bindings import GRANTING_BINDINGS
from approval_tui.console.documents import Line
from approval_tui.console.granting_lines import Proposal, Proposed, approved_by, proposal_lines
from approval_tui.console.pane_screen import PaneScreen
from approval_tui.console.reading import Reading
from approval_tui.console.shown_request import Subject
from approval_tui.console.widgets.document_pane import DocumentPane
from approval_tui.console.widgets.key_bar import KeyBar
from approval_tui.console.widgets.status_bar import StatusBar
from approval_tui.display.redaction import Redactor
from approval_tui.domain.clock import format_duration, parse_duration
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.grants import LONGEST_GRANT, MOST_USES, SESSION, GrantTerms
from approval_tui.domain.lifecycle import APPROVE, PENDING
from approval_tui.domain.matchers import ANYTHING, FITTING, Part, Path, exact_matcher, exact_part, value_at
from approval_tui.domain.models import Request
from approval_tui.domain.status_words import describe_status
from approval_tui.domain.word_globs import fits_words, proposed_pattern, why_unusable
from approval_tui.settings.actions import GRANTING_VIEW
from approval_tui.store.transactions.granting import GrantPreview


class GrantingScreen(PaneScreen):
    """Begins with the narrowest grant there is, exactly this call; every step wider is the reviewer's own."""

    BINDINGS = GRANTING_BINDINGS

    def __init__(self, subject: Subject, redactor: Redactor, scope: str) -> None:
        super().__init__()
        request = subject.request
        self.pane = DocumentPane(id="payload")
        self._subject = subject
        self._redactor = redactor
        terms = GrantTerms(scope)
        self._proposal = Proposal(request, exact_matcher(request), scope, terms.ends_after, None)
        self._preview: GrantPreview | None = None
        self._cursor = 0
        self._proposed: Proposed | None = None
        self._reading = Reading(None, 0)

    def on_mount(self) -> None:
        self.pane.focus()
        self.query_one(KeyBar).show(self.place, PENDING)
        self._show_state()
        self._propose(self._proposal)

    @property
    def redactor(self) -> Redactor:
        return self._redactor

    @property
    def place(self) -> str:
        return GRANTING_VIEW

    @property
    def proposal(self) -> Proposal:
        """What would be granted now."""
        return self._proposal

    @property
    def is_looked_up(self) -> bool:
        """Whether it is known what that would approve."""
        return self._preview is not None

    def subject(self) -> Subject | None:
        return self._subject

    def request_changed(self, request: Request) -> None:
        """Takes in what became of the request: with another content, or decided, nothing is granted with it."""
        if request.id != self._subject.request.id:
            return
        if request.digest != self._subject.request.digest:
            self._subject = self._subject._replace(is_intact=False)
            self.say("The request was changed. Go back and read it again.", "bad")
        else:
            self._subject = self._subject._replace(request=request)
        self._show_state()

    def look_again(self) -> None:
        self.app.bulk_work.preview_grant(self._proposal.request, self._proposal.terms)

    def _show_state(self) -> None:
        for status in self.query(StatusBar):
            status.set_state(self.with_masks(describe_status(self._subject.request)), "message")

    # --- what it shows -------------------------------------------------------------------------

    def _propose(self, proposal: Proposal) -> None:
        """Shows another proposal, and looks up what it would approve; nothing of it has been read."""
        self._proposal, self._preview = proposal, None
        self._begin_reading()
        self.app.bulk_work.preview_grant(proposal.request, proposal.terms)

    def _begin_reading(self) -> None:
        self._proposed = None
        self._reading = Reading(None, self.app.contract.monotonic())
        self.app.contract.await_painting(self.pane)
        self.pane.show(self._lines, self._reading, from_top=False)

    def on_grant_previewed(self, message: messages.GrantPreviewed) -> None:
        if (message.request_id, message.terms) != (self._proposal.request.id, self._proposal.terms):
            return
        if message.preview is None:
            self.say("" if message.error is None else message.error.happened, "bad")
            return
        before, self._preview = self._preview, message.preview
        if before is None or approved_by(before) != approved_by(message.preview):
            self._begin_reading()
        else:  # what it would have covered stands below all that is read
            self.pane.rebuild()

    def _lines(self, width: int) -> list[Line]:
        proposed = proposal_lines(self._proposal, self._preview, self._cursor, self._redactor, width, self.app.glyphs)
        if self._proposed is None and self._preview is not None:
            self._reading.begin(proposed.total, self.app.contract.monotonic())
        self._proposed = proposed
        return list(proposed.lines)

    # --- keys ----------------------------------------------------------------------------------

    def action_do_next(self) -> None:
        self._move(1)

    def action_do_previous(self) -> None:
        self._move(-1)

    def _move(self, steps: int) -> None:
        if self._is_writing():
            return
        self._cursor = max(0, min(self._cursor + steps, self._proposal.rows - 1))
        self.pane.rebuild()
        if self._proposed is not None:
            self.pane.bring_into_view(self._proposed.places[self._cursor])

    def action_do_loosen(self) -> None:
        """Exactly, what fits a pattern where there is one, anything, and exactly again."""
        if self._is_writing():
            return
        part = self._part()
        if part is None:
            self.action_do_change()
            return
        value = value_at(self._proposal.request, part.path)
        pattern = self._pattern_for(part.path, value)
        if part.kind == ANYTHING:
            other = exact_part(part.path, value)
        elif part.kind == FITTING or pattern is None:
            other = Part(part.path, ANYTHING)
        else:
            other = Part(part.path, FITTING, pattern)
        self._propose(self._proposal._replace(matcher=self._proposal.matcher.with_part(other)))

    def action_do_change(self) -> None:
        """Opens a line for the pattern, the time or the number of uses beside the cursor."""
        boxes = self.query("#search")
        if boxes:
            boxes.first().focus()
            return
        part = self._part()
        if part is not None:
            value = value_at(self._proposal.request, part.path)
            text = part.text if part.kind == FITTING else self._pattern_for(part.path, value)
            if text is None:
                self.say("No pattern can stand for that: it is exactly this, or anything.")
                return
            hint = "a pattern: * is one word, ** one path; enter takes it, escape leaves it"
        elif self._cursor == len(self._proposal.matcher.parts):
            text, hint = format_duration(self._proposal.lifetime), "how long, such as 30m, 8h or 7d"
        else:
            text, hint = str(self._proposal.most_uses or ""), "how often at most; empty is any number of times"
        box = Input(text, id="search", placeholder=hint, compact=True, select_on_focus=False)
        self.mount(box, before="#status")
        box.focus()
        self.say(hint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        changed = self._changed_by(event.value.strip())
        if changed is not None:
            self._close_input()
            self._propose(changed)

    def action_do_back(self) -> None:
        if self.query("#search"):
            self._close_input()
        else:
            self.app.contract.forget()
            self.dismiss(None)

    def action_do_unmask(self) -> None:
        redactor = self._redactor
        self._redactor = redactor.masking() if redactor.is_lifted else redactor.lifted()
        self._begin_reading()

    def action_do_approve(self) -> None:
        """Approves the request, and grants what is shown."""
        subject = self._decidable("approve", PENDING)
        if subject is None:
            return
        if self._is_writing():
            return
        if not subject.is_intact:
            self.say("The request was changed. Go back and read it again.", "bad")
        elif self._preview is None:
            self.say("It is still being looked up what it would approve.")
        elif not self._reading.is_complete:
            self.say(f"Read on first: not all of it was shown ({self.app.keys_of('read_on')[0]}).", "bad")
        else:
            self._intend(lambda: self._grant(subject))

    def _grant(self, subject: Subject) -> None:
        evidence = subject.reading.shown(subject.rows, self.app.contract.monotonic())
        others = 0 if self._preview is None else len(self._preview.releases) - 1
        self.dismiss(None)
        said = (
            "Approved for the rest of its session"
            if self._proposal.scope == SESSION
            else "Approved, from now on always"
        )
        if others > 0:
            said += f", with {others} more that waited"
        self._decide(subject.request, APPROVE, None, evidence, grant=self._proposal.terms, said=said)

    # --- changing it ---------------------------------------------------------------------------

    def _part(self) -> Part | None:
        """The part beside the cursor; None where that is how long or how often."""
        parts = self._proposal.matcher.parts
        return parts[self._cursor] if self._cursor < len(parts) else None

    def _pattern_for(self, path: Path, value: object) -> str | None:
        """A pattern to begin with; None for what no pattern is for, and for what cannot be written as it is shown."""
        if type(value) is not str or self.app.glyphs.visible(value) != value:
            return None
        if self._redactor.is_secret_name(path[-1]) or self._redactor.redact(value) != value:
            return None
        return proposed_pattern(value)

    def _changed_by(self, text: str) -> Proposal | None:
        """The proposal with that text in the row beside the cursor; says why where it cannot be."""
        part = self._part()
        if part is not None:
            return self._with_pattern(part, text)
        if self._cursor == len(self._proposal.matcher.parts):
            return self._with_lifetime(text)
        if not text:
            return self._proposal._replace(most_uses=None)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_USES):
            self.say(f"A number from 1 to {MOST_USES:,}, or nothing.", "bad")
            return None
        return self._proposal._replace(most_uses=int(text))

    def _with_pattern(self, part: Part, text: str) -> Proposal | None:
        value = value_at(self._proposal.request, part.path)
        why = why_unusable(text)
        if text == value:
            changed = exact_part(part.path, value)
        elif why is not None:
            self.say(f"That cannot be used: {why}.", "bad")
            return None
        elif not fits_words(text, value):
            self.say("That does not fit the call itself.", "bad")
            return None
        else:
            changed = Part(part.path, FITTING, text)
        return self._proposal._replace(matcher=self._proposal.matcher.with_part(changed))

    def _with_lifetime(self, text: str) -> Proposal | None:
        try:
            lifetime = parse_duration(text)
        except InvalidInput as error:
            self.say(f"{error.happened} {error.to_do}", "bad")
            return None
        if not 1000 <= lifetime <= LONGEST_GRANT:
            self.say("A grant ends after a second to a year.", "bad")
            return None
        return self._proposal._replace(lifetime=lifetime)

    def _is_writing(self) -> bool:
        """Whether a line is open, which belongs to the row that it was opened for; says so."""
        if not self.query("#search"):
            return False
        self.say("First finish what you are writing.")
        return True

    def _close_input(self) -> None:
        self.query("#search").remove()
        self.pane.focus()
        self.app.contract.disarm()
