"""How a proxy was started: who asks, for which server, and how it waits and answers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from approval_tui.domain.canonical import JsonObject, tagged_hash
from approval_tui.domain.proxy_choices import (
    DEFAULT_HOLD,
    DEFAULT_PENDING_CODE,
    ON_PENDING_ERROR,
    ROLLBACK_NOT_RUN,
)

_LAUNCHERS = frozenset(
    (
        "npx",
        "npm",
        "exec",
        "run",
        "uvx",
        "uv",
        "tool",
        "pipx",
        "python",
        "python3",
        "node",
        "bunx",
        "bun",
        "deno",
        "docker",
        "podman",
    )
)
_SAYS_NOTHING = re.compile(r"\.{1,2}|(index|main|__main__|server|cli|app)\.(m?js|ts|py)|dist|build|src|lib|bin|")
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class ProxyOptions:
    """What a proxy needs to know; durations are in ms.

    Either `command` starts the server, or it is at `upstream`. `hold` is how long a call waits for a decision
    where the policy says nothing of it. `store` is the path that a person must name to decide there, if any.
    """

    requester: str
    session: str
    server: str
    command: tuple[str, ...] = ()
    upstream: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    hold: int = DEFAULT_HOLD
    on_pending: str = ON_PENDING_ERROR
    pending_code: int = DEFAULT_PENDING_CODE
    rollback_on: str = ROLLBACK_NOT_RUN
    store: str | None = None

    @property
    def context(self) -> JsonObject:
        """Where calls run: part of what is approved, so that an approval is for this very server.

        Of a URL's query and of headers, which may hold keys, there are only hashes.
        """
        if self.upstream is not None:
            address, _, query = self.upstream.partition("?")
            context: JsonObject = {"upstream": address}
            if query:
                context["query"] = tagged_hash(query.encode())
            if self.headers:
                context["headers"] = {name: tagged_hash(value.encode()) for name, value in self.headers}
            return context
        return {"working_directory": os.getcwd(), "command": list(self.command)}


def server_label(command: Sequence[str], upstream: str | None) -> str:
    """A name for the server where nobody gave one: the host of its URL, or the word that says what is started."""
    if upstream is not None:
        return urlsplit(upstream).netloc.rpartition("@")[2][:_LONGEST_LABEL] or "server"
    words = [word for word in command if not word.startswith("-")] or list(command)
    labels = [_last_telling_part(word) for word in words]
    label = next((label for label in labels if label not in _LAUNCHERS), labels[0])
    plain = "".join(letter for letter in label if letter.isprintable()).strip()
    return plain[:_LONGEST_LABEL].strip() or "server"


def _last_telling_part(path: str) -> str:
    """Of `…/server-filesystem/dist/index.js`, the part that says what it is."""
    parts = path.split("/")
    return next((part for part in reversed(parts) if not _SAYS_NOTHING.fullmatch(part)), parts[-1]) or path
