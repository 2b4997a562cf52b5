"""Whether a row can be shown: somebody may have written past the commands, and a screen must not end over that.

The store's own commands refuse such a row where they use it; a list would draw all of its fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from approval_tui.domain.errors import StoreCorrupt
from approval_tui.domain.lifecycle import OUTCOMES, STATUSES
from approval_tui.domain.models import NO_DECISIONS, Request

if TYPE_CHECKING:
    from approval_tui.domain.audit import Event

_TEXTS = ("id", "status", "tool", "requester", "fingerprint", "digest")
_TEXTS_OR_NONE = ("server", "session", "reason", "risk", "rule_hash", "outcome_detail")
_TIMES = ("created_at", "expires_at", "approval_lifetime")
_TIMES_OR_NONE = ("approval_expires_at", "decided_at", "consumed_at", "claim_expires_at", "outcome_at")
_LATEST = 253_402_300_800_000
"""The first ms of the year 10000, which no time of ours reaches."""


def check_row(row: Request | Event) -> None:
    """Raises StoreCorrupt for a request or an event that no command can have written."""
    if not isinstance(row, Request):
        _check_event(row)
        return
    fields = vars(row)
    for name in _TEXTS:
        _check(row, name, type(fields[name]) is str)
    for name in _TEXTS_OR_NONE:
        _check(row, name, fields[name] is None or type(fields[name]) is str)
    for name in _TIMES:
        _check(row, name, _is_time(fields[name]))
    for name in _TIMES_OR_NONE:
        _check(row, name, fields[name] is None or _is_time(fields[name]))
    _check(row, "status", row.status in STATUSES)
    _check(row, "outcome", row.outcome is None or row.outcome in OUTCOMES)
    if row.decisions_text != NO_DECISIONS:
        for decision in row.decisions:
            texts = (decision.verdict, decision.reviewer, decision.digest, decision.via, decision.evidence.kind)
            numbers = (decision.decided_at, decision.evidence.rows, decision.evidence.shown_ms)
            is_sound = all(type(text) is str for text in texts) and all(map(_is_time, numbers))
            for text in (decision.reason, decision.token):
                is_sound = is_sound and (text is None or type(text) is str)
            _check(row, "decisions", is_sound)


def _check_event(event: Event) -> None:
    is_sound = (
        type(event.seq) is int
        and type(event.name) is str
        and _is_time(event.at)
        and type(event.hash) is str
        and (event.request_id is None or type(event.request_id) is str)
    )
    if not is_sound:
        raise StoreCorrupt(
            f"Event {event.seq!a} of the audit log cannot be read.",
            not_done="It is not shown.",
            to_do="Run approval-tui audit verify; somebody wrote to the store's file.",
        )


def _check(request: Request, name: str, is_sound: bool) -> None:
    if not is_sound:
        raise StoreCorrupt.unreadable(str(request.id), TypeError(f"{name} holds what no command writes"))


def _is_time(value: Any) -> bool:
    return type(value) is int and -_LATEST < value < _LATEST
