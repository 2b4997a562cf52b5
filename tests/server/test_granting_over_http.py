"""Several decisions at once, grants on terms, and held sessions, as a reviewer's program sends them."""

from __future__ import annotations

import dataclasses
from typing import Any

import httpx2
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.grants import GrantTerms
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.matchers import ANYTHING, FITTING, Part
from approval_tui.domain.models import Request, Requirements
from approval_tui.domain.verdicts import Verdict
from approval_tui.server import reviewer_api
from approval_tui.store.blocking import BlockingStore
from tests.server.serving import Served
from tests.server.test_reviewer_api import UNKNOWN, code
from tests.store.holding import admit, hold
from tests.store.tampering import attack
from tests.support import ANN, BO, assert_sound, consume, deny, submit, submit_approved

NO_DIGEST = "v1:sha256:" + "0" * 64
COMMAND = ["arguments", "command"]


def making(target: str, **changes: Any) -> Call:
    """A call for a target of make."""
    return Call(tool="shell", arguments={"command": f"make {target}"}, requester="bot", session="run-1", **changes)


def chosen(*requests: Request) -> list[dict[str, str]]:
    return [{"id": request.id, "digest": request.digest} for request in requests]


def statuses(desk: BlockingStore, *requests: Request) -> list[str]:
    return [desk.reviewer.get(request.id).status for request in requests]


# --- /api/bulk ---------------------------------------------------------------------------------


def test_several_are_decided_each_by_itself_in_the_name_of_the_token(served: Served, reviewer: httpx2.Client) -> None:
    requests = [submit(served.desk, making(str(number))) for number in range(3)]
    body = chosen(*requests)
    body[1]["digest"] = NO_DIGEST
    answer = reviewer.post("/api/bulk", json={"verdict": "approve", "requests": body, "reason": "fine"})
    assert answer.status_code == 200
    first, second, third = answer.json()["results"]
    assert first == {"id": requests[0].id, "decided": True, "status": "approved", "why": None}
    assert third["decided"] is True
    assert (second["id"], second["decided"], second["status"]) == (requests[1].id, False, None)
    assert "is not what you looked at" in second["why"]
    assert statuses(served.desk, *requests) == ["approved", "pending", "approved"]
    (decision,) = served.desk.reviewer.get(requests[0].id).decisions
    assert (decision.reviewer, decision.via, decision.reason) == ("ann", "api", "fine")
    assert decision.token is not None
    assert served.desk.reviewer.events()[0].body["details"] == {"in_bulk": True}
    assert_sound(served.desk)


def test_what_is_looked_at_by_itself_is_left_and_can_be_denied(served: Served, reviewer: httpx2.Client) -> None:
    needing = [Requirements(quorum=2), Requirements(evidence="shown"), Requirements(reason_required=True)]
    alone = [submit(served.desk, making("risky", risk="high"))]
    alone += [submit(served.desk, making(str(n), requirements=each)) for n, each in enumerate(needing)]
    body = {"verdict": "approve", "requests": chosen(*alone, submit(served.desk, making("plain")))}
    results = reviewer.post("/api/bulk", json=body).json()["results"]
    assert [each["decided"] for each in results] == [False, False, False, False, True]
    assert statuses(served.desk, *alone) == ["pending"] * 4
    body = {"verdict": "deny", "requests": chosen(*alone), "reason": "no"}
    assert {each["status"] for each in reviewer.post("/api/bulk", json=body).json()["results"]} == {"denied"}


def test_unknown_ones_and_such_of_held_sessions_are_told_each(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, making("deploy"))
    hold(served.desk, making("deploy"), reason="odd")
    body = [{"id": UNKNOWN, "digest": NO_DIGEST}, *chosen(request, request)]
    results = reviewer.post("/api/bulk", json={"verdict": "approve", "requests": body}).json()["results"]
    assert [each["decided"] for each in results] == [False, False, False]
    assert results[0]["why"] == "There is no such request."
    assert "ann holds the session run-1 back: odd" in results[1]["why"]
    assert statuses(served.desk, request) == ["pending"]


