"""The keys that reach beyond one request: such calls for a session or always, and the session as a whole."""

from __future__ import annotations

from approval_tui.console.deciding import DecidingScreen
from approval_tui.domain.lifecycle import PENDING


class GrantingKeys(DecidingScreen):
    """Goes to the proposal of a grant, to the shown request's session, and to what waits of that."""

    def action_do_approve_session(self) -> None:
        self._propose_grant("session")

    def action_do_approve_always(self) -> None:
        self._propose_grant("always")

    def _propose_grant(self, scope: str) -> None:
        """Goes to the proposal of a grant, where it can be given; what it is given with must have been read."""
        from approval_tui.domain.grants import SESSION, why_ungrantable  # few requests come to it

        subject = self._decidable("approve", PENDING)
        if subject is None:
            return
        request = subject.request
        why = why_ungrantable(request.requirements, request.risk, self.app.reviewer.name)
        if scope == SESSION and request.session is None:
            why = "its requester names no session"
        elif request.edited_arguments_text is not None:
            why = "what would run is not what the agent asks for"
        if not subject.is_intact:
            self.say("The digest does not fit what is shown: it cannot be approved here.", "bad")
        elif why is not None:
            what = "for its session" if scope == SESSION else "once and for all"
            self.say(f"It cannot be approved {what}: {why}.", "bad")
        elif not subject.reading.is_complete:
            self._say_unread(subject)
        else:
            from approval_tui.console.granting_screen import GrantingScreen

            self._intend(lambda: self.app.push_screen(GrantingScreen(subject, self.redactor.masking(), scope)))

    def action_do_session(self) -> None:
        from approval_tui.console.session_screen import SessionScreen

        session = self._session_of_shown()
        if session is not None:
            self.app.push_screen(SessionScreen(*session, self.redactor))

    def action_do_deny_session(self) -> None:
        session = self._session_of_shown()
        if session is not None:
            self.hold_session(*session)

    def _session_of_shown(self) -> tuple[str, str] | None:
        """Whose run the shown request belongs to; says so where it belongs to none."""
        subject = self.subject()
        if subject is None:
            self.say("There is no request that is shown.")
        elif subject.request.session is None:
            self.say("Its requester names no session.")
        else:
            return subject.request.requester, subject.request.session
        return None

    def hold_session(self, requester: str, session: str) -> None:
        """Goes to the table of what waits of a session, from which it is denied and held back."""
        why = self._why_no_command()
        if why is not None:
            self.say(why)
            return
        self._intend(lambda: self.app.bulk_work.open_session(requester, session))
