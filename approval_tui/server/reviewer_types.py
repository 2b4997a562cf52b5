"""What reviewers send and are told over HTTP; whole requests are as `--json` prints them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from approval_tui.domain.grants import MOST_USES
from approval_tui.server.agent_types import Duration, JsonObject, Name, Text

Digest = Annotated[str, Meta(pattern="^v1:sha256:[0-9a-f]{64}$", max_length=74)]
RequestId = Annotated[str, Meta(pattern="^apr_[0-9a-f]{32}$", max_length=36)]
PageSize = Annotated[int, Meta(ge=1, le=500)]
EventNumber = Annotated[int, Meta(ge=0, le=2**53 - 1)]
GrantDuration = Annotated[
    str, Meta(pattern=r"^([1-9]\d{0,6}s|[1-9]\d{0,4}m|[1-9]\d{0,2}h|([1-9]\d?|[12]\d\d|3[0-5]\d)d)$", max_length=8)
]
"""Up to 359 days; every grant ends within a year."""

Risk = Literal["low", "medium", "high"]


class Approve(Struct, forbid_unknown_fields=True):
    """A yes to the request with that digest; `edited_arguments` may run instead of the agent's."""

    digest: Digest
    reason: Text | None = None
    edited_arguments: JsonObject | None = None
    for_session: bool = False


class GrantPart(Struct, forbid_unknown_fields=True):
    """What one part of a call must be; `path` begins with "arguments" or "context"."""

    path: Annotated[list[str], Meta(min_length=1, max_length=100)]
    kind: Literal["fitting", "anything"]
    text: Annotated[str, Meta(max_length=1000)] | None = None


class GrantTerms(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is granted: every part of the call is as it is, but for those that are named."""

    scope: Literal["session", "always"] = "session"
    parts: Annotated[list[GrantPart], Meta(max_length=60)] = []
    lasts: GrantDuration | None = None
    uses: Annotated[float, Meta(ge=1, le=MOST_USES, multiple_of=1)] | None = None


class NewGrant(GrantTerms, forbid_unknown_fields=True, kw_only=True):
    """A grant for calls such as that of a request, which is named as it was looked at."""

    request_id: RequestId
    digest: Digest


class GrantOfWhat(GrantTerms, forbid_unknown_fields=True, kw_only=True):
    """The same to look at what it would do."""

    request_id: RequestId


class Chosen(Struct, forbid_unknown_fields=True):
    """A request as it was looked at."""

    id: RequestId
    digest: Digest


class Bulk(Struct, forbid_unknown_fields=True):
    """One verdict on several requests, each as it was looked at."""

    verdict: Literal["approve", "deny"]
    requests: Annotated[list[Chosen], Meta(min_length=1, max_length=200)]
    reason: Text | None = None


class Session(Struct, forbid_unknown_fields=True):
    """One run of a requester."""

    requester: Name
    session: Name


class HoldSession(Session, forbid_unknown_fields=True):
    """Nothing of it is approved or runs until it is released."""

    reason: Text | None = None


class SessionQuery(Session, forbid_unknown_fields=True):
    """Which session."""


class Deny(Struct, forbid_unknown_fields=True):
    """A no to the request with that digest, or without one to the request as it is."""

    digest: Digest | None = None
    reason: Text | None = None


class Reason(Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Text | None = None


class Nothing(Struct, forbid_unknown_fields=True):
    """An object without fields."""


class Resolve(Struct, forbid_unknown_fields=True):
    """What became of a call whose claim is in doubt."""

    outcome: Literal["succeeded", "failed", "not_run"]
    reason: Text | None = None


class PendingQuery(Struct, forbid_unknown_fields=True):
    """Which of the pending requests; with `wait` the answer is held until there is one."""

    wait: Duration | UnsetType = UNSET
    newer_than: RequestId | UnsetType = UNSET
    limit: PageSize = 100


class WaitQuery(Struct, forbid_unknown_fields=True):
    """How long the answer is held while the request is pending, at most 30 seconds."""

    wait: Duration | UnsetType = UNSET


class HistoryQuery(Struct, forbid_unknown_fields=True):
    """Which of those that no longer wait, newest first; `before` is the last id of the page before."""

    status: Literal["approved", "denied", "expired", "cancelled", "consumed", "in_doubt"] | UnsetType = UNSET
    requester: Name | UnsetType = UNSET
    tool: Name | UnsetType = UNSET
    session: Name | UnsetType = UNSET
    risk: Risk | UnsetType = UNSET
    before: RequestId | UnsetType = UNSET
    limit: PageSize = 100


class EventsQuery(Struct, forbid_unknown_fields=True):
    """Which events: those of one request, oldest first; or the log's, newest first, before or after a number."""

    request_id: RequestId | UnsetType = UNSET
    before: EventNumber | UnsetType = UNSET
    after: EventNumber | UnsetType = UNSET
    limit: PageSize = 100


class NoQuery(Struct, forbid_unknown_fields=True):
    """No parameters."""


class Request(Struct):
    """A request with everything it holds."""

    id: RequestId
    status: Literal["pending", "approved", "denied", "expired", "cancelled", "consumed"]
    tool: str
    server: str | None
    requester: str
    session: str | None
    context: JsonObject
    arguments: JsonObject
    edited_arguments: JsonObject | None
    reason: str | None
    risk: Risk | None
    digest: Digest
    fingerprint: Digest
    rule_hash: str | None
    requirements: JsonObject
    created_at: str
    expires_at: str
    approval_expires_at: str | None
    decided_at: str | None
    decisions: list[JsonObject]
    consumed_at: str | None
    in_doubt: bool
    outcome: Literal["succeeded", "failed", "not_run"] | None
    outcome_at: str | None
    outcome_detail: str | None
    attempt: JsonObject | None
    edit_taken_as: Literal["denial"] | None


class Unusual(Struct):
    """What is unusual about a request that waits or may still be used, a sentence each; for reading alone."""

    unusual: list[str]


class Pending(Struct):
    """What waits, oldest first, and how many wait in all."""

    pending_count: int
    requests: list[Request]


class History(Struct):
    """A page of the history; `next` is the `before` of the one after it, null at the end."""

    requests: list[Request]
    next: RequestId | None


class Event(Struct):
    """One row of the audit log."""

    seq: int
    request: str | None
    event: str
    at: str
    hash: str
    body: JsonObject


class Events(Struct):
    """A part of the audit log."""

    events: list[Event]


class Grants(Struct):
    """Standing approvals that hold now or held once, newest first."""

    grants: list[JsonObject]


class GrantPreview(Struct):
    """What a grant would approve of what waits, and what it covers of the last requests that were looked at."""

    releases: list[JsonObject]
    covered: list[RequestId]
    looked_at: int


class BulkResults(Struct):
    """What became of each request."""

    results: list[JsonObject]


class Holds(Struct):
    """Sessions that are held back, or were, newest first."""

    holds: list[JsonObject]


class SessionStory(Struct):
    """What a session asked and did, oldest first, its grants and whether it is held."""

    requester: str
    session: str
    hold: JsonObject | None
    grants: list[JsonObject]
    requests: list[Request]
    earlier: int
    calls: list[Event]


class ProposalError(Struct):
    """An error in ToolWeaver's words."""

    error: str


class Proposals(Struct):
    """ToolWeaver's proposals that wait."""

    pending_count: int
    requests: list[JsonObject]


class ProposalDecision(Struct):
    """What a reviewer says of a proposal; who that is says the token, whatever stands here."""

    reviewer: Any = None
    reason: str | UnsetType = UNSET
