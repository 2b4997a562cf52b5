"""A server delivers notices while it runs."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import request_id_of
from approval_tui.domain.roles import AGENT
from approval_tui.store import open_store_blocking
from tests.notify.receivers import receiving
from tests.server.serving import ServerProcess, token_for
from tests.support import approve, submit, until

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
POLICY = """
version: "1"
default: allow
approvals:
  notify:
    webhook: {{url: "{url}", secret: "{secret}", events: [requested, decided], allow_private: true}}
tools:
  pay: {{rules: [{{name: payments, action: require_approval}}]}}
"""


def test_those_that_its_policy_names_are_told_of_what_people_are_asked(
    store_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver, open_store_blocking(store_path) as desk:
        policy = tmp_path / "policy.yaml"
        policy.write_text(POLICY.format(url=receiver.url, secret=SECRET))
        server = ServerProcess(store_path, "--policy", str(policy))
        assert "Delivering to 127.0.0.1" in server.said
        token = token_for(desk, AGENT, "bot")
        with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as agent:
            for tool in ("read", "pay"):
                body = {"tool": tool, "arguments": {"secret": "do not tell"}, "timeout": "10m"}
                answer = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": tool}).json()
        (request,) = desk.reviewer.list()
        assert request.id == request_id_of(answer["id"])
        until(lambda: len(receiver.received) == 1)
        approve(desk, request)
        until(lambda: len(receiver.received) == 2)
        assert server.stop() == 0
    told = [message.json for message in receiver.received]
    assert [(each["type"], each["approval_id"], each["status"]) for each in told] == [
        ("approval_requested", request.id, "pending"),
        ("approval_decided", request.id, "approved"),
    ]
    for message in receiver.received:
        Verifier(SECRET).verify(message.body, dict(message.headers))
        assert b"do not tell" not in message.body


def test_who_waits_for_long_is_told_of_once_more_when_the_configuration_says_so(
    store_path: str, tmp_path: Path
) -> None:
    with receiving() as receiver, open_store_blocking(store_path) as desk:
        configuration = tmp_path / "configuration.yaml"
        webhook = f'webhook: {{url: "{receiver.url}", secret: "{SECRET}", allow_private: true}}'
        configuration.write_text(f"notify: {{remind_after: 1s, {webhook}}}\n")
        server = ServerProcess(store_path, "--config", str(configuration))
        request = submit(desk, Call("t", {}, "bot"))
        until(lambda: len(receiver.received) == 2)
        assert server.stop() == 0
    told = [(message.json["type"], message.json["approval_id"]) for message in receiver.received]
    assert told == [("approval_requested", request.id), ("approval_reminder", request.id)]
