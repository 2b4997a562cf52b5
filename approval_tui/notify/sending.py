"""What every way of sending has in common: a message goes out, and somebody says how that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from approval_tui.domain.errors import ExtraMissing
from approval_tui.domain.notices import Delivery
from approval_tui.domain.sinks import Sink, Webhook


@dataclass(frozen=True)
class Sent:
    """How one attempt ended: taken, or why not; `retry_after` (ms) is what the receiver asked for."""

    failure: str | None = None
    retry_after: int | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.failure is None


class Sender(Protocol):
    """One sink that can be sent to; nothing that goes wrong there is raised."""

    async def send(self, delivery: Delivery) -> Sent:
        """Makes one attempt, within a few seconds."""

    async def try_out(self) -> Sent:
        """Sends a message that is about no request."""


def sender_for(sink: Sink) -> Sender:
    """What sends to that sink; raises ExtraMissing, and InvalidInput for a URL that apprise does not know."""
    try:
        if isinstance(sink, Webhook):
            from approval_tui.notify.webhook_sender import WebhookSender

            return WebhookSender(sink)
        from approval_tui.notify.apprise_sender import AppriseSender

        return AppriseSender(sink)
    except ImportError as error:
        raise ExtraMissing(
            f"Notices need the extra notify: {error.name or error} is not installed.",
            not_done="Nobody is told.",
            to_do="Run `pip install 'approval-tui[notify]'`.",
        ) from None
