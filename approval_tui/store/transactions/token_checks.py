"""The checks of `audit verify` on tokens: each stands as the log says."""

from __future__ import annotations

from approval_tui.domain import events
from approval_tui.domain.audit import Problem
from approval_tui.domain.canonical import JsonObject
from approval_tui.store.transaction import Row, Transaction
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.grants import details_of
from approval_tui.store.transactions.segments import carried_tokens, last_sealed
from approval_tui.store.transactions.tokens import FIXED


def check_tokens(tx: Transaction) -> tuple[Problem, ...]:
    """Tokens that the log does not know, or knows otherwise; the last seal knows those whose making was pruned."""
    created: dict[str, JsonObject] = {str(each.get("token")): each for each in carried_tokens(tx)}
    revoked: dict[str, object] = {}
    problems = []
    for row in paged(tx, "token_events", "seq", last_sealed(tx)):
        details = details_of(row)
        token = details.get("token")
        is_end = row["name"] == events.TOKEN_REVOKED
        if not isinstance(token, str) or is_end != (token in created) or token in revoked:
            problems.append(Problem("this event fits no token", seq=row["seq"]))
        elif is_end:
            revoked[token] = details.get("revoked_at")
        else:
            created[token] = details
    for row in paged(tx, "tokens_after", "id", ""):
        why = _why_row_differs(row, created.pop(row["id"], None), revoked.get(row["id"]))
        if why is not None:
            problems.append(Problem(f"token {row['id']}: {why}"))
    problems += [Problem(f"token {token}: its row was deleted") for token in created]
    return tuple(problems)


def _why_row_differs(row: Row, created: JsonObject | None, revoked_at: object) -> str | None:
    if created is None:
        return "no event created this token"
    if any(row[column] != created.get(column) for column in FIXED):
        return "its row differs from the event that created it"
    if row["revoked_at"] != revoked_at:
        return "its row and its events differ on whether it was revoked"
    return None
