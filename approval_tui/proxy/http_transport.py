"""What happens to each request over HTTP: whether it left, and whether the answer is the server's own.

The SDK answers in the server's place where no answer comes. For a gate that is not the same: such a call may have run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.answers import INTERNAL_ERROR, error_answer
from approval_tui.proxy.frames import LARGEST_FRAME, FrameRefused, parse_frame
from approval_tui.proxy.lines import LineSplitter
from approval_tui.proxy.messages import INITIALIZE, RESPONSE, read_message

_SESSION_HEADER = "mcp-session-id"
_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_NOT_OF_THE_WHOLE = (b"content-length", b"transfer-encoding", b"content-encoding")

_log = logging.getLogger("approval_tui.proxy")


class HonestTransport(httpx2.AsyncBaseTransport):
    """Sends requests, and notes by their JSON-RPC ids what became of them; nothing of one ends the session."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self._undelivered: set[object] = set()
        self._lost: set[object] = set()
        self._errors: set[object] = set()
        """The requests that the server itself answered with an error."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends the request; an answer that cannot be had becomes a JSON-RPC error."""
        if request.method != "POST":
            return await self._inner.handle_async_request(request)
        message = json.loads(request.content)
        request_id = message.get("id") if "method" in message else None
        if message.get("method") == INITIALIZE and _SESSION_HEADER in request.headers:
            del request.headers[_SESSION_HEADER]  # a session that is begun anew has no id yet
        try:
            response = await self._inner.handle_async_request(request)
            if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                assert isinstance(response.stream, httpx2.AsyncByteStream)
                response.stream = _WatchedStream(response.stream, self)
                return response
            return await self._whole(response, request, request_id)
        except httpx2.TransportError as error:
            if isinstance(error, _NEVER_LEFT):
                self._undelivered.add(request_id)
            return _failed(request, request_id, f"The server cannot be reached: {type(error).__name__}: {error}")
        except httpx2.DecodingError as error:
            return _failed(request, request_id, f"The server's answer cannot be decoded: {error}")

    async def _whole(self, response: httpx2.Response, request: httpx2.Request, request_id: object) -> httpx2.Response:
        """The response with its body read to the end, if it is a JSON-RPC message or needs none."""
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_FRAME:
                await response.aclose()
                return _failed(request, request_id, "The server's answer is too long")
        await response.aclose()
        body = b"".join(chunks)
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _NOT_OF_THE_WHOLE]
        whole = httpx2.Response(response.status_code, headers=headers, content=body, request=request)
        if request_id is None or response.status_code == 202 or 300 <= response.status_code < 400:
            return whole
        try:
            value = parse_frame(body)
        except FrameRefused as refused:
            said = f"The server answered {response.status_code} with what is no answer: {refused.why}"
            return _failed(request, request_id, said)
        self.note_error(value)
        return whole

    def note_error(self, value: object) -> None:
        """Notes a JSON-RPC error of the server's own; a gateway's words about one are none."""
        try:
            message = read_message(value)
        except FrameRefused:
            return
        if message.kind == RESPONSE and message.id is not None and "error" in message.value:
            self._errors.add(message.id)

    def note_answer(self, answer: JsonObject) -> None:
        """Notes of an error that the SDK passes on whether it is the server's own."""
        if "error" in answer and answer.get("id") not in self._errors:
            self._lost.add(answer.get("id"))
        self._errors.discard(answer.get("id"))

    def forget(self, request_id: object) -> None:
        """What was known of an earlier request with this id is not of the next."""
        for noted in (self._undelivered, self._lost, self._errors):
            noted.discard(request_id)

    def was_undelivered(self, request_id: object) -> bool:
        """Whether the last request with this id certainly did not reach the server."""
        return request_id in self._undelivered

    def was_lost(self, request_id: object) -> bool:
        """Whether the last answer to this id is not the server's own."""
        return request_id in self._lost

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._inner.aclose()


class _WatchedStream(httpx2.AsyncByteStream):
    """A stream of events, passed on as it comes, in which errors that the server sent are noted."""

    def __init__(self, inner: httpx2.AsyncByteStream, transport: HonestTransport) -> None:
        self._inner = inner
        self._transport = transport
        self._splitter = LineSplitter()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            for line in self._splitter.feed(chunk.replace(b"\r", b"\n")):
                if line.data.startswith(b"data:") and not line.is_too_long:
                    with suppress(FrameRefused):
                        self._transport.note_error(parse_frame(line.data[len(b"data:") :]))
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _failed(request: httpx2.Request, request_id: object, why: str) -> httpx2.Response:
    """The response that the SDK makes a JSON-RPC error of."""
    _log.error("%s", why)
    wanted = request_id if isinstance(request_id, str | int) else None
    return httpx2.Response(503, json=error_answer(wanted, INTERNAL_ERROR, f"{why}."), request=request)
