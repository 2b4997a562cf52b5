"""One attempt at a webhook, against receivers that take, refuse, redirect and hang."""

from __future__ import annotations

import asyncio
import base64
import email.utils
import socket
import ssl
from collections.abc import Sequence

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from approval_tui.domain.clock import HOUR, MINUTE, SECOND
from approval_tui.domain.sinks import Webhook, webhook_key
from approval_tui.notify import webhook_sender
from approval_tui.notify.sending import Sent
from approval_tui.notify.webhook_sender import WebhookSender, retry_after
from tests.certificates import certificate_for
from tests.notify.notices import DELIVERY
from tests.notify.receivers import HOST, Answer, receiving
from tests.support import LONG

SECRET = "geheim"


def sender(url: str, *, allow_private: bool = True, **names: Sequence[str]) -> WebhookSender:
    """A sender for which the hosts have these addresses."""

    def resolve(host: str, _port: int) -> Sequence[str]:
        return names.get(host.replace(".", "_").replace("-", "_"), (host,))

    return WebhookSender(Webhook(url, SECRET, allow_private=allow_private), resolve=resolve)


async def test_a_receiver_gets_a_message_that_it_can_verify() -> None:
    with receiving() as receiver:
        assert await sender(receiver.url).send(DELIVERY) == Sent()
        (received,) = receiver.received
    assert received.path == "/hook?from=test"
    assert received.message_id == DELIVERY.message_id
    assert received.headers["content-type"] == "application/json"
    verifier = Verifier(base64.b64encode(webhook_key(SECRET)).decode())
    assert verifier.verify(received.body, received.headers) == received.json
    assert received.json["approval_id"] == DELIVERY.notice.request_id


