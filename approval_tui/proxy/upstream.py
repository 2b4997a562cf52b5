"""The server's side of a proxy, whatever carries it."""

from __future__ import annotations

from typing import Protocol

from approval_tui.domain.canonical import JsonObject
from approval_tui.proxy.lines import Line


class UpstreamEnded(Exception):
    """The server is gone; what was handed over last may have reached it."""


class Undelivered(UpstreamEnded):
    """Nothing of the message reached the server, so that it certainly did not act on it."""


class AnswerLost(Exception):
    """No answer of the server's own came, so that nobody knows what became of the request; the client gets `answer`."""

    def __init__(self, answer: JsonObject) -> None:
        super().__init__(str(answer))
        self.answer = answer


class Upstream(Protocol):
    """A server that messages can be sent to and received from.

    One that `needs_tools_first` puts arguments into headers, which it knows only from the list of tools.
    """

    needs_tools_first: bool

    async def send(self, message: JsonObject) -> None:
        """Hands one message over; raises Undelivered or UpstreamEnded."""

    async def receive(self) -> Line | None:
        """The next message as a line; None when no more will come."""

    def was_undelivered(self, request_id: object) -> bool:
        """Whether the request with this id certainly did not reach the server, although it was handed over."""

    def was_lost(self, request_id: object) -> bool:
        """Whether the answer that came for this id is not the server's own."""

    async def ended(self) -> int:
        """Waits for the server's end, and gives the exit code that the proxy should have."""

    def end_input(self) -> None:
        """Says that nothing more will be sent; what was sent may still be answered."""

    async def close(self) -> None:
        """Ends what was begun: the process with its group, or the session."""

    def release(self) -> None:
        """Lets go of what is left to read, once all that matters was read."""
