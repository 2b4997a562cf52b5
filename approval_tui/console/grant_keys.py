"""The grant under the cursor of the list of grants: shown with what it approved, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approval_tui.console import messages
from approval_tui.console.marking import MarkKeys
from approval_tui.console.widgets.document_pane import DocumentPane

if TYPE_CHECKING:
    from approval_tui.domain.grants import Grant
    from approval_tui.domain.models import Request


class GrantKeys(MarkKeys):
    """What a list screen does with a grant."""

    detail: DocumentPane
    _shown_grant: Grant | None = None
    _approved_by_grant: Sequence[Request] = ()

    @property
    def shown_grant(self) -> Grant | None:
        """The grant that is on the screen."""
        return self._shown_grant

    def is_other_grant(self, grant: Grant | None) -> bool:
        """Whether another grant is to be shown than the one that is on the screen."""
        return (None if grant is None else grant.id) != (None if self._shown_grant is None else self._shown_grant.id)

    def show_grant(self, grant: Grant | None, *, is_other: bool) -> None:
        """Takes in the grant that is to be shown, and has loaded what it approved where that may be other."""
        before, self._shown_grant = self._shown_grant, grant
        if is_other:
            self._approved_by_grant = ()
        if grant is not None and (is_other or before is None or before.uses != grant.uses):
            self.app.bulk_work.load_uses(grant)

    def on_grant_uses_loaded(self, message: messages.GrantUsesLoaded) -> None:
        if self._shown_grant is not None and self._shown_grant.id == message.grant_id:
            self._approved_by_grant = message.requests
            self.detail.rebuild()

    def action_do_revoke_grant(self) -> None:
        """Ends the grant that is shown, after a question for a reason."""
        from approval_tui.console.about_dialog import AboutDialog
        from approval_tui.display.grant_view import grant_title

        grant, why = self.shown_grant, self._why_no_command()
        if why is None and grant is None:
            why = "There is no grant to revoke."
        elif why is None and grant is not None and not grant.is_in_force(self.app.clock()):
            why = "It has ended already."
        if why is not None or grant is None:
            self.say(why or "")
            return
        grant_id = grant.id

        def answered(reason: str | None) -> None:
            if reason is not None:
                store, reviewer = self.app.store.reviewer, self.app.reviewer
                self.app.bulk_work.carry_out(
                    lambda: store.revoke_grant(grant_id, reviewer=reviewer, reason=reason or None),
                    "Revoked: what it covers is asked again.",
                )

        dialog = AboutDialog(
            self.redactor,
            question="End this grant?",
            about=f"{grant_title(grant, self.app.glyphs)}\n{grant_id}",
            hint="enter ends it, escape keeps it",
        )
        self._intend(lambda: self.app.push_screen(dialog, answered))
