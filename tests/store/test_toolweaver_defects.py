"""Defects of ToolWeaver's approvals and of neighbouring projects, each guarded by a test of its own."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import itertools
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import (
    DecisionRefused,
    InvalidInput,
    RequestChanged,
    RequestNotFound,
    StatusConflict,
    StoreUnavailable,
)
from approval_tui.domain.limits import DEFAULT_TIMEOUT
from approval_tui.domain.models import Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.support import (
    ANN,
    BO,
    LONG,
    ManualClock,
    approve,
    assert_sound,
    consume,
    deny,
    event_names,
    submit,
    submit_approved,
)

# --- ToolWeaver --------------------------------------------------------------------------------


def test_a_rejected_request_cannot_be_approved_afterwards(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: approve after reject gave APPROVED, with the reason of the rejection still there."""
    request = deny(store, submit(store, call), "too risky")
    for reviewer in (ANN, BO):
        with pytest.raises(StatusConflict, match=r'already denied by ann \("too risky"\)'):
            approve(store, request, reviewer)
    assert store.reviewer.get(request.id) == request


def test_a_second_approval_does_not_take_the_first_reviewers_place(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: approving twice wrote the second reviewer over the first."""
    request = approve(store, submit(store, call))
    with pytest.raises(StatusConflict, match="already approved by ann"):
        approve(store, request, BO)
    assert approve(store, request) == request
    assert [decision.reviewer for decision in store.reviewer.get(request.id).decisions] == ["ann"]


def test_an_expired_request_cannot_be_rejected(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    """ToolWeaver: rejecting worked after the time had passed."""
    request = submit(store, call)
    clock.move(DEFAULT_TIMEOUT)
    with pytest.raises(StatusConflict, match="expired"):
        deny(store, request)
    assert store.reviewer.get(request.id).decisions == ()


@pytest.mark.parametrize("by", ["expire_due", "decide", "wait", "expire"])
def test_every_expiry_is_logged(store: BlockingStore, clock: ManualClock, call: Call, by: str) -> None:
    """ToolWeaver: EXPIRED was a status that no log ever saw."""
    request = submit(store, call)
    clock.move(DEFAULT_TIMEOUT)
    match by:
        case "expire_due":
            assert store.reviewer.expire_due() == 1
        case "decide":
            with pytest.raises(StatusConflict):
                approve(store, request)
        case "wait":
            assert store.requester.wait(request.id).status == "expired"
        case _:
            store.reviewer.expire(request.id, reviewer=ANN)
    assert event_names(store, request)[:2] == ["request_submitted", "request_expired"]


@pytest.mark.parametrize("timeout", [0, -1, -24 * HOUR])
def test_no_request_is_born_expired(store: BlockingStore, call: Call, timeout: int) -> None:
    """ToolWeaver: negative hours were accepted, and made a request that had expired before it was asked."""
    for parts in ({"timeout": timeout}, {"approval_lifetime": timeout}):
        with pytest.raises(InvalidInput):
            store.requester.submit(dataclasses.replace(call, **parts))  # type: ignore[arg-type]
    assert store.reviewer.head() is None


def test_every_printed_time_has_its_zone(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: datetimes were naive, so that a request expired hours too early or too late elsewhere."""
    request = submit_approved(store, call)
    printed = consume(store, request).request.to_json()
    times = [value for name, value in printed.items() if name.endswith("_at") and value is not None]
    times += [decision["decided_at"] for decision in printed["decisions"]]
    assert len(times) == 6
    for value in times:
        assert datetime.datetime.fromisoformat(value).utcoffset() == datetime.timedelta(0)


def test_one_reviewer_counts_once_towards_a_quorum(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: the same approver was counted as often as they approved."""
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    for via in ("console", "cli", "api"):
        assert approve(store, request, Reviewer("ann", via=via)).status == "pending"
    assert approve(store, request, BO).status == "approved"


def test_a_requester_does_not_approve_its_own_request(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: N-of-M allowed the author to be one of the approvers."""
    request = submit(store, dataclasses.replace(call, requirements=Requirements(quorum=2)))
    with pytest.raises(DecisionRefused):
        approve(store, request, Reviewer(call.requester))
    assert approve(store, request, ANN).status == "pending"


def test_nothing_runs_after_one_rejection_whatever_the_others_said(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: what one reviewer had rejected could still be published."""
    quorum = dataclasses.replace(call, requirements=Requirements(quorum=2))
    for number, order in enumerate(itertools.permutations(["approve", "deny", "approve"])):
        request = submit(store, dataclasses.replace(quorum, arguments={"n": number}))
        for reviewer, verdict in zip((ANN, BO, Reviewer("cy")), order, strict=True):
            if store.reviewer.get(request.id).status == "pending":
                store.reviewer.decide(request.id, verdict, reviewer=reviewer, digest=request.digest)
        expected = "approved" if order == ("approve", "approve", "deny") else "denied"
        assert store.reviewer.get(request.id).status == expected
        if expected == "denied":
            with pytest.raises(StatusConflict):
                consume(store, request)


def test_only_the_reviewers_that_the_rule_names_decide(store: BlockingStore, call: Call) -> None:
    """ToolWeaver: the caller said which role it had, and was believed."""
    request = submit(store, dataclasses.replace(call, requirements=Requirements(reviewers=("bo",))))
    with pytest.raises(DecisionRefused):
        approve(store, request, ANN)


def test_an_id_is_never_used_as_a_path(store: BlockingStore, tmp_path: Path) -> None:
    """ToolWeaver: the id of an approval became a file name as it came."""
    before = sorted(tmp_path.rglob("*"))
    for text in ("../../outside", "/tmp/outside", "a/b", "apr_/../../x", f"/../..{tmp_path}/outside"):
        for attempt in (store.requester.wait, store.requester.get):
            with pytest.raises(RequestNotFound):
                attempt(text)
    assert sorted(tmp_path.rglob("*")) == before


def test_agent_and_reviewer_meet_in_the_same_store_without_saying_where(call: Call) -> None:
    """ToolWeaver: the workflow kept its own requests and the command line others: 'Request not found'."""
    with open_store_blocking() as agents, open_store_blocking() as reviewers:
        request = submit(agents, call)
        approve(reviewers, request)
        assert consume(agents, request).arguments == call.arguments


@pytest.mark.parametrize("content", ["", "{}", "{broken"])
def test_an_unreadable_store_is_not_an_empty_one(tmp_path: Path, content: str, call: Call) -> None:
    """ToolWeaver: a corrupt manifest was read as {}, so nothing had ever been decided."""
    path = tmp_path / "approvals.db"
    path.write_text(content * 100)
    path.chmod(0o600)
    if content:
        with pytest.raises(StoreUnavailable):
            open_store_blocking(str(path))
        assert path.read_text() == content * 100
    else:
        with open_store_blocking(str(path)) as store:  # a file without a byte holds nothing to lose
            assert store.reviewer.head() is None


# --- neighbours --------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [None, True, 1, "", "yes", "approved", "APPROVE"])
def test_only_the_word_approve_approves(store: BlockingStore, call: Call, verdict: Any) -> None:
    """Neighbouring projects: a decision of None, or any that was truthy, ran the tool."""
    request = submit(store, call)
    with pytest.raises(InvalidInput):
        store.reviewer.decide(request.id, verdict, reviewer=ANN, digest=request.digest)
    assert store.reviewer.get(request.id).status == "pending"


def test_what_was_shown_is_what_runs_though_the_caller_changes_its_arguments(store: BlockingStore, call: Call) -> None:
    """Neighbouring projects: the reviewer saw the raw arguments, and others ran."""
    arguments: dict[str, Any] = {"files": ["a.txt"]}
    request = submit(store, dataclasses.replace(call, arguments=arguments))
    arguments["files"].append("/etc/passwd")
    assert consume(store, approve(store, request)).arguments == {"files": ["a.txt"]}


def test_a_late_click_is_no_decision(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    """Neighbouring projects: a click on an old notice decided something."""
    request = submit(store, call)
    clock.move(DEFAULT_TIMEOUT)
    second = submit(store, call)
    with pytest.raises(StatusConflict):
        approve(store, request)
    assert store.reviewer.get(second.id).status == "pending"
    with pytest.raises(RequestChanged):
        store.reviewer.decide(second.id, "approve", reviewer=ANN, digest=request.digest)


def test_threads_that_decide_at_once_make_one_decision(store: BlockingStore, call: Call) -> None:
    """Neighbouring projects: two clicks at the same moment were two decisions."""
    request = submit(store, call)

    def decide(number: int) -> str:
        verdict = ("approve", "deny")[number % 2]
        try:
            reviewer = Reviewer(f"reviewer-{number}")
            return store.reviewer.decide(request.id, verdict, reviewer=reviewer, digest=request.digest).status
        except StatusConflict:
            return "conflict"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(decide, range(8), timeout=LONG))
    assert results.count("conflict") == 7
    assert len(store.reviewer.get(request.id).decisions) == 1
    assert_sound(store)
