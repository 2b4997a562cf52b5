"""A server at a URL behind the proxy, in both eras of the protocol: gated as any other, and honest where it is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from approval_tui.cli.exit_codes import USAGE
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.proxy.client import Message, RawClient, proxy_command
from tests.proxy.script import META, Session
from tests.proxy.servers.careless_http import CarelessHttpServer
from tests.proxy.servers.over_http import HttpServer
from tests.support import LONG, ROOT, approve, assert_sound, deny, until

LEGACY, MODERN = "2025-11-25", "2026-07-28"
ERAS = pytest.mark.parametrize("era", [LEGACY, MODERN])

POLICY = """
version: "1"
hide: [refuse]
tools:
  place: {rules: [{name: ask, action: require_approval}]}
  wait: {rules: [{name: ask, action: require_approval}]}
  ask: {rules: [{name: ask, action: require_approval}]}
"""

WITHOUT_MCP = """
import sys
sys.modules["mcp"] = None
from approval_tui.cli.main import run
sys.argv = ["approval-tui", *sys.argv[1:]]
sys.exit(run())
"""


class Upstreamed(Session):
    """A client's session through a proxy with a server at a URL, and the desk where its calls are decided."""

    def __init__(self, client: RawClient, era: str, desk: BlockingStore) -> None:
        super().__init__(client)
        self.era = era
        self.desk = desk

    def start(self, method: str, *, meta: Message | None = None, id: int | None = None, **params: Any) -> str | int:
        """Asks as the era does; does not wait."""
        if self.era == MODERN:
            return self.start_modern(method, meta=meta, id=id, **params)
        return self.client.request(method, params if meta is None else {**params, "_meta": meta}, id=id)

    def ask(self, method: str, **params: Any) -> Message:
        """Asks and waits for the answer."""
        return self.client.answer(self.start(method, **params))

    def call(self, tool: str, arguments: Message | None = None, **params: Any) -> Message:
        """Calls a tool and waits for the answer."""
        return self.ask("tools/call", name=tool, arguments=arguments or {}, **params)

    def approved(self, tool: str, arguments: Message) -> Request:
        """Calls the tool, which waits for a person, who approves it."""
        pending = self.call(tool, arguments)["error"]
        assert (pending["code"], pending["data"]["type"]) == (-32003, "approval_required")
        return approve(self.desk, self.desk.reviewer.get(pending["data"]["approval_id"]))

    def outcome(self, request: Request) -> tuple[str, str | None]:
        """What the store says now of that request."""
        now = self.desk.reviewer.get(request.id)
        return now.status, now.outcome


Connect = Callable[..., Upstreamed]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def connect(desk: BlockingStore, tmp_path: Path) -> Iterator[Connect]:
    """Starts proxies before a URL, whose sessions end with the test."""
    policy = tmp_path / "http.yaml"
    policy.write_text(POLICY)
    with ExitStack() as started:

        def start(url: str, era: str, *options: str) -> Upstreamed:
            what = ("--store", desk.location, "-c", str(policy), "--hold", "0", *options)
            command = proxy_command(*what, "--upstream", url, "--header", "X-Test: yes: 1")
            client = started.enter_context(RawClient(command, errors=tmp_path / "errors.txt"))
            if era == LEGACY:
                client.shake_hands(capabilities={"elicitation": {"form": {}}, "sampling": {}})
            return Upstreamed(client, era, desk)

        yield start


def test_a_session_of_2025_11_25_is_served_over_http(server: HttpServer, connect: Connect) -> None:
    session = connect(server.url, LEGACY)
    assert_serves(session, server)

    asking = session.start("tools/call", name="think", arguments={})
    thought = {"model": "m", "role": "assistant", "content": {"type": "text", "text": "fine"}}
    session.serve("sampling/createMessage", thought)
    assert "fine" in str(session.client.answer(asking)["result"])
    session.approved("ask", {})
    asking = session.start("tools/call", name="ask", arguments={})
    session.serve("elicitation/create", {"action": "accept", "content": {"colour": "red"}})
    assert "accept {'colour': 'red'}" in str(session.client.answer(asking)["result"])

    session_ids = {post.headers.get("mcp-session-id") for post in server.posted if post.method != "initialize"}
    assert len(session_ids) == 1
    assert {post.headers.get("mcp-protocol-version") for post in server.posted[1:]} == {LEGACY}
    assert session.client.hang_up() == 0
    assert server.posted[-1].verb == "DELETE"
    assert_sound(session.desk)


