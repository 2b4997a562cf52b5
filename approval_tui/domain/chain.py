"""The chain of the audit log: each event's hash covers its body and the hash before it."""

from __future__ import annotations

from approval_tui.domain.canonical import HASH_TAG, JsonObject, record_json, tagged_hash

CHAIN_TAG = "approval-tui:event:v1"
GENESIS = HASH_TAG + "0" * 64
"""The hash before the first event."""


def link(seq: int, previous_hash: str, body: bytes) -> str:
    """The hash of an event: over the tag, its number, the hash before it and the hash of its body."""
    return tagged_hash(f"{CHAIN_TAG}\n{seq}\n{previous_hash}\n{tagged_hash(body)}".encode())


def event_body(name: str, request_id: str | None, at: int, changes: JsonObject, details: JsonObject) -> bytes:
    """The body of an event in RFC 8785's form; `changes` are the columns of the request's row that it set."""
    body = {"event": name, "request": request_id, "at": at, "changes": changes, "details": details}
    return record_json(body).encode()
