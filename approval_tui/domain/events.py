"""The names of all events of the audit log, with what each one says."""

from __future__ import annotations

SUBMITTED = "request_submitted"  #: a requester asked; the request is pending
REUSED = "request_reused"  #: the same call was asked again and met this request
EDITED = "request_edited"  #: a reviewer changed the arguments; a new digest counts from here
VOTED = "vote_recorded"  #: a reviewer approved, and the quorum is not reached yet
APPROVED = "request_approved"  #: pending -> approved
DENIED = "request_denied"  #: pending -> denied
REVOKED = "request_revoked"  #: approved -> denied
EXPIRED = "request_expired"  #: pending or approved -> expired
CANCELLED = "request_cancelled"  #: pending or approved -> cancelled
CONSUMED = "request_consumed"  #: approved -> consumed; one caller holds the claim
ROLLED_BACK = "claim_rolled_back"  #: consumed -> approved, or the end of a claim whose approval has expired
OUTCOME = "outcome_reported"  #: the claim's holder said what became of the call
LATE_OUTCOME = "outcome_reported_late"  #: the holder spoke after the claim was in doubt; it changes nothing
LATE_DECISION = "decision_made_late"  #: a reviewer decided after nobody waited for it any more; it changes nothing
RESOLVED = "claim_resolved"  #: a reviewer ended a claim that was in doubt
TOOL_CALL = "tool_call"  #: a policy allowed or denied a call without asking anybody
TOOL_CALL_NOT_RUN = "tool_call_not_run"  #: a call that a policy had allowed did not run; what it counted is taken back
POLICY_RELOADED = "policy_reloaded"  #: a policy that is new or was changed is in force at a gate
GRANT_GIVEN = "grant_given"  #: a reviewer approved the call of a request for the rest of its session, too
GRANT_REVOKED = "grant_revoked"  #: a reviewer took such a grant back
SESSION_HELD = "session_held"  #: a reviewer holds a session back: nothing of it runs until it is released
SESSION_RELEASED = "session_released"  #: it may ask and run again
POLICY_REJECTED = "policy_rejected"  #: a policy's file cannot be used; the gate keeps what it had, or nothing runs

TOKEN_CREATED = "token_created"  #: somebody or some agent may use the server from now on
TOKEN_REVOKED = "token_revoked"  #: that ended before its time
SEGMENT_SEALED = "segment_sealed"  #: a reviewer let the log up to an event be pruned; that event's hash stays

EVENT_NAMES = (
    SUBMITTED,
    REUSED,
    EDITED,
    VOTED,
    APPROVED,
    DENIED,
    REVOKED,
    EXPIRED,
    CANCELLED,
    CONSUMED,
    ROLLED_BACK,
    OUTCOME,
    LATE_OUTCOME,
    LATE_DECISION,
    RESOLVED,
    TOOL_CALL,
    TOOL_CALL_NOT_RUN,
    POLICY_RELOADED,
    POLICY_REJECTED,
    GRANT_GIVEN,
    GRANT_REVOKED,
    SESSION_HELD,
    SESSION_RELEASED,
    TOKEN_CREATED,
    TOKEN_REVOKED,
    SEGMENT_SEALED,
)
