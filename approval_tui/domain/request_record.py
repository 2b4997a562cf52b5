"""A request as one record that reads back as the very same request: how a server hands it to a gate of ours."""

from __future__ import annotations

from typing import Any

from approval_tui.domain.attempts import DraftAttempt
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.ids import is_request_id
from approval_tui.domain.lifecycle import STATUSES
from approval_tui.domain.models import Request, Requirements

_TEXTS: tuple[str, ...] = (
    "id",
    "status",
    "tool",
    "requester",
    "context_text",
    "arguments_text",
    "fingerprint",
    "digest",
    "decisions_text",
)
_OPTIONAL_TEXTS: tuple[str, ...] = (
    "server",
    "session",
    "edited_arguments_text",
    "reason",
    "risk",
    "rule_hash",
    "outcome",
    "outcome_detail",
    "edit_taken_as",
)
_NUMBERS = ("version", "created_at", "expires_at", "approval_lifetime")
_OPTIONAL_NUMBERS = ("approval_expires_at", "decided_at", "consumed_at", "claim_expires_at", "outcome_at")

_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str,)),
    **dict.fromkeys(_OPTIONAL_TEXTS, (str, type(None))),
    **dict.fromkeys(_NUMBERS, (int,)),
    **dict.fromkeys(_OPTIONAL_NUMBERS, (int, type(None))),
    "in_doubt": (bool,),
}


def request_to_record(request: Request) -> JsonObject:
    """The record of a request; times are in ms UTC, JSON is text."""
    record: JsonObject = {name: getattr(request, name) for name in _KINDS}
    record["requirements"] = request.requirements.to_json()
    record["attempt"] = None if request.attempt is None else request.attempt.to_json()
    return record


def request_from_record(record: object) -> Request:
    """The request of a record; raises ValueError, KeyError or TypeError for what is none."""
    if type(record) is not dict:
        raise TypeError("this is no record of a request")
    values: dict[str, Any] = dict(record)
    for name, kinds in _KINDS.items():
        if type(values[name]) not in kinds:
            raise TypeError(f"the request's {name} is {type(values[name]).__name__}")
    if values["status"] not in STATUSES or not is_request_id(values["id"]):
        raise ValueError("the request's status or id is none of ours")
    values["requirements"] = Requirements.from_json(values["requirements"])
    if values["attempt"] is not None:
        values["attempt"] = DraftAttempt.from_json(values["attempt"])
    return Request(**values)
