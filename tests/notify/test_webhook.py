"""What a webhook is sent, and that those for whom it is signed can tell."""

from __future__ import annotations

import base64
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from approval_tui.domain.notices import NOTICE_KINDS
from approval_tui.domain.sinks import ChatSink, Webhook, distinct, webhook_key
from approval_tui.notify.webhook import message, signed_headers, trial_message
from approval_tui.version import __version__
from tests.notify.notices import NOTICE, a_notice

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def test_a_message_says_which_request_and_nothing_of_its_arguments() -> None:
    assert json.loads(message(NOTICE)) == {
        "type": "approval_requested",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "approval_id": NOTICE.request_id,
        "tool": "write_file",
        "server": "files",
        "requester": "release-bot",
        "risk": "high",
        "status": "pending",
        "expires_at": "2027-01-15T08:10:00.000Z",
    }


def test_every_kind_of_notice_has_its_type() -> None:
    types = [json.loads(message(a_notice(kind=kind)))["type"] for kind in NOTICE_KINDS]
    assert types == ["approval_requested", "approval_decided", "approval_expired", "approval_reminder"]
    assert json.loads(trial_message(0)) == {"type": "test", "timestamp": "1970-01-01T00:00:00.000Z"}


def test_a_message_is_ascii_whatever_a_name_holds() -> None:
    body = message(a_notice(tool="\u202e\U0001f600\x00", requester='"\n'))
    assert body.isascii()
    assert json.loads(body)["tool"] == "\u202e\U0001f600\x00"


@pytest.mark.parametrize("secret", [SECRET, "a plain secret", "gehe\u00efm"])
def test_standard_webhooks_verifies_what_is_sent(secret: str) -> None:
    body = message(NOTICE)
    headers = signed_headers(secret, "msg_1", int(time.time()), body)
    verifier = Verifier(base64.b64encode(webhook_key(secret)).decode())
    assert verifier.verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body.replace(b"high", b"low"), headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(base64.b64encode(b"another").decode()).verify(body, headers)


def test_standard_webhooks_takes_the_encoded_secret_as_it_is() -> None:
    body = message(NOTICE)
    assert Verifier(SECRET).verify(body, signed_headers(SECRET, "msg_1", int(time.time()), body))


def test_the_other_signature_is_intercepts() -> None:
    body = b'{"approval_id":"apr_0123456789abcdef","type":"approval_requested"}'
    headers = signed_headers("test-secret", "msg_1", 1_700_000_000, body)
    assert headers["X-Approval-Timestamp"] == headers["webhook-timestamp"] == "1700000000"
    assert headers["X-Approval-Signature"] == "33b5b1c7d5dbd9d7f7e23c8c9f533163466f4301093b881288ec01da52117f3f"
    assert headers["User-Agent"] == f"approval-tui/{__version__}"


def test_the_first_word_on_a_url_counts() -> None:
    first, second = Webhook("https://h/", "a"), Webhook("https://h/", "b", ("decided",))
    chat = ChatSink("json://h/")
    assert distinct([first, second, chat, ChatSink("json://h/")]) == (first, chat)
    assert len({first.id, chat.id, Webhook("https://h/x", "a").id}) == 3


def test_a_sink_is_called_by_what_is_no_secret() -> None:
    assert Webhook("https://user:geheim@hooks.example.org:8443/geheim", "geheim").label == "hooks.example.org"
    assert ChatSink("slack://geheim/geheim").label == "slack"