def test_a_session_of_2026_07_28_is_served_over_http(server: HttpServer, connect: Connect) -> None:
    session = connect(server.url, MODERN)
    assert_serves(session, server)

    placed = next(post for post in server.posts("tools/call") if post.message["params"]["name"] == "place")
    assert placed.headers["mcp-method"] == "tools/call"
    assert placed.headers["mcp-name"] == "place"
    assert placed.headers["mcp-param-region"] == "=?base64?TcO8bmNoZW4=?="
    assert placed.headers["mcp-param-floor"] == "2"
    assert {post.headers.get("mcp-protocol-version") for post in server.posted} == {MODERN}

    request = session.approved("ask", {})
    wanting = session.call("ask")["result"]
    assert wanting["resultType"] == "input_required"
    assert session.outcome(request) == ("consumed", None)
    answers = {"colour": {"action": "accept", "content": {"colour": "red"}}}
    asked = session.call("ask", requestState=wanting["requestState"], inputResponses=answers)
    assert "accept {'colour': 'red'}" in str(asked["result"])
    assert session.outcome(request) == ("consumed", "succeeded")

    listening = session.start("subscriptions/listen", notifications={"toolsListChanged": True})
    session.hear("notifications/subscriptions/acknowledged")
    session.call("announce")
    about = session.hear("notifications/tools/list_changed")["params"]["_meta"]
    assert about == {META + "subscriptionId": listening}
    assert session.client.hang_up() == 0
    assert {post.verb for post in server.posted} == {"POST"}
    assert_sound(session.desk)


def assert_serves(session: Upstreamed, server: HttpServer) -> None:
    """What holds in both eras: lists, progress, an approval that runs once, a denial, and cancellation."""
    first = session.ask("tools/list")["result"]
    second = session.ask("tools/list", cursor=first["nextCursor"])["result"]
    names = [tool["name"] for tool in first["tools"] + second["tools"]]
    assert {"echo", "place"} <= set(names)
    assert "refuse" not in names
    session.call("count", meta={"progressToken": "t"})
    heard = [message for message in session.client.messages if message.get("method") == "notifications/progress"]
    assert [message["params"]["progress"] for message in heard] == [1, 2, 3]

    where = {"region": "M\u00fcnchen", "floor": 2, "note": "by the lake"}
    request = session.approved("place", where)
    assert session.call("place", where)["result"]["structuredContent"] == where
    assert [call["arguments"] for call in server.calls("place")] == [where]
    assert session.outcome(request) == ("consumed", "succeeded")
    again = session.call("place", where)["error"]["data"]["approval_id"]
    deny(session.desk, session.desk.reviewer.get(again), "not again")
    assert "not again" in session.call("place", where)["result"]["content"][0]["text"]
    assert len(server.calls("place")) == 1

    request = session.approved("wait", {})
    waiting = session.start("tools/call", name="wait", arguments={})
    until(lambda: server.calls("wait"))
    session.client.notify("notifications/cancelled", {"requestId": waiting})
    until(lambda: server.ends("wait"))
    assert server.ends("wait")[0]["how"] == "cancelled"
    if session.era == LEGACY:  # the stream of the answer is closed by one, which the proxy takes as it comes
        assert session.client.answer(waiting)["error"]["message"] == "Request cancelled"
        until(lambda: session.outcome(request) == ("consumed", "failed"))
    else:
        session.ask("prompts/list")
        assert not session.client.has(lambda message: message.get("id") == waiting)
        assert session.outcome(request) == ("consumed", None)
    assert {post.headers.get("x-test") for post in server.posted} == {"yes: 1"}


@ERAS
def test_a_server_that_is_not_there_ran_nothing_and_one_that_was_lost_may_have(
    era: str, server: HttpServer, connect: Connect
) -> None:
    session = connect(server.url, era, "--rollback-on", "error")
    assert "result" in session.ask("tools/list")  # says which arguments go into headers
    request = session.approved("place", {"floor": 1})
    server.go_away()
    refused = session.call("place", {"floor": 1})["error"]
    assert "the call did not run" in refused["message"]
    assert session.outcome(request) == ("approved", None)
    server.come_back()
    assert "result" in session.call("place", {"floor": 1})
    assert session.outcome(request) == ("consumed", "succeeded")

    for meta in (None, {"progressToken": "t"}):  # before and after the answer has begun to come
        server.told.clear()
        request = session.approved("wait", {"with": meta})
        lost = session.start("tools/call", name="wait", arguments={"with": meta}, meta=meta)
        until(lambda: server.calls("wait"))
        if meta is not None:
            session.hear("notifications/progress")
        server.go_away()
        assert "nobody knows whether the call ran" in session.client.answer(lost)["error"]["message"]
        assert session.outcome(request) == ("consumed", None)
        server.come_back()
        assert "result" in session.ask("prompts/list")
    assert_sound(session.desk)


