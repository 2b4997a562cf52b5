"""The requester's side over HTTP without asyncio."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from approval_tui.domain.calls import Call, CheckedCall, Claim, Submitted
from approval_tui.domain.models import Request
from approval_tui.remote import operations
from approval_tui.remote.connection import Connection, http_client
from approval_tui.remote.exchanges import Exchange, Lost, Pause, Received, Sending

if TYPE_CHECKING:
    from approval_tui.domain.proxies import ProxyStanding
    from approval_tui.domain.verdicts import Verdict

R = TypeVar("R")


class BlockingRemoteRequester:
    """What an agent is handed: the same operations as on the store itself, judged by the server's policy."""

    def __init__(self, connection: Connection) -> None:
        httpx2 = http_client()
        self._connection = connection
        transport = None if connection.socket_path is None else httpx2.HTTPTransport(uds=connection.socket_path)
        self._client = httpx2.Client(**connection.options(), transport=transport)
        self._failures = (httpx2.HTTPError, httpx2.StreamError)

    def submit(self, call: Call | CheckedCall) -> Submitted:
        """Finds the request of the same call or creates it; raises InvalidInput before anything is sent."""
        return self._run(operations.submit(call))

    def get(self, request_id: str) -> Request:
        """The request as it is; raises RequestNotFound."""
        return self._run(operations.get(request_id))

    def wait(self, request_id: str, *, timeout: int | None = None) -> Request:
        """The request as soon as it is no longer pending, or as it is after `timeout` ms."""
        return self._run(operations.wait(request_id, timeout))

    def claimable(self, request_id: str, fingerprint: str, *, requester: str) -> Request:
        """The request as it is now, if it is approved; raises StatusConflict, or RequestChanged for another call."""
        return self._run(operations.claimable(request_id, fingerprint, requester))

    def consume(
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
        return self._run(operations.consume(request_id, fingerprint, claim_id, digest))

    def report_outcome(self, request_id: str, claim: str, outcome: str, *, detail: str | None = None) -> Request:
        """Tells how the call ended, once."""
        return self._run(operations.report_outcome(request_id, claim, outcome, detail))

    def rollback(self, request_id: str, claim: str, *, detail: str | None = None) -> Request:
        """Gives the claim back, because the call did not run."""
        return self._run(operations.roll_back(request_id, claim, detail))

    def give_up(self, request_id: str, claim: str, *, reason: str) -> Request:
        """The same, and nobody can use the approval any more."""
        return self._run(operations.roll_back(request_id, claim, reason, withdraw=True))

    def cancel(self, request_id: str, *, requester: str, reason: str | None = None) -> Request:
        """Withdraws the request; who asks says the token, and why is not sent."""
        del requester, reason
        return self._run(operations.cancel(request_id))

    def give_back(self, claim_id: str) -> None:
        """Nothing: what the server's policy allows is a request with a claim, which `rollback` gives back."""

    def note_proxy(self, standing: ProxyStanding) -> None:
        """Nothing: a server keeps no standings of proxies."""

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _run(self, exchange: Exchange[R]) -> R:
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
                time.sleep(step.seconds)
                continue
            try:
                received = self._send(step)
            except self._failures as error:
                lost = Lost(f"{type(error).__name__}: {error}".rstrip(": "))

    def _send(self, sending: Sending) -> Received:
        response = self._client.request(**self._connection.arguments(sending))
        return Received(response.status_code, response.headers, response.content)


class BlockingRemoteStore:
    """A server's store as far as a requester may see it; a context manager that closes the connections."""

    def __init__(self, connection: Connection) -> None:
        self.requester = BlockingRemoteRequester(connection)

    def close(self) -> None:
        """Closes the connections; closing twice is harmless."""
        self.requester.close()

    def __enter__(self) -> BlockingRemoteStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
