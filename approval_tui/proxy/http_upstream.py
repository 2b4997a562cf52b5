"""A server at a URL (MCP, streamable HTTP), carried by the official SDK's transport: the extra `mcp`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp_types import JSONRPCMessage, jsonrpc_message_adapter

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.proxy.frames import LARGEST_FRAME
from approval_tui.proxy.http_transport import HonestTransport
from approval_tui.proxy.lines import Line
from approval_tui.proxy.messages import INITIALIZE, TOOLS_CALL, TOOLS_LIST, VERSION_KEY
from approval_tui.proxy.upstream import Undelivered

_CONNECTING = 30.0
_READING = 300.0
"""Seconds for a connection, and for a stream on which nothing comes; the SDK's own."""

_LONGEST_END = 5.0

_log = logging.getLogger("approval_tui.proxy")


class HttpUpstream:
    """A session with one server; requests are posted, and what the server says comes back over their streams."""

    needs_tools_first = True

    def __init__(self, url: str, headers: Sequence[tuple[str, str]]) -> None:
        self._transport = HonestTransport()
        self._client = httpx2.AsyncClient(
            transport=self._transport,
            headers=list(headers),
            timeout=httpx2.Timeout(_CONNECTING, read=_READING),
        )
        self._url = url
        self._stamps = _Stamps()
        self._streams: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._session = asyncio.get_running_loop().create_task(self._run())

    @classmethod
    async def connect(cls, url: str, headers: Sequence[tuple[str, str]]) -> HttpUpstream:
        """Makes a session ready; the first request is what reaches the server first. Raises InvalidInput."""
        upstream = cls(url, headers)
        await asyncio.wait([upstream._streams, upstream._session], return_when=asyncio.FIRST_COMPLETED)
        if not upstream._streams.done():
            raise InvalidInput(
                f"No session with {url.partition('?')[0]} could be begun.",
                not_done="Nothing was asked of it.",
                to_do="Check the URL and the headers; what went wrong is on stderr.",
            )
        return upstream

    async def send(self, message: JsonObject) -> None:
        """Posts one message; raises Undelivered where the session is over, or HTTP cannot carry the message."""
        try:
            parsed = jsonrpc_message_adapter.validate_python(message, by_name=False)
            _check_sendable(parsed)
            stamped = ClientMessageMetadata(headers=self._stamps.headers_of(message))
        except (ValueError, RecursionError) as error:
            _log.warning("a message cannot be sent over HTTP: %s", str(error)[:200])
            raise Undelivered from None
        if "method" in message:
            self._transport.forget(message.get("id"))
        try:
            await self._streams.result()[1].send(SessionMessage(parsed, stamped))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise Undelivered from None

    async def receive(self) -> Line | None:
        """The next message of the server; None when the session is over."""
        while True:
            try:
                message = await self._streams.result()[0].receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return None
            if not isinstance(message, Exception):
                value = message.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
                self._stamps.learn(value)
                self._transport.note_answer(value)
                return Line(json.dumps(value, ensure_ascii=False).encode())  # escapes would make it longer than it was
            _log.warning("a message of the server was refused: %s", message)

    def was_undelivered(self, request_id: object) -> bool:
        """Whether the request with this id certainly did not reach the server."""
        return self._transport.was_undelivered(request_id)

    def was_lost(self, request_id: object) -> bool:
        """Whether the answer to this id is not the server's own."""
        return self._transport.was_lost(request_id)

    async def ended(self) -> int:
        """Waits for the end of the session; a server at a URL has no exit code."""
        await asyncio.wait([self._session])
        return 1

    def end_input(self) -> None:
        """Nothing: a session has no end of input."""

    async def close(self) -> None:
        """Ends the session, at the server too."""
        self._closing.set()
        if not (await asyncio.wait([self._session], timeout=_LONGEST_END))[0]:
            self._session.cancel()
            await asyncio.wait([self._session])

    def release(self) -> None:
        """Nothing: a session that is closed holds nothing."""

    async def _run(self) -> None:
        """Holds the session open; what goes wrong in it ends it."""
        try:
            async with (
                self._client,
                streamable_http_client(
                    self._url, http_client=self._client, max_sse_event_size=LARGEST_FRAME
                ) as streams,
            ):
                self._streams.set_result(streams)
                await self._closing.wait()
        except* Exception as errors:
            _log.error("the session with %s ended: %s", self._url, errors.exceptions[0])


class _Stamps:
    """The headers that each message must have, which repeat what is in it (MCP, streamable HTTP, headers)."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._asked: dict[object, str] = {}
        self._parameters: dict[str, dict[tuple[str, ...], str]] = {}

    def headers_of(self, message: JsonObject) -> dict[str, str]:
        """The headers of a message to the server; raises ValueError for what no header can hold."""
        method, params = message.get("method"), message.get("params") or {}
        if method in (INITIALIZE, TOOLS_LIST) and "id" in message:
            self._asked[message["id"]] = method
        meta = params.get("_meta")
        modern = meta.get(VERSION_KEY) if isinstance(meta, dict) else None
        if not isinstance(modern, str):
            return {} if self._version is None or method == INITIALIZE else {MCP_PROTOCOL_VERSION_HEADER: self._version}
        if not (modern.isascii() and modern.isprintable()):
            raise ValueError("its version is no text that a header can hold")
        headers = {MCP_PROTOCOL_VERSION_HEADER: modern}
        if isinstance(method, str):
            method.encode("ascii")
            headers[MCP_METHOD_HEADER] = method
            name = params.get(NAME_BEARING_METHODS.get(method, ""))
            if isinstance(name, str):
                headers[MCP_NAME_HEADER] = encode_header_value(name)
            if method == TOOLS_CALL and isinstance(name, str) and name in self._parameters:
                headers.update(mcp_param_headers(self._parameters[name], params.get("arguments") or {}))
        return headers

    def learn(self, answer: JsonObject) -> None:
        """Notes what later headers need: the version that was agreed on, and which arguments go into headers."""
        if "method" in answer:
            return
        method, result = self._asked.pop(answer.get("id"), None), answer.get("result")
        if not isinstance(result, dict):
            return
        if method == INITIALIZE and isinstance(result.get("protocolVersion"), str):
            self._version = result["protocolVersion"]
        tools = result.get("tools") if method == TOOLS_LIST else None
        for tool in tools if isinstance(tools, list) else ():
            schema = tool.get("inputSchema") if isinstance(tool, dict) else None
            if isinstance(schema, dict) and find_invalid_x_mcp_header(schema) is None:
                self._parameters[str(tool.get("name"))] = x_mcp_header_map(schema)


def _check_sendable(message: JSONRPCMessage) -> None:
    """Raises ValueError where the SDK could not write the message as JSON, which would end the session."""
    json.dumps(message.model_dump(by_alias=True, mode="json", exclude_unset=True), ensure_ascii=False).encode()
