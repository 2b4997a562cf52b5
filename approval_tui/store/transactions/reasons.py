"""The reasons that a reviewer gave before, to begin the next one with."""

from __future__ import annotations

from approval_tui.domain.canonical import stored_json
from approval_tui.domain.decisions import Decision
from approval_tui.domain.lifecycle import DENY
from approval_tui.domain.models import VIA_GRANT, VIA_POLICY
from approval_tui.store.transaction import Transaction

MOST_LOOKED_AT = 200
"""Denied requests, the newest ones, in which reasons are looked for."""


def denial_reasons(tx: Transaction, reviewer: str, *, most: int = 5) -> tuple[str, ...]:
    """The last different reasons for which that reviewer denied a request or took an approval back, newest first.

    Rows that somebody spoiled are passed over: nobody's next decision waits for them.
    """
    found: dict[str, None] = {}
    for row in tx.rows("newest_denials", {"most": MOST_LOOKED_AT}):
        reason = _reason(row["decisions"], reviewer)
        if reason:
            found.setdefault(reason)
        if len(found) >= most:
            break
    return tuple(found)


def _reason(decisions: object, reviewer: str) -> str | None:
    """Why that reviewer denied it; None where they did not, or gave no reason."""
    try:
        stored = stored_json(decisions) if isinstance(decisions, str) else None
        last = Decision.from_json(stored[-1]) if isinstance(stored, list) and stored else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if last is None or (last.verdict, last.reviewer) != (DENY, reviewer) or last.via in (VIA_GRANT, VIA_POLICY):
        return None
    return last.reason.strip() if isinstance(last.reason, str) else None
