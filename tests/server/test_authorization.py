"""Who may do what: every operation of the table, for every kind of caller, and for the requests of other agents."""

from __future__ import annotations

import logging
import os
import uuid
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, uuid_of
from approval_tui.domain.models import Request
from approval_tui.domain.request_record import request_from_record
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.integrations.approval_manager import REQUESTER, TOOL
from approval_tui.server.operations import Operation
from tests.server.serving import Served, table, token_for
from tests.support import ANN, approve, consume, submit, until

OPERATIONS = table()
OF_ONE_REQUEST = [each for each in OPERATIONS if each.role == AGENT and "{id}" in each.path]
JSON = "application/json"
REFUSED = (
    "nobody", "malformed", "unknown", "wrong secret", "expired", "revoked", "twice", "two", "other scheme", "in query",
)  # fmt: skip


def named(operation: Operation) -> str:
    return operation.name


def headers_of(served: Served) -> dict[str, list[tuple[str, str]]]:
    """What each kind of caller sends to say who it is."""
    reviewer, agent = served.reviewer_token, served.agent_token
    expired, revoked = (token_for(served.desk, REVIEWER, name, lifetime) for name, lifetime in (("x", 1), ("y", None)))
    served.desk.reviewer.revoke_token(revoked.split("_")[1], reviewer=ANN)
    (brief,) = [each for each in served.desk.reviewer.tokens() if each.name == "x"]
    until(lambda: not brief.is_live(system_clock()))
    given = {
        "malformed": ["Bearer"],
        "unknown": [f"Bearer apt_{'0' * 16}_{reviewer.split('_')[2]}"],
        "wrong secret": [f"Bearer {reviewer[:-64]}{agent[-64:]}"],
        "expired": [f"Bearer {expired}"],
        "revoked": [f"Bearer {revoked}"],
        "twice": [f"Bearer {reviewer}", f"Bearer {reviewer}"],
        "two": [f"Bearer {agent}", f"Bearer {reviewer}"],
        "other scheme": [f"Basic {reviewer}"],
        AGENT: [f"Bearer {agent}"],
        REVIEWER: [f"Bearer {reviewer}"],
    }
    told = {kind: [("Authorization", value) for value in values] for kind, values in given.items()}
    return {**told, "nobody": [], "in query": [("Cookie", f"token={reviewer}")]}


def body_of(operation: Operation, request: Request) -> dict[str, Any] | None:
    """What makes the operation do something."""
    bodies: dict[str, dict[str, Any]] = {
        "createApprovalRequest": {"tool": "t", "arguments": {}, "timeout": "1m"},
        "reportOutcome": {"status": "succeeded"},
        "rollBack": {"claim": "c"},
        "approve": {"digest": request.digest},
        "resolve": {"outcome": "failed"},
        "decideSeveral": {"verdict": "deny", "requests": [{"id": request.id, "digest": request.digest}]},
        "addGrant": {"request_id": request.id, "digest": request.digest, "scope": "always"},
        "previewGrant": {"request_id": request.id, "scope": "always"},
        "holdSession": {"requester": "bot", "session": "run-1"},
        "releaseSession": {"requester": "bot", "session": "run-1"},
    }
    return None if operation.body is None else bodies.get(operation.name, {})


def ask(
    served: Served,
    operation: Operation,
    request: Request,
    headers: list[tuple[str, str]],
    *,
    name: str | None = None,
    kind: str = JSON,
    **parameters: str,
) -> httpx2.Response:
    """Calls the operation for that request as this caller."""
    body = body_of(operation, request)
    path = operation.path.replace("{id}", name or request.id)
    if operation.name == "getSession":
        parameters = {"requester": "bot", "session": "run-1", **parameters}
    sent = [*headers, ("Idempotency-Key", uuid.uuid4().hex), ("Accept", kind)]
    with served.client() as client:
        return client.request(
            operation.method,
            path,
            json=body,
            headers=sent if body is None else [*sent, ("Content-Type", kind)],
            params=parameters,
        )


