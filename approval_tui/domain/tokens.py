"""Tokens: who may use a server, as a reviewer or as an agent. What is kept of one cannot be turned back into it."""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from approval_tui.domain.canonical import JsonObject, tagged_hash
from approval_tui.domain.clock import optional_timestamp

_TEXT = re.compile(r"apt_(?P<id>[0-9a-f]{16})_(?P<secret>[0-9a-f]{64})")


class NewToken(NamedTuple):
    """A token that was just made: its id, its whole text for whoever will use it, and what is kept of its secret."""

    id: str
    text: str
    secret_hash: str


@dataclass(frozen=True)
class Token:
    """One token as it is kept; times are in ms UTC. `name` is the reviewer's, or the agent's as a requester."""

    id: str
    role: str
    name: str
    secret_hash: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def is_live(self, now: int) -> bool:
        """Whether it lets anybody in at that moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def to_json(self) -> JsonObject:
        """The object that `--json` prints; times are ISO 8601 in UTC, and nothing of the secret is in it."""
        return {
            "id": self.id,
            "role": self.role,
            "name": self.name,
            "created_at": optional_timestamp(self.created_at),
            "expires_at": optional_timestamp(self.expires_at),
            "revoked_at": optional_timestamp(self.revoked_at),
        }


def new_token() -> NewToken:
    """A fresh token with 256 random bits, which no one can guess, so that a plain hash of it keeps it secret."""
    token_id, secret = os.urandom(8).hex(), os.urandom(32).hex()
    return NewToken(token_id, f"apt_{token_id}_{secret}", tagged_hash(secret.encode()))


def token_id_of(text: str) -> str | None:
    """The id of the token with that text; None for what is no token."""
    found = _TEXT.fullmatch(text)
    return None if found is None else found["id"]


def has_secret(token: Token | None, text: str) -> bool:
    """Whether the text is that very token, found out in a time that does not depend on what differs."""
    found = _TEXT.fullmatch(text)
    kept = "" if token is None else token.secret_hash
    given = tagged_hash(("" if found is None else found["secret"]).encode())
    return hmac.compare_digest(kept, given)  # nothing has an empty hash