def test_an_id_that_is_used_again_brings_no_approval_back(server: HttpServer, connect: Connect) -> None:
    """What is known of an earlier request with that id, which did not reach the server, is of that one only."""
    session = connect(server.url, MODERN)
    request = session.approved("place", {})
    server.go_away()
    session.client.answer(session.start("prompts/list", id=77))
    session.client.messages.clear()
    server.come_back()
    session.client.answer(session.start("tools/call", id=77, name="place", arguments={}))
    assert len(server.calls("place")) == 1
    assert session.outcome(request) == ("consumed", "succeeded")
    assert session.call("place")["error"]["data"]["type"] == "approval_required"
    assert len(server.calls("place")) == 1


def test_a_message_that_cannot_be_sent_over_http_is_answered_and_ends_nothing(
    server: HttpServer, connect: Connect
) -> None:
    session = connect(server.url, MODERN)
    deep: Any = "deep"
    for _ in range(400):
        deep = [deep]
    assert "error" in session.ask("prompts/get", name="greet", arguments={"who": "\ud800"})
    assert "error" in session.ask("prompts/get", name="\ud800")
    assert "error" in session.ask("prompts/get", name="greet", arguments={"who": deep})
    assert "error" in session.ask("no/such/\u20acmethod\r\nX-Test: no")
    session.client.notify("notifications/\ud800")
    assert "result" in session.ask("prompts/list")


def test_a_first_call_has_the_headers_that_its_tool_wants(server: HttpServer, connect: Connect) -> None:
    """A client may know the tools from another time, and what was approved is not to fail for that."""
    session = connect(server.url, MODERN)
    request = session.approved("place", {"region": "Ulm"})
    assert "result" in session.call("place", {"region": "Ulm"})
    assert session.outcome(request) == ("consumed", "succeeded")


def test_an_answer_that_is_none_leaves_it_open_whether_the_call_ran(connect: Connect, tmp_path: Path) -> None:
    with CarelessHttpServer() as server:
        session = connect(server.url, LEGACY, "--rollback-on", "error")
        for answer in ("cut", "page", "error page"):
            request = session.approved("place", {"answer": answer})
            assert "nobody knows whether the call ran" in session.call("place", {"answer": answer})["error"]["message"]
            assert session.outcome(request) == ("consumed", None)
        assert "result" in session.ask("prompts/list")
        assert session.client.hang_up() == 0
    assert "\x9b" not in (tmp_path / "errors.txt").read_text()


def test_a_session_that_the_server_forgot_can_be_begun_anew(connect: Connect) -> None:
    with HttpServer() as server:
        session = connect(server.url, LEGACY)
        request = session.approved("place", {})
        port = server.port
    with HttpServer(port) as server:
        assert "error" in session.call("place")
        assert session.outcome(request)[1] != "succeeded"
        assert "result" in session.client.shake_hands()
        assert "result" in session.ask("prompts/list")


@pytest.mark.parametrize("url", ["http://[::1/mcp", "http://127.0.0.1:99999/mcp", "http:///mcp"])
def test_a_url_that_is_none_is_a_wrong_command_line(url: str, tmp_path: Path) -> None:
    finished = run_to_its_end(["-m", "approval_tui"], "--upstream", url, tmp_path=tmp_path)
    assert finished.returncode == USAGE
    assert url in finished.stderr


def test_a_url_needs_an_extra_and_says_which(tmp_path: Path) -> None:
    finished = run_to_its_end(["-c", WITHOUT_MCP], "--upstream", "http://127.0.0.1:9/mcp", tmp_path=tmp_path)
    assert finished.returncode == USAGE
    assert "pip install 'approval-tui[mcp]'" in finished.stderr


def run_to_its_end(python: list[str], *options: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Runs a proxy to which no client says anything."""
    policy = tmp_path / "allow.yaml"
    policy.write_text('version: "1"\n')
    command = [sys.executable, *python, "proxy", "--store", str(tmp_path / "s.db"), "-c", str(policy), *options]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), input=json.dumps({}), capture_output=True, text=True, timeout=LONG
    )
