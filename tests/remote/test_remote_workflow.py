"""What is built on a gate works over a server as well: further attempts of a workflow, grants of a session."""

from __future__ import annotations

from typing import Any

import pytest

from approval_tui import ApprovalPending, ApprovalWorkflow, Gate
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.gate.workflow_results import Completed
from tests.gate.both_forms import MAKE_DEPLOY, reviewing
from tests.remote.gates import remote_gate, use
from tests.server.serving import Served
from tests.support import ANN, approve, assert_sound, deny


def test_a_rejected_draft_is_followed_by_another_that_says_so(gate: Gate, served: Served) -> None:
    applied: list[dict[str, Any]] = []

    def draft(task: dict[str, Any]) -> dict[str, Any]:
        return {"limit": 5000 if "previous_rejection" in task else 9000}

    def apply_changes(draft: dict[str, Any]) -> str:
        applied.append(draft)
        return "done"

    workflow = ApprovalWorkflow(draft=draft, execute=apply_changes, max_retries=2, gate=gate)
    with reviewing(
        served.desk,
        lambda request: deny(served.desk, request, "Too much."),
        lambda request: approve(served.desk, request),
    ) as came:
        result = workflow.run_blocking({})
    assert isinstance(result, Completed)
    assert (result.result, applied) == ("done", [{"limit": 5000}])
    assert [(request.attempt.number, request.attempt.previous) for request in came if request.attempt] == [
        (1, None),
        (2, came[0].id),
    ]
    assert_sound(served.desk)


def test_a_grant_lets_the_same_call_of_the_session_run_unasked_and_no_other(gate: Gate, served: Served) -> None:
    with pytest.raises(ApprovalPending), gate.guard("shell", MAKE_DEPLOY, wait=False):
        raise AssertionError
    (request,) = served.desk.reviewer.list()
    served.desk.reviewer.decide(request.id, "approve", reviewer=ANN, digest=request.digest, grant=FOR_SESSION)
    for _ in range(3):
        assert use("blocking", gate, lambda call: call.arguments, wait=False) == MAKE_DEPLOY
    with (
        remote_gate(served, session="run-2") as other,
        pytest.raises(ApprovalPending),
        other.guard("shell", MAKE_DEPLOY, wait=False),
    ):
        raise AssertionError
    assert_sound(served.desk)
