"""A held call: the client is told, now and then, that a person is being waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.models import Request
from approval_tui.proxy.client_pipes import ClientGone
from approval_tui.proxy.messages import PROGRESS, ToolCall

EVERY = 5.0
"""Seconds between two signs of life."""


class Hold:
    """Sends progress for one call while it waits, if the client gave a token for it.

    Progress must grow (MCP, utilities/progress), and the tool's own begins at zero or above: so this one comes from
    below, nearer and nearer to zero, and never reaches it.
    """

    def __init__(self, call: ToolCall, notify: Callable[[JsonObject], Awaitable[None]]) -> None:
        self._token = call.progress_token
        self._notify = notify
        self._begun = time.monotonic()
        self._telling: asyncio.Task[None] | None = None

    def begin(self, request: Request) -> None:
        """Begins to tell the client of the request; what was told of an earlier one ends."""
        self.end()
        if self._token is not None:
            self._telling = asyncio.get_running_loop().create_task(self._tell(request.id))

    def end(self) -> None:
        """Says nothing more."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    async def _tell(self, request_id: str) -> None:
        with suppress(ClientGone):
            while True:
                params: JsonObject = {
                    "progressToken": self._token,
                    "progress": -60 / (60 + time.monotonic() - self._begun),
                    "message": f"Waiting for a person to decide on {request_id}",
                }
                await self._notify({"jsonrpc": "2.0", "method": PROGRESS, "params": params})
                await asyncio.sleep(EVERY)
