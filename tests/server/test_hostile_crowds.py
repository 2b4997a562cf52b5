"""Callers who are many take nothing from the others, and those who are gone leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import select
import socket

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.roles import AGENT
from approval_tui.server import app, run
from approval_tui.server.http_protocol import PatientProtocol
from tests.server.raw import (
    assert_refused,
    connected,
    head,
    of,
    one_answer,
    polling,
    submission,
)
from tests.server.serving import Served, Watched, serve, token_for
from tests.support import ANN, LONG, approve, submit, until

JSON = "Content-Type: application/json"


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
    monkeypatch.setattr(PatientProtocol, "patience", LONG)  # so that nobody is hung up on for being slow
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


def test_a_body_whose_end_never_came_decides_nothing(watched: Watched) -> None:
    served = watched.served
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    body = chunk(json.dumps({"digest": request.digest}).encode())
    approval = f"POST /api/approve/{request.id} HTTP/1.1"
    with connected(served) as connection:
        connection.sendall(head(approval, of(served.reviewer_token), JSON, "Transfer-Encoding: chunked") + body)
        until(lambda: watched.tasks() == 1)
    until(lambda: watched.tasks() == 0, seconds=10)
    assert served.desk.reviewer.get(request.id) == request


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("role", ["agent", "reviewer"])
def test_a_token_that_ends_while_its_body_comes_does_nothing_any_more(
    served: Served, role: str, is_chunked: bool
) -> None:
    request = submit(served.desk, Call(tool="t", arguments={}, requester="bot"))
    body = json.dumps(
        {"digest": request.digest} if role == "reviewer" else {"tool": "t2", "arguments": {}, "timeout": "1m"}
    ).encode()
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    first, rest = (chunk(body[:5]), chunk(body[5:]) + b"0\r\n\r\n") if is_chunked else (body[:5], body[5:])
    if role == "reviewer":
        start = head(f"POST /api/approve/{request.id} HTTP/1.1", of(served.reviewer_token), JSON, length)
    else:
        start = submission(served, length)
    with connected(served) as connection:
        connection.sendall(start + first)
        assert_continues(connection)
        named = {"reviewer": "ann", "agent": "bot"}[role]
        (token,) = [each for each in served.desk.reviewer.tokens() if each.name == named]
        served.desk.reviewer.revoke_token(token.id, reviewer=ANN)
        connection.sendall(rest)
        assert_refused([one_answer(connection)], 401)
    assert served.desk.reviewer.list() == (request,)


def chunk(data: bytes) -> bytes:
    """The data as one chunk of a body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def assert_continues(connection: socket.socket) -> None:
    """The server has taken the head: without the rest of the body there is no answer."""
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(60)


def assert_served(served: Served) -> None:
    """Somebody else is served meanwhile."""
    with served.client(served.reviewer_token) as client:
        assert client.get("/api/pending").status_code == 200


def test_a_server_that_ends_answers_even_who_is_amid_its_body(store_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_LONGEST_END", 1)
    server, served = serve(store_path)
    with served.desk, connected(served) as connection:
        connection.sendall(submission(served, "Content-Length: 60") + b"{")
        until(lambda: Watched(server, served).tasks() == 1)
        server.stop()
        assert_refused([one_answer(connection)], 503)
