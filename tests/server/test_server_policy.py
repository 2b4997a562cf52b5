"""The server's policy decides of agents' calls when they ask, and once more when they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from approval_tui.domain.errors import PolicyError
from approval_tui.domain.http_names import OWN_MEDIA_TYPE, request_id_of
from approval_tui.domain.models import Request
from approval_tui.policy.engine import PolicyEngine
from tests.server.serving import Served, engine_of, serve
from tests.support import ANN, approve, assert_sound, event_names

ALLOW = 'version: "1"\ndefault: allow\n'
DENY = """
version: "1"
default: allow
tools: {mail: {rules: [{name: no-mails, action: deny, on_deny: No more mails}]}}
"""
LIMITED = """
version: "1"
default: allow
tools: {mail: {rules: [{name: few-mails, rate_limit: 1/day, on_deny: One mail a day}]}}
"""
DENY_BY_TEXT = """
version: "1"
default: allow
tools:
  mail:
    rules:
      - {name: mails, action: require_approval}
      - {name: no-spam, conditions: [{path: args.text, op: in, value: [hello]}], on_deny: No spam}
"""
OWN = {"Accept": OWN_MEDIA_TYPE, "Content-Type": OWN_MEDIA_TYPE}


class Policy:
    """The policy in force, which a test changes; what it raises, and what happens while a call is judged."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.raises: Exception | None = None
        self.meanwhile: list[Any] = []

    def __call__(self) -> PolicyEngine | None:
        if self.raises is not None:
            raise self.raises
        while self.meanwhile:
            self.meanwhile.pop()()
        return engine_of(self.text)()


@contextmanager
def judging(store_path: str, text: str | None) -> Iterator[tuple[Served, httpx2.Client, Policy]]:
    """A server with that policy, a client of its agent, and the policy."""
    policy = Policy(text)
    server, served = serve(store_path, engine=policy)
    with served.desk, served.client(served.agent_token) as agent:
        yield served, agent, policy
        assert_sound(served.desk)
        server.stop()


def create(agent: httpx2.Client, key: str, text: str = "hello") -> httpx2.Response:
    body = {"tool": "mail", "arguments": {"text": text}, "timeout": "10m"}
    return agent.post("/v1/requests", json=body, headers={"Idempotency-Key": key})


def consume(agent: httpx2.Client, body: dict[str, Any], key: str = "c", **headers: str) -> httpx2.Response:
    return agent.post(f"/v1/requests/{body['id']}/consume", headers={"Idempotency-Key": key, **headers})


def stored(served: Served, body: dict[str, Any]) -> Request:
    return served.desk.reviewer.get(str(request_id_of(body["id"])))


def test_a_call_over_its_limit_is_denied_when_it_asks_in_the_rules_words(store_path: str) -> None:
    with judging(store_path, LIMITED) as (served, agent, _):
        first = create(agent, "k1").json()
        assert consume(agent, first).status_code == 200
        second = create(agent, "k2").json()
        assert (second["status"], second["decision"]["note"]) == ("denied", "One mail a day")
        (decision,) = stored(served, second).decisions
        assert (decision.reviewer, decision.via) == ("few-mails", "policy")
        assert consume(agent, second).status_code == 409


def test_a_denial_by_the_policy_asks_nobody_and_says_why(store_path: str) -> None:
    with judging(store_path, DENY) as (served, agent, _):
        denied = create(agent, "k").json()
        assert (denied["status"], denied["decision"]["note"]) == ("denied", "No more mails")
        assert served.desk.reviewer.list() == ()
        assert consume(agent, denied).status_code == 409
        assert stored(served, denied).status == "denied"


def test_what_the_policy_allowed_and_denies_by_now_is_refused_by_its_rule_which_is_recorded(store_path: str) -> None:
    with judging(store_path, ALLOW) as (served, agent, policy):
        allowed = create(agent, "k").json()
        assert allowed["status"] == "approved"
        policy.text = DENY
        refused = consume(agent, allowed)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "policy_denied")
        assert "No more mails" in refused.json()["error"]["message"]
        assert {"rule", "reason", "request"}.isdisjoint(refused.json()["error"])
        request = stored(served, allowed)
        assert request.status == "approved"
        told = consume(agent, allowed, **OWN).json()["error"]
        assert (told["rule"], told["reason"], told["request"]["id"]) == ("no-mails", "No more mails", request.id)
        assert len(event_names(served.desk, request)) > len(["request_submitted", "request_approved"])


def test_what_a_person_approved_is_judged_once_more_with_what_would_run(store_path: str) -> None:
    with judging(store_path, DENY_BY_TEXT) as (served, agent, _):
        asked = create(agent, "k").json()
        request = stored(served, asked)
        served.desk.reviewer.decide(
            request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"text": "spam"}
        )
        refused = consume(agent, asked, **OWN)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "policy_denied")
        assert stored(served, asked).status == "cancelled"


@pytest.mark.parametrize("text", [None, DENY_BY_TEXT])
def test_what_a_reviewer_edits_while_it_is_judged_does_not_run_unjudged(store_path: str, text: str | None) -> None:
    with judging(store_path, text) as (served, agent, policy):
        asked = create(agent, "k").json()
        request = stored(served, asked)

        def edit() -> None:
            served.desk.reviewer.decide(
                request.id, "approve", reviewer=ANN, digest=request.digest, edited_arguments={"text": "spam"}
            )

        policy.meanwhile.append(edit)
        refused = consume(agent, asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "digest_changed")
        assert stored(served, asked).status == "approved"


def test_an_answer_that_was_lost_is_told_again_whatever_the_policy_says_by_now(store_path: str) -> None:
    with judging(store_path, None) as (served, agent, policy):
        asked, usable = create(agent, "k1").json(), create(agent, "k2", "other").json()
        approve(served.desk, stored(served, usable))
        claimed = consume(agent, usable)
        assert claimed.status_code == 200
        for text, raises in ((DENY, None), (None, PolicyError(["it cannot be read"]))):
            policy.text, policy.raises = text, raises
            again = create(agent, "k1")
            assert (again.status_code, again.json()) == (200, asked)
            assert consume(agent, usable).json() == claimed.json()
            assert consume(agent, usable, "another").status_code in (409, 503)
        assert create(agent, "k3").status_code == 503


def test_two_calls_count_as_two_whatever_their_keys_are(store_path: str) -> None:
    with judging(store_path, LIMITED.replace("1/day", "2/day")) as (_served, agent, _):
        first, second = create(agent, "k1").json(), create(agent, "k2").json()
        assert [consume(agent, body).status_code for body in (first, second)] == [200, 200]
        back = agent.post(f"/v1/requests/{first['id']}/rollback", json={"claim": "c"}, headers=OWN)
        assert back.status_code == 200
        assert consume(agent, first).status_code == 200
        assert create(agent, "k3").json()["status"] == "denied"
