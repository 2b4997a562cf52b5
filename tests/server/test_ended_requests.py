"""What agents are told of requests whose time has passed, which were edited, voted on, or not asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import tagged_hash
from approval_tui.domain.clock import HOUR, MINUTE, SECOND, format_timestamp, system_clock
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, uuid_of
from approval_tui.domain.models import Request, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.server.serving import Served
from tests.support import ANN, BO, ManualClock, approve, assert_sound, deny, event_names, submit

OWN = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}


@pytest.fixture
def past(store_path: str) -> Iterator[BlockingStore]:
    """The store as it was opened ten minutes ago."""
    with open_store_blocking(store_path, clock=ManualClock(system_clock() - 10 * MINUTE)) as opened:
        yield opened


def a_call(**options: Any) -> Call:
    return Call("shell", {"n": 1}, "bot", **options)


def path_of(request: Request, route: str = "") -> str:
    return f"/v1/requests/{uuid_of(request.id)}{route}"


def told(agent: httpx2.Client, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = agent.get(path_of(request)).json()
    return body


def refused(answer: httpx2.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def consume(agent: httpx2.Client, request: Request, key: str = "c") -> httpx2.Response:
    return agent.post(path_of(request, "/consume"), headers={"Idempotency-Key": key})


def consumed_in_the_past(
    past: BlockingStore, lifetime: int, *, key: str = "c", approval_lifetime: int = HOUR
) -> Request:
    """A request that was consumed with that key, by a claim of that lifetime."""
    request = approve(past, submit(past, a_call(timeout=HOUR, approval_lifetime=approval_lifetime)))
    claim_id = tagged_hash(f"{request.id}\nbot\n{key}".encode())
    past.requester.consume(request.id, request.fingerprint, requester="bot", claim_lifetime=lifetime, claim_id=claim_id)
    return past.reviewer.get(request.id)


# --- time --------------------------------------------------------------------------------------


def test_an_approval_that_was_not_used_in_time_is_still_told_as_one_and_not_consumed(
    served: Served, agent: httpx2.Client, past: BlockingStore
) -> None:
    request = approve(past, submit(past, a_call(approval_lifetime=MINUTE)))
    assert refused(consume(agent, request)) == (409, "approval_expired", "The approval has expired.")
    assert (told(agent, request)["status"], "consumption" in told(agent, request)) == ("approved", False)


def test_what_expired_without_a_word_was_over_at_its_deadline_whenever_that_was_noticed(
    served: Served, agent: httpx2.Client, past: BlockingStore
) -> None:
    request = submit(past, a_call(timeout=MINUTE))
    before = told(agent, request)
    served.desk.reviewer.expire_due()
    recorded = served.desk.reviewer.get(request.id)
    assert int(recorded.decided_at or 0) > recorded.expires_at
    assert told(agent, request) == before
    assert before["decision"] == {"status": "expired", "decided_at": before["deadline_at"]}
    assert refused(consume(agent, request))[:2] == (409, "not_approved")


def test_what_a_reviewer_ended_was_over_then(served: Served, agent: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    ended = served.desk.reviewer.expire(request.id, reviewer=ANN)
    assert told(agent, request)["decision"]["decided_at"] == format_timestamp(int(ended.decided_at or 0))
    assert int(ended.decided_at or 0) < ended.expires_at


def test_a_report_that_comes_too_late_is_kept_and_the_claim_stays_in_doubt(
    served: Served, agent: httpx2.Client, past: BlockingStore
) -> None:
    request = consumed_in_the_past(past, MINUTE)
    for body, kinds in (({}, {}), ({"claim": "c"}, OWN)):
        answer = agent.post(path_of(request, "/outcome"), json={"status": "succeeded", **body}, headers=kinds)
        assert refused(answer)[:2] == (409, "claim_in_doubt")
    assert served.desk.reviewer.get(request.id).outcome is None
    assert event_names(served.desk, request)[-2:] == ["outcome_reported_late"] * 2
    assert_sound(served.desk)


@pytest.mark.parametrize("route", ["outcome", "rollback"])
def test_a_claim_that_is_given_back_after_its_approval_ended_is_so_once_and_the_same_again_is_no_conflict(
    served: Served, agent: httpx2.Client, past: BlockingStore, route: str
) -> None:
    request = consumed_in_the_past(past, HOUR, approval_lifetime=MINUTE)

    def give_back(claim: str) -> httpx2.Response:
        body = {"claim": claim, "note": "not needed", **({"status": "not_run"} if route == "outcome" else {})}
        return agent.post(path_of(request, f"/{route}"), json=body, headers=OWN)

    first = give_back("c")
    assert (first.status_code, first.json()["request"]["outcome"]) == (200, "not_run")
    assert give_back("c").json() == first.json()
    assert refused(give_back("another"))[0] == 409
    assert event_names(served.desk, request)[-1] == "claim_rolled_back"
    assert told(agent, request)["consumption"].keys() == {"consumed_at"}
    assert_sound(served.desk)


# --- votes and edits ---------------------------------------------------------------------------


def test_an_approval_is_told_in_the_words_of_the_last_who_was_needed(served: Served, agent: httpx2.Client) -> None:
    request = submit(served.desk, a_call(requirements=Requirements(quorum=2)))
    for reviewer, words in ((ANN, "First."), (BO, "Second.")):
        now = served.desk.reviewer.get(request.id)
        served.desk.reviewer.decide(request.id, "approve", reviewer=reviewer, digest=now.digest, reason=words)
    assert told(agent, request)["decision"]["note"] == "Second."


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_a_vote_is_no_word_on_how_a_request_ended(served: Served, agent: httpx2.Client, ending: str) -> None:
    request = submit(served.desk, a_call(requirements=Requirements(quorum=2)))
    served.desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, reason="Mine.")
    if ending == "expired":
        served.desk.reviewer.expire(request.id, reviewer=BO)
    else:
        assert agent.delete(path_of(request)).status_code == 200
    assert (told(agent, request)["status"], "note" in told(agent, request)["decision"]) == (ending, False)


def test_edited_arguments_that_a_gate_has_run_are_still_a_denial_of_the_call_as_it_was(
    served: Served, agent: httpx2.Client
) -> None:
    request = submit(served.desk, a_call())
    edited = served.desk.reviewer.decide(
        request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"n": 2}
    )
    before = told(agent, request)
    assert before["status"] == "denied"
    assert refused(consume(agent, request)) == (409, "not_approved", "Other arguments were approved than these.")
    by_gate = agent.post(path_of(edited, "/consume"), headers={"Idempotency-Key": "c", **OWN})
    assert by_gate.status_code == 200
    assert told(agent, request) == before


@pytest.mark.parametrize(
    ("ending", "said"),
    [("cancelled", "withdrawn"), ("denied", "denied"), ("revoked", "revoked"), ("unused", "revoked")],
)
def test_why_a_call_may_not_run_is_said(served: Served, agent: httpx2.Client, ending: str, said: str) -> None:
    request = submit(served.desk, a_call())
    if ending == "cancelled":
        agent.delete(path_of(request))
    elif ending == "denied":
        deny(served.desk, request)
    else:
        approve(served.desk, request)
        if ending == "revoked":
            served.desk.reviewer.revoke(request.id, reviewer=BO)
        else:
            served.desk.requester.cancel(request.id, requester="bot")
    assert refused(consume(agent, request)) == (
        409,
        "not_approved",
        f"The request is {said}, and the call may not run.",
    )


def test_edited_arguments_that_not_all_have_approved_are_told_as_what_waits(
    served: Served, agent: httpx2.Client
) -> None:
    request = submit(served.desk, a_call(requirements=Requirements(quorum=2)))
    served.desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"n": 2})
    assert told(agent, request)["status"] == "pending"
    assert refused(consume(agent, request)) == (
        409,
        "not_approved",
        "The request is pending, and the call may not run.",
    )


def test_only_a_gate_withdraws_what_was_approved(served: Served, agent: httpx2.Client) -> None:
    request = approve(served.desk, submit(served.desk, a_call()))
    assert refused(agent.delete(path_of(request)))[:2] == (409, "already_terminal")
    first, second = (agent.delete(path_of(request), headers={"Accept": OWN_MEDIA_TYPE}) for _ in range(2))
    assert (first.status_code, first.json()["request"]["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()) == (200, first.json())
    assert refused(agent.delete(path_of(request)))[:2] == (409, "already_terminal")


def test_a_request_of_the_protocol_says_that_an_edit_reaches_its_agent_as_a_denial(
    served: Served, agent: httpx2.Client
) -> None:
    body = {"tool": "pay", "arguments": {"n": 1}, "timeout": "10m"}
    agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k1"})
    agent.post(
        "/v1/requests",
        json={**body, "arguments": {"n": 2}},
        headers={"Idempotency-Key": "k2", "Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE},
    )
    assert [(each.arguments, each.edit_taken_as) for each in served.desk.reviewer.list()] == [
        ({"n": 1}, "denial"),
        ({"n": 2}, None),
    ]


# --- what was not asked over HTTP --------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "said"), [(10 * MINUTE, "600s"), (90 * SECOND, "90s"), (500, "1s")])
def test_what_was_asked_beside_the_server_is_told_in_the_protocols_words(
    served: Served, agent: httpx2.Client, timeout: int, said: str
) -> None:
    body = told(agent, submit(served.desk, a_call(timeout=timeout)))
    assert (body["timeout"], body["context"]) == (said, {})


# --- reports -----------------------------------------------------------------------------------


def test_a_note_that_is_empty_is_none(served: Served, agent: httpx2.Client) -> None:
    request = approve(served.desk, submit(served.desk, a_call()))
    assert consume(agent, request).status_code == 200
    first = agent.post(path_of(request, "/outcome"), json={"status": "failed", "note": ""})
    assert "note" not in first.json()["consumption"]["outcome"]
    assert agent.post(path_of(request, "/outcome"), json={"status": "failed"}).json() == first.json()


def test_a_report_is_the_claims_holders_also_when_it_says_what_is_known(served: Served, agent: httpx2.Client) -> None:
    request = approve(served.desk, submit(served.desk, a_call()))
    assert consume(agent, request).status_code == 200

    def report(claim: str, status: str = "failed") -> httpx2.Response:
        body = {"status": status, "claim": claim, "note": "exit 1"}
        return agent.post(path_of(request, "/outcome"), json=body, headers=OWN)

    assert refused(report("another"))[0] == 409
    assert served.desk.reviewer.get(request.id).outcome is None
    first = report("c")
    assert first.status_code == 200
    assert report("c").json() == first.json()
    assert refused(report("another"))[:2] == (409, "claim_invalid")
    assert refused(report("c", "succeeded"))[:2] == (409, "outcome_conflict")
    assert refused(report("c", "not_run"))[:2] == (409, "outcome_conflict")


@pytest.mark.parametrize("withdraw", [False, True])
def test_what_was_given_back_is_so_once_and_the_same_again_changes_nothing(
    served: Served, agent: httpx2.Client, withdraw: bool
) -> None:
    request = approve(served.desk, submit(served.desk, a_call()))
    assert consume(agent, request).status_code == 200
    body = {"claim": "c", "withdraw": withdraw}
    first, second = (agent.post(path_of(request, "/rollback"), json=body, headers=OWN) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert first.json()["request"]["status"] == ("cancelled" if withdraw else "approved")
    assert event_names(served.desk, request).count("claim_rolled_back") == 1


def test_what_an_agents_framework_calls_the_call_stands_in_the_log(served: Served, agent: httpx2.Client) -> None:
    body = {"tool": "shell", "arguments": {}, "timeout": "1m"}
    for number in (1, 2):
        headers = {**OWN, "Idempotency-Key": f"k{number}"}
        assert agent.post("/v1/requests", json={**body, "call_id": f"call-{number}"}, headers=headers).is_success
    (request,) = served.desk.reviewer.list()
    events = served.desk.reviewer.events(request_id=request.id)
    assert [event.body["details"].get("call_id") for event in events] == ["call-1", "call-2"]


def test_what_is_given_up_says_why_in_the_log(served: Served, agent: httpx2.Client) -> None:
    for note, said in (({"note": "of no use"}, "of no use"), ({}, "it cannot be used")):
        request = approve(served.desk, submit(served.desk, a_call()))
        assert consume(agent, request).status_code == 200
        body = {"claim": "c", "withdraw": True, **note}
        assert agent.post(path_of(request, "/rollback"), json=body, headers=OWN).status_code == 200
        last = served.desk.reviewer.events(request_id=request.id)[-1]
        assert (last.name, last.body["details"]["reason"]) == ("request_cancelled", said)
