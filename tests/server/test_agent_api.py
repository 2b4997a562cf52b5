"""The agent's routes are those of the Agent Approval Protocol, version 1."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from approval_tui.domain.clock import MINUTE, format_timestamp
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, request_id_of
from approval_tui.domain.models import Request
from approval_tui.settings.configuration import Settings
from tests.server.serving import Served, serve
from tests.support import ANN, BO, approve, assert_sound, deny, until

REFUND = {
    "tool": "issue_refund",
    "arguments": {"payment_id": "payment_123", "amount": 4900, "rate": 1.25, "big": 2**80},
    "timeout": "30m",
}


def create(agent: httpx2.Client, key: str = "k1", **changes: Any) -> httpx2.Response:
    return agent.post("/v1/requests", json={**REFUND, **changes}, headers={"Idempotency-Key": key})


def stored(served: Served, answer: httpx2.Response | dict[str, Any]) -> Request:
    """The request in the store that an answer is about."""
    body = answer if isinstance(answer, dict) else answer.json()
    return served.desk.reviewer.get(str(request_id_of(body["id"])))


def consume(agent: httpx2.Client, request: dict[str, Any], key: str = "c1") -> httpx2.Response:
    return agent.post(f"/v1/requests/{request['id']}/consume", headers={"Idempotency-Key": key})


def report(agent: httpx2.Client, request: dict[str, Any], **body: Any) -> httpx2.Response:
    return agent.post(f"/v1/requests/{request['id']}/outcome", json=body)


def code(answer: httpx2.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, error["code"]


# --- create ------------------------------------------------------------------------------------


def test_a_new_request_is_told_as_it_was_submitted_and_stands_in_the_store(
    served: Served, agent: httpx2.Client
) -> None:
    more: dict[str, Any] = {
        "server": "payments",
        "agent_reasoning": "Charged twice.",
        "context": {"session_id": "s", "n": [1, None]},
    }
    answer = create(agent, **more)
    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in (*REFUND, *more)} == {**REFUND, **more}
    assert body["status"] == "pending"
    assert uuid.UUID(body["id"]).version == 7
    request = stored(served, body)
    assert (request.requester, request.reason, request.context) == ("bot", "Charged twice.", more["context"])
    assert (body["created_at"], body["deadline_at"]) == (
        format_timestamp(request.created_at),
        format_timestamp(request.created_at + 30 * 60_000),
    )
    assert set(body) == {*REFUND, *more, "id", "status", "created_at", "deadline_at"}


def test_what_was_not_sent_is_not_told_and_what_is_empty_is(agent: httpx2.Client) -> None:
    assert {"context", "agent_reasoning", "server"}.isdisjoint(create(agent).json())
    empty = create(agent, "k2", context={}, agent_reasoning="").json()
    assert (empty["context"], empty["agent_reasoning"]) == ({}, "")


def test_the_same_submission_again_is_the_same_request_whatever_the_order_of_its_keys(
    served: Served, agent: httpx2.Client
) -> None:
    first = create(agent, context={"a": 1, "b": 2})
    text = json.dumps({"context": {"b": 2, "a": 1}, "timeout": "30m", **REFUND}, indent=1)
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    again = agent.post("/v1/requests", content=text, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    approve(served.desk, stored(served, first))
    assert create(agent, context={"a": 1, "b": 2}).json()["status"] == "approved"
    assert len(served.desk.reviewer.list()) == 0


def test_a_key_of_another_submission_is_a_conflict_and_changes_nothing(served: Served, agent: httpx2.Client) -> None:
    first = create(agent).json()
    assert code(create(agent, timeout="31m")) == (409, "idempotency_conflict")
    assert code(create(agent, arguments={})) == (409, "idempotency_conflict")
    assert agent.get(f"/v1/requests/{first['id']}").json() == first
    assert len(served.desk.reviewer.list()) == 1


def test_another_key_is_another_attempt_even_of_the_same_call(served: Served, agent: httpx2.Client) -> None:
    first = create(agent, "k1").json()
    approve(served.desk, stored(served, first))
    second = create(agent, "k2").json()
    assert second["id"] != first["id"]
    assert second["status"] == "pending"


def test_a_key_belongs_to_its_instance(served: Served, agent: httpx2.Client) -> None:
    from approval_tui.domain.roles import AGENT
    from tests.server.serving import token_for

    mine = create(agent).json()
    with served.client(token_for(served.desk, AGENT, "other")) as other:
        theirs = create(other)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine["id"]
    with served.client(token_for(served.desk, AGENT, "bot")) as renewed:  # the same instance with a new credential
        assert create(renewed).json() == mine


@pytest.mark.parametrize("count", [8])
def test_a_submission_that_is_sent_many_times_at_once_makes_one_request(served: Served, count: int) -> None:
    answers: list[httpx2.Response] = []

    def send() -> None:
        with served.client(served.agent_token) as client:
            answers.append(create(client))

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * (count - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(served.desk.reviewer.list()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"requester": "root"},
        {"risk": "low"},
        {"quorum": 1},
        {"policy": "none"},
        {"session": "s"},
        {"tool": ""},
        {"tool": "   "},
        {"tool": "x" * 257},
        {"tool": None},
        {"arguments": []},
        {"arguments": None},
        {"timeout": "0s"},
        {"timeout": "10"},
        {"timeout": "1.5h"},
        {"timeout": "30s\n"},
        {"timeout": 30},
        {"context": []},
        {"context": None},
        {"server": ""},
        {"agent_reasoning": 5},
        {"agent_reasoning": None},
        {"arguments": {"a": "x" * (4 * 1024 * 1024)}},
    ],
    ids=str,
)
def test_what_the_protocol_does_not_know_is_refused_and_nothing_is_asked(
    served: Served, agent: httpx2.Client, changes: dict[str, Any]
) -> None:
    answer = create(agent, **changes)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request"
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"tool":"a","tool":"b","arguments":{},"timeout":"1m"}',
        '{"tool":"a","arguments":{"x":1,"x":2},"timeout":"1m"}',
        '{"tool":"a","arguments":{"x":NaN},"timeout":"1m"}',
        '{"tool":"a","arguments":{"x":1e999},"timeout":"1m"}',
        '{"tool":"a","arguments":{"x":0.1000000000000000055511151231257827},"timeout":"1m"}',
        '{"tool":"a","arguments":{"x":"\\ud800"},"timeout":"1m"}',
        '{"tool":"a","arguments":' + '{"a":' * 200 + "1" + "}" * 200 + ',"timeout":"1m"}',
        "[]",
        '"x"',
        "",
        "{",
        '{"tool":"a","arguments":{},"timeout":"1m"}{}',
    ],
)
def test_ambiguous_or_inexact_json_is_refused(served: Served, agent: httpx2.Client, text: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert agent.post("/v1/requests", content=text, headers=headers).status_code == 400
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "utf-8-sig"])
def test_a_body_in_another_encoding_is_refused(served: Served, agent: httpx2.Client, encoding: str) -> None:
    body = json.dumps({**REFUND, "agent_reasoning": "müde"}, ensure_ascii=False).encode(encoding)
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert agent.post("/v1/requests", content=body, headers=headers).status_code == 400
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize(
    ("keys", "said"),
    [([], "missing"), ([""], "missing"), (["a b"], "invalid"), (["x" * 256], "invalid"), (["k", "k"], "invalid")],
)
def test_without_a_usable_key_nothing_is_asked(
    served: Served, agent: httpx2.Client, keys: list[str], said: str
) -> None:
    answer = agent.post("/v1/requests", json=REFUND, headers=[("Idempotency-Key", key) for key in keys])
    assert code(answer) == (400, f"{said}_idempotency_key")
    assert answer.json()["error"]["param"] == "Idempotency-Key"
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"tool": ""}, "tool"),
        ({"timeout": "soon"}, "timeout"),
        ({"arguments": 5}, "arguments"),
        ({"risk": "x"}, "risk"),
    ],
)
def test_a_refusal_says_what_is_wrong_where(agent: httpx2.Client, changes: dict[str, Any], param: str) -> None:
    assert create(agent, **changes).json()["error"]["param"] == param


def test_a_key_is_of_a_gate_or_of_another_agent(agent: httpx2.Client) -> None:
    body = create(agent).json()
    kinds = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE, "Idempotency-Key": "k1"}
    assert code(agent.post("/v1/requests", json=REFUND, headers=kinds)) == (409, "idempotency_conflict")
    assert create(agent).json() == body


@pytest.mark.parametrize(
    ("sent", "accepted"),
    [("application/json", OWN_MEDIA_TYPE), (OWN_MEDIA_TYPE, "application/json"), (OWN_MEDIA_TYPE, "")],
)
def test_who_sends_one_kind_of_body_and_reads_another_is_refused(
    served: Served, agent: httpx2.Client, sent: str, accepted: str
) -> None:
    kinds = {"Accept": accepted, "Content-Type": sent, "Idempotency-Key": "k"}
    assert code(agent.post("/v1/requests", json=REFUND, headers=kinds)) == (415, "unsupported_media_type")
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8", "application/json ;x=y"])
def test_a_media_type_may_be_written_in_its_ways(agent: httpx2.Client, kind: str) -> None:
    headers = {"Content-Type": kind, "Idempotency-Key": "k"}
    assert agent.post("/v1/requests", content=json.dumps(REFUND), headers=headers).status_code == 201


def test_what_is_wrong_is_said_and_not_what_a_person_at_a_shell_would_do(agent: httpx2.Client) -> None:
    refused = create(agent, arguments={"a": "x" * (4 * 1024 * 1024)}).json()["error"]["message"]
    assert refused.count(".") == 1


@pytest.mark.parametrize("timeout", ["1s", "24h", "999999999999h", "999999999999999999999999h"])
def test_a_window_may_be_of_any_length_and_is_bounded_by_ten_years(
    served: Served, agent: httpx2.Client, timeout: str
) -> None:
    body = create(agent, timeout=timeout).json()
    assert body["timeout"] == timeout
    assert stored(served, body).expires_at <= stored(served, body).created_at + 3650 * 86_400_000


# --- get ---------------------------------------------------------------------------------------


def held(agent: httpx2.Client, request: dict[str, Any], wait: str = "30s") -> Callable[[], dict[str, Any]]:
    """A poll on a thread; calling what is returned gives its answer."""
    answers: list[httpx2.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(agent.get(f"/v1/requests/{request['id']}", params={"wait": wait}))
    )
    thread.start()

    def answer() -> dict[str, Any]:
        thread.join()
        body: dict[str, Any] = answers[0].json()
        return body

    return answer


def test_a_poll_is_held_until_the_decision(served: Served, agent: httpx2.Client) -> None:
    body = create(agent).json()
    answer = held(agent, body)
    decided = served.desk.reviewer.decide(
        stored(served, body).id, "approve", reviewer=ANN, digest=stored(served, body).digest, reason="Confirmed."
    )
    told = answer()
    assert told["status"] == "approved"
    assert told["decision"] == {
        "status": "approved",
        "note": "Confirmed.",
        "decided_at": format_timestamp(int(decided.decided_at or 0)),
        "expires_at": format_timestamp(int(decided.approval_expires_at or 0)),
    }


def test_a_poll_ends_with_its_own_time_and_the_request_still_pending(agent: httpx2.Client) -> None:
    body = create(agent).json()
    assert held(agent, body, "1s")() == body
    assert agent.get(f"/v1/requests/{body['id']}").json() == body


def test_a_poll_ends_when_the_request_expires_which_is_recorded(served: Served, agent: httpx2.Client) -> None:
    body = create(agent, timeout="1s").json()
    told = held(agent, body)()
    assert told["status"] == "expired"
    assert told["decision"] == {"status": "expired", "decided_at": told["deadline_at"]}
    assert stored(served, body).status == "expired"
    assert stored(served, body).decided_at is not None
    assert agent.get(f"/v1/requests/{body['id']}").json() == told


def test_cancelling_ends_a_poll_with_the_cancelled_request(agent: httpx2.Client) -> None:
    body = create(agent).json()
    answer = held(agent, body)
    cancelled = agent.delete(f"/v1/requests/{body['id']}").json()
    assert cancelled["status"] == "cancelled"
    assert answer() == cancelled


def test_a_denial_carries_the_reviewers_words(served: Served, agent: httpx2.Client) -> None:
    body = create(agent).json()
    deny(served.desk, stored(served, body), "Not that account.")
    told = agent.get(f"/v1/requests/{body['id']}").json()
    assert (told["status"], told["decision"]["note"]) == ("denied", "Not that account.")
    assert "expires_at" not in told["decision"]


@pytest.mark.parametrize("wait", ["0s", "5", "-1s", "1.5s", "", "x", "30s "])
def test_a_wait_that_is_no_duration_is_refused(agent: httpx2.Client, wait: str) -> None:
    body = create(agent).json()
    assert agent.get(f"/v1/requests/{body['id']}", params={"wait": wait}).status_code == 400


def test_what_is_not_there_is_not_found(agent: httpx2.Client) -> None:
    for name in (str(uuid.uuid4()), "apr_" + "0" * 32, "x", "..", "%00", "1" * 500):
        assert agent.get(f"/v1/requests/{name}").status_code == 404


# --- cancel ------------------------------------------------------------------------------------


def test_cancelling_again_gives_the_same_request(agent: httpx2.Client) -> None:
    body = create(agent).json()
    first, second = (agent.delete(f"/v1/requests/{body['id']}") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize("word", ["approve", "deny", "expire"])
def test_what_was_decided_is_not_cancelled(served: Served, agent: httpx2.Client, word: str) -> None:
    body = create(agent).json()
    request = stored(served, body)
    if word == "expire":
        served.desk.reviewer.expire(request.id, reviewer=ANN)
    else:
        served.desk.reviewer.decide(request.id, word, reviewer=ANN, digest=request.digest)
    before = agent.get(f"/v1/requests/{body['id']}").json()
    assert code(agent.delete(f"/v1/requests/{body['id']}")) == (409, "already_terminal")
    assert agent.get(f"/v1/requests/{body['id']}").json() == before


# --- consume and outcome -----------------------------------------------------------------------


@pytest.fixture
def approved(served: Served, agent: httpx2.Client) -> dict[str, Any]:
    body: dict[str, Any] = create(agent).json()
    approve(served.desk, stored(served, body))
    told: dict[str, Any] = agent.get(f"/v1/requests/{body['id']}").json()
    return told


def test_an_approval_is_consumed_once_and_the_same_key_gets_the_same_answer(
    served: Served, agent: httpx2.Client, approved: dict[str, Any]
) -> None:
    first = consume(agent, approved)
    assert first.status_code == 200
    assert {name: first.json()[name] for name in approved} == approved
    assert set(first.json()["consumption"]) == {"consumed_at"}
    assert consume(agent, approved).json() == first.json()
    assert code(consume(agent, approved, "c2")) == (409, "already_consumed")
    assert stored(served, approved).status == "consumed"
    assert_sound(served.desk)


def test_of_many_who_consume_at_once_one_gets_it(served: Served, approved: dict[str, Any]) -> None:
    answers: list[httpx2.Response] = []

    def take(key: str) -> None:
        with served.client(served.agent_token) as client:
            answers.append(consume(client, approved, key))

    threads = [threading.Thread(target=take, args=(f"c{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


def test_what_is_not_approved_is_not_consumed(served: Served, agent: httpx2.Client) -> None:
    body = create(agent).json()
    assert code(consume(agent, body)) == (409, "not_approved")
    deny(served.desk, stored(served, body))
    assert code(consume(agent, body)) == (409, "not_approved")
    assert agent.post(f"/v1/requests/{body['id']}/consume").status_code == 400


def test_a_revoked_approval_stays_approved_on_the_wire_and_is_not_consumed(
    served: Served, agent: httpx2.Client, approved: dict[str, Any]
) -> None:
    served.desk.reviewer.revoke(stored(served, approved).id, reviewer=BO, reason="Stop.")
    assert agent.get(f"/v1/requests/{approved['id']}").json() == approved
    assert code(consume(agent, approved)) == (409, "not_approved")
    assert stored(served, approved).status == "denied"


def test_an_approval_of_other_arguments_is_told_as_a_denial_that_says_which(
    served: Served, agent: httpx2.Client
) -> None:
    body = create(agent).json()
    request = stored(served, body)
    served.desk.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"amount": 1}
    )
    told = agent.get(f"/v1/requests/{body['id']}").json()
    assert (told["status"], told["arguments"]) == ("denied", REFUND["arguments"])
    assert '{"amount":1}' in told["decision"]["note"]
    assert code(consume(agent, body)) == (409, "not_approved")
    assert stored(served, body).status == "approved"


def test_the_outcome_is_recorded_once_and_the_same_again_is_no_conflict(
    served: Served, agent: httpx2.Client, approved: dict[str, Any]
) -> None:
    assert code(report(agent, approved, status="succeeded")) == (409, "not_consumed")
    consume(agent, approved)
    first = report(agent, approved, status="failed", note="Timed out.")
    assert first.status_code == 200
    assert first.json()["consumption"]["outcome"] | {"reported_at": ""} == {
        "status": "failed",
        "note": "Timed out.",
        "reported_at": "",
    }
    assert report(agent, approved, status="failed", note="Timed out.").json() == first.json()
    assert code(report(agent, approved, status="failed")) == (409, "outcome_conflict")
    assert code(report(agent, approved, status="succeeded")) == (409, "outcome_conflict")
    assert consume(agent, approved).json() == first.json()
    assert_sound(served.desk)


@pytest.mark.parametrize("body", [{"status": "not_run"}, {"status": "x"}, {}, {"status": "failed", "claim": "c1"}])
def test_an_outcome_that_the_protocol_does_not_know_is_refused(
    agent: httpx2.Client, approved: dict[str, Any], body: dict[str, Any]
) -> None:
    consume(agent, approved)
    assert report(agent, approved, **body).status_code == 400


def test_a_revoked_or_expired_token_ends_at_once(served: Served, agent: httpx2.Client) -> None:
    assert create(agent).status_code == 201
    (token,) = [each for each in served.desk.reviewer.tokens() if each.name == "bot"]
    served.desk.reviewer.revoke_token(token.id, reviewer=ANN)
    assert code(create(agent)) == (401, "invalid_token")


def test_a_token_that_ends_while_its_poll_is_held_gets_no_decision(served: Served, agent: httpx2.Client) -> None:
    body = create(agent).json()
    answers: list[httpx2.Response] = []
    with served.client(served.agent_token) as polling:
        thread = threading.Thread(
            target=lambda: answers.append(polling.get(f"/v1/requests/{body['id']}", params={"wait": "30s"}))
        )
        thread.start()
        (token,) = [each for each in served.desk.reviewer.tokens() if each.name == "bot"]
        served.desk.reviewer.revoke_token(token.id, reviewer=ANN)
        approve(served.desk, stored(served, body))
        thread.join()
    assert answers[0].status_code == 401


# --- what the server says ----------------------------------------------------------------------


def test_how_long_an_approval_and_a_claim_hold_says_the_servers_configuration(store_path: str) -> None:
    settings = Settings(approval_lifetime=5 * MINUTE, claim_lifetime=7 * MINUTE)
    server, served = serve(store_path, settings=settings)
    with served.desk, served.client(served.agent_token) as agent:
        body = create(agent).json()
        decided = approve(served.desk, stored(served, body))
        assert decided.approval_expires_at == int(decided.decided_at or 0) + 5 * MINUTE
        assert consume(agent, body).status_code == 200
        consumed = stored(served, body)
        assert consumed.claim_expires_at == int(consumed.consumed_at or 0) + 7 * MINUTE
        assert created_by_gate(agent, "g1")
        assert not created_by_gate(agent, "g2")
    server.stop()


def test_how_long_the_same_call_meets_the_same_request_says_the_servers_configuration(store_path: str) -> None:
    server, served = serve(store_path, settings=Settings(dedupe_window=0))
    with served.desk, served.client(served.agent_token) as agent:
        assert created_by_gate(agent, "g1")
        until(lambda: created_by_gate(agent, uuid.uuid4().hex))
    server.stop()


def created_by_gate(agent: httpx2.Client, key: str) -> bool:
    """Whether a gate of ours that asks for the refund with that key made a request."""
    kinds = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}
    answer = agent.post("/v1/requests", json=REFUND, headers={**kinds, "Idempotency-Key": key})
    assert answer.status_code == (201 if answer.json()["created"] else 200)
    return bool(answer.json()["created"])


def test_a_policy_lengthens_no_window(store_path: str) -> None:
    policy = """
version: "1"
default: allow
approvals: {timeout: 2h}
tools:
  issue_refund: {rules: [{name: refunds, action: require_approval}]}
"""
    server, served = serve(store_path, policy=policy)
    with served.desk, served.client(served.agent_token) as agent:
        body = create(agent).json()
        assert stored(served, body).expires_at == stored(served, body).created_at + 30 * MINUTE
    server.stop()
