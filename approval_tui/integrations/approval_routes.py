"""ToolWeaver's four `/approval/...` routes as a function: a server brings the method, path, body and reviewer.

Who decides is for the server to know (from its token), never for the body to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from approval_tui.integrations.approval_manager import ApprovalManager
from approval_tui.integrations.proposals import ApprovalRequest, ProposalError

NO_REASON = "No reason provided"

_PENDING = "/approval/pending"
_ONE = re.compile(r"/approval/(?P<id>[^/]+)\Z")
_DECIDE = re.compile(r"/approval/(?P<id>[^/]+)/(?P<verdict>approve|reject)\Z")


class Answer(NamedTuple):
    """The HTTP status and the object that is the body."""

    status: int
    body: dict[str, Any]


def answer(
    manager: ApprovalManager,
    method: str,
    path: str,
    body: object = None,
    *,
    reviewer: str | None,
    token: str | None = None,
) -> Answer:
    """What the routes say to a request; 401 where nobody is known to decide. Raises StoreUnavailable.

    `token` is the id of the token that proved the reviewer's name, where one did.
    """
    if path == _PENDING:
        return _pending(manager) if method == "GET" else _NOT_ALLOWED
    if (match := _ONE.match(path)) is not None:
        if method != "GET":
            return _NOT_ALLOWED
        proposal = manager.get_request(match["id"])
        return _NOT_FOUND if proposal is None else Answer(200, _whole(proposal))
    if (match := _DECIDE.match(path)) is not None:
        if method != "POST":
            return _NOT_ALLOWED
        return _decided(manager, match["id"], match["verdict"], {} if body is None else body, reviewer, token)
    return _NOT_FOUND


_NOT_FOUND = Answer(404, {"error": "Request not found"})
_NOT_ALLOWED = Answer(405, {"error": "Method not allowed"})


def _pending(manager: ApprovalManager) -> Answer:
    waiting = manager.list_pending()
    return Answer(200, {"pending_count": len(waiting), "requests": [_head(proposal) for proposal in waiting]})


def _decided(
    manager: ApprovalManager, request_id: str, verdict: str, body: object, reviewer: str | None, token: str | None
) -> Answer:
    if reviewer is None:
        return Answer(401, {"error": "Nobody is known to decide"})
    if manager.get_request(request_id) is None:
        return _NOT_FOUND
    if not isinstance(body, Mapping):
        return Answer(400, {"error": "The body is no object"})
    reason = body.get("reason", NO_REASON)
    if not isinstance(reason, str):
        return Answer(400, {"error": "The reason is no text"})
    try:
        if verdict == "approve":
            proposal = manager.approve(request_id, reviewer, token=token)
            said = {"status": proposal.status.value, "approved_at": _reviewed_at(proposal)}
        else:
            proposal = manager.reject(request_id, reviewer, reason, token=token)
            said = {"status": "rejected", "reason": proposal.rejection_reason, "rejected_at": _reviewed_at(proposal)}
    except ProposalError as error:
        return Answer(400, {"error": str(error)})
    return Answer(200, {**said, "request_id": request_id, "reviewer": reviewer})


def _reviewed_at(proposal: ApprovalRequest) -> str | None:
    return None if proposal.reviewed_at is None else proposal.reviewed_at.isoformat()


def _head(proposal: ApprovalRequest) -> dict[str, Any]:
    return {
        "request_id": proposal.request_id,
        "title": proposal.title,
        "description": proposal.description,
        "created_at": proposal.created_at.isoformat(),
        "expires_at": proposal.expires_at.isoformat(),
    }


def _whole(proposal: ApprovalRequest) -> dict[str, Any]:
    return {**_head(proposal), "proposed_action": proposal.proposed_action, "status": proposal.status.value}
