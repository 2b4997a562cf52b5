"""The checks of `audit verify` on grants: each stands as the log says, and approved only what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from approval_tui.domain import events
from approval_tui.domain.audit import Problem
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.grants import ALWAYS, why_ungrantable
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.grants import details_of, fixed_columns, matcher_from_text
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import request_from_row
from approval_tui.store.transactions.segments import last_sealed

_OF_THE_CALL = ("tool", "requester")


@dataclass
class _Told:
    """What the log says of one grant: what was given, when it was revoked, and how often it approved."""

    given: JsonObject
    request_id: str | None
    revoked: JsonObject | None = None
    revoked_seq: int | None = None
    uses: int = field(default=0)


def check_grants(tx: Transaction) -> tuple[Problem, ...]:
    """Grants that the log does not know, or knows otherwise, and approvals by grants that do not give them."""
    told: dict[str, _Told] = {}
    after = last_sealed(tx)
    problems = [*_unreadable(tx, told, after), *_wrong_approvals(tx, told, after), *_wrong_rows(tx, told)]
    return tuple(problems)


def _unreadable(tx: Transaction, told: dict[str, _Told], after: int) -> Iterator[Problem]:
    """Fills in what the log says of grants after that event; events that say nothing of one are problems."""
    for row in paged(tx, "grant_events", "seq", after):
        details = details_of(row)
        grant = details.get("grant")
        if not isinstance(grant, str) or (row["name"] == events.GRANT_REVOKED) != (grant in told):
            yield Problem("this event fits no grant", seq=row["seq"], request_id=row["request_id"])
        elif row["name"] == events.GRANT_GIVEN:
            told[grant] = _Told(details, row["request_id"])
        elif told[grant].revoked is None:
            told[grant].revoked, told[grant].revoked_seq = details, row["seq"]


def _wrong_approvals(tx: Transaction, told: dict[str, _Told], after: int) -> Iterator[Problem]:
    for row in paged(tx, "approvals_by_grants", "seq", after):
        grant = details_of(row).get("grant")
        if grant is None:
            continue
        known = told.get(grant) if isinstance(grant, str) else None
        why = "a grant approved it that nobody gave" if known is None else _why_not_given(tx, row, known)
        if known is not None:
            known.uses += 1
        if why is not None:
            yield Problem(why, seq=row["seq"], request_id=row["request_id"])


def _why_not_given(tx: Transaction, approval: Row, known: _Told) -> str | None:
    """Why the grant cannot have approved that, if it cannot."""
    request = first_row(tx.rows("request", {"id": approval["request_id"]}))
    if request is not None and not _covers(known.given, request):
        return "a grant approved it that gives another call"
    if request is not None and not _is_grantable(known.given, request):
        return "a grant approved what is looked at each time"
    changes = event_from_row(approval).body.get("changes")
    decided_at = changes.get("decided_at") if isinstance(changes, dict) else None
    expires_at = known.given.get("expires_at")
    is_late = not isinstance(decided_at, int) or not isinstance(expires_at, int) or decided_at >= expires_at
    is_revoked = known.revoked_seq is not None and known.revoked_seq < approval["seq"]
    return "a grant approved it that no longer held" if is_late or is_revoked else None


def _covers(given: JsonObject, request: Row) -> bool:
    """Whether what was given, as the log says, covers the request."""
    if given.get("scope") != ALWAYS and request["session"] != given.get("session"):
        return False
    if any(request[column] != given.get(column) for column in _OF_THE_CALL):
        return False
    matcher = given.get("matcher")
    if matcher is None:
        return bool(request["fingerprint"] == given.get("fingerprint"))
    try:
        return matcher_from_text(matcher).covers(request_from_row(request, 0))
    except ApprovalTuiError:
        return False


def _is_grantable(given: JsonObject, request: Row) -> bool:
    """Whether any grant of that reviewer may approve such a request (rule R7)."""
    try:
        asked = request_from_row(request, 0)
    except ApprovalTuiError:
        return False
    return why_ungrantable(asked.requirements, asked.risk, str(given.get("granted_by"))) is None


def _wrong_rows(tx: Transaction, told: dict[str, _Told]) -> Iterator[Problem]:
    for row in paged(tx, "grants_after", "id", ""):
        known = told.pop(row["id"], None)
        why = "no event gave this grant" if known is None else _why_row_differs(row, known)
        if why is not None:
            yield Problem(f"grant {row['id']}: {why}", request_id=row["request_id"])
    for grant, known in told.items():
        yield Problem(f"grant {grant}: its row was deleted", request_id=known.request_id)


def _why_row_differs(row: Row, known: _Told) -> str | None:
    fixed = {**fixed_columns(row), "request_id": row["request_id"]}
    if fixed != {**{column: known.given.get(column) for column in fixed_columns(row)}, "request_id": known.request_id}:
        return "its row differs from the event that gave it"
    ended = known.revoked or {}
    if (row["revoked_by"], row["revoked_at"]) != (ended.get("revoked_by"), ended.get("revoked_at")):
        return "its row and its events differ on whether it was revoked"
    most_uses = row["most_uses"]
    if most_uses is not None and known.uses > most_uses:
        return f"it was used {known.uses} times, and was given for {most_uses}"
    if row["uses"] != known.uses:
        return f"it was used {known.uses} times, and its row says {row['uses']}"
    return None
