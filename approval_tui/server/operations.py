"""The one table of what the server does: who may ask for it, what is read and what is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from approval_tui.domain.http_names import REQUESTS_PATH
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.server import agent_types as agent
from approval_tui.server import reviewer_types as reviewer
from approval_tui.server.agent_api import AgentApi
from approval_tui.server.exchange import Answer, Exchange, Handler
from approval_tui.server.reviewer_api import ReviewerApi


class Operation(NamedTuple):
    """One operation: `role` is whose token it needs.

    `body` and `query` are the types of what is read, `own_body` that of our own media type; `answers` are the types
    by status, `refusals` the further statuses that it may end with, beside those that every operation has.
    """

    name: str
    summary: str
    role: str
    method: str
    path: str
    handler: Handler
    answers: dict[int, type]
    refusals: tuple[int, ...] = ()
    body: type | None = None
    own_body: type | None = None
    own_answer: type | None = None
    query: type = reviewer.NoQuery
    needs_key: bool = False
    error: type = agent.ErrorResponse


_ONE_REQUEST = REQUESTS_PATH + "/{id}"
_ASKED = agent.ApprovalRequest
_OWN = agent.OwnAnswer


def agent_operations(api: AgentApi) -> tuple[Operation, ...]:
    """The request operations of the Agent Approval Protocol, and rollback, which only gates of ours know."""

    def operation(name: str, summary: str, method: str, path: str, handler: Handler, **more: Any) -> Operation:
        answers = more.pop("answers", {200: _ASKED})
        return Operation(name, summary, AGENT, method, path, handler, answers, **{"own_answer": _OWN, **more})

    return (
        operation(
            "createApprovalRequest", "Ask whether one tool call may run", "POST", REQUESTS_PATH, api.create,
            answers={201: _ASKED, 200: _ASKED}, refusals=(409,), needs_key=True,
            body=agent.CreateApprovalRequest, own_body=agent.OwnCreateApprovalRequest,
        ),
        operation(
            "getApprovalRequest", "The request as it is, or as soon as it is decided", "GET", _ONE_REQUEST, api.get,
            refusals=(404,), query=reviewer.WaitQuery,
        ),
        operation(
            "cancelApprovalRequest", "Withdraw a request that waits", "DELETE", _ONE_REQUEST, api.in_turn(api.cancel),
            refusals=(404, 409),
        ),
        operation(
            "consumeApproval", "Start the approved call, once", "POST", f"{_ONE_REQUEST}/consume",
            api.in_turn(api.consume), refusals=(404, 409), needs_key=True,
        ),
        operation(
            "reportOutcome", "Say what became of the call", "POST", f"{_ONE_REQUEST}/outcome", api.in_turn(api.outcome),
            refusals=(404, 409), body=agent.ReportOutcome, own_body=agent.OwnReportOutcome,
        ),
        operation(
            "rollBack", "Give the claim back, because the call did not run", "POST", f"{_ONE_REQUEST}/rollback",
            api.in_turn(api.rollback), refusals=(404, 409), body=agent.Rollback, own_body=agent.Rollback,
        ),
    )  # fmt: skip


def reviewer_operations(api: ReviewerApi) -> tuple[Operation, ...]:
    """What a person does who scripts: Intercept's four routes first."""

    def operation(
        name: str, summary: str, method: str, path: str, handler: Handler, told: type, **more: Any
    ) -> Operation:
        return Operation(name, summary, REVIEWER, method, path, handler, {200: told}, **more)

    def decision(name: str, summary: str, word: str, handler: Handler, body: type) -> Operation:
        path = f"/api/{word}/{{id}}"
        return operation(name, summary, "POST", path, handler, reviewer.Request, refusals=(404, 409), body=body)

    return (
        operation(
            "listPending", "What waits for a decision", "GET", "/api/pending", api.pending, reviewer.Pending,
            query=reviewer.PendingQuery,
        ),
        operation(
            "getRequest", "One request, whatever became of it", "GET", "/api/pending/{id}", api.request,
            reviewer.Request, refusals=(404,), query=reviewer.WaitQuery,
        ),
        operation(
            "getUnusual", "What is unusual about a request", "GET", "/api/pending/{id}/unusual", api.unusual,
            reviewer.Unusual, refusals=(404,),
        ),
        decision("approve", "Say yes to a request", "approve", api.approve, reviewer.Approve),
        decision("deny", "Say no to a request", "deny", api.deny, reviewer.Deny),
        decision("expire", "End a pending request without a verdict", "expire", api.expire, reviewer.Nothing),
        decision("revoke", "Take an approval back before it is used", "revoke", api.revoke, reviewer.Reason),
        decision("resolve", "Say what became of a call that is in doubt", "resolve", api.resolve, reviewer.Resolve),
        operation(
            "listHistory", "What no longer waits, newest first", "GET", "/api/history", api.history, reviewer.History,
            query=reviewer.HistoryQuery,
        ),
        operation(
            "listEvents", "The audit log", "GET", "/api/events", api.events, reviewer.Events,
            refusals=(404,), query=reviewer.EventsQuery,
        ),
        operation(
            "decideSeveral", "One verdict on several requests, each by itself", "POST", "/api/bulk", api.bulk,
            reviewer.BulkResults, body=reviewer.Bulk,
        ),
        operation(
            "addGrant", "Let calls such as that of a request run without asking", "POST", "/api/grants", api.add_grant,
            dict, refusals=(404, 409), body=reviewer.NewGrant,
        ),
        operation(
            "previewGrant", "What such a grant would approve", "POST", "/api/grants/preview", api.preview_grant,
            reviewer.GrantPreview, refusals=(404, 409), body=reviewer.GrantOfWhat,
        ),
        operation(
            "getSession", "What a session asked and did", "GET", "/api/session", api.session, reviewer.SessionStory,
            refusals=(404,), query=reviewer.SessionQuery,
        ),
        operation("listHolds", "Sessions that are held back", "GET", "/api/holds", api.holds, reviewer.Holds),
        operation(
            "holdSession", "Let nothing of a session run until it is released", "POST", "/api/session/hold",
            api.hold_session, dict, refusals=(404,), body=reviewer.HoldSession,
        ),
        operation(
            "releaseSession", "Let a session go on", "POST", "/api/session/release", api.release_session, dict,
            refusals=(404,), body=reviewer.HoldSession,
        ),
        operation("listGrants", "Standing approvals", "GET", "/api/grants", api.grants, reviewer.Grants),
        operation(
            "revokeGrant", "End a standing approval", "POST", "/api/grants/{id}/revoke", api.revoke_grant, dict,
            refusals=(404,), body=reviewer.Reason,
        ),
    )  # fmt: skip


