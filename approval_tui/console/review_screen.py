"""The edited request, read as any payload is, before it is approved with the edit."""

from __future__ import annotations

from typing import Any

from approval_tui.console.bindings import REVIEW_BINDINGS
from approval_tui.console.editing import DECIDABLE_AGAIN, Editing
from approval_tui.console.payload_screen import PayloadScreen
from approval_tui.console.revised_request import RevisedRequest
from approval_tui.console.shown_request import Subject
from approval_tui.domain.models import Request
from approval_tui.settings.actions import REVIEW


class ReviewScreen(PayloadScreen):
    """Approves exactly what it shows, as an edit of the request that the editor was opened on; decides nothing else."""

    BINDINGS = REVIEW_BINDINGS

    def __init__(self, revised: RevisedRequest, editing: Editing) -> None:
        super().__init__(revised)
        self._revised = revised
        self._editing = editing
        self._said: str | None = None  #: why nothing can be decided, as far as that was said

    @property
    def place(self) -> str:
        return REVIEW

    def request_changed(self, shown: Request) -> None:
        """Takes in what became of the request; what is read here stays what it is, and may be too late."""
        if not self._editing.take(shown):
            return
        self._revised.update(self._revised.revision.of(shown))
        if self.is_mounted:
            self.pane.rebuild()
        self.show_state()

    def show_state(self) -> None:
        """Says at once where nothing can be decided about it any more."""
        self._show_state()
        why_not = self._why_too_late()
        if why_not != self._said:
            self.say(why_not or DECIDABLE_AGAIN, "message" if why_not is None else "bad")
            self._said = why_not

    def decided_about(self, request: Request) -> dict[str, Any]:
        """The decision is made on the request as it was, with the edit that is shown."""
        revision = self._revised.revision
        return {"digest": revision.base.digest, "edited_arguments": revision.arguments}

    def _why_not(self, subject: Subject | None, verb: str, status: str) -> str | None:
        why = self._why_too_late()
        if why is None and self._revised.policy is not None and self._revised.policy.is_refused:
            why = "The policy denies this edit: it would never run, so it is not approved."
        return why or super()._why_not(subject, verb, status)

    def _why_too_late(self) -> str | None:
        if self._revised.revision.is_recorded(self._editing.request, self.app.reviewer.name):
            return None  # by this very screen
        return self._editing.why_not(self.app.clock())
