"""A workflow behind a policy: what it allows, denies and asks for, and whether a reviewer said so or a rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_tui import Gate
from approval_tui.gate.workflow_results import Completed, Rejected
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import FORMS, reviewing
from tests.gate.policies import (
    PAY,
    PolicyFile,
    away_from_midnight,
    edit,
    gate_of,
    judged_without_asking,
    policy_file,
    value_of,
)
from tests.gate.workflows import Part, never, run
from tests.support import approve, assert_sound


@pytest.fixture
def policy(tmp_path: Path) -> PolicyFile:
    """Up to 100 is allowed, up to 1000 asks, more is denied."""
    away_from_midnight()
    return policy_file(tmp_path, PAY)


@pytest.fixture
def judged(store_path: str, policy: PolicyFile) -> Iterator[Gate]:
    """A gate that goes by the policy."""
    with gate_of(store_path, policy) as opened:
        yield opened


@pytest.mark.parametrize("form", FORMS)
def test_what_the_policy_denies_is_rejected_with_the_rules_reason_and_by_no_reviewer(
    form: str, judged: Gate, desk: BlockingStore
) -> None:
    result = run(form, judged, draft=Part({"amount": 1001}), execute=Part(never), tool="pay")
    assert result == Rejected(
        draft={"amount": 1001},
        validation=None,
        attempts=1,
        reason="Nobody may pay more than 1000.",
        rejection=None,
    )
    assert judged_without_asking(desk) == [("deny", "never so much")]


@pytest.mark.parametrize("form", FORMS)
def test_what_the_policy_allows_is_carried_out_with_nobodys_approval(
    form: str, judged: Gate, desk: BlockingStore
) -> None:
    execute = Part("paid")
    result = run(form, judged, draft=Part({"amount": 50}), execute=execute, tool="pay", max_retries=1)
    assert result == Completed(draft={"amount": 50}, validation=None, attempts=1, approval=None, result="paid")
    assert execute.given == [{"amount": 50}]
    assert value_of(desk) == 50
    assert desk.reviewer.list() == desk.reviewer.history() == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_limit_of_the_policy_that_is_reached_is_a_rejection(
    form: str, policy: PolicyFile, judged: Gate, desk: BlockingStore
) -> None:
    policy.write(PAY.replace("value: 5000", "value: 90"))
    execute = Part("paid")
    ends = [run(form, judged, draft=Part({"amount": 50}), execute=execute, tool="pay") for _ in range(2)]
    assert isinstance(ends[0], Completed)
    assert ends[1] == Rejected(
        draft={"amount": 50}, validation=None, attempts=1, reason="Today's money is spent.", rejection=None
    )
    assert (value_of(desk), len(execute.given)) == (50, 1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hold", ["0", "1ms"])
def test_a_policys_hold_does_not_end_the_wait(
    form: str, hold: str, policy: PolicyFile, judged: Gate, desk: BlockingStore
) -> None:
    policy.write(f"approvals: {{hold: {hold}}}\ndefault: require_approval")
    with reviewing(desk, lambda request: approve(desk, request)):
        result = run(form, judged, draft=Part({"amount": 5}), execute=Part("paid"), tool="pay")
    assert isinstance(result, Completed)
    assert result.approval is not None


@pytest.mark.parametrize("form", FORMS)
def test_what_a_reviewer_edits_to_what_the_policy_denies_is_rejected_with_the_rules_reason(
    form: str, judged: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: edit(desk, request, {"amount": 1001})):
        result = run(form, judged, draft=Part({"amount": 500}), execute=Part(never), tool="pay")
    assert isinstance(result, Rejected)
    assert (result.reason, result.rejection) == ("Nobody may pay more than 1000.", None)
    assert value_of(desk) == 0


@pytest.mark.parametrize("form", FORMS)
def test_an_edit_that_does_not_pass_the_check_gives_back_what_the_policy_counted(
    form: str, judged: Gate, desk: BlockingStore
) -> None:
    with reviewing(desk, lambda request: edit(desk, request, {"amount": 600})):
        run(form, judged, draft=Part({"amount": 500}), validate=Part(True, False), execute=Part(never), tool="pay")
    assert value_of(desk) == 0
    assert_sound(desk)
