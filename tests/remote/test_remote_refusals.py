"""What a gate of a server must not say, and what it must not be given."""

from __future__ import annotations

import pytest

from approval_tui import ApprovalPending, Gate, StoreUnavailable
from approval_tui.domain.errors import InvalidInput
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.domain.tokens import token_id_of
from tests.remote.gates import must_not_run, only, remote_gate, use
from tests.server.serving import Served, token_for
from tests.support import ANN


@pytest.mark.parametrize("option", ["approval_lifetime", "dedupe_window", "claim_lifetime"])
def test_what_is_the_servers_to_say_is_refused_from_the_gate(served: Served, option: str) -> None:
    with (
        remote_gate(served, **{option: "5m"}) as gate,
        pytest.raises(InvalidInput, match=option),
        gate.guard("shell", {}),
    ):
        raise AssertionError


def test_a_risk_of_the_codes_own_is_refused_and_not_dropped(gate: Gate, served: Served) -> None:
    with pytest.raises(InvalidInput, match="risk"), gate.guard("shell", {}, risk="high"):
        raise AssertionError
    assert served.desk.reviewer.list() == ()


def test_the_variables_alone_lead_a_gate_to_the_server(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPROVAL_TUI_STORE", served.url)
    monkeypatch.setenv("APPROVAL_TUI_TOKEN", served.agent_token)
    with Gate("whoever") as gate, pytest.raises(ApprovalPending), gate.guard("shell", {}, wait=False):
        raise AssertionError
    assert only(served).requester == "bot"


def test_a_token_that_is_of_a_reviewer_or_of_nobody_lets_nothing_run(served: Served) -> None:
    revoked = token_for(served.desk, AGENT, "bot")
    served.desk.reviewer.revoke_token(str(token_id_of(revoked)), reviewer=ANN)
    for token in (served.reviewer_token, revoked, token_for(served.desk, REVIEWER, "bo")):
        with remote_gate(served, token=token) as gate, pytest.raises(StoreUnavailable, match="token"):
            use("blocking", gate, must_not_run)
    assert served.desk.reviewer.list() == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "http://10.0.0.1:9111", "https://user:pass@example.com", "https://", "http://localhost?x=1",
        "http+unix://relative/path", "http://localhost:0", "http://localhost#f", "http://[::1",
    ],
)  # fmt: skip
def test_a_url_that_must_not_be_used_is_refused_before_anything_is_sent(served: Served, url: str) -> None:
    with remote_gate(served, url=url) as gate, pytest.raises(InvalidInput):
        use("blocking", gate, must_not_run)


def test_a_gate_has_one_store(store_path: str) -> None:
    with pytest.raises(InvalidInput):
        Gate("a", store=store_path, url="http://localhost:1")


@pytest.mark.parametrize("token", [None, "", "apt_x", "Bearer x"])
def test_without_a_token_nothing_is_sent(served: Served, token: str | None) -> None:
    with remote_gate(served, token=token) as gate, pytest.raises(InvalidInput, match=r"[Tt]oken"):
        use("blocking", gate, must_not_run)
