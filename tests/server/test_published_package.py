"""The published Python package of the Agent Approval Protocol works with the server as it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agentapprovalprotocol import Allow, AsyncClient, AsyncGate, Call, Client, ConflictError, Deny, Gate, Pending
from agentapprovalprotocol._client import CredentialRefused, NotFound

from approval_tui.domain.http_names import request_id_of
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, reviewing
from tests.server.lossy import LossyWay
from tests.server.serving import Served, ServerProcess, serve
from tests.support import ANN, LONG, approve, assert_sound, deny, until

DEPLOY = Call(
    key="run-1:call-1",
    tool="deploy",
    arguments={"to": "production", "ratio": 0.1, "big": 2**70, "nested": {"list": [1, None, True, "ü"]}},
    server="ops",
    reasoning="The tests are green.",
    context={"session_id": "s-1"},
)


def check(form: str, url: str, token: str, call: Call = DEPLOY, **options: Any) -> Any:
    """What the package's gate of that form says of the call; an Allow is reported as succeeded."""
    if form == "blocking":
        client = Client(url, token)
        try:
            with Gate(client, **options).guard(call) as verdict:
                return verdict
        finally:
            client.close()

    async def run() -> Any:
        client = AsyncClient(url, token)
        try:
            async with AsyncGate(client, **options).guard(call) as verdict:
                return verdict
        finally:
            await client.aclose()

    return asyncio.run(run())


def only(desk: BlockingStore) -> Request:
    (request,) = [*desk.reviewer.list(), *desk.reviewer.history()]
    return request


@pytest.mark.parametrize("form", FORMS)
def test_an_approved_call_may_run_once_and_its_outcome_is_recorded(form: str, served: Served) -> None:
    with reviewing(served.desk, lambda request: approve(served.desk, request)):
        verdict = check(form, served.url, served.agent_token)
    assert isinstance(verdict, Allow)
    request = only(served.desk)
    assert (request.id, request.outcome, request.requester) == (request_id_of(verdict.request_id), "succeeded", "bot")
    assert (request.tool, request.server, request.arguments) == ("deploy", "ops", DEPLOY.arguments)
    again = check(form, served.url, served.agent_token)
    assert isinstance(again, Deny)
    assert again.status == "consumed"
    assert_sound(served.desk)


@pytest.mark.parametrize("form", FORMS)
def test_a_denied_call_gets_the_reviewers_note(form: str, served: Served) -> None:
    with reviewing(served.desk, lambda request: deny(served.desk, request, "Not on a Friday.")):
        verdict = check(form, served.url, served.agent_token)
    assert isinstance(verdict, Deny)
    assert verdict.status == "denied"
    assert "Not on a Friday." in verdict.reason


@pytest.mark.parametrize("form", FORMS)
def test_a_call_of_which_nobody_decides_expires(form: str, served: Served) -> None:
    verdict = check(form, served.url, served.agent_token, timeout="1s")
    assert isinstance(verdict, Deny)
    assert verdict.status == "expired"


@pytest.mark.parametrize("form", FORMS)
def test_a_gate_that_waits_no_longer_withdraws_its_request(form: str, served: Served) -> None:
    verdict = check(form, served.url, served.agent_token, wait_limit=0.0)
    assert isinstance(verdict, Deny)
    assert only(served.desk).status == "cancelled"


@pytest.mark.parametrize("form", FORMS)
def test_a_paused_run_finds_its_decision_later(form: str, served: Served) -> None:
    assert isinstance(check(form, served.url, served.agent_token, mode="async"), Pending)
    approve(served.desk, only(served.desk))
    assert isinstance(check(form, served.url, served.agent_token, mode="async"), Allow)


@pytest.mark.parametrize("form", FORMS)
def test_arguments_that_a_reviewer_edited_are_a_denial_that_names_them(form: str, served: Served) -> None:
    def edit(request: Request) -> None:
        served.desk.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"to": "staging"}
        )

    with reviewing(served.desk, edit):
        verdict = check(form, served.url, served.agent_token)
    assert isinstance(verdict, Deny)
    assert '{"to":"staging"}' in verdict.reason


