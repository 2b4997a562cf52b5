"""What the proxy answers by itself: that a call did not run, why, and what can be done about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.errors import (
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalHeld,
    ApprovalPending,
    ApprovalTuiError,
    NotApproved,
    PolicyDenied,
    PolicyError,
    StoreUnavailable,
)
from approval_tui.proxy.frames import Id
from approval_tui.proxy.messages import ToolCall

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

META_KEY = "approval-tui/refusal"
"""Under which a result says that the tool did not run, for programs; a tool's own failure has no such key."""

EDIT_META_KEY = "approval-tui/edit"
"""Under which a result says that a reviewer had changed the arguments with which the tool ran."""

APPROVAL_REQUIRED = "approval_required"
APPROVAL_DENIED = "approval_denied"
APPROVAL_EXPIRED = "approval_expired"
APPROVAL_CANCELLED = "approval_cancelled"
SESSION_HELD = "session_held"
POLICY_DENIED = "policy_denied"
POLICY_UNUSABLE = "policy_unusable"
STORE_UNAVAILABLE = "store_unavailable"
NOT_RUN = "not_run"

_TYPES: tuple[tuple[type[ApprovalTuiError], str], ...] = (
    (ApprovalPending, APPROVAL_REQUIRED),
    (ApprovalDenied, APPROVAL_DENIED),
    (ApprovalExpired, APPROVAL_EXPIRED),
    (ApprovalCancelled, APPROVAL_CANCELLED),
    (ApprovalHeld, SESSION_HELD),
    (PolicyDenied, POLICY_DENIED),
    (PolicyError, POLICY_UNUSABLE),
    (StoreUnavailable, STORE_UNAVAILABLE),
)
_RETRYABLE = (
    APPROVAL_REQUIRED,
    APPROVAL_EXPIRED,
    APPROVAL_CANCELLED,
    SESSION_HELD,
    STORE_UNAVAILABLE,
    POLICY_UNUSABLE,
)


@dataclass(frozen=True)
class Refusal:
    """Why a call did not run: a word for programs, a text for the model, and what belongs to it."""

    type: str
    text: str
    data: JsonObject

    @property
    def request_id(self) -> str | None:
        """The id of the request that was asked, if any was."""
        return self.data.get("approval_id")

    @property
    def is_pending(self) -> bool:
        """Whether somebody can still say yes."""
        return self.type == APPROVAL_REQUIRED


def refusal_of(call: ToolCall, error: ApprovalTuiError, store: str | None) -> Refusal:
    """The refusal for an error of the gate; `store` is the path that a person must name to decide, if any."""
    kind = next((name for error_type, name in _TYPES if isinstance(error, error_type)), NOT_RUN)
    data: JsonObject = {"type": kind, "tool": call.name, "retryable": kind in _RETRYABLE}
    text = str(error) if isinstance(error, NotApproved) else f"{error} The call did not run."
    request = error.request if isinstance(error, NotApproved) else None
    if request is not None:
        data["approval_id"] = request.id
    if isinstance(error, ApprovalPending):
        command = "approval-tui approve " + error.request.id
        if store is not None:
            command += " --store " + shlex.quote(store)
        data["expires_at"] = format_timestamp(error.request.expires_at)
        data["human_instructions"] = f"Decide in the console, approval-tui, or run: {command}"
        text = (
            f"{error.happened} {error.not_done} Make the same call again, with the same arguments, after a person "
            f"has approved it (until {data['expires_at']}). For that person: {command}"
        )
    elif isinstance(error, ApprovalDenied):
        data["reason"] = error.reason
        data["reviewer"] = error.request.decisions[-1].reviewer if error.request.decisions else None
    elif isinstance(error, PolicyDenied):
        data["rule"], data["reason"] = error.rule, error.reason
    return Refusal(kind, f"[{kind.replace('_', ' ').upper()}] {text}", data)


def refused_result(call: ToolCall, refusal: Refusal) -> JsonObject:
    """The refusal as a result that a model reads. What it is is in `_meta`, which no output schema describes."""
    result: JsonObject = {
        "content": [{"type": "text", "text": refusal.text}],
        "isError": True,
        "_meta": {META_KEY: refusal.data},
        "resultType": "complete",  # clients of 2026-07-28 take no result without it, and older ones ignore it
    }
    return {"jsonrpc": "2.0", "id": call.id, "result": result}


def with_edit_told(answer: JsonObject, told: str | None, request_id: str | None) -> JsonObject:
    """The server's answer with what the model is to know of a reviewer's edit; itself where there was none.

    That stands behind the tool's own content and in `_meta`, which no output schema describes; what is structured
    stays as it is. An error says it in its message.
    """
    if told is None:
        return answer
    error, result = answer.get("error"), answer.get("result")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return {**answer, "error": {**error, "message": f"{error['message']} ({told})"}}
    if not isinstance(result, dict):
        return answer
    added: JsonObject = {}
    if isinstance(result.get("content"), list):
        added["content"] = [*result["content"], {"type": "text", "text": told}]
    if isinstance(result.get("_meta", {}), dict):
        added["_meta"] = {**result.get("_meta", {}), EDIT_META_KEY: {"approval_id": request_id, "told": told}}
    return {**answer, "result": {**result, **added}}


def error_answer(request_id: Id | None, code: int, message: str, data: Any = None) -> JsonObject:
    """A JSON-RPC error; an id of None answers what could not be read."""
    error: JsonObject = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}
