"""What the database roles of agents and reviewers may do to each table of a store, and what they must not be able to.

The triggers and policies of `0003_agents.sql` say the rest: which rows, and which changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from approval_tui.domain.roles import AGENT, REVIEWER

_ASKED = (
    "id, status, version, tool, server, requester, session, context, arguments, reason, risk, rule_hash, requirements, "
    "fingerprint, digest, created_at, expires_at, approval_lifetime, attempt, edit_taken_as"
)
_USED = "status, version, decided_at, consumed_at, claim_hash, claim_expires_at, outcome, outcome_at, outcome_detail"
_OF_GATES = {
    "counters": "SELECT, INSERT, UPDATE, DELETE",
    "reservations": "SELECT, INSERT, UPDATE, DELETE",
    "proxies": "SELECT, INSERT, UPDATE, DELETE",
}
_OF_BOTH = {
    "approval_tui": "SELECT",
    "audit_head": "SELECT",
    "events": "SELECT, INSERT",
    "requesters": "SELECT, INSERT (name)",
    **_OF_GATES,
}
GRANTED: Mapping[str, Mapping[str, str]] = {
    AGENT: {
        **_OF_BOTH,
        "requests": f"SELECT, INSERT ({_ASKED}), UPDATE ({_USED})",
        "grants": "SELECT",
        "holds": "SELECT",
    },
    REVIEWER: {
        **_OF_BOTH,
        "requests": f"SELECT, INSERT ({_ASKED}), "
        f"UPDATE ({_USED}, decisions, edited_arguments, digest, approval_expires_at)",
        "segments": "SELECT",
        "grants": "SELECT, INSERT, UPDATE (uses, revoked_by, revoked_at)",
        "holds": "SELECT, INSERT, UPDATE (held_by, held_at, reason, released_by, released_at)",
        "tokens": "SELECT, INSERT, UPDATE (revoked_at)",
        "submissions": "SELECT, INSERT",
        "sinks": "SELECT, INSERT, UPDATE (last_seq)",
        "deliveries": "SELECT, INSERT, UPDATE (due_at, leased_until, attempts, holder, failure), DELETE",
    },
}
"""The privileges on each table, as GRANT wants them."""

TABLES = tuple(sorted({*GRANTED[AGENT], *GRANTED[REVIEWER]}))
SEEN_BY_ROW = ("events", "grants", "holds", "requesters", "requests")
"""The tables with row-level security, of which a reviewer sees every row."""

_KEPT = (*SEEN_BY_ROW, "approval_tui", "audit_head", "segments", "submissions", "tokens")
_FORBIDDEN_TO_BOTH = (
    *(f"{privilege} {table}" for table in _KEPT for privilege in ("DELETE", "TRUNCATE", "TRIGGER")),
    *(f"UPDATE {table}" for table in ("approval_tui", "audit_head", "events", "requesters", "segments", "submissions")),
    *(f"INSERT {table}" for table in ("approval_tui", "audit_head", "segments")),
    *(f"UPDATE requests.{column}" for column in ("arguments", "context", "requester", "submitted_by", "tool")),
    *(f"INSERT requests.{column}" for column in ("decisions", "submitted_by")),
)
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    REVIEWER: _FORBIDDEN_TO_BOTH,
    AGENT: (
        *_FORBIDDEN_TO_BOTH,
        *(f"UPDATE requests.{column}" for column in ("approval_expires_at", "decisions", "digest", "edited_arguments")),
        *(f"{privilege} {table}" for table in ("grants", "holds", "tokens") for privilege in ("INSERT", "UPDATE")),
        *(f"SELECT {table}" for table in ("deliveries", "sinks", "submissions", "tokens")),
    ),
}
"""What a role must not be able to do to a table or column, in whatever way it came by it."""