def test_of_a_spoiled_row_a_caller_learns_nothing_about_the_operators_files(
    served: Served, reviewer: httpx2.Client
) -> None:
    good, spoiled = submit(served.desk, making("a")), submit(served.desk, making("b"))
    attack(served.desk, "UPDATE requests SET arguments = 'nonsense' WHERE id = ?", (spoiled.id,))
    answer = reviewer.post("/api/bulk", json={"verdict": "approve", "requests": chosen(good, spoiled)})
    assert [each["decided"] for each in answer.json()["results"]] == [True, False]
    assert answer.json()["results"][1]["why"] == "The store cannot be trusted. Nothing was done."
    assert "audit" not in answer.text
    assert served.desk.location not in answer.text


NO_LISTS: list[Any] = [
    {},
    {"verdict": "approve"},
    {"verdict": "approve", "requests": []},
    {"verdict": "Approve", "requests": [{"id": UNKNOWN, "digest": NO_DIGEST}]},
    {"verdict": "approve", "requests": [{"id": UNKNOWN}]},
    {"verdict": "approve", "requests": [{"id": "apr_1", "digest": NO_DIGEST}]},
    {"verdict": "approve", "requests": [{"id": UNKNOWN, "digest": "v1"}]},
    {"verdict": "approve", "requests": [{"id": UNKNOWN, "digest": NO_DIGEST, "more": 1}]},
    {"verdict": "approve", "requests": [{"id": UNKNOWN, "digest": NO_DIGEST}] * 201},
    {"verdict": "approve", "requests": {"id": UNKNOWN, "digest": NO_DIGEST}},
    {"verdict": "approve", "requests": [{"id": UNKNOWN, "digest": NO_DIGEST}], "reviewer": "eve"},
    {"verdict": "approve", "requests": [{"id": UNKNOWN, "digest": NO_DIGEST}], "reason": 1},
]


def test_what_is_no_such_list_is_refused_and_nothing_is_decided(reviewer: httpx2.Client) -> None:
    for body in NO_LISTS:
        assert code(reviewer.post("/api/bulk", json=body)) == (400, "invalid_request"), body


# --- /api/grants -------------------------------------------------------------------------------


def test_a_grant_on_terms_approves_what_waits_as_the_look_said(served: Served, reviewer: httpx2.Client) -> None:
    desk = served.desk
    waiting = [submit(desk, making(target)) for target in ("deploy", "test", "a b")]
    asked = {"request_id": waiting[0].id, "parts": [{"path": COMMAND, "kind": "fitting", "text": "make *"}], "uses": 3}
    looked = reviewer.post("/api/grants/preview", json=asked)
    assert looked.status_code == 200
    assert looked.json() == {
        "releases": chosen(*waiting[:2]),
        "covered": [waiting[1].id, waiting[0].id],
        "looked_at": 3,
    }
    assert desk.reviewer.grants() == ()
    given = reviewer.post("/api/grants", json={**asked, "digest": waiting[0].digest})
    assert given.status_code == 200
    (grant,) = desk.reviewer.grants()
    assert given.json() == grant.to_json()
    assert reviewer.get("/api/grants").json() == {"grants": [grant.to_json()]}
    assert (grant.granted_by, grant.uses, grant.most_uses, grant.scope) == ("ann", 2, 3, "session")
    assert grant.expires_at - grant.granted_at == 12 * HOUR
    assert grant.matcher is not None
    assert grant.matcher.parts[0] == Part(("arguments", "command"), FITTING, "make *")
    assert statuses(desk, *waiting) == ["approved", "approved", "pending"]
    assert_sound(desk)


def test_a_grant_for_always_and_for_some_time(served: Served, reviewer: httpx2.Client) -> None:
    request = submit(served.desk, making("deploy"))
    asked = {"request_id": request.id, "digest": request.digest, "scope": "always", "lasts": "30m"}
    parts = [{"path": ["arguments"], "kind": "anything"}, {"path": ["context"], "kind": "anything"}]
    assert reviewer.post("/api/grants", json={**asked, "parts": parts}).status_code == 200
    (grant,) = served.desk.reviewer.grants()
    assert (grant.scope, grant.session, grant.expires_at - grant.granted_at) == ("always", None, 30 * MINUTE)
    assert grant.matcher is not None
    assert [part.kind for part in grant.matcher.parts] == [ANYTHING, ANYTHING]
    other = dataclasses.replace(making("x"), arguments={"else": 1}, session=None)
    assert submit(served.desk, other).status == "approved"


