"""Callers who are slow, and bodies and lists that are large, are ended, refused or bounded."""

from __future__ import annotations

import contextlib
import select

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.server import reading, reviewer_api
from approval_tui.server.errors import Refusal
from approval_tui.server.http_protocol import PatientProtocol
from tests.server.raw import (
    assert_refused,
    connected,
    head,
    of,
    one_answer,
    received,
    sent,
    submission,
)
from tests.server.serving import Served, Watched, serve
from tests.support import ANN, submit, until

JSON = "Content-Type: application/json"


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


@pytest.mark.parametrize("values", [("[" + "1.5," * 200_000, "1]"), ("[" + "{}," * 200_000, "{}]"), ("[" * 90_000, "")])
def test_a_body_of_too_many_values_is_refused_before_it_is_looked_at(
    agent: httpx2.Client, served: Served, values: tuple[str, str]
) -> None:
    text = '{"tool":"t","timeout":"1m","arguments":{"a":' + "".join(values) + "}}"
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


def test_what_reviewers_wrote_themselves_counts_in_a_list_too(
    served: Served, reviewer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewer_api, "MOST_LISTED_BYTES", 250_000)
    for number in range(5):
        request = submit(served.desk, Call(tool="t", arguments={"n": number}, requester="bot"))
        edited = {"n": number, "text": "x" * 100_000}
        served.desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments=edited)
        served.desk.reviewer.revoke(request.id, reviewer=ANN)
    page = reviewer.get("/api/history").json()
    assert (len(page["requests"]), page["next"]) == (3, page["requests"][-1]["id"])


@pytest.mark.parametrize("limit", [19, 20, 21, 40, 41, 45, 46])
def test_a_long_list_holds_each_once_and_no_more_than_is_asked_for(
    served: Served, reviewer: httpx2.Client, limit: int
) -> None:
    made = [submit(served.desk, Call(tool="t", arguments={"n": n}, requester="bot")).id for n in range(45)]
    page = reviewer.get("/api/pending", params={"limit": limit}).json()
    assert [each["id"] for each in page["requests"]] == made[:limit]
    for request_id in made:
        served.desk.reviewer.expire(request_id, reviewer=ANN)
    history = reviewer.get("/api/history", params={"limit": limit}).json()
    assert [each["id"] for each in history["requests"]] == made[::-1][:limit]
    assert history["next"] == (made[::-1][limit - 1] if limit <= 45 else None)