def waiting(served: Served, operation: Operation) -> Request:
    """A request on which the operation can be tried, of the agent, or as ToolWeaver makes them."""
    if operation.path.startswith("/approval"):
        arguments = {"title": str(uuid.uuid4()), "description": "b", "proposed_action": {}}
        return submit(served.desk, Call(tool=TOOL, arguments=arguments, requester=REQUESTER))
    command = {"command": f"ls {uuid.uuid4()}"}
    return submit(served.desk, Call(tool="shell", arguments=command, requester="bot", session="run-1"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_only_the_operations_own_role_may(served_whole: Served, operation: Operation) -> None:
    request = waiting(served_whole, operation)
    headers = headers_of(served_whole)
    other = REVIEWER if operation.role == AGENT else AGENT
    head = served_whole.desk.reviewer.head()
    answers = {kind: ask(served_whole, operation, request, headers[kind]) for kind in (*REFUSED, other)}
    assert {kind: answer.status_code for kind, answer in answers.items()} == {**dict.fromkeys(REFUSED, 401), other: 403}
    for kind, answer in answers.items():
        assert answer.headers.get("www-authenticate", "").startswith("Bearer") == (kind != other)
        assert request.id not in answer.text
        uuid.UUID(answer.headers["x-request-id"])
    assert served_whole.desk.reviewer.head() == head
    assert served_whole.desk.reviewer.get(request.id) == request
    allowed = ask(served_whole, operation, request, headers[operation.role])
    is_of_another = operation.name in ("revokeGrant", "releaseSession")
    assert allowed.status_code in (*operation.answers, 404 if is_of_another else 409)
    if operation.name == "holdSession":
        served_whole.desk.reviewer.release_session("bot", "run-1", reviewer=ANN)
    if operation.name == "addGrant":
        served_whole.desk.reviewer.revoke_grant(allowed.json()["id"], reviewer=ANN)


def test_all_who_reach_the_server_may_read_what_it_offers(served_whole: Served) -> None:
    for headers in headers_of(served_whole).values():
        with served_whole.client() as client:
            answer = client.get("/openapi.json", headers=headers)
        assert answer.status_code == 200
        uuid.UUID(answer.headers["x-request-id"])


def test_the_table_has_every_route_under_a_role_of_its_own() -> None:
    prefixes = {AGENT: ("/v1/",), REVIEWER: ("/api/", "/approval/")}
    for operation in OPERATIONS:
        assert operation.path.startswith(prefixes[operation.role])
    assert not [each for each in OPERATIONS if "token" in each.path or "token" in each.name.lower()]


@pytest.mark.parametrize("path", ["/api/tokens", "/api/token", "/v1/tokens", "/api/policy", "/v1"])
def test_nobody_makes_a_token_over_http(served_whole: Served, path: str) -> None:
    before = served_whole.desk.reviewer.tokens()
    for token in (served_whole.agent_token, served_whole.reviewer_token):
        with served_whole.client(token) as client:
            assert client.post(path, json={"role": REVIEWER, "name": "eve"}).status_code in (404, 405)
    assert served_whole.desk.reviewer.tokens() == before


@pytest.mark.parametrize("status", ["pending", "approved", "consumed"])
@pytest.mark.parametrize("operation", OF_ONE_REQUEST, ids=named)
def test_another_agents_request_is_as_if_it_were_not_there(served: Served, operation: Operation, status: str) -> None:
    request = submit(served.desk, Call(tool="shell", arguments={"command": "ls"}, requester="bot"))
    if status != "pending":
        request = approve(served.desk, request)
    if status == "consumed":
        request = consume(served.desk, request).request
    headers = [("Authorization", f"Bearer {token_for(served.desk, AGENT, 'eve')}")]
    head = served.desk.reviewer.head()
    foreign, missing = uuid_of(request.id), str(uuid.uuid4())
    texts = set()
    for name in (foreign, foreign.upper(), request.id, missing, "apr_" + "0" * 32):
        for kind in (JSON, OWN_MEDIA_TYPE):
            if kind == OWN_MEDIA_TYPE and operation.name == "reportOutcome":
                continue  # its body is another one, which the next test sends
            more = {"wait": "30s"} if operation.name == "getApprovalRequest" else {}
            answer = ask(served, operation, request, headers, name=name, kind=kind, **more)
            assert answer.status_code == 404
            texts.add((kind, answer.text.replace(answer.headers["x-request-id"], "")))
    assert len(texts) <= 2  # what is another's and what is not there are told alike
    assert served.desk.reviewer.head() == head
    assert served.desk.reviewer.get(request.id) == request


def test_a_claim_that_another_agent_knows_does_not_end_with_it(served: Served, agent: httpx2.Client) -> None:
    request = approve(served.desk, submit(served.desk, Call(tool="shell", arguments={}, requester="bot")))
    path = f"/v1/requests/{uuid_of(request.id)}"
    assert agent.post(f"{path}/consume", headers={"Idempotency-Key": "known"}).status_code == 200
    consumed = served.desk.reviewer.get(request.id)
    kinds = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}
    with served.client(token_for(served.desk, AGENT, "eve")) as eve:
        for route, body in (("rollback", {}), ("outcome", {"status": "failed"}), ("outcome", {"status": "not_run"})):
            sent = eve.post(f"{path}/{route}", json={"claim": "known", **body}, headers=kinds)
            assert sent.status_code == 404
        assert eve.post(f"{path}/consume", headers={"Idempotency-Key": "known"}).status_code == 404
    assert served.desk.reviewer.get(request.id) == consumed


def test_an_attempt_that_follows_another_agents_is_refused_as_one_that_follows_nothing(served: Served) -> None:
    request = submit(served.desk, Call(tool="shell", arguments={}, requester="bot"))
    kinds = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}
    with served.client(token_for(served.desk, AGENT, "eve")) as eve:
        texts = set()
        for previous in (request.id, "apr_" + "0" * 32):
            attempt = {"number": 2, "most": 3, "previous": previous}
            body = {"tool": "shell", "arguments": {}, "timeout": "1m", "attempt": attempt}
            sent = eve.post("/v1/requests", json=body, headers={**kinds, "Idempotency-Key": previous})
            assert sent.status_code == 400
            texts.add(sent.text.replace(sent.headers["x-request-id"], "").replace(previous, ""))
    assert len(texts) == 1
    assert len(served.desk.reviewer.list()) == 1


