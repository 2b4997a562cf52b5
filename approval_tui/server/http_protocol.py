"""uvicorn's HTTP/1.1 with two things besides: patience has an end, and what is no HTTP gets an answer of ours.

Below the public surface of uvicorn; a test says when that changes.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from approval_tui.server.errors import Refusal
from approval_tui.server.exchange import JSON, encoded


class PatientProtocol(H11Protocol):
    """One connection; a caller that begins a request and does not end its head is hung up on."""

    patience: ClassVar[float] = 10.0
    """Seconds from the first byte, or from the connection, to the end of a request's head."""

    _hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_patience()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_patience()
        elif self._hang_up is None:
            self._be_patient()

    def on_response_complete(self) -> None:
        self._forget_patience()
        super().on_response_complete()

    def send_400_response(self, _msg: str) -> None:
        """What is no HTTP is answered like everything else that cannot be used."""
        exchange_id = str(uuid.uuid4())
        refusal = Refusal(400, "invalid_http", "This is no HTTP request.")
        body = encoded({"error": refusal.to_json(exchange_id)})
        headers: list[tuple[str, str]] = [
            ("content-type", JSON),
            ("content-length", str(len(body))),
            ("x-request-id", exchange_id),
            ("connection", "close"),
        ]
        events: tuple[Any, ...] = (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _be_patient(self) -> None:
        self._hang_up = self.loop.call_later(self.patience, self.transport.close)

    def _forget_patience(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None
