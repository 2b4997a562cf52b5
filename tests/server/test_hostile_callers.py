"""Callers who are slow, large, many or gone take nothing from the others, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import Iterator

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.tokens import AGENT
from approval_tui.server import app, reading, reviewer_api
from approval_tui.server.errors import Refusal
from approval_tui.server.http_protocol import PatientProtocol
from tests.server.raw import assert_refused, connected, head, one_answer, received, sent
from tests.server.serving import Served, ThreadedServer, serve, token_for
from tests.support import ANN, approve, submit, until

JSON = "Content-Type: application/json"


class Watched:
    """A server whose tasks and connections a test can count."""

    def __init__(self, server: ThreadedServer, served: Served) -> None:
        self.served = served
        self._server = server

    def tasks(self) -> int:
        """How many tasks serve callers now."""
        loop = self._server.loop
        return sum("run_asgi" in repr(task) for task in asyncio.all_tasks(loop))


@pytest.fixture
def watched(store_path: str) -> Iterator[Watched]:
    server, served = serve(store_path)
    yield Watched(server, served)
    server.stop()
    served.desk.close()


def of(token: str) -> str:
    return f"Authorization: Bearer {token}"


def submission(served: Served, *headers: str, key: str = "k") -> bytes:
    return head("POST /v1/requests HTTP/1.1", of(served.agent_token), f"Idempotency-Key: {key}", JSON, *headers)


def polling(served: Served, request_id: str) -> bytes:
    return head(f"GET /v1/requests/{request_id}?wait=30s HTTP/1.1", of(served.agent_token))


# --- slow --------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /api/pending HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_who_does_not_end_a_head_is_hung_up_on(store_path: str, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(PatientProtocol, "patience", 0.2)
    server, served = serve(store_path)
    with served.desk, connected(served) as connection:
        connection.sendall(begun)
        assert received(connection) == b""
    server.stop()


def test_a_head_that_grows_byte_by_byte_gains_no_time(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "patience", 0.2)
    server, served = serve(store_path)
    with served.desk, connected(served) as connection:

        def is_hung_up_on() -> bool:
            try:
                connection.sendall(b"G")
                return bool(select.select([connection], [], [], 0)[0]) and connection.recv(1) == b""
            except OSError:
                return True

        until(is_hung_up_on)
    server.stop()


@pytest.mark.parametrize("framing", ["Content-Length: 60", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(reading, "SLOWEST_BODY", 0.05)
    assert_refused(sent(served, submission(served, framing)), 408)
    assert served.desk.reviewer.list() == ()


def test_who_does_not_take_its_answers_is_hung_up_on(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "patience_for_readers", 0.2)
    served = watched.served
    submit(served.desk, Call(tool="t", arguments={"text": "x" * 4_000_000}, requester="bot"))
    with connected(served) as connection:
        connection.sendall(head("GET /api/pending HTTP/1.1", of(served.reviewer_token)) * 20)
        until(lambda: watched.tasks() > 0)
        until(lambda: watched.tasks() == 0)
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = received(connection)
        assert len(data) < 20 * 4_000_000


# --- large -------------------------------------------------------------------------------------


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(served: Served) -> None:
    assert_refused(sent(served, submission(served, "Content-Length: 9000000")), 413)


def test_chunks_without_end_are_refused_when_they_are_too_many(served: Served) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with connected(served) as connection:
        connection.sendall(submission(served, "Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(9):
                connection.sendall(chunk)
        assert_refused([one_answer(connection)], 413)


def test_nobody_unknown_has_a_body_read(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(head("POST /v1/requests HTTP/1.1", "Content-Length: 8000000"))
        assert_refused([one_answer(connection)], 401)


@pytest.mark.parametrize("arguments", ["[" + "1.5," * 200_000 + "1]", "[" + "{}," * 200_000 + "{}]", "[" * 200_000])
def test_a_body_of_too_many_values_is_refused_before_it_is_looked_at(
    agent: httpx2.Client, served: Served, arguments: str
) -> None:
    text = '{"tool":"t","timeout":"1m","arguments":{"a":' + arguments + "}}"
    kinds = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = agent.post("/v1/requests", content=text, headers=kinds)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert served.desk.reviewer.list() == ()


def test_a_text_may_hold_whatever_looks_like_values(agent: httpx2.Client) -> None:
    text = '{"a": [1, "\\"]"]},' * 60_000
    body = {"tool": "t", "timeout": "1m", "arguments": {"text": text}}
    answer = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    assert answer.json()["arguments"] == {"text": text}


@pytest.mark.parametrize(
    "number", ["9" * 5000, "1e99999999999999999999", "0e-99999999999999999999", "1e999", "-" + "1" * 9999]
)
def test_a_number_that_nobody_can_hold_is_the_callers_mistake(agent: httpx2.Client, number: str) -> None:
    text = '{"tool":"t","timeout":"1m","arguments":{"a":' + number + "}}"
    kinds = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = agent.post("/v1/requests", content=text, headers=kinds)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert "sys." not in answer.text


def test_bodies_have_one_space_in_which_small_ones_always_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_HELD_BYTES", 1_000_000)
    space = reading.BodySpace()
    with space.share() as first:
        first(500_000)
        first(950_000)
        with space.share() as second, pytest.raises(Refusal, match="503"):
            second(100_000)
        with space.share() as small:
            small(60_000)
        with space.share() as second:
            second(50_000)
    with space.share() as second:
        second(1_000_000)


def test_a_body_that_finds_no_space_is_to_come_again(
    served: Served, agent: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_HELD_BYTES", 70_000)

    def asked(size: int) -> httpx2.Response:
        body = {"tool": "t", "timeout": "1m", "arguments": {"text": "x" * size}}
        return agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k"})

    refused = asked(100_000)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert served.desk.reviewer.list() == ()
    assert asked(100).status_code == 201


def test_a_list_holds_so_much_as_one_answer_may_and_goes_on_after_it(
    served: Served, reviewer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewer_api, "MOST_LISTED_BYTES", 250_000)
    made = [
        submit(served.desk, Call(tool="t", arguments={"n": number, "text": "x" * 100_000}, requester="bot"))
        for number in range(7)
    ]
    told: list[str] = []
    while True:
        query = {"newer_than": told[-1]} if told else {}
        page = reviewer.get("/api/pending", params=query).json()
        assert page["pending_count"] == len(made) or told
        assert len(page["requests"]) <= 3
        if not page["requests"]:
            break
        told += [each["id"] for each in page["requests"]]
    assert told == [each.id for each in made]
    for each in made:
        served.desk.reviewer.expire(each.id, reviewer=ANN)
    ended: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = reviewer.get("/api/history", params=before).json()
        ended += [each["id"] for each in page["requests"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert ended == told[::-1]


# --- many --------------------------------------------------------------------------------------


def test_agents_who_wait_do_not_stand_in_a_reviewers_way(
    served: Served, agent: httpx2.Client, reviewer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_EXCHANGES", 3)
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    held = [connected(served) for _ in range(3)]
    for connection in held:
        connection.sendall(polling(served, request.id))
    until(lambda: agent.get(f"/v1/requests/{request.id}").status_code == 503)
    refused = agent.get(f"/v1/requests/{request.id}")
    assert (refused.json()["error"]["code"], refused.headers["retry-after"]) == ("too_busy", "1")
    assert reviewer.post(f"/api/approve/{request.id}", json={"digest": request.digest}).status_code == 200
    assert [one_answer(connection).body["status"] for connection in held] == ["approved"] * 3
    until(lambda: agent.get(f"/v1/requests/{request.id}").status_code == 200)
    for connection in held:
        connection.close()


def test_one_token_does_not_take_the_place_of_the_others(
    served: Served, reviewer: httpx2.Client, agent: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_OF_ONE", 2)
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    with connected(served) as first, connected(served) as second:
        first.sendall(polling(served, request.id))
        second.sendall(polling(served, request.id))
        until(lambda: agent.get(f"/v1/requests/{request.id}").status_code == 503)
        with served.client(token_for(served.desk, AGENT, "bot")) as other:
            assert other.get(f"/v1/requests/{request.id}").status_code == 200
    until(lambda: agent.get(f"/v1/requests/{request.id}").status_code == 200)


def test_connections_that_say_nothing_give_way_to_those_that_ask(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "most_connections", 10)
    served = watched.served
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    with connected(served) as polling_on, contextlib.ExitStack() as stack:
        polling_on.sendall(polling(served, request.id))
        until(lambda: watched.tasks() == 1)
        silent = [stack.enter_context(connected(served)) for _ in range(50)]
        assert_served(served)
        until(lambda: len(select.select(silent, [], [], 0)[0]) >= 40)  # to which the server has said goodbye
        approve(served.desk, request)
        assert one_answer(polling_on).body["status"] == "approved"


# --- gone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [b"", b"G", b"\r\n", b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
@pytest.mark.parametrize("more", [(), ("Connection: close",), ("Connection: Upgrade", "Upgrade: websocket")])
def test_a_caller_that_hangs_up_leaves_no_held_poll(watched: Watched, behind: bytes, more: tuple[str, ...]) -> None:
    served = watched.served
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    poll = head(f"GET /v1/requests/{request.id}?wait=30s HTTP/1.1", of(served.agent_token), *more)
    polls = [connected(served) for _ in range(5)]
    for connection in polls:
        connection.sendall(poll)
    until(lambda: watched.tasks() == 5)
    for connection in polls:
        connection.sendall(behind)
    assert_served(served)
    for connection in polls:
        connection.close()
    until(lambda: watched.tasks() == 0, seconds=10)  # far less than they would have waited


def test_a_caller_that_hangs_up_amid_its_body_leaves_nothing(watched: Watched) -> None:
    served = watched.served
    connection = connected(served)
    connection.sendall(submission(served, "Content-Length: 60") + b"{")
    until(lambda: watched.tasks() == 1)
    connection.close()
    until(lambda: watched.tasks() == 0, seconds=10)
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize("role", ["agent", "reviewer"])
def test_a_token_that_ends_while_its_body_comes_does_nothing_any_more(served: Served, role: str) -> None:
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    body = json.dumps(
        {"digest": request.digest} if role == "reviewer" else {"tool": "t2", "arguments": {}, "timeout": "1m"}
    ).encode()
    length = f"Content-Length: {len(body)}"
    if role == "reviewer":
        start = head(f"POST /api/approve/{request.id} HTTP/1.1", of(served.reviewer_token), JSON, length)
    else:
        start = submission(served, length)
    with connected(served) as connection:
        connection.sendall(start + body[:5])
        assert_continues(connection, start, body)
        named = {"reviewer": "ann", "agent": "bot"}[role]
        (token,) = [each for each in served.desk.reviewer.tokens() if each.name == named]
        served.desk.reviewer.revoke_token(token.id, reviewer=ANN)
        connection.sendall(body[5:])
        assert_refused([one_answer(connection)], 401)
    assert served.desk.reviewer.list() == (request,)


def assert_continues(connection: socket.socket, start: bytes, body: bytes) -> None:
    """The server has taken the head: without the rest of the body there is no answer."""
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(60)


def assert_served(served: Served) -> None:
    """Somebody else is served meanwhile."""
    with served.client(served.reviewer_token) as client:
        assert client.get("/api/pending").status_code == 200