Proposals = Callable[[str, str, object, str, str], tuple[int, dict[str, Any]]]
"""Answers ToolWeaver's routes: the status and body for a method, path, body, reviewer and the id of the token."""


def proposal_operations(answer: Proposals) -> tuple[Operation, ...]:
    """ToolWeaver's four routes; what they say is for whoever knows ToolWeaver's words."""

    async def handle(exchange: Exchange) -> Answer:
        import asyncio

        method = "GET" if exchange.body is None else "POST"
        sent = None if exchange.body is None else exchange.raw_body
        who = exchange.token
        return Answer(*await asyncio.to_thread(answer, method, exchange.path["path"], sent, who.name, who.id))

    def operation(name: str, summary: str, method: str, path: str, told: type, body: type | None = None) -> Operation:
        return Operation(
            name, summary, REVIEWER, method, path, handle, {200: told}, () if told is reviewer.Proposals else (404,),
            body=body, error=reviewer.ProposalError,
        )  # fmt: skip

    return (
        operation("listProposals", "ToolWeaver: proposals that wait", "GET", "/approval/pending", reviewer.Proposals),
        operation("getProposal", "ToolWeaver: one proposal", "GET", "/approval/{id}", dict),
        operation(
            "approveProposal", "ToolWeaver: approve it", "POST", "/approval/{id}/approve", dict,
            reviewer.ProposalDecision,
        ),
        operation(
            "rejectProposal", "ToolWeaver: reject it", "POST", "/approval/{id}/reject", dict,
            reviewer.ProposalDecision,
        ),
    )  # fmt: skip
