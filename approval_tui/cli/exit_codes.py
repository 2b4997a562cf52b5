"""The one table of exit codes, and which error ends with which of them."""

from __future__ import annotations

from approval_tui.domain import errors

DONE = 0
NOT_AS_EXPECTED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
STORE_UNAVAILABLE = 5
DENIED = 6
EXPIRED = 7
CANCELLED = 8
STILL_PENDING = 9
LOG_BROKEN = 10
DEFECT = 70
NO_OUTPUT = 74
INTERRUPTED = 130
READER_GONE = 141

EXIT_CODES = {
    DONE: "done; of `wait` and `submit --wait`: approved",
    NOT_AS_EXPECTED: "not as expected: an effect (of `demo`), a verdict (of `policy test`), a hook (of `hook doctor`), "
    "a test (of `notify test`), a store (of `store check`)",
    USAGE: "usage, input or configuration",
    NOT_FOUND: "no such request, grant, session or token",
    CONFLICT: "conflict: already decided, changed, or lost a race",
    STORE_UNAVAILABLE: "store unavailable",
    DENIED: "denied (of `wait` and `submit --wait`)",
    EXPIRED: "expired (of `wait` and `submit --wait`)",
    CANCELLED: "cancelled (of `wait` and `submit --wait`)",
    STILL_PENDING: "still pending when the time ran out (of `wait`)",
    LOG_BROKEN: "the audit log does not verify (of `audit verify`, `store backup`, `store check`, `store copy` "
    "and `store prune`)",
    DEFECT: "a defect in approval-tui",
    NO_OUTPUT: "the output could not be written",
    INTERRUPTED: "interrupted, or the question was not answered with yes",
    READER_GONE: "whoever read the output stopped reading",
}
"""Every exit code with its meaning in one line; the README shows the same table."""

_CODES: tuple[tuple[type[errors.ApprovalTuiError], int], ...] = (
    (errors.RequestNotFound, NOT_FOUND),
    (errors.GrantNotFound, NOT_FOUND),
    (errors.TokenNotFound, NOT_FOUND),
    (errors.SessionNotFound, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.LogBroken, LOG_BROKEN),
    (errors.StoreUnavailable, STORE_UNAVAILABLE),
    (errors.ApprovalDenied, DENIED),
    (errors.PolicyDenied, DENIED),
    (errors.RulesChanged, CONFLICT),
    (errors.ApprovalHeld, CONFLICT),
    (errors.ApprovalExpired, EXPIRED),
    (errors.ApprovalCancelled, CANCELLED),
    (errors.ApprovalPending, STILL_PENDING),
    (errors.InvalidInput, USAGE),
    (errors.ConfigurationError, USAGE),
)


def exit_code_of(error: errors.ApprovalTuiError) -> int:
    """The exit code for an error of our tree; an error that the table does not know is a defect."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), DEFECT)
