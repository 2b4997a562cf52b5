"""What a caller is told when something cannot be done: a status, a code, and nothing of the inside."""

from __future__ import annotations

from approval_tui.domain import errors
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Request

INVALID, AUTHENTICATION, AUTHORIZATION = "invalid_request", "authentication", "authorization"
NOT_FOUND, CONFLICT, DEPENDENCY, INTERNAL = "not_found", "conflict", "dependency", "internal"

ERROR_TYPES = {
    400: INVALID,
    401: AUTHENTICATION,
    403: AUTHORIZATION,
    404: NOT_FOUND,
    405: INVALID,
    408: INVALID,
    409: CONFLICT,
    413: INVALID,
    415: INVALID,
    500: INTERNAL,
    503: DEPENDENCY,
}
"""The type of each status, as the Agent Approval Protocol names them (HTTP API, Errors)."""


class Refusal(Exception):
    """An answer that is an error; `request` is what it is about, for those who may see it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        request: Request | None = None,
        details: JsonObject | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.request = request
        self.details = details or {}
        self.headers = headers

    def to_json(self, exchange_id: str) -> JsonObject:
        """The error object; `exchange_id` is the one of the X-Request-ID header."""
        said: JsonObject = {"type": ERROR_TYPES[self.status], "code": self.code, "message": self.message}
        if self.param is not None:
            said["param"] = self.param
        return {**said, "request_id": exchange_id}


def unavailable(code: str, message: str) -> Refusal:
    """The answer where the server cannot work now; the call may not run."""
    return Refusal(503, code, message, headers=(("Retry-After", "1"),))


def refusal_of(error: errors.ApprovalTuiError) -> Refusal:
    """The answer for an error of our tree; what only the operator may see stays here."""
    if isinstance(error, errors.InvalidInput):
        return Refusal(400, "invalid_request", error.happened)
    if isinstance(error, errors.RequestNotFound):
        return Refusal(404, "not_found", "There is no such request.")
    if isinstance(error, errors.GrantNotFound):
        return Refusal(404, "not_found", "There is no such grant.")
    if isinstance(error, errors.SessionNotFound):
        return Refusal(404, "not_found", "There is no such session.")
    if isinstance(error, errors.PolicyError):
        return unavailable("policy_unusable", "The server's policy cannot be used. The call may not run.")
    if isinstance(error, errors.StoreCorrupt):
        return Refusal(500, "internal", "The store cannot be trusted. Nothing was done.")
    if isinstance(error, errors.StoreUnavailable):
        return unavailable("store_unavailable", "The store cannot be reached now. Nothing was done.")
    if isinstance(error, errors.PolicyDenied):
        details = {"rule": error.rule, "reason": error.reason}
        return Refusal(409, "policy_denied", error.happened, request=error.request, details=details)
    if isinstance(error, errors.RulesChanged):
        return Refusal(409, "rules_changed", error.happened, request=error.request)
    if isinstance(error, errors.DecisionRefused):
        return Refusal(403, "decision_refused", f"{error.happened} {error.not_done}", request=error.request)
    if isinstance(error, errors.Conflict):
        return Refusal(409, _conflict_code(error), f"{error.happened} {error.not_done}", request=error.request)
    return Refusal(500, "internal", "Something went wrong here. Nothing may run on it.")


def _conflict_code(error: errors.Conflict) -> str:
    """A name for what the request is instead of what the caller needs."""
    if isinstance(error, errors.KeyReused):
        return "idempotency_conflict"
    if isinstance(error, errors.SessionHeld):
        return "session_held"
    if isinstance(error, errors.RequestChanged):
        return "digest_changed"
    if isinstance(error, errors.ClaimInDoubt):
        return "claim_in_doubt"
    if isinstance(error, errors.ClaimInvalid):
        return "claim_invalid"
    if isinstance(error, errors.StatusConflict) and error.request is not None:
        return f"already_{error.request.status}" if error.request.status != "pending" else "still_pending"
    return "conflict"
