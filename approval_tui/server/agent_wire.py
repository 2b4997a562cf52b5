"""A request in the words of the Agent Approval Protocol (Requests and Decisions).

What the protocol calls terminal stays so: once a request was approved it is told as approved, whatever became of the
approval later; that shows where it is consumed.
"""

from __future__ import annotations

import re
from dataclasses import replace

from approval_tui.domain.canonical import JsonObject, exact_json, record_json
from approval_tui.domain.clock import HOUR, LONGEST_DURATION, MINUTE, SECOND, format_timestamp
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.http_names import uuid_of
from approval_tui.domain.lifecycle import (
    APPROVE,
    APPROVED,
    CANCELLED,
    CONSUMED,
    DENIED,
    EXPIRED,
    FAILED,
    PENDING,
    SUCCEEDED,
)
from approval_tui.domain.models import Request
from approval_tui.domain.request_record import request_to_record
from approval_tui.domain.submissions import SubmittedAs

_DURATION = re.compile("([1-9][0-9]*)([smh])")
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR}
_MOST_DIGITS = 12
_EDITED = "A reviewer approved other arguments than yours, so the call as it is may not run. Ask again with these: "


def milliseconds_of(duration: str) -> int:
    """The ms of a duration of the protocol, of which there are at most ten years; raises InvalidInput."""
    found = _DURATION.fullmatch(duration)  # what a type's pattern lets pass may end with a line break
    if found is None:
        raise InvalidInput(f"{duration!a} is no duration.", not_done="", to_do="")
    digits, unit = found.groups()
    if len(digits) > _MOST_DIGITS:
        return LONGEST_DURATION
    return min(LONGEST_DURATION, int(digits) * _UNITS[unit])


def status_of(request: Request) -> str:
    """The status as the protocol has it; an approval of other arguments is no approval of this call."""
    if request.status == PENDING:
        return PENDING
    if request.approval_expires_at is not None:
        return APPROVED if request.edited_arguments is None else DENIED
    return request.status


def request_on_wire(request: Request, submitted: SubmittedAs | None) -> JsonObject:
    """The protocol's object; `submitted` is how it was submitted, None where that was not over HTTP."""
    said: JsonObject = {
        "id": uuid_of(request.id),
        "tool": request.tool,
        "arguments": request.arguments,
        "timeout": submitted.timeout if submitted is not None else _duration(request),
        "status": status_of(request),
        "created_at": format_timestamp(request.created_at),
        "deadline_at": format_timestamp(request.expires_at),
    }
    if request.server is not None:
        said["server"] = request.server
    if request.reason is not None:
        said["agent_reasoning"] = request.reason
    if submitted is None or submitted.has_context:
        said["context"] = request.context
    if said["status"] != PENDING:
        said["decision"] = _decision(request, said["status"])
    if request.status == CONSUMED and said["status"] == APPROVED:
        said["consumption"] = _consumption(request)
    return said


def record_for_agents(request: Request) -> JsonObject:
    """The whole request, but for the reviewers' accounts, terminals and tokens, which are no business of an agent."""
    decisions = [replace(each, os_user=None, tty=None, token=None).to_json() for each in request.decisions]
    return {**request_to_record(request), "decisions_text": record_json(decisions)}


def _decision(request: Request, status: str) -> JsonObject:
    if request.approval_expires_at is not None:
        approval = [each for each in request.decisions if each.verdict == APPROVE][-1]
        said: JsonObject = {"status": status, "decided_at": format_timestamp(approval.decided_at)}
        if status == APPROVED:
            said["expires_at"] = format_timestamp(request.approval_expires_at)
            note = approval.reason
        else:
            note = _EDITED + exact_json(request.edited_arguments)
        return {**said, "note": note} if note else said
    said = {"status": status, "decided_at": format_timestamp(_ended_at(request))}
    reason = request.decisions[-1].reason if status == DENIED and request.decisions else None
    return {**said, "note": reason} if reason else said


def _ended_at(request: Request) -> int:
    """When it was denied, withdrawn, or not decided in time: the same whether that is recorded yet or not."""
    if request.status == EXPIRED:
        return min(request.decided_at or request.expires_at, request.expires_at)
    assert request.decided_at is not None
    return request.decided_at


def _consumption(request: Request) -> JsonObject:
    assert request.consumed_at is not None
    said: JsonObject = {"consumed_at": format_timestamp(request.consumed_at)}
    if request.outcome in (SUCCEEDED, FAILED):
        assert request.outcome_at is not None
        outcome: JsonObject = {"status": request.outcome, "reported_at": format_timestamp(request.outcome_at)}
        said["outcome"] = {**outcome, "note": request.outcome_detail} if request.outcome_detail else outcome
    return said


def _duration(request: Request) -> str:
    return f"{max(1, (request.expires_at - request.created_at) // SECOND)}s"


def is_cancelled(request: Request) -> bool:
    """Whether it was withdrawn before anybody decided."""
    return request.status == CANCELLED and request.approval_expires_at is None
