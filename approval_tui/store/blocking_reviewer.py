"""The reviewer's face of the blocking store: it looks, and it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from approval_tui.store.blocking_face import writes
from approval_tui.store.blocking_reader import BlockingReader
from approval_tui.store.transactions import deciding, reviewer

if TYPE_CHECKING:
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.domain.grants import Grant, GrantTerms
    from approval_tui.domain.holds import Hold
    from approval_tui.domain.models import Request
    from approval_tui.domain.tokens import NewToken, Token
    from approval_tui.store.transactions.granting import GrantPreview
    from approval_tui.store.transactions.sessions import SessionStory


class BlockingReviewerStore(BlockingReader):
    """The face of those who decide."""

    decide = writes(deciding.decide)
    revoke = writes(reviewer.revoke)
    expire = writes(reviewer.expire)
    resolve = writes(reviewer.resolve)

    def grants(self, *, most: int = 1000) -> tuple[Grant, ...]:
        """The grants, live or not, newest first."""
        from approval_tui.store.transactions import grants  # few commands look at them

        return self._engine.read(grants.list_grants, most=most)

    def get_grant(self, grant_id: str) -> Grant:
        """The grant with that id; raises GrantNotFound."""
        from approval_tui.store.transactions import grants

        return self._engine.read(grants.get_grant, grant_id)

    def uses_of_grant(self, grant_id: str, *, most: int = 20) -> tuple[Request, ...]:
        """What the grant approved last; see `grants.uses_of_grant`."""
        from approval_tui.store.transactions import grants

        return self._engine.read(grants.uses_of_grant, grant_id, most=most)

    def preview_grant(self, request_id: str, terms: GrantTerms, *, reviewer: Reviewer) -> GrantPreview:
        """What a grant would approve; see `granting.preview_grant`."""
        from approval_tui.store.transactions import granting

        return self._engine.read(granting.preview_grant, request_id, terms, reviewer=reviewer)

    def preview_given(self, grant_id: str) -> GrantPreview:
        """The same of a grant that there is; see `granting.preview_given`."""
        from approval_tui.store.transactions import granting

        return self._engine.read(granting.preview_given, grant_id)

    def add_grant(self, request_id: str, terms: GrantTerms, *, reviewer: Reviewer, digest: str) -> Grant:
        """Grants calls such as that of a request; see `granting.add_grant`."""
        from approval_tui.store.transactions import granting

        return self._engine.write(granting.add_grant, request_id, terms, reviewer=reviewer, digest=digest)

    def session(self, requester: str, session: str) -> SessionStory:
        """What a session asked and did; see `sessions.session_story`."""
        from approval_tui.store.transactions import sessions  # few commands look at them

        return self._engine.read(sessions.session_story, requester, session)

    def holds(self, *, most: int = 1000) -> tuple[Hold, ...]:
        """The sessions that are held back, or were, newest first."""
        from approval_tui.store.transactions import holds  # few commands look at them

        return self._engine.read(holds.list_holds, most=most)

    def find_hold(self, requester: str, session: str) -> Hold | None:
        """What is known of a hold on that session, released or not."""
        from approval_tui.store.transactions import holds

        return self._engine.read(holds.find_hold, requester, session)

    def hold_session(self, requester: str, session: str, *, reviewer: Reviewer, reason: str | None = None) -> Hold:
        """Holds a session back; see `holds.hold_session`."""
        from approval_tui.store.transactions import holds

        return self._engine.write(holds.hold_session, requester, session, reviewer=reviewer, reason=reason)

    def release_session(self, requester: str, session: str, *, reviewer: Reviewer, reason: str | None = None) -> Hold:
        """Lets a session go on; see `holds.release_session`."""
        from approval_tui.store.transactions import holds

        return self._engine.write(holds.release_session, requester, session, reviewer=reviewer, reason=reason)

    def revoke_grant(self, grant_id: str, *, reviewer: Reviewer, reason: str | None = None) -> Grant:
        """Ends a grant; see `grants.revoke_grant`."""
        from approval_tui.store.transactions import grants

        return self._engine.write(grants.revoke_grant, grant_id, reviewer=reviewer, reason=reason)

    def create_token(self, new: NewToken, role: str, name: str, *, lifetime: int | None, reviewer: Reviewer) -> Token:
        """Keeps a token of the server; see `tokens.create_token`."""
        from approval_tui.store.transactions import tokens  # as few as with grants

        return self._engine.write(tokens.create_token, new, role, name, lifetime=lifetime, reviewer=reviewer)

    def tokens(self, *, most: int = 100_000) -> tuple[Token, ...]:
        """The tokens, live or not, newest first."""
        from approval_tui.store.transactions import tokens

        return self._engine.read(tokens.list_tokens, most=most)

    def revoke_token(self, token_id: str, *, reviewer: Reviewer) -> Token:
        """Ends a token; see `tokens.revoke_token`."""
        from approval_tui.store.transactions import tokens

        return self._engine.write(tokens.revoke_token, token_id, reviewer=reviewer)

    def expire_due(self) -> int:
        """Records the expiry of everything whose time has passed, and says of how many."""
        from approval_tui.store import procedures

        return procedures.run_blocking(procedures.expire_all_due(), self._run)
