"""The reviewer's routes: Intercept's four, and those for everything else that a reviewer does."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.domain.http_names import uuid_of
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.roles import REVIEWER
from approval_tui.store import open_store_blocking
from tests.server.serving import Served, token_for
from tests.support import ManualClock, assert_sound, consume, deny, submit, submit_approved

UNKNOWN = "apr_" + "0" * 32


def a_call(number: int = 1, **changes: Any) -> Call:
    return Call(tool="shell", arguments={"n": number}, requester="bot", session="run-1", **changes)


def code(answer: httpx2.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, error["code"]


def say(reviewer: httpx2.Client, word: str, request: Request, /, **body: Any) -> httpx2.Response:
    return reviewer.post(f"/api/{word}/{request.id}", json=body)


# --- looking -----------------------------------------------------------------------------------


def test_what_waits_is_listed_oldest_first_as_json_prints_it(served: Served, reviewer: httpx2.Client) -> None:
    waiting = [submit(served.desk, a_call(number)) for number in range(3)]
    submit_approved(served.desk, a_call(9))
    listed = reviewer.get("/api/pending").json()
    assert listed == {"pending_count": 3, "requests": [request.to_json() for request in waiting]}
    page = reviewer.get("/api/pending", params={"limit": 1, "newer_than": waiting[0].id}).json()
    assert (page["pending_count"], [each["id"] for each in page["requests"]]) == (3, [waiting[1].id])


def test_one_request_is_told_whatever_became_of_it(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    for name in (request.id, uuid_of(request.id), uuid_of(request.id).upper()):
        assert reviewer.get(f"/api/pending/{name}").json() == request.to_json()
    decided = deny(served.desk, request, "no")
    assert reviewer.get(f"/api/pending/{request.id}").json() == decided.to_json()
    assert code(reviewer.get(f"/api/pending/{UNKNOWN}")) == (404, "not_found")


def test_a_held_list_ends_with_the_first_request_and_a_held_request_with_its_decision(
    served: Served, reviewer: httpx2.Client
) -> None:
    answers: dict[str, Any] = {}

    def hold(name: str, path: str, **query: str) -> threading.Thread:
        def get() -> None:
            with served.client(served.reviewer_token) as client:
                answers[name] = client.get(path, params={"wait": "30s", **query}).json()

        thread = threading.Thread(target=get)
        thread.start()
        return thread

    first = hold("first", "/api/pending")
    request = submit(served.desk, a_call(1))
    first.join()
    assert [each["id"] for each in answers["first"]["requests"]] == [request.id]
    newer = hold("newer", "/api/pending", newer_than=request.id)
    decided = hold("decided", f"/api/pending/{request.id}")
    deny(served.desk, request)
    decided.join()
    assert answers["decided"]["status"] == "denied"
    second = submit(served.desk, a_call(2))
    newer.join()
    assert [each["id"] for each in answers["newer"]["requests"]] == [second.id]


def test_a_held_list_ends_empty_with_its_time(reviewer: httpx2.Client) -> None:
    assert reviewer.get("/api/pending", params={"wait": "1s"}).json() == {"pending_count": 0, "requests": []}


def test_the_history_comes_in_pages_and_by_what_is_looked_for(served: Served, reviewer: httpx2.Client) -> None:
    decided = [deny(served.desk, submit(served.desk, a_call(number))) for number in range(3)]
    other = deny(served.desk, submit(served.desk, Call(tool="mail", arguments={}, requester="eve", risk="high")))
    submit(served.desk, a_call(9))
    found: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = reviewer.get("/api/history", params={"limit": "2", **before}).json()
        found += [each["id"] for each in page["requests"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == [request.id for request in (other, *reversed(decided))]
    for query in ({"tool": "mail"}, {"requester": "eve"}, {"risk": "high"}):
        assert [each["id"] for each in reviewer.get("/api/history", params=query).json()["requests"]] == [other.id]
    assert reviewer.get("/api/history", params={"status": "approved"}).json() == {"requests": [], "next": None}


def test_the_log_is_told_by_request_and_by_number(served: Served, reviewer: httpx2.Client) -> None:
    request = deny(served.desk, submit(served.desk, a_call()))
    told = reviewer.get("/api/events", params={"request_id": request.id}).json()["events"]
    assert [each["event"] for each in told] == ["request_submitted", "request_denied"]
    assert told == [event.to_json() for event in served.desk.reviewer.events(request_id=request.id)]
    newest = reviewer.get("/api/events", params={"limit": 1}).json()["events"]
    assert newest == told[-1:]
    assert reviewer.get("/api/events", params={"after": newest[0]["seq"]}).json() == {"events": []}
    assert reviewer.get("/api/events", params={"before": newest[0]["seq"], "limit": 1}).json()["events"] == told[:1]
    assert reviewer.get("/api/events", params={"request_id": UNKNOWN}).status_code == 404


# --- deciding ----------------------------------------------------------------------------------


def test_an_approval_is_the_tokens_owner_and_says_so_in_the_log(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    answer = say(reviewer, "approve", request, digest=request.digest, reason="Seen.")
    now = served.desk.reviewer.get(request.id)
    assert (answer.status_code, answer.json()) == (200, now.to_json())
    (decision,) = now.decisions
    assert (decision.reviewer, decision.via, decision.reason, decision.evidence.kind) == ("ann", "api", "Seen.", "none")
    assert (decision.os_user, decision.tty) == (None, None)
    mine = next(each for each in served.desk.reviewer.tokens() if each.name == "ann")
    assert decision.token == mine.id == answer.json()["decisions"][0]["token"]
    assert_sound(served.desk)


def test_a_repeat_is_harmless_and_a_contradiction_says_who_decided_and_when(
    served: Served, reviewer: httpx2.Client
) -> None:
    request = submit(served.desk, a_call())
    first, second = (say(reviewer, "approve", request, digest=request.digest) for _ in range(2))
    assert first.json() == second.json()
    refused = say(reviewer, "deny", request, digest=request.digest)
    assert code(refused) == (409, "already_approved")
    error = refused.json()["error"]
    assert "by ann at 20" in error["message"]
    assert (error["request"]["decisions"][0]["reviewer"], error["request"]["status"]) == ("ann", "approved")
    with served.client(token_for(served.desk, REVIEWER, "bo")) as bo:
        assert code(say(bo, "approve", request, digest=request.digest)) == (409, "already_approved")
    assert len(served.desk.reviewer.get(request.id).decisions) == 1


def test_a_denial_needs_no_digest_and_heeds_one(served: Served, reviewer: httpx2.Client) -> None:
    plain, exact = submit(served.desk, a_call(1)), submit(served.desk, a_call(2))
    denied = say(reviewer, "deny", plain, reason="No.").json()
    assert (denied["status"], denied["decisions"][0]["reason"], denied["decisions"][0]["reviewer"]) == (
        "denied",
        "No.",
        "ann",
    )
    assert code(say(reviewer, "deny", exact, digest=plain.digest)) == (409, "digest_changed")
    assert say(reviewer, "deny", exact, digest=exact.digest).status_code == 200


def test_an_approval_names_what_was_looked_at(served: Served, reviewer: httpx2.Client) -> None:
    one, other = submit(served.desk, a_call(1)), submit(served.desk, a_call(2))
    assert say(reviewer, "approve", one).status_code == 400
    assert code(say(reviewer, "approve", one, digest=other.digest)) == (409, "digest_changed")
    assert served.desk.reviewer.get(one.id).status == "pending"


def test_edited_arguments_are_what_runs(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    told = say(reviewer, "approve", request, digest=request.digest, edited_arguments={"n": 2}).json()
    assert (told["arguments"], told["edited_arguments"]) == ({"n": 1}, {"n": 2})
    assert consume(served.desk, served.desk.reviewer.get(request.id)).arguments == {"n": 2}


def test_an_approval_for_the_session_is_a_grant_that_can_be_revoked(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call())
    assert say(reviewer, "approve", request, digest=request.digest, for_session=True).status_code == 200
    (grant,) = reviewer.get("/api/grants").json()["grants"]
    assert (grant["granted_by"], grant["revoked_by"]) == ("ann", None)
    revoked = [reviewer.post(f"/api/grants/{grant['id']}/revoke", json={"reason": "Enough."}) for _ in range(2)]
    assert [answer.json()["revoked_by"] for answer in revoked] == ["ann", "ann"]
    (event,) = [event for event in served.desk.reviewer.events() if event.name == "grant_revoked"]
    assert event.body["details"]["reason"] == "Enough."
    assert code(reviewer.post("/api/grants/grt_0/revoke", json={})) == (404, "not_found")
    assert_sound(served.desk)


def test_what_has_expired_is_not_approved(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call(timeout=1))
    refused = say(reviewer, "approve", request, digest=request.digest)
    assert code(refused) == (409, "already_expired")
    assert "expired since 20" in refused.json()["error"]["message"]


def test_expire_ends_what_waits_and_revoke_what_was_approved(served: Served, reviewer: httpx2.Client) -> None:
    waits, usable = submit(served.desk, a_call(1)), submit_approved(served.desk, a_call(2))
    assert say(reviewer, "expire", waits).json()["status"] == "expired"
    assert say(reviewer, "expire", waits).status_code == 200
    assert code(say(reviewer, "expire", usable)) == (409, "already_approved")
    revoked = say(reviewer, "revoke", usable, reason="Stop.").json()
    said = revoked["decisions"][-1]
    assert (revoked["status"], said["reviewer"], said["reason"]) == ("denied", "ann", "Stop.")
    assert code(say(reviewer, "revoke", usable)) == (409, "already_denied")
    assert code(say(reviewer, "revoke", submit(served.desk, a_call(3)))) == (409, "still_pending")


def test_a_claim_in_doubt_is_resolved(served: Served, reviewer: httpx2.Client, store_path: str) -> None:
    with open_store_blocking(store_path, clock=ManualClock(1_700_000_000_000)) as past:
        lost = submit_approved(past, a_call())
        past.requester.consume(lost.id, lost.fingerprint, requester="bot", claim_lifetime=MINUTE)
    assert reviewer.get("/api/history", params={"status": "in_doubt"}).json()["requests"][0]["in_doubt"] is True
    resolved = say(reviewer, "resolve", lost, outcome="not_run", reason="It crashed.").json()
    assert (resolved["outcome"], resolved["outcome_detail"], resolved["in_doubt"]) == ("not_run", "It crashed.", False)
    assert say(reviewer, "resolve", lost, outcome="failed").status_code == 409


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        (Requirements(reviewers=("bo",)), "Only bo may decide"),
        (Requirements(reason_required=True), "needs a reason"),
        (Requirements(evidence="shown"), "whole payload was shown"),
    ],
)
def test_a_rules_requirements_hold_here_too(
    served: Served, reviewer: httpx2.Client, requirements: Requirements, said: str
) -> None:
    request = submit(served.desk, a_call(requirements=requirements))
    refused = say(reviewer, "approve", request, digest=request.digest)
    assert code(refused) == (403, "decision_refused")
    assert said in refused.json()["error"]["message"]
    assert served.desk.reviewer.get(request.id).status == "pending"


def test_a_quorum_needs_as_many_tokens_of_as_many_names(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, a_call(requirements=Requirements(quorum=2)))
    assert say(reviewer, "approve", request, digest=request.digest).json()["status"] == "pending"
    with served.client(token_for(served.desk, REVIEWER, "ann")) as again:
        assert say(again, "approve", request, digest=request.digest).json()["status"] == "pending"
    with served.client(token_for(served.desk, REVIEWER, "bot")) as requester:
        assert say(requester, "approve", request, digest=request.digest).status_code == 403
    with served.client(token_for(served.desk, REVIEWER, "bo")) as bo:
        assert say(bo, "approve", request, digest=request.digest).json()["status"] == "approved"
    assert_sound(served.desk)


@pytest.mark.parametrize(
    "body", [{"reviewer": "root"}, {"actor": "root"}, {"via": "console"}, {"evidence": {"kind": "shown"}}], ids=str
)
def test_who_decides_and_what_was_seen_is_not_for_the_body_to_say(
    served: Served, reviewer: httpx2.Client, body: dict[str, Any]
) -> None:
    request = submit(served.desk, a_call())
    assert say(reviewer, "approve", request, digest=request.digest, **body).status_code == 400
    assert served.desk.reviewer.get(request.id).status == "pending"


@pytest.mark.parametrize(
    "body",
    [{"for_session": "true"}, {"for_session": 1}, {"reason": 5}, {"edited_arguments": "{}"}, {"digest": None}],
    ids=str,
)
def test_what_is_of_another_kind_is_not_taken_for_what_it_looks_like(
    served: Served, reviewer: httpx2.Client, body: dict[str, Any]
) -> None:
    request = submit(served.desk, a_call())
    refused = say(reviewer, "approve", request, **{"digest": request.digest, **body})
    assert code(refused) == (400, "invalid_request")
    assert refused.json()["error"]["param"] == next(iter(body))
    assert served.desk.reviewer.get(request.id) == request


def test_the_decider_is_each_tokens_own(served: Served) -> None:
    with served.client(token_for(served.desk, REVIEWER, "bo")) as bo:
        for number, word in enumerate(("approve", "deny", "expire")):
            request = submit(served.desk, a_call(number))
            assert (
                say(bo, word, request, **({"digest": request.digest} if word == "approve" else {})).status_code == 200
            )
            said = json.dumps(served.desk.reviewer.events(request_id=request.id)[-1].body).replace("\\", "")
            assert ('"bo"' in said, '"ann"' in said) == (True, False)


@pytest.mark.parametrize("word", ["approve", "deny", "expire", "revoke", "resolve"])
def test_nobody_decides_on_what_is_not_there(reviewer: httpx2.Client, word: str) -> None:
    body = {"approve": {"digest": "v1:sha256:" + "0" * 64}, "resolve": {"outcome": "failed"}}.get(word, {})
    assert code(reviewer.post(f"/api/{word}/{UNKNOWN}", json=body)) == (404, "not_found")


def test_of_two_who_decide_at_once_one_is_heard(served: Served) -> None:
    request = submit(served.desk, a_call())
    answers: list[httpx2.Response] = []

    def decide(word: str) -> None:
        with served.client(served.reviewer_token) as client:
            answers.append(say(client, word, request, digest=request.digest))

    threads = [threading.Thread(target=decide, args=(word,)) for word in ("approve", "deny")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(served.desk.reviewer.get(request.id).decisions) == 1
