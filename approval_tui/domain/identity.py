"""The fingerprint and the digest that name a call and what a decision is about."""

from __future__ import annotations

from approval_tui.domain.canonical import JsonObject, canonical_hash
from approval_tui.domain.models import Request


def fingerprint_of(
    requester: str,
    server: str | None,
    tool: str,
    context: JsonObject,
    arguments: JsonObject,
    rule_hash: str | None,
    *,
    is_checked: bool = False,
) -> str:
    """The identity of a call, for reuse (rule R5); raises InvalidJson. `is_checked` as in `canonical_json`."""
    return canonical_hash(
        {
            "type": "fingerprint",
            "requester": requester,
            "server": server,
            "tool": tool,
            "context": context,
            "arguments": arguments,
            "rule_hash": rule_hash,
        },
        is_checked=is_checked,
    )


def digest_of(request_id: str, session: str | None, fingerprint: str, reason: str | None, risk: str | None) -> str:
    """The hash of everything that a decision is about.

    `fingerprint` is the one of the arguments that would run, so an edit changes the digest.
    """
    return canonical_hash(
        {
            "type": "digest",
            "id": request_id,
            "session": session,
            "fingerprint": fingerprint,
            "reason": reason,
            "risk": risk,
        }
    )


def digest_for(request: Request, arguments: JsonObject) -> str:
    """The digest that the request has, or would have, with these arguments."""
    fingerprint = fingerprint_of(
        request.requester, request.server, request.tool, request.context, arguments, request.rule_hash
    )
    return digest_of(request.id, request.session, fingerprint, request.reason, request.risk)


def is_call_of_its_digest(request: Request) -> bool:
    """Whether the fingerprint and the digest of a request that nobody edited are those of what it holds."""
    fingerprint = fingerprint_of(
        request.requester, request.server, request.tool, request.context, request.arguments, request.rule_hash
    )
    return (fingerprint, digest_for(request, request.arguments)) == (request.fingerprint, request.digest)
