"""Whether a session is held back: asked before anything of it is approved or runs."""

from __future__ import annotations

from approval_tui.domain.models import Request
from approval_tui.store.transaction import Transaction


def is_held(tx: Transaction, requester: str, session: str | None) -> bool:
    """Whether the session is held back now, and until the end of a writing transaction; without a name it never is."""
    if session is None:
        return False
    lock_session(tx, requester, session)
    return bool(tx.rows("is_held", {"requester": requester, "session": session}))


def refuse_held(tx: Transaction, requester: str, session: str | None, request: Request | None = None) -> None:
    """Raises SessionHeld where the session is held back now."""
    if session is not None and is_held(tx, requester, session):
        from approval_tui.domain.errors import SessionHeld  # few sessions are
        from approval_tui.store.transactions import holds

        raise SessionHeld.by(holds.known_hold(tx, requester, session), request=request)


def lock_session(tx: Transaction, requester: str, session: str) -> None:
    """Keeps the session from being held, released, approved or run by others until the end of the transaction."""
    tx.serialize(f"session:{len(requester)}:{requester}:{session}")
