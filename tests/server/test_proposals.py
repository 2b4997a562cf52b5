"""ToolWeaver's four routes, over the server: its proposals, in its words, decided by the token's owner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from approval_tui.integrations.approval_manager import ApprovalManager
from approval_tui.integrations.approval_routes import answer
from tests.server.serving import Served, serve
from tests.support import assert_sound


@pytest.fixture
def manager(store_path: str) -> Iterator[ApprovalManager]:
    with ApprovalManager(store_path) as opened:
        yield opened


@pytest.fixture
def served(store_path: str, manager: ApprovalManager) -> Iterator[Served]:
    def answered(method: str, path: str, body: object, reviewer: str, token: str) -> tuple[int, dict[str, Any]]:
        return answer(manager, method, path, body, reviewer=reviewer, token=token)

    server, served = serve(store_path, proposals=answered)
    yield served
    server.stop()
    served.desk.close()


def test_a_proposal_is_listed_looked_at_and_approved(
    served: Served, reviewer: httpx2.Client, manager: ApprovalManager
) -> None:
    proposal = manager.create_request("Refactor", "Split it", {"file": "a.py"})
    listed = reviewer.get("/approval/pending").json()
    assert (listed["pending_count"], listed["requests"][0]["title"]) == (1, "Refactor")
    whole = reviewer.get(f"/approval/{proposal.request_id}").json()
    assert (whole["proposed_action"], whole["status"]) == ({"file": "a.py"}, "pending")
    approved = reviewer.post(f"/approval/{proposal.request_id}/approve", json={"reviewer": "root"})
    assert (approved.status_code, approved.json()["reviewer"], approved.json()["status"]) == (200, "ann", "approved")
    assert served.desk.reviewer.get(proposal.request_id).decisions[0].reviewer == "ann"
    assert_sound(served.desk)


def test_a_proposal_is_rejected_for_a_reason(served: Served, reviewer: httpx2.Client, manager: ApprovalManager) -> None:
    proposal = manager.create_request("Refactor", "Split it", {})
    rejected = reviewer.post(f"/approval/{proposal.request_id}/reject", json={"reason": "Too large"}).json()
    assert (rejected["status"], rejected["reason"]) == ("rejected", "Too large")
    again = reviewer.post(f"/approval/{proposal.request_id}/approve", json={})
    assert (again.status_code, list(again.json())) == (400, ["error"])
    assert served.desk.reviewer.get(proposal.request_id).status == "denied"


def test_what_is_no_proposal_is_not_found_in_its_words(reviewer: httpx2.Client) -> None:
    for method, path in (("GET", "/approval/apr_x"), ("POST", "/approval/apr_x/approve")):
        found = reviewer.request(method, path, json={} if method == "POST" else None)
        assert (found.status_code, found.json()) == (404, {"error": "Request not found"})
        assert "x-request-id" in found.headers


def test_an_agent_decides_nothing_here_either(served: Served, agent: httpx2.Client, manager: ApprovalManager) -> None:
    proposal = manager.create_request("Refactor", "Split it", {})
    refused = agent.post(f"/approval/{proposal.request_id}/approve", json={})
    assert (refused.status_code, list(refused.json())) == (403, ["error"])
    assert agent.get("/approval/pending").status_code == 403
    assert served.desk.reviewer.get(proposal.request_id).status == "pending"