async def test_a_trial_is_about_no_request() -> None:
    with receiving() as receiver:
        assert await sender(receiver.url).try_out() == Sent()
        assert [received.json["type"] for received in receiver.received] == ["test"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_success_counts(status: int) -> None:
    with receiving(lambda _: Answer(status)) as receiver:
        assert (await sender(receiver.url).send(DELIVERY)).is_taken


@pytest.mark.parametrize("status", [400, 401, 404, 410, 418, 429, 500, 502, 503])
async def test_every_other_answer_is_a_failure(status: int) -> None:
    with receiving(lambda _: Answer(status)) as receiver:
        assert await sender(receiver.url).send(DELIVERY) == Sent(f"it answered {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as elsewhere, receiving(lambda _: Answer(status, {"Location": elsewhere.url})) as receiver:
        sent = await sender(receiver.url).send(DELIVERY)
        assert sent == Sent(f"it answered {status}, and redirects are not followed")
        assert elsewhere.received == []


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_may_say_when_to_come_back(status: int) -> None:
    with receiving(lambda _: Answer(status, {"Retry-After": "120"})) as receiver:
        assert await sender(receiver.url).send(DELIVERY) == Sent(f"it answered {status}", 2 * MINUTE)


@pytest.mark.parametrize("status", [400, 500, 502, 504])
async def test_only_who_is_busy_says_when_to_come_back(status: int) -> None:
    with receiving(lambda _: Answer(status, {"Retry-After": "120"})) as receiver:
        assert await sender(receiver.url).send(DELIVERY) == Sent(f"it answered {status}")


def test_retry_after_is_read_in_seconds_and_as_a_date_and_has_a_bound() -> None:
    now = 1_800_000_000_000
    later = email.utils.formatdate((now + 90 * SECOND) / 1000, usegmt=True)
    earlier = email.utils.formatdate((now - 90 * SECOND) / 1000, usegmt=True)
    assert retry_after("30", now) == 30 * SECOND
    assert retry_after(later, now) == 90 * SECOND
    assert retry_after(earlier, now) == 0
    assert retry_after("9" * 400, now) == HOUR
    for text in (None, "", "soon", "-5", "1.5", "Fri, 99 Foo 9999"):
        assert retry_after(text, now) is None


async def test_a_receiver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT", 0.2)
    with receiving(lambda _: Answer(hangs=True)) as receiver:
        sent = await sender(receiver.url).send(DELIVERY)
        assert sent.failure is not None
        assert sent.failure.startswith("it did not answer in")


async def test_an_endless_answer_is_not_read() -> None:
    with receiving(lambda _: Answer(200, body=b"x" * 50_000_000)) as receiver:
        assert (await sender(receiver.url).send(DELIVERY)).is_taken


async def test_an_answer_that_is_begun_and_never_ends_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "TIMEOUT", LONG)
    ended = asyncio.Event()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        async with asyncio.timeout(LONG / 2):
            sent = await sender(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/").send(DELIVERY)
        ended.set()
    assert sent == Sent()


@pytest.mark.parametrize(
    ("url", "port"), [("http://a.example/", 80), ("https://a.example/", 443), ("https://a.example:8443/", 8443)]
)
async def test_a_host_is_looked_up_for_the_port_that_is_meant(url: str, port: int) -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ()

    await WebhookSender(Webhook(url, SECRET), resolve=resolve).send(DELIVERY)
    assert asked == [("a.example", port)]


async def test_a_receiver_that_hangs_up_is_a_failure() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        sent = await sender(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/").send(DELIVERY)
    assert sent == Sent("the connection failed: RemoteProtocolError")


@pytest.mark.parametrize("url", ["http://[::1", "http://a.example:x/"])
async def test_a_url_that_is_none_is_a_failure(url: str) -> None:
    assert await sender(url).send(DELIVERY) == Sent("its URL cannot be used")


async def test_a_receiver_that_is_away_is_a_failure_that_repeats_no_secret() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://user:{SECRET}@127.0.0.1:{taken.getsockname()[1]}/{SECRET}?{SECRET}"
        sent = await sender(url).send(DELIVERY)
    assert sent.failure is not None
    assert sent.failure.startswith("the connection failed: ")
    assert SECRET not in sent.failure


async def test_a_host_that_nobody_knows_is_a_failure() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    sent = await WebhookSender(Webhook("http://nowhere.example/", SECRET), resolve=unknown).send(DELIVERY)
    assert sent == Sent("its host cannot be found: Name or service not known")
    sent = await WebhookSender(Webhook("http://nowhere.example/", SECRET), resolve=lambda *_: ()).send(DELIVERY)
    assert sent == Sent("its host has no address")


# --- where it may go ---------------------------------------------------------------------------

PRIVATE = Sent("its host lies in a private network, and allow_private is not set")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0"])
async def test_this_machine_is_refused_by_whatever_name_and_nothing_is_sent(host: str) -> None:
    with receiving() as receiver:
        real = WebhookSender(Webhook(f"http://{host}:{receiver.port}/", SECRET))
        assert await real.send(DELIVERY) == PRIVATE
        assert receiver.received == []


async def test_a_host_with_one_private_address_among_others_is_refused() -> None:
    with receiving() as receiver:
        mixed = sender(f"http://two.example:{receiver.port}/", allow_private=False, two_example=("8.8.8.8", "10.0.0.1"))
        assert await mixed.send(DELIVERY) == PRIVATE


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",)

    with receiving() as receiver:
        sink = Webhook(f"http://hooks.example:{receiver.port}/x", SECRET, allow_private=True)
        assert (await WebhookSender(sink, resolve=resolve).send(DELIVERY)).is_taken
        assert asked == ["hooks.example"]
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_where_one_address_takes_no_connection_the_next_is_tried() -> None:
    with receiving() as receiver:
        url = f"http://two.example:{receiver.port}/"
        assert (await sender(url, two_example=("127.0.0.2", "127.0.0.1")).send(DELIVERY)).is_taken
        assert len(receiver.received) == 1


async def test_a_name_and_a_password_in_the_url_reach_the_receiver() -> None:
    with receiving() as receiver:
        await sender(f"http://ann:se%40cret@127.0.0.1:{receiver.port}/").send(DELIVERY)
        expected = base64.b64encode(b"ann:se@cret").decode()
        assert receiver.received[0].headers["authorization"] == f"Basic {expected}"


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert (await sender(receiver.url).send(DELIVERY)).is_taken
        assert (len(receiver.received), proxy.received) == (1, [])


async def test_many_attempts_side_by_side_all_arrive() -> None:
    with receiving() as receiver:
        one = sender(receiver.url)
        assert all(sent.is_taken for sent in await asyncio.gather(*(one.send(DELIVERY) for _ in range(10))))
        assert len(receiver.received) == 10


# --- TLS ---------------------------------------------------------------------------------------


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """A context that trusts the certificate of hooks.example, and what it stands for."""
    return ssl.create_default_context(cafile=certificate_for(HOST).path)


async def test_the_certificate_is_held_against_the_host_and_not_against_its_address(trusting: ssl.SSLContext) -> None:
    with receiving(tls=True) as receiver:
        sink = Webhook(f"https://hooks.example:{receiver.port}/", SECRET, allow_private=True)
        here = WebhookSender(sink, resolve=lambda *_: ("127.0.0.1",), tls=trusting)
        assert await here.send(DELIVERY) == Sent()
        assert len(receiver.received) == 1


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_host_is_refused(host: str, trusting: ssl.SSLContext) -> None:
    with receiving(tls=True) as receiver:
        sink = Webhook(f"https://{host}:{receiver.port}/", SECRET, allow_private=True)
        sent = await WebhookSender(sink, resolve=lambda *_: ("127.0.0.1",), tls=trusting).send(DELIVERY)
        assert sent.failure is not None
        assert "certificate" in sent.failure
        assert receiver.received == []


async def test_a_certificate_that_nobody_signed_is_refused() -> None:
    with receiving(tls=True) as receiver:
        sink = Webhook(f"https://hooks.example:{receiver.port}/", SECRET, allow_private=True)
        sent = await WebhookSender(sink, resolve=lambda *_: ("127.0.0.1",)).send(DELIVERY)
        assert sent.failure is not None
        assert "certificate" in sent.failure
        assert receiver.received == []


async def test_a_certificate_that_the_environment_alone_trusts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate_for(HOST).path)
    with receiving(tls=True) as receiver:
        sink = Webhook(f"https://hooks.example:{receiver.port}/", SECRET, allow_private=True)
        sent = await WebhookSender(sink, resolve=lambda *_: ("127.0.0.1",)).send(DELIVERY)
        assert not sent.is_taken
        assert receiver.received == []
