"""The requester's side over HTTP on an event loop."""

from __future__ import annotations

import asyncio
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from approval_tui.domain.calls import Call, CheckedCall, Claim, Submitted
from approval_tui.domain.models import Request
from approval_tui.remote import operations
from approval_tui.remote.connection import Connection, http_client
from approval_tui.remote.exchanges import Exchange, Lost, Pause, Received, Sending

if TYPE_CHECKING:
    import httpx2

    from approval_tui.domain.proxies import ProxyStanding
    from approval_tui.domain.verdicts import Verdict

R = TypeVar("R")


class RemoteRequester:
    """What an agent is handed: the same operations as on the store itself, judged by the server's policy."""

    def __init__(self, connection: Connection) -> None:
        self._http = http_client()
        self._connection = connection
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
            weakref.WeakKeyDictionary()
        )
        self._failures = (self._http.HTTPError, self._http.StreamError)

    async def submit(self, call: Call | CheckedCall) -> Submitted:
        """Finds the request of the same call or creates it; raises InvalidInput before anything is sent."""
        return await self._run(operations.submit(call))

    async def get(self, request_id: str) -> Request:
        """The request as it is; raises RequestNotFound."""
        return await self._run(operations.get(request_id))

    async def wait(self, request_id: str, *, timeout: int | None = None) -> Request:
        """The request as soon as it is no longer pending, or as it is after `timeout` ms."""
        return await self._run(operations.wait(request_id, timeout))

    async def claimable(self, request_id: str, fingerprint: str, *, requester: str) -> Request:
        """The request as it is now, if it is approved; raises StatusConflict, or RequestChanged for another call."""
        return await self._run(operations.claimable(request_id, fingerprint, requester))

    async def consume(
        self,
        request_id: str,
        fingerprint: str,
        *,
        requester: str,
        claim_lifetime: int,
        claim_id: str,
        digest: str | None = None,
        verdict: Verdict | None = None,
    ) -> Claim:
        """The right to run the call once; who asks, and for how long the claim holds, says the server."""
        del requester, claim_lifetime, verdict
        return await self._run(operations.consume(request_id, fingerprint, claim_id, digest))

    async def report_outcome(self, request_id: str, claim: str, outcome: str, *, detail: str | None = None) -> Request:
        """Tells how the call ended, once."""
        return await self._run(operations.report_outcome(request_id, claim, outcome, detail))

    async def rollback(self, request_id: str, claim: str, *, detail: str | None = None) -> Request:
        """Gives the claim back, because the call did not run."""
        return await self._run(operations.roll_back(request_id, claim, detail))

    async def give_up(self, request_id: str, claim: str, *, reason: str) -> Request:
        """The same, and nobody can use the approval any more."""
        return await self._run(operations.roll_back(request_id, claim, reason, withdraw=True))

    async def cancel(self, request_id: str, *, requester: str, reason: str | None = None) -> Request:
        """Withdraws the request; who asks says the token, and why is not sent."""
        del requester, reason
        return await self._run(operations.cancel(request_id))

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
            except self._failures as error:
                lost = Lost(f"{type(error).__name__}: {error}".rstrip(": "))

    async def _send(self, sending: Sending) -> Received:
        response = await self._client().request(**self._connection.arguments(sending))
        return Received(response.status_code, response.headers, response.content)

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
