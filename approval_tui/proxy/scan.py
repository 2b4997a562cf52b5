"""Asks a server for its tools, as a client of either era would, and leaves again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import InvalidInput
from approval_tui.proxy.answers import error_answer
from approval_tui.proxy.frames import FrameRefused, parse_frame
from approval_tui.proxy.messages import (
    INITIALIZE,
    INITIALIZED,
    REQUEST,
    RESPONSE,
    TOOLS_LIST,
    VERSION_KEY,
    read_message,
)
from approval_tui.proxy.spawn import spawn
from approval_tui.proxy.tool_lists import ListUnusable, all_tools
from approval_tui.proxy.upstream import Upstream, UpstreamEnded
from approval_tui.version import __version__

_CLIENT = {"name": "approval-tui", "version": __version__}
_HANDSHAKE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": _CLIENT}
_ENVELOPE = {
    "_meta": {
        VERSION_KEY: "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": _CLIENT,
    }
}
"""What every request says where no hands are shaken (MCP 2026-07-28)."""

_METHOD_NOT_FOUND = -32601


def tools_of_server(
    command: Sequence[str], upstream: str | None, headers: Sequence[tuple[str, str]], timeout: int
) -> list[JsonObject]:
    """The tools that the server lists, page by page; `timeout` is in ms for all of it.

    Raises InvalidInput where it cannot be started or reached, or does not answer as a server of tools does.
    """
    return asyncio.run(_scan(command, upstream, headers, timeout))


async def _scan(
    command: Sequence[str], url: str | None, headers: Sequence[tuple[str, str]], timeout: int
) -> list[JsonObject]:
    from approval_tui.proxy.run import connect

    upstream = await connect(spawn(command) if command else None, url, headers)
    try:
        return await asyncio.wait_for(_Asking(upstream).tools(), timeout / 1000)
    except TimeoutError:
        raise _unusable(f"it did not answer within {timeout / 1000:g} seconds") from None
    except UpstreamEnded:
        raise _unusable("it ended, or cannot be reached") from None
    except ListUnusable as error:
        raise _unusable(error.why) from None
    finally:
        await asyncio.shield(upstream.close())
        upstream.release()


class _Asking:
    """A client that asks one thing after the other, and has nothing to offer itself."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._last_id = 0

    async def tools(self) -> list[JsonObject]:
        answer = await self._request(INITIALIZE, dict(_HANDSHAKE))
        if "error" in answer:
            return await all_tools(self._ask, dict(_ENVELOPE))
        await self._upstream.send({"jsonrpc": "2.0", "method": INITIALIZED})
        return await all_tools(self._ask, {})

    async def _ask(self, method: str, params: JsonObject) -> JsonObject:
        answer = await self._request(method, params)
        if "error" in answer:
            raise ListUnusable(f"it answered {TOOLS_LIST} with an error: {answer['error'].get('message')}")
        result: JsonObject = answer["result"]
        return result

    async def _request(self, method: str, params: JsonObject) -> JsonObject:
        self._last_id += 1
        await self._upstream.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        while (line := await self._upstream.receive()) is not None:
            try:
                message = read_message(parse_frame(line.data))
            except FrameRefused:
                continue  # some servers greet on stdout
            if message.kind == RESPONSE and message.id == self._last_id:
                return message.value
            if message.kind == REQUEST:
                await self._upstream.send(_answer_to(message.id, message.method))
        raise UpstreamEnded


def _answer_to(request_id: Any, method: str) -> JsonObject:
    if method == "ping":
        return {"jsonrpc": "2.0", "id": request_id, "result": {}}
    return error_answer(request_id, _METHOD_NOT_FOUND, "This client only asks for tools.")


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(
        f"The server's tools cannot be listed: {why}.",
        not_done="No policy was written.",
        to_do="Check the server's command or URL; what it says of itself is on stderr.",
    )
