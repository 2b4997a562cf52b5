"""The requester's side over HTTP on an event loop."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from approval_tui.remote import operations
from approval_tui.remote.connection import Connection, http_client
from approval_tui.remote.exchanges import Answering, Exchange, Lost, Pause, Received, Sending

if TYPE_CHECKING:
    import httpx2

    from approval_tui.domain.proxies import ProxyStanding

P = ParamSpec("P")
R = TypeVar("R")


def _asks(operation: Callable[P, Exchange[R]]) -> Callable[Concatenate[RemoteRequester, P], Coroutine[Any, Any, R]]:
    """The method that runs the operation against the server."""

    async def method(self: RemoteRequester, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(operation(*args, **kwargs))

    method.__name__, method.__doc__ = operation.__name__, operation.__doc__
    return method


class RemoteRequester:
    """What an agent is handed: the same operations as on the store itself, judged by the server's policy."""

    def __init__(self, connection: Connection) -> None:
        self._http = http_client()
        self._connection = connection
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )
        self._failures = (self._http.HTTPError, self._http.StreamError)

    submit = _asks(operations.submit)
    get = _asks(operations.get)
    wait = _asks(operations.wait)
    claimable = _asks(operations.claimable)
    consume = _asks(operations.consume)
    report_outcome = _asks(operations.report_outcome)
    rollback = _asks(operations.rollback)
    give_up = _asks(operations.give_up)
    cancel = _asks(operations.cancel)

    async def give_back(self, claim_id: str) -> None:
        """Nothing: what the server's policy allows is a request with a claim, which `rollback` gives back."""

    async def note_proxy(self, standing: ProxyStanding) -> None:
        """Nothing: a server keeps no standings of proxies."""

    async def close(self) -> None:
        """Closes the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _run(self, exchange: Exchange[R]) -> R:
        received: Received | None = None
        lost: Lost | None = None
        while True:
            try:
                step = exchange.throw(lost) if lost is not None else exchange.send(received)  # type: ignore[arg-type]
            except StopIteration as end:
                result: R = end.value
                return result
            received = lost = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                received = await self._send(step)
            except Lost as failure:
                lost = failure
            except self._failures as error:
                lost = Lost(f"{type(error).__name__}: {error}".rstrip(": "))

    async def _send(self, sending: Sending) -> Received:
        answering = Answering(sending)
        async with self._client().stream(**self._connection.arguments(sending)) as response:
            async for part in response.aiter_bytes():
                answering.take(part)
        return Received(response.status_code, response.headers, answering.whole())

    def _client(self) -> Any:
        """The client of the running event loop: connections cannot move to another one."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            path = self._connection.socket_path
            transport = None if path is None else self._http.AsyncHTTPTransport(uds=path)
            client = self._clients[loop] = self._http.AsyncClient(**self._connection.options(), transport=transport)
        return client


class RemoteStore:
    """A server's store as far as a requester may see it; an async context manager that closes the connections."""

    def __init__(self, connection: Connection) -> None:
        self.requester = RemoteRequester(connection)

    async def close(self) -> None:
        """Closes the connections; closing twice is harmless."""
        await self.requester.close()

    async def __aenter__(self) -> RemoteStore:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
