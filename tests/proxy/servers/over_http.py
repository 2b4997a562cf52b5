"""The server of `tools` over streamable HTTP on the loopback, in a thread; it can go away and come back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.proxy.servers.tools import Tools
from tests.support import LONG


@dataclass(frozen=True)
class Posted:
    """One HTTP request that came: its headers by their names in small letters, and its message, if it had one."""

    verb: str
    headers: dict[str, str]
    message: Any

    @property
    def method(self) -> str | None:
        """The method of the MCP message."""
        return self.message.get("method") if isinstance(self.message, dict) else None


class HttpServer:
    """A server at `url`, from `with` on. It notes what is posted to it, and what its tools do."""

    def __init__(self, port: int = 0) -> None:
        self.posted: list[Posted] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._serving: tuple[uvicorn.Server, asyncio.Task[None]] | None = None
        self._end = asyncio.Event()
        self._app: Future[None] | None = None

    @property
    def url(self) -> str:
        """Where it is, also while it is down."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def calls(self, tool: str) -> list[dict[str, Any]]:
        """The calls of this tool that reached it so far."""
        return [of for what, of in self.told if what == "call" and of["tool"] == tool]

    def ends(self, tool: str) -> list[dict[str, Any]]:
        """The calls of this tool that have ended so far, and how."""
        return [of for what, of in self.told if what == "end" and of["tool"] == tool]

    def posts(self, method: str) -> list[Posted]:
        """What was posted of this method so far."""
        return [post for post in self.posted if post.method == method]

    def come_back(self) -> None:
        """Listens, on the port that it had before; its sessions are still there."""
        self._run(self._listen)

    def go_away(self) -> None:
        """Breaks every connection and listens no more, as if its machine was gone."""
        self._run(self._break_off)

    def __enter__(self) -> HttpServer:
        self._thread.start()
        starting = threading.Event()
        self._app = asyncio.run_coroutine_threadsafe(self._live(starting.set), self._loop)
        assert starting.wait(LONG)
        self.come_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._serving is not None:
            self.go_away()
        self._loop.call_soon_threadsafe(self._end.set)
        assert self._app is not None
        self._app.result(LONG)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONG)
        self._loop.close()

    def _run(self, step: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(step(), self._loop).result(LONG)

    async def _live(self, started: Callable[[], None]) -> None:
        """Keeps the sessions, whether it listens or not."""
        app = Tools(lambda what, of: self.told.append((what, of))).server.streamable_http_app()
        self._asgi = self._noting(app)
        async with app.router.lifespan_context(app):
            started()
            await self._end.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # one of sse-starlette watches until its process ends
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(self._asgi, lifespan="off", log_config=None, access_log=False))
        serving = self._loop.create_task(server.serve([listener]))
        self._serving = (server, serving)
        while not server.started:
            await asyncio.sleep(0.002)

    async def _break_off(self) -> None:
        assert self._serving is not None
        server, serving = self._serving
        self._serving = None
        server.should_exit = server.force_exit = True
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            transport = connection.transport
            assert transport is not None
            transport.abort()
        await serving

    def _noting(self, app: ASGIApp) -> ASGIApp:
        async def note(scope: Scope, receive: Receive, send: Send) -> None:
            body = b""

            async def hear() -> Message:
                nonlocal body
                event = await receive()
                if event["type"] == "http.request":
                    body += event.get("body", b"")
                    if not event.get("more_body"):
                        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                        self.posted.append(Posted(scope["method"], headers, json.loads(body) if body else None))
                        body = b""
                return event

            await app(scope, hear, send)

        return note
