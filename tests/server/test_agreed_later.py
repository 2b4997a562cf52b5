"""What must hold where things come in an unlucky order: edits, repeats, ends of claims, and callers who give up."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, request_id_of, uuid_of
from approval_tui.domain.models import Request, Requirements
from approval_tui.server.agent_api import AgentApi
from approval_tui.server.agent_types import CreateApprovalRequest
from approval_tui.server.errors import Refusal
from approval_tui.server.exchange import Answer, Exchange
from approval_tui.server.reading import _read_object
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store_blocking
from tests.server.serving import Served, serve
from tests.support import ANN, BO, ManualClock, approve, submit

BODY = {"tool": "shell", "arguments": {"n": 1}, "timeout": "10m"}
OWN = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}


def created(agent: httpx2.Client, served: Served, key: str = "k", **headers: str) -> Request:
    answer = agent.post("/v1/requests", json=BODY, headers={"Idempotency-Key": key, **headers}).json()
    return served.desk.reviewer.get(
        answer["request"]["id"] if "request" in answer else str(request_id_of(answer["id"]))
    )


def consume(agent: httpx2.Client, request: Request, key: str = "c", **headers: str) -> httpx2.Response:
    path = f"/v1/requests/{uuid_of(request.id)}/consume"
    return agent.post(path, headers={"Idempotency-Key": key, **headers})


def test_a_call_whose_arguments_are_being_edited_is_not_consumed_as_it_was(
    served: Served, agent: httpx2.Client
) -> None:
    call = Call("shell", {"n": 1}, "bot", requirements=Requirements(quorum=2))
    request = submit(served.desk, call)
    edited = served.desk.reviewer.decide(
        request.id, "approve", reviewer=BO, digest=request.digest, edited_arguments={"n": 2}
    )
    assert edited.status == "pending"
    assert consume(agent, request).json()["error"]["code"] == "not_approved"
    served.desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=edited.digest)
    assert consume(agent, request).json()["error"]["code"] == "not_approved"
    assert served.desk.reviewer.get(request.id).status == "approved"


@pytest.mark.parametrize("how", ["in doubt", "resolved"])
def test_a_claim_in_doubt_is_not_handed_out_again_for_its_key(store_path: str, how: str) -> None:
    server, served = serve(store_path, settings=dataclasses.replace(Settings(), claim_lifetime=1))
    with served.client(served.agent_token) as agent:
        request = created(agent, served)
        approve(served.desk, request)
        assert consume(agent, request).status_code == 200
        if how == "resolved":
            served.desk.reviewer.resolve(request.id, "not_run", reviewer=ANN)
        for headers in ({}, OWN):
            again = consume(agent, request, **headers)
            assert (again.status_code, again.json()["error"]["code"]) == (409, "already_consumed")
    server.stop()
    served.desk.close()


def test_what_was_given_back_or_withdrawn_is_so_the_second_time_too(store_path: str) -> None:
    server, served = serve(store_path, settings=dataclasses.replace(Settings(), approval_lifetime=60_000))
    with served.client(
        served.agent_token,
    ) as agent:
        request = created(agent, served, **OWN)
        approve(served.desk, request)
        cancelled = [agent.delete(f"/v1/requests/{uuid_of(request.id)}", headers=OWN) for _ in range(2)]
        assert [answer.status_code for answer in cancelled] == [200, 200]
        assert cancelled[0].json() == cancelled[1].json()
    server.stop()
    served.desk.close()


def test_what_an_adapter_submitted_is_told_as_it_was_whoever_meets_it_later(
    served: Served, agent: httpx2.Client
) -> None:
    request = created(agent, served, key="z")
    told = agent.get(f"/v1/requests/{uuid_of(request.id)}").json()
    body = {**BODY, "timeout": "1h", "context": {}}
    met = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "a", **OWN}).json()
    assert (met["request"]["id"], met["created"]) == (request.id, False)
    assert agent.get(f"/v1/requests/{uuid_of(request.id)}").json() == told


async def test_whoever_gives_a_claim_up_does_not_overtake_the_exchange_that_takes_it() -> None:
    order: list[str] = []
    is_held = asyncio.Event()

    async def slow(_exchange: Exchange) -> Answer:
        await is_held.wait()
        order.append("consumed")
        return Answer(200, {})

    async def quick(_exchange: Exchange) -> Answer:
        order.append("given back")
        return Answer(200, {})

    nothing: Any = None
    api = AgentApi(nothing, nothing, nothing, Settings())
    exchange = Exchange("x", nothing, {"id": "apr_" + "0" * 32})
    other = Exchange("y", nothing, {"id": "apr_" + "1" * 32})
    consuming = asyncio.ensure_future(api.in_turn(slow)(exchange))
    while not api.turns:
        await asyncio.sleep(0)
    rolling_back = asyncio.ensure_future(api.in_turn(quick)(exchange))
    await api.in_turn(quick)(other)  # another request waits for nobody
    is_held.set()
    await asyncio.gather(consuming, rolling_back)
    assert order == ["given back", "consumed", "given back"]
    assert not api.turns


@pytest.mark.parametrize("text", [b'\\"' * 200_000, b"\\" * 400_001, b'\\"' * 200_000 + b"\\"])
def test_a_text_without_an_end_is_looked_at_once_and_refused(text: bytes) -> None:
    refusals: list[Refusal] = []

    def read() -> None:
        try:
            _read_object(b'{"a":"' + text, CreateApprovalRequest)
        except Refusal as refusal:
            refusals.append(refusal)

    reading = threading.Thread(target=read)
    reading.start()
    reading.join()
    assert [refusal.code for refusal in refusals] == ["invalid_json"]


def test_an_old_token_that_is_live_is_listed_however_many_there_are(store_path: str) -> None:
    from approval_tui.domain.tokens import new_token
    from tests.server.serving import OPERATOR

    clock = ManualClock()
    with open_store_blocking(store_path, clock=clock) as desk:
        first = new_token()
        desk.reviewer.create_token(first, "agent", "first", lifetime=None, reviewer=OPERATOR)
        clock.move(1)
        for _ in range(1001):
            desk.reviewer.create_token(new_token(), "agent", "other", lifetime=1, reviewer=OPERATOR)
        assert desk.reviewer.tokens()[-1].id == first.id
