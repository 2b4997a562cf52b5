"""The objects of the Agent Approval Protocol (version 1) as types: what is read, and what the OpenAPI document says.

Fields that the protocol does not know are refused. The classes that begin with Own are those of our own media type.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from approval_tui.domain.attempts import MOST_ATTEMPTS
from approval_tui.domain.limits import LONGEST_NAME, LONGEST_TEXT

_NOT_BLANK = r"[^\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Something that is no blank for Python; what \\S matches is another set in every language."""

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=_NOT_BLANK)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Duration = Annotated[str, Meta(pattern="^[1-9][0-9]*(s|m|h)$", max_length=64)]
Timestamp = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", extra_json_schema={"format": "date-time"})
]
Identifier = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
JsonObject = dict[str, Any]


class CreateApprovalRequest(Struct, forbid_unknown_fields=True):
    """One tool call that asks whether it may run; who asks is known from the token alone."""

    tool: Name
    arguments: JsonObject
    timeout: Duration
    server: Name | UnsetType = UNSET
    agent_reasoning: Text | UnsetType = UNSET
    context: JsonObject | UnsetType = UNSET


class OwnAttempt(Struct, forbid_unknown_fields=True):
    """Which attempt of a workflow the call belongs to."""

    number: Annotated[int, Meta(ge=1, le=MOST_ATTEMPTS)]
    most: Annotated[int, Meta(ge=1, le=MOST_ATTEMPTS)]
    previous: Annotated[str, Meta(pattern="^apr_[0-9a-f]{32}$", max_length=36)] | None


class OwnCreateApprovalRequest(CreateApprovalRequest, forbid_unknown_fields=True):
    """The same with what a gate of ours says besides; the same call again meets the same request."""

    session: Name | UnsetType = UNSET
    call_id: Name | UnsetType = UNSET
    attempt: OwnAttempt | UnsetType = UNSET
    edit_taken_as: Literal["denial"] | UnsetType = UNSET


class ReportOutcome(Struct, forbid_unknown_fields=True):
    """What became of a call that was consumed."""

    status: Literal["succeeded", "failed"]
    note: Text | UnsetType = UNSET


class OwnReportOutcome(Struct, forbid_unknown_fields=True):
    """The same by the holder of the claim, which is the key that the call was consumed with."""

    status: Literal["succeeded", "failed", "not_run"]
    claim: Name
    note: Text | UnsetType = UNSET


class Rollback(Struct, forbid_unknown_fields=True):
    """Gives a claim back because the call did not run; with `withdraw` the request is withdrawn in the same step."""

    claim: Name
    note: Text | UnsetType = UNSET
    withdraw: bool = False


class Outcome(Struct):
    """How the call ended, as the agent reported it."""

    status: Literal["succeeded", "failed"]
    reported_at: Timestamp
    note: str | UnsetType = UNSET


class Consumption(Struct):
    """When the call was started, once."""

    consumed_at: Timestamp
    outcome: Outcome | UnsetType = UNSET


class Decision(Struct):
    """The one outcome of a request; an approval has the time until which the call may start."""

    status: Literal["approved", "denied", "expired", "cancelled"]
    decided_at: Timestamp
    note: str | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET


class ApprovalRequest(Struct):
    """The request as it was submitted, and what it is now."""

    id: Identifier
    tool: str
    arguments: JsonObject
    timeout: Duration
    status: Literal["pending", "approved", "denied", "expired", "cancelled"]
    created_at: Timestamp
    deadline_at: Timestamp
    server: str | UnsetType = UNSET
    agent_reasoning: str | UnsetType = UNSET
    context: JsonObject | UnsetType = UNSET
    decision: Decision | UnsetType = UNSET
    consumption: Consumption | UnsetType = UNSET


class OwnAnswer(Struct):
    """The whole request as a record, for a gate of ours; times are in ms UTC, JSON is text."""

    request: JsonObject
    created: bool | UnsetType = UNSET


class Error(Struct):
    """Why something could not be done; `request_id` is that of the exchange, as in the header X-Request-ID."""

    type: Literal[
        "invalid_request", "authentication", "authorization", "not_found", "conflict", "dependency", "internal"
    ]
    code: Annotated[str, Meta(pattern="^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    message: Annotated[str, Meta(min_length=1)]
    request_id: Identifier
    param: str | UnsetType = UNSET
    request: JsonObject | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class ErrorResponse(Struct):
    """What every answer holds that is an error."""

    error: Error
