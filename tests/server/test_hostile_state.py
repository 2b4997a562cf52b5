"""What was captured has no second effect, and where the server cannot work nothing runs and nothing is told."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, uuid_of
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.roles import REVIEWER
from approval_tui.server.sockets import Address, listen_at
from approval_tui.store import open_store_blocking
from tests.server.raw import assert_nothing_of_the_inside, connected, head, one_answer, received, sent_at_last
from tests.server.serving import Served, ServerProcess, serve, table, token_for
from tests.store.tampering import attack
from tests.support import ANN, BO, approve, assert_sound, submit

SECRET_PATH = "/etc/approvals/secret-policy.yaml"


def asked(served: Served, command: str = "ls") -> Request:
    return submit(served.desk, Call(tool="shell", arguments={"command": command}, requester="bot", session="s"))


def sent_again(reviewer: httpx2.Client, request: Request, **more: Any) -> httpx2.Response:
    """The approval of that request as it was captured."""
    return reviewer.post(f"/api/approve/{request.id}", json={"digest": request.digest, **more})


# --- replay ------------------------------------------------------------------------------------


def test_an_approval_sent_again_after_its_revocation_approves_nothing(served: Served, reviewer: httpx2.Client) -> None:
    request = asked(served)
    assert sent_again(reviewer, request).status_code == 200
    served.desk.reviewer.revoke(request.id, reviewer=BO)
    revoked = served.desk.reviewer.get(request.id)
    assert sent_again(reviewer, request).status_code == 409
    assert served.desk.reviewer.get(request.id) == revoked
    assert_sound(served.desk)


def test_an_approval_of_one_request_approves_no_other(served: Served, reviewer: httpx2.Client) -> None:
    first, second = asked(served), asked(served, "rm -rf /")
    answer = reviewer.post(f"/api/approve/{second.id}", json={"digest": first.digest})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "digest_changed")
    assert served.desk.reviewer.get(second.id) == second


def test_an_approval_does_not_hold_for_what_became_of_the_request(served: Served, reviewer: httpx2.Client) -> None:
    request = _with_quorum(served)
    edited = {"command": "rm -rf /"}
    with served.client(token_for(served.desk, REVIEWER, "bo")) as bo:
        assert sent_again(bo, request, edited_arguments=edited).status_code == 200
    now = served.desk.reviewer.get(request.id)
    assert now.digest != request.digest
    assert sent_again(reviewer, request).status_code == 409
    assert served.desk.reviewer.get(request.id) == now
    assert now.status == "pending"


def _with_quorum(served: Served) -> Request:
    call = Call(tool="shell", arguments={}, requester="bot", requirements=Requirements(quorum=2))
    return submit(served.desk, call)


def test_a_vote_sent_again_counts_once(served: Served, reviewer: httpx2.Client) -> None:
    request = _with_quorum(served)
    for _ in range(3):
        assert sent_again(reviewer, request).status_code == 200
    with served.client(token_for(served.desk, REVIEWER, "ann")) as second_token:
        assert sent_again(second_token, request).status_code == 200
    now = served.desk.reviewer.get(request.id)
    assert (now.status, len(now.decisions)) == ("pending", 1)


def test_a_denial_sent_again_denies_nothing_that_was_asked_since(served: Served, reviewer: httpx2.Client) -> None:
    request = asked(served)
    for _ in range(2):
        assert reviewer.post(f"/api/deny/{request.id}", json={"digest": request.digest}).status_code == 200
    later = asked(served, "ls -l")
    assert reviewer.post(f"/api/deny/{later.id}", json={"digest": request.digest}).status_code == 409
    assert served.desk.reviewer.get(later.id) == later
    assert len(served.desk.reviewer.get(request.id).decisions) == 1


@pytest.mark.parametrize("ending", ["cancelled", "expired", "consumed"])
def test_an_approval_sent_again_brings_nothing_back(
    served: Served, reviewer: httpx2.Client, agent: httpx2.Client, ending: str
) -> None:
    request = asked(served)
    path = f"/v1/requests/{uuid_of(request.id)}"
    if ending == "cancelled":
        assert agent.delete(path).status_code == 200
    elif ending == "expired":
        served.desk.reviewer.expire(request.id, reviewer=ANN)
    else:
        approve(served.desk, request, BO)
        assert agent.post(f"{path}/consume", headers={"Idempotency-Key": "c"}).status_code == 200
    assert sent_again(reviewer, request).status_code == 409
    assert served.desk.reviewer.get(request.id).status == ending
    assert agent.post(f"{path}/consume", headers={"Idempotency-Key": "again"}).status_code == 409
    assert served.desk.reviewer.grants() == ()


def test_a_claim_that_was_given_back_is_not_given_back_twice(served: Served, agent: httpx2.Client) -> None:
    request = approve(served.desk, asked(served))
    path = f"/v1/requests/{uuid_of(request.id)}"
    kinds = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}
    assert agent.post(f"{path}/consume", headers={"Idempotency-Key": "one"}).status_code == 200
    assert agent.post(f"{path}/rollback", json={"claim": "one"}, headers=kinds).status_code == 200
    assert agent.post(f"{path}/consume", headers={"Idempotency-Key": "two"}).status_code == 200
    consumed = served.desk.reviewer.get(request.id)
    for route, body in (("rollback", {}), ("outcome", {"status": "not_run"}), ("outcome", {"status": "failed"})):
        refused = agent.post(f"{path}/{route}", json={"claim": "one", **body}, headers=kinds)
        code = "claim_invalid" if route == "rollback" else "outcome_conflict"
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, code)
    assert served.desk.reviewer.get(request.id) == consumed


# --- the server cannot work --------------------------------------------------------------------


def replace(path: str) -> None:
    os.replace(path, path + ".old")
    with open(path, "wb") as other:
        other.write(b"another file")


def damage(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("ALTER TABLE tokens RENAME TO lost")


def take_away(path: str) -> None:
    shutil.rmtree(os.path.dirname(path))


@pytest.mark.usefixtures("store_looks_each_time")
@pytest.mark.parametrize("spoil", [replace, damage, take_away])
def test_without_its_store_the_server_refuses_all_and_says_nothing_of_it(
    served: Served, store_path: str, caplog: pytest.LogCaptureFixture, spoil: Callable[[str], None]
) -> None:
    request = approve(served.desk, asked(served))
    served.desk.close()
    spoil(store_path)
    for operation in table():
        if operation.path.startswith("/approval"):
            continue  # this server has none
        token = {"agent": served.agent_token, "reviewer": served.reviewer_token}[operation.role]
        with served.client(token) as client:
            path = operation.path.replace("{id}", request.id)
            body: dict[str, str] | None = None if operation.body is None else {}
            answer = client.request(operation.method, path, json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code in (500, 503), operation.name
        error = answer.json()["error"]
        assert error["request_id"] == answer.headers["x-request-id"]
        assert error["type"] in ("dependency", "internal")
        assert_nothing_of_the_inside(answer.text)
        assert os.path.basename(store_path) not in answer.text
    assert served.agent_token.split("_")[2] not in caplog.text


def test_a_row_that_somebody_changed_is_told_of_to_the_operator_alone(
    served: Served, agent: httpx2.Client, reviewer: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    request = approve(served.desk, asked(served))
    attack(served.desk, "UPDATE requests SET decisions = 'geheim' WHERE id = ?", (request.id,))
    path = f"/v1/requests/{uuid_of(request.id)}"
    for answer in (
        agent.get(path),
        agent.delete(path),
        agent.post(f"{path}/consume", headers={"Idempotency-Key": "k"}),
        reviewer.get(f"/api/pending/{request.id}"),
        sent_again(reviewer, request),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
        assert answer.json()["error"]["message"] == "The store cannot be trusted. Nothing was done."
        assert answer.headers["x-request-id"] in caplog.text
    assert "audit verify" in caplog.text


@pytest.fixture
def unusable(store_path: str) -> Iterator[tuple[Served, list[BaseException]]]:
    """A server with a policy that is bad from some moment on: when the list holds what it raises."""
    raised: list[BaseException] = []

    def engine() -> None:
        if raised:
            raise raised[0]

    server, served = serve(store_path, engine=engine)
    yield served, raised
    server.stop()
    served.desk.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PolicyError([f"{SECRET_PATH}:3: Traceback of the rule"]), 503),
        (RuntimeError(f"Traceback in {SECRET_PATH}"), 500),
        (OSError(13, "Permission denied", SECRET_PATH), 500),
        (RecursionError("sqlite.py"), 500),
    ],
)
def test_with_a_policy_that_cannot_be_used_nothing_is_asked_or_run(
    unusable: tuple[Served, list[BaseException]], caplog: pytest.LogCaptureFixture, error: BaseException, status: int
) -> None:
    served, raised = unusable
    with served.client(served.agent_token) as agent:
        body = {"tool": "shell", "arguments": {}, "timeout": "1m"}
        made = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k"}).json()
        request = approve(served.desk, served.desk.reviewer.list()[0])
        raised.append(error)
        refused = [
            agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "other"}),
            agent.post(f"/v1/requests/{made['id']}/consume", headers={"Idempotency-Key": "c"}),
        ]
        for answer in refused:
            assert answer.status_code == status
            assert_nothing_of_the_inside(answer.text)
            assert "policy.yaml" not in answer.text
            assert answer.headers["x-request-id"] in caplog.text  # by which the operator finds what it was
        assert served.desk.reviewer.get(request.id) == request
        assert served.desk.reviewer.list() == ()
        raised.clear()
        assert agent.post(f"/v1/requests/{made['id']}/consume", headers={"Idempotency-Key": "c"}).status_code == 200
    assert [each for each in caplog.records if each.name == "approval_tui.server" and each.levelno >= logging.ERROR]


# --- as the command serves ---------------------------------------------------------------------


def test_the_command_says_nothing_on_stderr_of_what_strangers_send(store_path: str) -> None:
    with open_store_blocking(store_path) as desk:
        process = ServerProcess(store_path)
        served = Served(process.url, desk, "", "")
        for data in (b"\x00" * 50, head("GET /x\x1b[2J HTTP/1.1"), head("GET / HTTP/1.1", host="Host: \x1b[31mevil")):
            sent_at_last(served, data)
        with connected(served) as connection:
            connection.sendall(head("POST /v1/requests HTTP/1.1", "Transfer-Encoding: chunked"))
            assert one_answer(connection).status == 401
            connection.sendall(b"no chunk\r\n")
            assert received(connection) == b""
        assert process.stop() == 0
    assert process.said.splitlines() == [
        "No policy is named, so every call asks.",
        f"Listening at {process.url}",
        "Stopped.",
    ]


def test_the_command_may_have_as_many_sockets_as_its_callers_need(store_path: str) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        process = ServerProcess(store_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE) == (min(limits[1], 4096), limits[1])
    assert process.stop() == 0


def test_an_answer_does_not_wait_for_the_callers_tcp() -> None:
    with listen_at(Address("127.0.0.1", 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # by which asyncio knows that it may send at once
