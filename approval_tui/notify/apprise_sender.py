"""Sends to whatever apprise knows: chats, push services, mail."""

from __future__ import annotations

import asyncio
import logging
import warnings
from functools import partial

import apprise

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.notices import Delivery
from approval_tui.domain.sinks import ChatSink
from approval_tui.notify.aside import run_aside
from approval_tui.notify.chat_text import TRIAL, ChatText, chat_text
from approval_tui.notify.sending import Sent

TIMEOUT = 15.0
"""Seconds that one attempt may take; some services are asked several things for one message."""

_TALKATIVE = ("apprise", "urllib3")


class AppriseSender:
    """One URL of apprise's."""

    def __init__(self, sink: ChatSink) -> None:
        """Raises InvalidInput for a URL that apprise does not know."""
        _hush()
        self._apprise = apprise.Apprise()
        if not self._is_known(sink.url):
            raise InvalidInput(
                f"A URL of notify.apprise, {sink.label}://…, is none that apprise knows, or not whole.",
                not_done="Nobody is told by it.",
                to_do="Correct it; https://appriseit.com/services/ has every form.",
            )

    def _is_known(self, url: str) -> bool:
        try:
            return bool(self._apprise.add(url))
        except Exception:  # of a service's code, over a URL that is none of its own
            return False

    async def send(self, delivery: Delivery) -> Sent:
        """Makes one attempt; whatever went wrong is in what it gives."""
        return await self._say(chat_text(delivery.notice))

    async def try_out(self) -> Sent:
        """Sends a message that is about no request."""
        return await self._say(TRIAL)

    async def _say(self, text: ChatText) -> Sent:
        say = partial(self._apprise.notify, body=text.body, title=text.title, body_format=apprise.NotifyFormat.TEXT)
        try:
            async with asyncio.timeout(TIMEOUT):
                is_taken = await run_aside(lambda: bool(say()))
        except TimeoutError:
            return Sent(f"it did not answer in {TIMEOUT:.0f} seconds")
        except Exception as error:  # of a service's code, whose words could repeat its URL
            return Sent(f"apprise failed with {type(error).__name__}")
        return Sent() if is_taken else Sent("apprise could not deliver it, and does not say why")


def _hush() -> None:
    """Keeps what apprise and its HTTP client log to themselves: their lines hold URLs, with their tokens.

    What it loads of Python that will be gone in 3.13, where it does without, is nothing that a user could act on.
    """
    warnings.filterwarnings("ignore", message="'imghdr' is deprecated", category=DeprecationWarning)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
