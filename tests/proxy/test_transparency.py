"""Where nothing is gated, a client cannot tell whether a proxy stands between it and its server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from approval_tui.proxy.open_requests import MOST_OPEN
from approval_tui.store.blocking import BlockingStore
from tests.proxy.client import RawClient, proxy_command, recording_server
from tests.proxy.script import Session
from tests.support import approve

IN_A_ROW = """
import json, sys
def say(*messages):
    sys.stdout.write("".join(json.dumps({"jsonrpc": "2.0", **message}) + "\\n" for message in messages))
    sys.stdout.flush()
def status(of):
    return {"method": "notifications/tasks/status", "params": {"taskId": "t", "status": of}}
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "tools/call":
        task = {"id": message["id"], "result": {"task": {"taskId": "t", "status": "working"}}}
        say(status("submitted"), task, status("working"), status("completed"))
    elif "id" in message:
        say({"id": message["id"], "result": {}})
"""
"""A server that tells of a task as it begins, and in the same breath that it has ended."""


@pytest.fixture
def through_a_proxy(tmp_path: Path, store_path: str) -> Callable[[Sequence[str]], list[str]]:
    """The command line of the server with a proxy before it, whose policy allows everything."""
    policy = tmp_path / "allow.yaml"
    policy.write_text('version: "1"\n')
    return lambda server: proxy_command("--store", store_path, "-c", str(policy), server=server)


def test_a_session_of_2025_11_25_is_the_same_through_a_proxy(
    everything: list[str], through_a_proxy: Callable[[Sequence[str]], list[str]]
) -> None:
    assert_same(everything, through_a_proxy(everything), Session.run_everything)


def test_a_session_of_2026_07_28_is_the_same_through_a_proxy(
    through_a_proxy: Callable[[Sequence[str]], list[str]],
) -> None:
    server = [sys.executable, "-m", "tests.proxy.servers.over_stdio"]
    assert_same(server, through_a_proxy(server), Session.run_modern)


def test_what_a_server_says_in_one_breath_arrives_in_that_order(
    through_a_proxy: Callable[[Sequence[str]], list[str]],
) -> None:
    server = [sys.executable, "-c", IN_A_ROW]

    def run(session: Session) -> None:
        session.client.shake_hands()
        session.client.call("buy", {}, task={})
        session.client.ask("ping")

    def whole(session: Session) -> list[Any]:
        return session.client.messages

    direct, proxied = (session_with(command, run, whole) for command in (server, through_a_proxy(server)))
    assert proxied == direct


def test_what_a_client_gave_up_takes_no_room(
    through_a_proxy: Callable[[Sequence[str]], list[str]], record: Path
) -> None:
    """A server answers nothing that was cancelled (MCP, utilities/cancellation), so nothing is to be waited for."""
    with RawClient(through_a_proxy(recording_server(record))) as client:
        client.shake_hands()
        for _ in range(5):
            begun = [client.start_call("read", {"answer": "never"}) for _ in range(MOST_OPEN // 4)]
            client.ask("ping")
            for request_id in begun:
                client.notify("notifications/cancelled", {"requestId": request_id})
        client.ask("ping")
        assert [message["error"] for message in client.messages if "error" in message] == []


def test_a_task_that_ends_as_it_begins_has_its_outcome(desk: BlockingStore, policy: Path) -> None:
    server = [sys.executable, "-c", IN_A_ROW]
    with RawClient(proxy_command("--store", desk.location, "-c", str(policy), "--hold", "0", server=server)) as client:
        client.shake_hands()
        pending = client.call("write", {})["error"]["data"]
        request = approve(desk, desk.reviewer.get(pending["approval_id"]))
        client.call("write", {})
        assert client.hang_up() == 0
    assert desk.reviewer.get(request.id).outcome == "succeeded"


# --- how two sessions are compared -----------------------------------------------------------------


def assert_same(direct: list[str], proxied: list[str], run: Callable[[Session], None]) -> None:
    """Two sessions with the server itself are the same, so the script is a fair one, and the third is as they are."""
    with ThreadPoolExecutor(3) as threads:
        first, second, third = threads.map(lambda command: session_with(command, run), (direct, direct, proxied))
    assert first_difference(first, second) is None
    assert first_difference(first, third) is None


def session_with(
    command: Sequence[str], run: Callable[[Session], None], heard: Callable[[Session], Any] = Session.heard
) -> Any:
    """What is heard in a session that begins and ends with its process."""
    with RawClient(command) as client:
        session = Session(client)
        try:
            run(session)
        finally:  # a proxy ends its server with it; this one would stay when its input ends
            assert client.process.stdin is not None
            client.process.stdin.close()
            if "proxy" in command:
                assert client.wait() == 0
        return heard(session)


def first_difference(these: Sequence[list[Any]], others: Sequence[list[Any]]) -> tuple[Any, Any] | None:
    """The first messages that differ, in any of the lists."""
    for left, right in zip(these, others, strict=True):
        different = next((pair for pair in zip(left, right, strict=False) if pair[0] != pair[1]), None)
        if different is not None:
            return different
        if len(left) != len(right):
            return left[len(right) :], right[len(left) :]
    return None
