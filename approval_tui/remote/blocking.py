"""The requester's side over HTTP without asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from approval_tui.remote import operations
from approval_tui.remote.connection import Connection, http_client
from approval_tui.remote.exchanges import Answering, Exchange, Lost, Pause, Received, Sending

if TYPE_CHECKING:
    from approval_tui.domain.proxies import ProxyStanding

P = ParamSpec("P")
R = TypeVar("R")


def _asks(operation: Callable[P, Exchange[R]]) -> Callable[Concatenate[BlockingRemoteRequester, P], R]:
    """The method that runs the operation against the server."""

    def method(self: BlockingRemoteRequester, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._run(operation(*args, **kwargs))

    method.__name__, method.__doc__ = operation.__name__, operation.__doc__
    return method


class BlockingRemoteRequester:
    """What an agent is handed: the same operations as on the store itself, judged by the server's policy."""

    def __init__(self, connection: Connection) -> None:
        httpx2 = http_client()
        self._connection = connection
        transport = None if connection.socket_path is None else httpx2.HTTPTransport(uds=connection.socket_path)
        self._client = httpx2.Client(**connection.options(), transport=transport)
        self._failures = (httpx2.HTTPError, httpx2.StreamError)

    submit = _asks(operations.submit)
    get = _asks(operations.get)
    wait = _asks(operations.wait)
    claimable = _asks(operations.claimable)
    consume = _asks(operations.consume)
    report_outcome = _asks(operations.report_outcome)
    rollback = _asks(operations.rollback)
    give_up = _asks(operations.give_up)
    cancel = _asks(operations.cancel)

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
            except Lost as failure:
                lost = failure
            except self._failures as error:
                lost = Lost(f"{type(error).__name__}: {error}".rstrip(": "))

    def _send(self, sending: Sending) -> Received:
        answering = Answering(sending)
        with self._client.stream(**self._connection.arguments(sending)) as response:
            for part in response.iter_bytes():
                answering.take(part)
        return Received(response.status_code, response.headers, answering.whole())


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
