"""Sends to a webhook: over connections to addresses that were looked at, and never to where an answer points."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime

import httpx2

from approval_tui.domain.clock import HOUR, SECOND, system_clock
from approval_tui.domain.ids import new_secret
from approval_tui.domain.notices import Delivery
from approval_tui.domain.sinks import Webhook
from approval_tui.notify.addresses import is_private
from approval_tui.notify.aside import run_aside
from approval_tui.notify.sending import Sent
from approval_tui.notify.webhook import message, signed_headers, trial_message

TIMEOUT = 5.0
"""Seconds that one attempt may take in all, from the question for the host's address to the answer."""

LONGEST_RETRY_AFTER = HOUR
"""How long (ms) a receiver can make itself wait for."""

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a host for a port; blocks, and raises OSError."""


class WebhookSender:
    """One webhook."""

    def __init__(self, sink: Webhook, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None) -> None:
        """`resolve` and `tls` stand in for the system's name service and its trusted certificates."""
        self._sink = sink
        self._resolve = resolve or _addresses_of
        self._tls = tls

    async def send(self, delivery: Delivery) -> Sent:
        """Makes one attempt; whatever went wrong is in what it gives."""
        return await self._post(delivery.message_id, message(delivery.notice))

    async def try_out(self) -> Sent:
        """Sends a message that is about no request."""
        return await self._post(new_secret("msg"), trial_message(system_clock()))

    async def _post(self, message_id: str, body: bytes) -> Sent:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._posted(message_id, body)
        except TimeoutError:
            return Sent(f"it did not answer in {TIMEOUT:.0f} seconds")
        except OSError as error:
            return Sent(f"its host cannot be found: {error.strerror or type(error).__name__}")
        except httpx2.InvalidURL:
            return Sent("its URL cannot be used")
        except httpx2.HTTPError as error:
            return Sent(f"the connection failed: {_words(error)}")

    async def _posted(self, message_id: str, body: bytes) -> Sent:
        url = httpx2.URL(self._sink.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        addresses = await run_aside(lambda: self._resolve(host, port))
        if not self._sink.allow_private and any(map(is_private, addresses)):
            return Sent("its host lies in a private network, and allow_private is not set")
        seconds = int(time.time())
        headers = {**signed_headers(self._sink.secret, message_id, seconds, body), "Host": url.netloc.decode("ascii")}
        client = await run_aside(self._client)
        async with client:
            for number, address in enumerate(addresses, start=1):
                request = client.build_request(
                    "POST",
                    url.copy_with(host=address),
                    content=body,
                    headers=headers,
                    extensions={"sni_hostname": host},  # the certificate must be the host's, not the address's
                )
                try:
                    response = await client.send(request, stream=True)
                except httpx2.ConnectError:
                    if number == len(addresses):
                        raise
                    continue
                await response.aclose()  # what it has to say beyond its status is not read
                return _outcome(response.status_code, response.headers.get("Retry-After"))
        return Sent("its host has no address")

    def _client(self) -> httpx2.AsyncClient:
        """A client for one attempt, with nothing of the environment's: a proxy would look the host up once more."""
        return httpx2.AsyncClient(verify=self._context(), trust_env=False, follow_redirects=False, timeout=None)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx2.create_ssl_context(trust_env=False)
        return self._tls


def retry_after(text: str | None, now: int) -> int | None:
    """Milliseconds that a `Retry-After` asks for, in seconds or as a date of HTTP, an hour at most; `now` in ms UTC."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        wanted = int(text[:9]) * SECOND
    else:
        try:
            wanted = int(parsedate_to_datetime(text).timestamp() * SECOND) - now
        except (ValueError, OverflowError):
            return None
    return min(max(0, wanted), LONGEST_RETRY_AFTER)


def _outcome(status: int, asked: str | None) -> Sent:
    if 200 <= status < 300:
        return Sent()
    if 300 <= status < 400:
        return Sent(f"it answered {status}, and redirects are not followed")
    return Sent(f"it answered {status}", retry_after(asked, system_clock()) if status in (429, 503) else None)


def _words(error: httpx2.HTTPError) -> str:
    """What is known of it; a text of the library's that could repeat the URL is left out."""
    return str(error) or type(error).__name__ if isinstance(error, httpx2.ConnectError) else type(error).__name__


def _addresses_of(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
