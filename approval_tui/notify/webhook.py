"""What a webhook is sent: the message, and the headers that prove who sent it. Pure.

A message names the request, the tool, the requester, the risk and the expiry, and never the arguments (rule R10).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.notices import REMINDER, Notice
from approval_tui.domain.sinks import DECIDED, EXPIRED, REQUESTED, webhook_key
from approval_tui.version import __version__

_TYPES = {
    REQUESTED: "approval_requested",
    DECIDED: "approval_decided",
    EXPIRED: "approval_expired",
    REMINDER: "approval_reminder",
}


def message(notice: Notice) -> bytes:
    """The body that tells of a request, as JSON in ASCII; times are ISO 8601 in UTC."""
    return _encoded(
        {
            "type": _TYPES[notice.kind],
            "timestamp": format_timestamp(notice.at),
            "approval_id": notice.request_id,
            "tool": notice.tool,
            "server": notice.server,
            "requester": notice.requester,
            "risk": notice.risk,
            "status": notice.status,
            "expires_at": format_timestamp(notice.expires_at),
        }
    )


def trial_message(now: int) -> bytes:
    """The body that only tries whether messages arrive; `now` is in ms UTC."""
    return _encoded({"type": "test", "timestamp": format_timestamp(now)})


def signed_headers(secret: str, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt, made at that second of Unix time.

    They hold the signature of Standard Webhooks, and the one of Intercept, over the same body with the same key.
    """
    key = webhook_key(secret)
    signed = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"approval-tui/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        "X-Approval-Timestamp": str(seconds),
        "X-Approval-Signature": hmac.digest(key, f"{seconds}.".encode() + body, hashlib.sha256).hex(),
    }


def _encoded(value: JsonObject) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
