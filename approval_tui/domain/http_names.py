"""What a server and a gate that reaches it over HTTP both name."""

from __future__ import annotations

import re

REQUESTS_PATH = "/v1/requests"
"""Where the Agent Approval Protocol (version 1) has its requests."""

OWN_MEDIA_TYPE = "application/vnd.approval-tui+json"
"""In which a gate of ours sends what the protocol has no field for, and is told whole requests (see the README)."""

SOCKET_SCHEME = "http+unix"
"""Of URLs that name a socket in the file system, as http+unix:///run/approvals.sock."""

KEY_HEADER = "Idempotency-Key"

LONGEST_POLL = 30
"""Seconds that one poll waits at most (AAP, HTTP API, Retrieve a Request)."""

_UUID = r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"


def is_server_url(location: str) -> bool:
    """Whether the location of a store is that of a server; a scheme may be in capital letters (RFC 3986)."""
    return location.lower().startswith(("http://", "https://", f"{SOCKET_SCHEME}://"))


def uuid_of(request_id: str) -> str:
    """A request's id as the UUID (RFC 9562) that it is behind its prefix."""
    digits = request_id.removeprefix("apr_")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def request_id_of(uuid: str) -> str | None:
    """The request's id of such a UUID; None for what is none."""
    found = re.fullmatch(_UUID, uuid, re.IGNORECASE)
    return None if found is None else f"apr_{''.join(found.groups()).lower()}"
