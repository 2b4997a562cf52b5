"""One exchange with a caller: what was asked and by whom, and what is answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, request_id_of
from approval_tui.domain.ids import is_request_id
from approval_tui.domain.tokens import Token
from approval_tui.server.errors import Refusal

JSON = "application/json"


class Answer(NamedTuple):
    """A status and the object that is the body."""

    status: int
    body: JsonObject
    media_type: str = JSON


@dataclass(frozen=True)
class Exchange:
    """What a handler is given; `body` and `query` are of the operation's types, checked.

    `is_own` says that the caller is a gate of ours, and reads whole requests. `gone` completes when the caller hangs
    up, so that nobody waits for one who is not there.
    """

    id: str
    token: Token
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    raw_body: JsonObject = field(default_factory=dict)
    key: str = ""
    is_own: bool = False
    gone: Callable[[], Awaitable[None]] | None = None

    @property
    def request_id(self) -> str:
        """The request that the path names, by its id or as a UUID; raises Refusal where it cannot be one."""
        named = self.path["id"]
        request_id = named if is_request_id(named) else request_id_of(named)
        if request_id is None:
            raise Refusal(404, "not_found", "There is no such request.")
        return request_id

    def answer(self, status: int, body: JsonObject) -> Answer:
        """The answer in the media type of the caller."""
        return Answer(status, body, OWN_MEDIA_TYPE if self.is_own else JSON)


Handler = Callable[[Exchange], Awaitable[Answer]]


def encoded(body: JsonObject) -> bytes:
    """The body as it is sent: exact, and ASCII whatever it holds."""
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
