"""What is asked of the server, and who waits for which of its answers."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.answers import INTERNAL_ERROR, error_answer
from approval_tui.proxy.frames import Id
from approval_tui.proxy.lines import Line
from approval_tui.proxy.open_requests import Waiter
from approval_tui.proxy.tool_calls import OpenCall
from approval_tui.proxy.tool_lists import ListUnusable
from approval_tui.proxy.upstream import AnswerLost, Undelivered, Upstream, UpstreamEnded

_LONGEST_STOP = 0.5
"""Seconds that all else which the server says waits for a store that is told of one call's outcome."""

_LONGEST_FIRST_LIST = 5.0
"""Seconds that a call waits for the list of tools, from which the headers of its arguments are known."""

_log = logging.getLogger("approval_tui.proxy")


class ServerSide:
    """The server with its unanswered requests, the client's and our own.

    `first_list` is the task in which we ask for its tools at the start.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._waiting: dict[Id, Waiter] = {}
        self._answers: set[asyncio.Future[JsonObject]] = set()
        self._own_ids = (f"approval-tui-{secrets.token_hex(8)}-{number}" for number in range(2**53))
        self.first_list: asyncio.Task[None] | None = None
        self.has_ended = False

    async def receive(self) -> Line | None:
        """The next line of the server; None when it says no more."""
        return await self._upstream.receive()

    async def send(self, message: JsonObject) -> None:
        """Hands over what nobody waits for; raises UpstreamEnded."""
        await self._upstream.send(message)

    async def request(self, message: JsonObject, waiter: Waiter) -> None:
        """Hands over a request whose answer the waiter is told of; raises UpstreamEnded, and forgets it then."""
        self._waiting[message["id"]] = waiter
        try:
            await self._upstream.send(message)
        except UpstreamEnded:
            self.forget(message["id"])
            raise

    async def call(self, request: JsonObject, opened: OpenCall | None) -> JsonObject:
        """Hands over a request and waits for its answer; raises Undelivered, UpstreamEnded or AnswerLost.

        What the server says after that answer waits until the call is done, if that does not take long.
        """
        request_id = request["id"]
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()

        async def arrived(value: JsonObject) -> None:
            if not answer.done():
                answer.set_result(value)
            if opened is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(opened.is_done.wait(), _LONGEST_STOP)

        async def refused(why: str) -> None:
            if not answer.done():
                answer.set_exception(AnswerLost(_lost(request_id, why)))

        if self.has_ended:
            raise Undelivered
        if opened is not None and self._upstream.needs_tools_first and self.first_list is not None:
            await asyncio.wait([self.first_list], timeout=_LONGEST_FIRST_LIST)
        self._answers.add(answer)
        try:
            await self.request(request, Waiter(arrived, refused))
            if opened is not None:
                opened.is_settled.set()
            value = await answer
        finally:
            self._answers.discard(answer)
            self.forget(request_id)
        if self._upstream.was_undelivered(request_id):
            raise Undelivered
        if self._upstream.was_lost(request_id):
            raise AnswerLost(_lost(request_id, value["error"].get("message")))
        return value

    async def ask(self, method: str, params: JsonObject) -> JsonObject:
        """The result of a request of our own; raises ListUnusable where the server says no, and as `call` does."""
        message: JsonObject = {"jsonrpc": "2.0", "id": next(self._own_ids), "method": method, "params": params}
        answer = await self.call(message, None)
        if "error" in answer:
            raise ListUnusable(f"the server answered {answer['error']}")
        result: JsonObject = answer["result"]
        return result

    async def answered(self, request_id: Id, answer: JsonObject) -> None:
        """Tells whoever waits for this answer."""
        waiter = self._waiting.pop(request_id, None)
        if waiter is not None:
            await waiter.answered(answer)
        else:
            _log.debug("the server answered %a, which nobody asked or which was answered already", request_id)

    async def unreadable(self, request_id: Id | None, why: str) -> None:
        """Tells whoever waits for it that an answer came which cannot be passed on."""
        waiter = None if request_id is None else self._waiting.pop(request_id, None)
        if waiter is not None:
            await waiter.refused(f"The server's answer was refused: {why}.")

    def forget(self, request_id: Id) -> None:
        """Nobody waits for that answer any more."""
        self._waiting.pop(request_id, None)

    def end(self) -> None:
        """The server answers nothing any more."""
        self.has_ended = True
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(UpstreamEnded())


def _lost(request_id: Id, why: object) -> JsonObject:
    return error_answer(request_id, INTERNAL_ERROR, f"{str(why).rstrip('.')}; nobody knows whether the call ran.")