UNGRANTED: list[tuple[dict[str, Any], dict[str, Any], tuple[int, str]]] = [
    ({}, {"digest": NO_DIGEST}, (409, "digest_changed")),
    ({}, {"request_id": UNKNOWN}, (404, "not_found")),
    ({"risk": "high"}, {}, (403, "decision_refused")),
    ({"requirements": Requirements(quorum=2)}, {}, (403, "decision_refused")),
    ({"requirements": Requirements(reviewers=("bo",))}, {}, (403, "decision_refused")),
    ({}, {"parts": [{"path": ["arguments", "else"], "kind": "anything"}]}, (409, "unfit_grant")),
    ({}, {"parts": [{"path": ["else"], "kind": "anything"}]}, (409, "unfit_grant")),
    ({}, {"parts": [{"path": COMMAND, "kind": "fitting", "text": "no star"}]}, (409, "unfit_grant")),
    ({}, {"parts": [{"path": COMMAND, "kind": "fitting"}]}, (409, "unfit_grant")),
    ({}, {"parts": [{"path": COMMAND, "kind": "fitting", "text": "ls *"}]}, (403, "decision_refused")),
    ({}, {"parts": [{"path": COMMAND, "kind": "exactly", "text": "1"}]}, (400, "invalid_request")),
    ({}, {"parts": [{"path": [], "kind": "anything"}]}, (400, "invalid_request")),
    ({}, {"parts": [{"path": COMMAND, "kind": "anything", "more": 1}]}, (400, "invalid_request")),
    ({}, {"scope": "once"}, (400, "invalid_request")),
    ({}, {"lasts": "0s"}, (400, "invalid_request")),
    ({}, {"lasts": "400d"}, (400, "invalid_request")),
    ({}, {"lasts": "1y"}, (400, "invalid_request")),
    ({}, {"lasts": 60}, (400, "invalid_request")),
    ({}, {"uses": 0}, (400, "invalid_request")),
    ({}, {"uses": 1.5}, (400, "invalid_request")),
    ({}, {"uses": 1000001}, (400, "invalid_request")),
    ({}, {"uses": True}, (400, "invalid_request")),
    ({}, {"digest": "v1"}, (400, "invalid_request")),
    ({}, {"granted_by": "eve"}, (400, "invalid_request")),
]


def test_what_cannot_be_granted_is_refused_from_both_routes(served: Served, reviewer: httpx2.Client) -> None:
    for number, (parts, change, expected) in enumerate(UNGRANTED):
        request = submit(served.desk, making(str(number), **parts))
        asked = {"request_id": request.id, "digest": request.digest, **change}
        assert code(reviewer.post("/api/grants", json=asked)) == expected, change
        if "digest" not in change:
            del asked["digest"]
            assert code(reviewer.post("/api/grants/preview", json=asked)) == expected, change
        assert statuses(served.desk, request) == ["pending"]
    assert served.desk.reviewer.grants() == ()


# --- held sessions -----------------------------------------------------------------------------

RUN_1 = {"requester": "bot", "session": "run-1"}


def test_a_session_is_held_and_released_in_the_name_of_the_token(served: Served, reviewer: httpx2.Client) -> None:
    desk = served.desk
    approved, waiting = submit_approved(desk, making("a")), submit(desk, making("b"))
    for _ in range(2):
        held = reviewer.post("/api/session/hold", json={**RUN_1, "reason": "odd"})
        (hold,) = desk.reviewer.holds()
        assert (held.status_code, held.json()) == (200, hold.to_json())
    assert (hold.held_by, hold.reason) == ("ann", "odd")
    refused = reviewer.post(f"/api/approve/{waiting.id}", json={"digest": waiting.digest})
    assert code(refused) == (409, "session_held")
    assert reviewer.post(f"/api/deny/{waiting.id}", json={}).status_code == 200
    assert reviewer.get("/api/holds").json() == {"holds": [hold.to_json()]}
    for _ in range(2):
        released = reviewer.post("/api/session/release", json=RUN_1)
        assert released.json()["released_by"] == "ann"
    consume(desk, approved)
    assert [event.name for event in desk.reviewer.events(most=3)][1:] == ["session_released", "request_denied"]
    assert_sound(desk)


