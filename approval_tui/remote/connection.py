"""Where a server is and how it is reached: its URL, the token, and the client that both forms make."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.http_names import SOCKET_SCHEME
from approval_tui.domain.tokens import token_id_of
from approval_tui.version import __version__

if TYPE_CHECKING:
    from approval_tui.remote.exchanges import Sending

TOKEN_VARIABLE = "APPROVAL_TUI_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Connection:
    """A server as a requester reaches it; the token is never printed."""

    base_url: str
    token: str = field(repr=False)
    socket_path: str | None = None

    def options(self) -> dict[str, Any]:
        """What both forms of the client are made with, but for the transport."""
        is_tls = self.base_url.startswith("https:")
        return {
            "base_url": self.base_url,
            "headers": {"Authorization": f"Bearer {self.token}", "User-Agent": f"approval-tui/{__version__}"},
            "follow_redirects": False,
            "trust_env": is_tls,  # no proxy stands between two programs of one machine
        }

    def arguments(self, sending: Sending) -> dict[str, Any]:
        """What one request is sent with."""
        return {
            "method": sending.method,
            "url": sending.path,
            "headers": dict(sending.headers),
            "content": sending.body,
            "timeout": sending.seconds,
        }


def connection_to(url: str, token: str | None) -> Connection:
    """The connection to the server at that URL, with that token or that of APPROVAL_TUI_TOKEN; raises InvalidInput."""
    given = token or os.environ.get(TOKEN_VARIABLE)
    if not given:
        raise _unusable("No token is there for the server.", f"Give one as `token` or {TOKEN_VARIABLE}.")
    if token_id_of(given) is None:
        raise _unusable("What was given as the token is none.", "Take what `approval-tui token create` printed.")
    scheme, _, rest = url.partition("://")
    if scheme.lower() == SOCKET_SCHEME:
        path = rest
        if not path.startswith("/"):
            raise _unusable(f"{url} names no absolute path.", f"Write it as {SOCKET_SCHEME}:///run/approvals.sock.")
        return Connection("http://localhost", given, path)
    _refuse_unusable_url(url)
    return Connection(f"{scheme.lower()}://{rest}", given)


def http_client() -> Any:
    """The module of HTTP clients; raises InvalidInput where the extra is missing."""
    try:
        import httpx2
    except ImportError as error:
        raise _unusable(
            f"A server needs what is not installed: {error}.", "Run `pip install 'approval-tui[server]'`."
        ) from None
    return httpx2


def _refuse_unusable_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        has_host, is_bare = bool(parts.hostname) and parts.port != 0, not (parts.query or parts.fragment)
    except ValueError:
        parts, has_host, is_bare = None, False, False
    if parts is None or parts.scheme not in ("http", "https") or not has_host or not is_bare or "@" in parts.netloc:
        raise _unusable(f"{url!r} is no URL of a server.", "Write it as https://approvals.example.com.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise _unusable(
            f"{url} is on another machine, and without TLS the token and the calls could be read on the way.",
            "Use https://.",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unusable(happened: str, to_do: str) -> InvalidInput:
    return InvalidInput(happened, not_done="No request was made and nothing may run.", to_do=to_do)
