"""uvicorn's HTTP/1.1, held to strict manners: patience has an end, and what is no HTTP gets an answer of ours.

Below the public surface of uvicorn; a test says when that changes.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from approval_tui.server.errors import Refusal
from approval_tui.server.exchange import JSON, encoded
from approval_tui.server.sockets import most_sockets

_FOLDED = re.compile(rb"\n[ \t]")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class PatientProtocol(H11Protocol):
    """One connection; a caller that begins a request and does not end its head is hung up on."""

    patience: ClassVar[float] = 10.0
    """Seconds from the first byte, or from the connection, to the end of a request's head."""

    patience_for_readers: ClassVar[float] = 60.0
    """Seconds within which a caller must have taken so much of an answer that more can be written."""

    most_ahead: ClassVar[int] = 64 * 1024
    """Bytes of further requests that a caller may send before it has its answer."""

    most_connections: ClassVar[int] = 3000
    """Connections that are kept; with more, one that waits for a request is ended."""

    _hang_up: asyncio.TimerHandle | None = None
    _give_up: asyncio.TimerHandle | None = None
    _last_call: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nobody is served over this connection now."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_alive(self) -> bool:
        """Whether the connection goes on."""
        return not self.transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_patient()
        self._idle_since = self.loop.time()
        if len(self.connections) > min(self.most_connections, most_sockets()):
            self._make_room()

    def _make_room(self) -> None:
        """Ends the connection that has waited longest for a request, unless enough are at their end already."""
        alive = [each for each in self.connections if isinstance(each, PatientProtocol) and each.is_alive]
        if len(alive) > min(self.most_connections, most_sockets()):
            idle = (each for each in alive if each.is_idle and each is not self)
            min(idle, key=lambda each: each._idle_since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_patience()
        if self._last_call is not None:
            self._last_call.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.is_idle:
            self._forget_patience()
        elif self._hang_up is None:
            self._be_patient()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            # Its request has come; who does not read on does not learn that the caller has gone.
            self.flow.resume_reading()
            if len(self.conn.trailing_data[0]) > self.most_ahead:
                self.transport.abort()

    def handle_events(self) -> None:
        """Refuses what two readers of one request might take for two different ones, before anything is read of it."""
        if self.conn.their_state is h11.IDLE:
            buffered = self.conn.trailing_data[0]
            end = _END_OF_HEAD.search(buffered)
            if end is not None and _FOLDED.search(buffered, 0, end.start()) is not None:
                self.send_400_response("")
                return
        super().handle_events()

    def on_response_complete(self) -> None:
        self._forget_patience()
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._give_up is None:
            self._give_up = self.loop.call_later(self.patience_for_readers, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None

    def timeout_keep_alive_handler(self) -> None:
        """Ends a connection that nothing comes over."""
        super().timeout_keep_alive_handler()
        self._close()

    def send_400_response(self, _msg: str) -> None:
        """What is no HTTP is answered like everything else that cannot be used.

        Not where an answer was begun, nor where what came before was a whole request, which may be carried out: then
        the connection ends.
        """
        is_whole = not self.is_idle and not self.cycle.more_body
        if not self.is_idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not is_whole:
            self._refuse()
        self._close()

    def _refuse(self) -> None:
        exchange_id = str(uuid.uuid4())
        refusal = Refusal(400, "invalid_http", "This is no HTTP request.")
        body = encoded({"error": refusal.to_json(exchange_id)})
        headers: list[tuple[str, str]] = [
            ("content-type", JSON),
            ("content-length", str(len(body))),
            ("x-request-id", exchange_id),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("connection", "close"),
        ]
        events: tuple[Any, ...] = (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")

    def _close(self) -> None:
        """Ends the connection when its caller has taken what was sent, and if it does not, at last all the same."""
        self.transport.close()
        if self._last_call is None:
            self._last_call = self.loop.call_later(self.patience_for_readers, self.transport.abort)

    def _be_patient(self) -> None:
        self._hang_up = self.loop.call_later(self.patience, self.transport.abort)

    def _forget_patience(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None
