"""Apprise's services, spoken to on this machine: what arrives, and what never gets out."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys

import pytest

from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.sinks import ChatSink
from approval_tui.notify import apprise_sender
from approval_tui.notify.apprise_sender import AppriseSender
from approval_tui.notify.sending import Sent
from tests.notify.notices import DELIVERY, NOTICE
from tests.notify.receivers import Answer, receiving

TOKEN = "geheim"


def sender(port: int, service: str = "json") -> AppriseSender:
    return AppriseSender(ChatSink(f"{service}://127.0.0.1:{port}/{TOKEN}"))


async def test_a_chat_gets_a_heading_and_a_text() -> None:
    with receiving(lambda _: Answer(200)) as receiver:
        assert await sender(receiver.port).send(DELIVERY) == Sent()
        (received,) = receiver.received
    assert received.json["title"] == "approval-tui: a request waits for a decision"
    assert received.json["message"].startswith('"write\\u{5F}file" of "files" for "release-bot"\nRisk: high.')
    assert NOTICE.request_id.removeprefix("apr_") in received.json["message"]


async def test_the_text_reaches_a_push_service_as_it_is() -> None:
    with receiving(lambda _: Answer(200)) as receiver:
        assert await sender(receiver.port, "ntfy").send(DELIVERY) == Sent()
        (received,) = receiver.received
    assert "write\\u{5F}file" in received.json["message"]


async def test_a_trial_says_that_it_is_one() -> None:
    with receiving(lambda _: Answer(200)) as receiver:
        assert await sender(receiver.port).try_out() == Sent()
        assert receiver.received[0].json["title"] == "approval-tui: a test"


@pytest.mark.parametrize("status", [403, 500])
async def test_what_a_service_refuses_is_a_failure_and_nothing_is_printed(
    status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(lambda _: Answer(status)) as receiver:
        sent = await sender(receiver.port).send(DELIVERY)
    assert sent == Sent("apprise could not deliver it, and does not say why")
    assert TOKEN not in caplog.text
    assert capfd.readouterr() == ("", "")


async def test_a_service_that_is_away_is_a_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sent = await sender(taken.getsockname()[1]).send(DELIVERY)
    assert not sent.is_taken


async def test_a_service_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_sender, "TIMEOUT", 0.2)
    with receiving(lambda _: Answer(hangs=True)) as receiver:
        sent = await sender(receiver.port).send(DELIVERY)
    assert sent.failure is not None
    assert sent.failure.startswith("it did not answer in")


@pytest.mark.parametrize("url", ["nosuchservice://geheim/x", "slack://geheim", "discord://geheim"])
def test_a_url_that_apprise_cannot_use_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        AppriseSender(ChatSink(url))
    assert TOKEN not in str(caught.value)
    assert url.partition("://")[0] in str(caught.value)


_TALK = """
import asyncio, sys
from approval_tui.domain.sinks import ChatSink
from approval_tui.notify.apprise_sender import AppriseSender
print(asyncio.run(AppriseSender(ChatSink(sys.argv[1])).try_out()).is_taken)
"""


def test_a_program_that_set_up_no_log_prints_nothing_of_it_either() -> None:
    with receiving(lambda _: Answer(500)) as receiver:
        url = f"json://user:{TOKEN}@127.0.0.1:{receiver.port}/{TOKEN}"
        finished = subprocess.run(
            [sys.executable, "-c", _TALK, url], capture_output=True, text=True, timeout=60, check=False
        )
    assert (finished.stdout, finished.stderr) == ("False\n", "")