@pytest.mark.parametrize("form", FORMS)
def test_a_policy_that_allows_or_denies_needs_nobody(form: str, store_path: str) -> None:
    policy = 'version: "1"\ndefault: allow\ntools:\n  drop: {rules: [{name: never, action: deny, on_deny: Never}]}\n'
    server, served = serve(store_path, policy=policy)
    assert isinstance(check(form, served.url, served.agent_token), Allow)
    verdict = check(form, served.url, served.agent_token, Call(key="k", tool="drop", arguments={}))
    assert isinstance(verdict, Deny)
    assert (verdict.status, "Never" in verdict.reason) == ("denied", True)
    server.stop()
    assert_sound(served.desk)
    served.desk.close()


def test_the_clients_errors_are_those_that_it_knows(served: Served) -> None:
    client = Client(served.url, served.agent_token)
    body = {"tool": "t", "arguments": {}, "timeout": "10m"}
    request = client.create(body, "k")
    assert client.create(body, "k").id == request.id
    acts: dict[str, Callable[[], object]] = {
        "idempotency_conflict": lambda: client.create({**body, "tool": "u"}, "k"),
        "not_approved": lambda: client.consume(request.id, "c"),
        "not_consumed": lambda: client.report_outcome(request.id, "succeeded"),
    }
    for code, act in acts.items():
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code == code
    assert client.cancel(request.id).status == client.cancel(request.id).status == "cancelled"
    with pytest.raises(NotFound):
        client.get("7ab8c8ec-7b2d-4fd6-9b52-752f9515eb71")
    for token in ("unknown", served.reviewer_token):
        stranger = Client(served.url, token)
        with pytest.raises(CredentialRefused):
            stranger.create(body, "k2")
        stranger.close()
    client.close()


# --- what gets lost on the way -----------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["POST /v1/requests HTTP", "GET ", "/consume ", "/outcome "])
def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice(
    form: str, part: str, served: Served
) -> None:
    def is_lost(line: str, before: int) -> bool:
        return part in line and before < 2

    with (
        LossyWay(served.port, is_lost) as way,
        reviewing(served.desk, lambda request: approve(served.desk, request)),
    ):
        verdict = check(form, way.url, served.agent_token)
    assert isinstance(verdict, Allow)
    assert sum(part in line for line in way.seen) >= 3
    request = only(served.desk)
    names = [event.name for event in served.desk.reviewer.events(request_id=request.id)]
    assert names == ["request_submitted", "request_approved", "request_consumed", "outcome_reported"]


@pytest.fixture
def desk(store_path: str) -> Iterator[BlockingStore]:
    from approval_tui.store import open_store_blocking

    with open_store_blocking(store_path) as opened:
        yield opened


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_server_that_goes_and_comes_back_loses_no_request_and_no_decision(
    form: str, end: str, store_path: str, desk: BlockingStore
) -> None:
    from tests.server.serving import free_port, token_for

    token = token_for(desk, "agent", "bot")
    bind = f"127.0.0.1:{free_port()}"
    server = ServerProcess(store_path, bind=bind)
    verdicts: list[Any] = []
    waiting = threading.Thread(target=lambda: verdicts.append(check(form, server.url, token, wait_limit=LONG)))
    waiting.start()
    until(desk.reviewer.list)
    _end(server, end)
    approve(desk, only(desk))  # by whoever reaches the store meanwhile
    server = ServerProcess(store_path, bind=bind)
    waiting.join(LONG)
    assert isinstance(verdicts[0], Allow)
    assert (only(desk).outcome, server.stop()) == ("succeeded", 0)
    assert_sound(desk)


def _end(server: ServerProcess, how: str) -> None:
    acts: dict[str, Callable[[], object]] = {"killed": server.kill, "stopped": server.stop}
    acts[how]()