def test_a_session_that_nobody_knows_is_not_held(served: Served, reviewer: httpx2.Client) -> None:
    submit(served.desk, making("a"))
    for route in ("hold", "release"):
        for session in ("run-2", "RUN-1"):
            refused = reviewer.post(f"/api/session/{route}", json={**RUN_1, "session": session})
            assert code(refused) == (404, "not_found")
    assert code(reviewer.post("/api/session/release", json=RUN_1)) == (404, "not_found")
    assert code(reviewer.get("/api/session", params={**RUN_1, "requester": "else"})) == (404, "not_found")
    assert served.desk.reviewer.holds() == ()


NO_SESSIONS: list[dict[str, Any]] = [
    {},
    {"requester": "bot"},
    {"session": "run-1"},
    *({**RUN_1, "session": session} for session in ("", None, ["run-1"])),
    {**RUN_1, "held_by": "eve"},
    {**RUN_1, "reason": 1},
]


def test_what_names_no_session_is_refused(served: Served, reviewer: httpx2.Client) -> None:
    submit(served.desk, making("a"))
    for body in NO_SESSIONS:
        for route in ("hold", "release"):
            assert code(reviewer.post(f"/api/session/{route}", json=body)) == (400, "invalid_request"), body
    assert served.desk.reviewer.holds() == ()


def test_the_story_of_a_session_is_what_the_command_prints(served: Served, reviewer: httpx2.Client) -> None:
    desk = served.desk
    request = submit(desk, making("a"))
    desk.reviewer.add_grant(request.id, GrantTerms(), reviewer=ANN, digest=request.digest)
    deny(desk, submit(desk, dataclasses.replace(making("b"), tool="else")), "no")
    admit(desk, making("look"), verdict=Verdict(ALLOW))
    held = hold(desk, making("a"), BO)
    story = desk.reviewer.session("bot", "run-1")
    assert reviewer.get("/api/session", params=RUN_1).json() == {
        **RUN_1,
        "hold": held.to_json(),
        "grants": [grant.to_json() for grant in story.grants],
        "requests": [each.to_json() for each in story.requests],
        "earlier": 0,
        "calls": [event.to_json() for event in story.calls],
    }
    assert code(reviewer.get("/api/session", params={"requester": "bot"})) == (400, "invalid_request")


def test_a_story_holds_so_much_as_one_answer_may_and_counts_the_rest(
    served: Served, reviewer: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewer_api, "MOST_LISTED_BYTES", 2500)
    made = [submit(served.desk, making(str(number) * 1000)) for number in range(4)]
    told = reviewer.get("/api/session", params=RUN_1).json()
    assert ([each["id"] for each in told["requests"]], told["earlier"]) == ([each.id for each in made[2:]], 2)


# --- agents ------------------------------------------------------------------------------------


ROUTES = (
    ("POST", "/api/bulk"),
    ("POST", "/api/grants"),
    ("POST", "/api/grants/preview"),
    ("GET", "/api/grants"),
    ("GET", "/api/session"),
    ("POST", "/api/session/hold"),
    ("POST", "/api/session/release"),
    ("GET", "/api/holds"),
)


def test_no_agent_decides_grants_or_holds(served: Served, agent: httpx2.Client) -> None:
    submit(served.desk, making("a"))
    for method, path in ROUTES:
        assert agent.request(method, path, params=RUN_1 if method == "GET" else None).status_code == 403, path
        with served.client() as nobody:
            assert nobody.request(method, path).status_code == 401, path
    assert served.desk.reviewer.holds() == ()
