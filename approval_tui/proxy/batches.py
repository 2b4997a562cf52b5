"""A batch of JSON-RPC messages: taken apart when it comes, its answers put together when all are there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from approval_tui.domain.canonical import JsonObject

ERA_OF_BATCHES = "2025-03-26"
"""The only version of MCP that has batches (JSON-RPC 2.0, section 6)."""


MOST_IN_BATCH = 1000


class Batch:
    """The answers to one batch, sent as a list when the last has come; where nothing is answered, nothing is sent."""

    def __init__(self, send: Callable[[list[JsonObject]], Awaitable[None]]) -> None:
        self._send = send
        self._answers: list[JsonObject] = []
        self._missing = 1  # the end of the batch

    def reply(self, *, is_awaited: bool) -> Callable[[JsonObject], Awaitable[None]]:
        """Takes the first answer to one message; the batch waits for those that are awaited."""
        self._missing += is_awaited
        is_answered = False

        async def take(answer: JsonObject) -> None:
            nonlocal is_answered
            if is_answered:
                return
            is_answered = True
            self._answers.append(answer)
            if is_awaited:
                await self._one_less()

        return take

    async def close(self) -> None:
        """No more messages are in the batch."""
        await self._one_less()

    async def _one_less(self) -> None:
        self._missing -= 1
        if self._missing == 0 and self._answers:
            await self._send(self._answers)
