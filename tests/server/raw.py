"""What no HTTP client would send: bytes on a socket, and the answers that come back."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any, NamedTuple

from tests.server.serving import Served
from tests.support import LONG

INSIDE = (
    "Traceback",
    "Error:",
    "Exception",
    "sqlite",
    ".py",
    ".db",
    "/tmp",
    "/home",
    "site-packages",
    "sys.",
)
"""What an answer that tells of the inside of the server would hold."""


class RawAnswer(NamedTuple):
    """One answer as it came; `body` is its JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def connected(served: Served) -> socket.socket:
    """A plain connection to the server."""
    return socket.create_connection(("127.0.0.1", served.port), timeout=LONG)


def head(line: str, *headers: str, host: str | None = "Host: 127.0.0.1") -> bytes:
    """The head of a request with these lines, as they are."""
    lines = [line, *([] if host is None else [host]), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def sent(served: Served, data: bytes) -> list[RawAnswer]:
    """The answer to these bytes."""
    with connected(served) as connection:
        connection.sendall(data)
        return [one_answer(connection)]


def sent_at_last(served: Served, data: bytes) -> list[RawAnswer]:
    """All answers to these bytes from a caller that says no more; the server may hang up on it."""
    with connected(served) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has hung up already
        return answers_in(received(connection))


def received(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def one_answer(connection: socket.socket) -> RawAnswer:
    """The next answer over a connection that goes on, behind which no other comes yet."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(4096)
        assert part, data
        data += part
    length = int(_headers(data)["content-length"])
    while len(data) < data.index(b"\r\n\r\n") + 4 + length:
        part = connection.recv(length)
        assert part, data
        data += part
    (answer,) = answers_in(data)
    return answer


def answers_in(data: bytes) -> list[RawAnswer]:
    """The answers that these bytes are."""
    answers = []
    while data:
        head_part, _, rest = data.partition(b"\r\n\r\n")
        status = int(head_part.split(b" ", 2)[1])
        headers = _headers(head_part)
        length = int(headers["content-length"])
        body = rest[:length]
        answers.append(RawAnswer(status, headers, json.loads(body) if body else None))
        data = rest[length:]
    return answers


def assert_refused(answers: list[RawAnswer], *allowed: int) -> None:
    """There is no answer, or one that refuses and tells nothing of the inside."""
    for answer in answers:
        assert answer.status in allowed if allowed else 400 <= answer.status < 500
        uuid.UUID(answer.headers["x-request-id"])
        if answer.body is not None:
            assert answer.body["error"]["request_id"] == answer.headers["x-request-id"]
            assert_nothing_of_the_inside(json.dumps(answer.body))


def assert_nothing_of_the_inside(text: str) -> None:
    """No path, no name of an exception, no trace."""
    assert [word for word in INSIDE if word in text] == []


def _headers(data: bytes) -> dict[str, str]:
    lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def of(token: str) -> str:
    """The header of who has that token."""
    return f"Authorization: Bearer {token}"


def submission(served: Served, *headers: str, key: str = "k") -> bytes:
    """The head of the agent's submission."""
    named = ("Content-Type: application/json", f"Idempotency-Key: {key}")
    return head("POST /v1/requests HTTP/1.1", of(served.agent_token), *named, *headers)


def polling(served: Served, request_id: str) -> bytes:
    """The agent's poll of its request."""
    return head(f"GET /v1/requests/{request_id}?wait=30s HTTP/1.1", of(served.agent_token))