def test_an_agent_named_like_a_reviewer_is_still_an_agent(served: Served) -> None:
    request = submit(served.desk, Call(tool="shell", arguments={}, requester="bot"))
    with served.client(token_for(served.desk, AGENT, "ann")) as agent:
        assert agent.post(f"/api/approve/{request.id}", json={"digest": request.digest}).status_code == 403
    assert served.desk.reviewer.get(request.id) == request


def test_who_decides_says_the_token_and_nothing_that_is_sent(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, Call(tool="shell", arguments={}, requester="bot"))
    body = {"digest": request.digest, "reviewer": "root"}
    assert reviewer.post(f"/api/approve/{request.id}", json=body).status_code == 400
    headers = {"X-Forwarded-User": "root", "X-Remote-User": "root", "From": "root", "X-HTTP-Method-Override": "DELETE"}
    told = reviewer.post(f"/api/approve/{request.id}", json={"digest": request.digest}, headers=headers)
    assert told.json()["decisions"][0]["reviewer"] == "ann"


def test_the_secret_of_a_token_is_neither_kept_nor_told_nor_logged(
    served_whole: Served, store_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = (served_whole.agent_token, served_whole.reviewer_token)
    told = ""
    for token in tokens:
        with served_whole.client(token) as client:
            for operation in OPERATIONS:
                request = waiting(served_whole, operation)
                for name in (request.id, token):
                    headers = [("Authorization", f"Bearer {token}")]
                    answer = ask(served_whole, operation, request, headers, name=name)
                    told += answer.text + repr(answer.headers)
            for path in (f"/{token}", f"/api/pending?newer_than={token}", f"/api/events?limit={token}"):
                answer = client.get(path, headers={"Host": "127.0.0.1", "X": token})
                told += answer.text + repr(answer.headers)
    secrets = [token.split("_")[2] for token in tokens]
    of_server = ("approval_tui", "uvicorn.error", "asyncio", "starlette")
    logged = "".join(each.getMessage() for each in caplog.records if each.name.startswith(of_server))
    assert not [secret for secret in secrets if secret in told or secret in logged]
    folder = os.path.dirname(store_path)
    files = [os.path.join(folder, name) for name in os.listdir(folder)]
    assert any(os.path.getsize(name) > 0 for name in files)
    for name in filter(os.path.isfile, files):
        with open(name, "rb") as kept:
            content = kept.read()
        assert not [secret for secret in secrets if secret.encode() in content]


def test_an_agent_learns_who_decided_and_not_under_which_account_or_where(served: Served, agent: httpx2.Client) -> None:
    request = submit(served.desk, Call(tool="shell", arguments={}, requester="bot"))
    person = Reviewer("ann", via="console", os_user="ann-at-work", tty="/dev/pts/7", token="0f1e2d3c4b5a6978")
    approve(served.desk, request, person)
    for kind in (JSON, OWN_MEDIA_TYPE):
        path = f"/v1/requests/{request.id}"
        told = agent.get(path, headers={"Accept": kind})
        kinds = {"Accept": kind, "Content-Type": kind}
        refused = agent.post(f"{path}/outcome", json={"status": "failed", "claim": "x"}, headers=kinds)
        assert told.status_code == 200
        assert refused.status_code in (400, 409)
        for answer in (told, refused):
            assert "ann-at-work" not in answer.text
            assert "pts" not in answer.text
            assert "0f1e2d3c4b5a6978" not in answer.text
    assert request_from_record(told.json()["request"]).decisions[0].reviewer == "ann"
