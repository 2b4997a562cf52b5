"""The policy that judges the calls of a server's gates is the server's."""

from __future__ import annotations

from typing import Any

import pytest

from approval_tui import ApprovalPending, Gate
from approval_tui.domain.errors import ConfigurationError, PolicyDenied
from tests.gate.both_forms import MAKE_DEPLOY
from tests.remote.gates import only, remote_gate
from tests.server.serving import Served, serve
from tests.support import assert_sound

POLICY = """
version: "1"
default: allow
tools:
  shell: {rules: [{name: shells, action: require_approval, risk: high}]}
  drop: {rules: [{name: no-drop, action: deny, on_deny: Never drop}]}
  mail:
    rules:
      - {name: few-mails, rate_limit: 1/day, on_deny: One mail a day}
"""


def test_the_servers_policy_judges_and_the_agent_is_told_which_rule_denied(store_path: str) -> None:
    server, served = serve(store_path, policy=POLICY)
    with remote_gate(served) as gate:
        with gate.guard("read", {"x": 1}) as call:
            assert call.arguments == {"x": 1}
        with pytest.raises(PolicyDenied, match="Never drop") as caught, gate.guard("drop", {}):
            raise AssertionError
        assert (caught.value.rule, caught.value.reason) == ("no-drop", "Never drop")
        with gate.guard("mail", {}):
            pass
        with pytest.raises(PolicyDenied, match="One mail a day"), gate.guard("mail", {}):
            raise AssertionError
        with pytest.raises(ApprovalPending), gate.guard("shell", MAKE_DEPLOY, wait=False):
            raise AssertionError
    (asked,) = served.desk.reviewer.list()
    assert (asked.risk, asked.tool) == ("high", "shell")
    decided = {request.tool: request for request in served.desk.reviewer.history()}
    assert decided["read"].decisions[0].via == decided["drop"].decisions[0].via == "policy"
    assert (decided["read"].outcome, decided["drop"].status) == ("succeeded", "denied")
    assert_sound(served.desk)
    server.stop()
    served.desk.close()


def test_a_call_that_the_policy_allowed_and_that_did_not_run_counts_nothing(store_path: str) -> None:
    server, served = serve(store_path, policy=POLICY)
    with remote_gate(served) as gate:
        with gate.guard("mail", {}) as call:
            call.did_not_run()
        with gate.guard("mail", {}):
            pass
    server.stop()
    served.desk.close()


def test_what_a_policy_approved_by_itself_is_of_no_use_to_another_gate_of_that_requester(store_path: str) -> None:
    server, served = serve(store_path, policy='version: "1"\ndefault: allow\n')
    with remote_gate(served) as gate, gate.guard("read", {}, session="s") as call:
        call.did_not_run()
    assert only(served).status == "approved"
    with (
        Gate("bot", store=store_path, context={}, session="s") as local,
        pytest.raises(ApprovalPending),
        local.guard("read", {}, wait=False),
    ):
        raise AssertionError
    server.stop()
    served.desk.close()


def test_a_policy_that_asks_by_now_refuses_what_it_allowed_before(store_path: str) -> None:
    server, served = serve(store_path, policy='version: "1"\ndefault: allow\n')
    with served.client(served.agent_token) as agent:
        body = {"tool": "read", "arguments": {}, "timeout": "10m"}
        allowed = agent.post("/v1/requests", json=body, headers={"Idempotency-Key": "k"}).json()
    assert allowed["status"] == "approved"
    server.stop()
    again, served_again = serve(store_path)  # without a policy every call asks
    with served_again.client(served.agent_token) as agent:
        refused = agent.post(f"/v1/requests/{allowed['id']}/consume", headers={"Idempotency-Key": "c"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "rules_changed")
    again.stop()
    served.desk.close()
    served_again.desk.close()


def test_a_policy_beside_the_servers_is_refused(served: Served, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    with (
        remote_gate(served, policy=str(path)) as gate,
        pytest.raises(ConfigurationError, match="judged by its own"),
        gate.guard("read", {}),
    ):
        raise AssertionError
    monkeypatch.setenv("APPROVAL_TUI_POLICY", str(path))
    with (
        remote_gate(served) as gate,
        pytest.raises(ConfigurationError, match="judged by its own"),
        gate.guard("read", {}),
    ):
        raise AssertionError
    assert served.desk.reviewer.list() == ()
