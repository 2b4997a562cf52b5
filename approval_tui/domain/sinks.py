"""Sinks: where notices of approvals go, and what each wants to hear of.

Gates read this with their policy, so it loads nothing that they do not need, and a sink is a named tuple, which is
quicker to define than a dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

REQUESTED = "requested"  #: a request waits for a decision
DECIDED = "decided"  #: it was approved, denied, revoked or withdrawn
EXPIRED = "expired"  #: nobody decided it in time
SINK_EVENTS = (REQUESTED, DECIDED, EXPIRED)

_ENCODED_SECRET = "whsec_"  # noqa: S105 - the prefix by which Standard Webhooks knows an encoded secret


class Webhook(NamedTuple):
    """An address that gets signed messages; its secret signs them, its URL often holds one, and neither is printed."""

    url: str
    secret: str
    events: tuple[str, ...] = (REQUESTED,)
    allow_private: bool = False  #: whether it may lie in a private network, or on this machine

    @property
    def id(self) -> str:
        """Tells one sink from another, in every process that delivers."""
        return _sink_id("webhook", self.url)

    @property
    def label(self) -> str:
        """What people may read of it: its host."""
        from urllib.parse import urlsplit

        return urlsplit(self.url).hostname or ""

    def __repr__(self) -> str:
        return f"Webhook({self.label})"


class ChatSink(NamedTuple):
    """An address of apprise's (a chat, a push service, mail); the whole URL is a secret, since it holds tokens."""

    url: str

    @property
    def id(self) -> str:
        """Tells one sink from another, in every process that delivers."""
        return _sink_id("apprise", self.url)

    @property
    def events(self) -> tuple[str, ...]:
        """A person is told of what waits, and of nothing else."""
        return (REQUESTED,)

    @property
    def label(self) -> str:
        """What people may read of it: the service, and not its host, which may be a token."""
        return self.url.partition("://")[0]

    def __repr__(self) -> str:
        return f"ChatSink({self.label})"


Sink = Webhook | ChatSink


def distinct(sinks: Iterable[Sink]) -> tuple[Sink, ...]:
    """The sinks without those whose URL stands before already: the first word on each counts."""
    found: dict[str, Sink] = {}
    for sink in sinks:
        found.setdefault(sink.id, sink)
    return tuple(found.values())


def webhook_key(secret: str) -> bytes:
    """The key of a webhook's signatures: what `whsec_` encodes, else the secret's own bytes.

    Raises ValueError where what follows `whsec_` is no base64.
    """
    if not secret.startswith(_ENCODED_SECRET):
        return secret.encode()
    import base64
    import binascii

    try:
        key = base64.b64decode(secret.removeprefix(_ENCODED_SECRET), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError(UNUSABLE_SECRET)
    return key


UNUSABLE_SECRET = f"begins with {_ENCODED_SECRET}, which must be followed by base64"


def is_webhook_url(text: str) -> bool:
    """Whether the text is a URL of HTTP that names a host."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_usable and text.isprintable() and " " not in text


def is_chat_url(text: str) -> bool:
    """Whether the text has the form of apprise's URLs; which services there are, apprise alone knows."""
    service, separator, rest = text.partition("://")
    is_name = service[:1].isalpha() and service.isascii() and service.replace("+", "").replace("-", "").isalnum()
    return bool(separator) and is_name and bool(rest) and text.isprintable()


def _sink_id(kind: str, url: str) -> str:
    from approval_tui.domain.canonical import canonical_hash

    return canonical_hash({"type": "sink", "kind": kind, "url": url})
