"""ToolWeaver's names as its guide uses them: the steps of its verification, its fields and defaults, plain objects."""

from __future__ import annotations

import dataclasses
import inspect
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.integrations import toolweaver
from approval_tui.integrations.toolweaver import (
    ApprovalManager,
    ApprovalRequest,
    ApprovalStatus,
    AuditLogger,
    ProposalError,
    approval_manager,
)
from approval_tui.store.blocking import BlockingStore
from tests.support import assert_sound

DAY = timedelta(hours=24)


def proposal(**fields: Any) -> ApprovalRequest:
    """One that no manager made."""
    plain: dict[str, Any] = {"request_id": "abc-123", "title": "t", "description": "d", "proposed_action": {}}
    return ApprovalRequest(**plain | fields)


def told(request: ApprovalRequest) -> ApprovalStatus:
    """The status that the object has by itself, without a look at the store."""
    return request.status


# --- the verification of the guide -------------------------------------------------------------


def test_the_steps_of_the_guides_verification(desk: BlockingStore) -> None:
    with ApprovalManager() as manager:
        first = manager.create_request(
            title="Test Approval", description="Test request", proposed_action={"action": "test"}
        )
        assert told(first) == ApprovalStatus.PENDING
        manager.approve(first.request_id, "test_reviewer")
        assert told(first) == ApprovalStatus.APPROVED
        assert first.reviewer == "test_reviewer"

        second = manager.create_request(title="Test Rejection", description="Test", proposed_action={})
        manager.reject(second.request_id, "test_reviewer", "Not ready")
        assert told(second) == ApprovalStatus.REJECTED
        assert second.rejection_reason == "Not ready"

        third = manager.create_request(
            title="Test Expiration", description="Test", proposed_action={}, expires_in_hours=0
        )
        assert third.is_expired()
        assert told(third) == ApprovalStatus.EXPIRED
    assert_sound(desk)


def test_the_manager_that_the_guide_shares_keeps_its_proposals_in_the_default_store(desk: BlockingStore) -> None:
    with approval_manager:
        made = approval_manager.create_request("t", "d", {"a": 1})
        assert [request.id for request in desk.reviewer.list()] == [made.request_id]


def test_every_name_of_the_guide_is_there() -> None:
    names = {"ApprovalStatus", "ApprovalRequest", "ApprovalManager", "approval_manager", "request_cli_approval"}
    names |= {"AuditLogger", "ApprovalWorkflow", "execute_with_retry_on_rejection"}
    assert names <= set(toolweaver.__all__)
    assert all(hasattr(toolweaver, name) for name in toolweaver.__all__)


def test_the_statuses() -> None:
    assert issubclass(ApprovalStatus, Enum)
    assert {status.name: status.value for status in ApprovalStatus} == {
        "PENDING": "pending",
        "APPROVED": "approved",
        "REJECTED": "rejected",
        "EXPIRED": "expired",
    }


def test_positions_and_defaults_of_the_calls() -> None:
    def parameters(function: object) -> list[tuple[str, object]]:
        signature = inspect.signature(function)  # type: ignore[arg-type]
        return [
            (name, each.default)
            for name, each in signature.parameters.items()
            if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and name != "self"
        ]

    needed = inspect.Parameter.empty
    assert parameters(ApprovalManager.create_request) == [
        ("title", needed), ("description", needed), ("proposed_action", needed), ("expires_in_hours", 24)
    ]  # fmt: skip
    assert parameters(ApprovalManager.get_request) == [("request_id", needed)]
    assert parameters(ApprovalManager.approve) == [("request_id", needed), ("reviewer", needed)]
    assert parameters(ApprovalManager.reject) == [("request_id", needed), ("reviewer", needed), ("reason", needed)]
    assert parameters(AuditLogger) == [("log_file", "approvals.log")]
    assert parameters(AuditLogger.get_audit_trail) == [("request_id", None)]


# --- a request as an object --------------------------------------------------------------------


FIELDS = (
    *("request_id", "title", "description", "proposed_action", "created_at", "expires_at", "status"),
    *("reviewer", "reviewed_at", "rejection_reason"),
)


def test_the_fields_come_in_the_guides_order() -> None:
    created, reviewed = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=UTC)
    status = ApprovalStatus.REJECTED
    values = ("id", "t", "d", {"a": 1}, created, created + DAY, status, "ann", reviewed, "no")
    request = ApprovalRequest(*values)
    assert tuple(getattr(request, name) for name in FIELDS) == values
    assert tuple(field.name for field in dataclasses.fields(ApprovalRequest))[: len(FIELDS)] == FIELDS


def test_the_defaults_of_the_fields() -> None:
    before = datetime.now(UTC)
    request = ApprovalRequest("abc-123", "t", "d", {})
    assert before <= request.created_at <= datetime.now(UTC)
    assert request.expires_at == request.created_at + DAY
    assert (request.status, request.reviewer, request.reviewed_at) == (ApprovalStatus.PENDING, None, None)
    assert request.rejection_reason is None
    assert not request.is_expired()


def test_an_object_of_its_own_is_approved_once() -> None:
    request = proposal()
    before = datetime.now(UTC)
    request.approve("ann")
    assert (request.status, request.reviewer) == (ApprovalStatus.APPROVED, "ann")
    assert request.reviewed_at is not None
    assert before <= request.reviewed_at <= datetime.now(UTC)
    with pytest.raises(ProposalError, match="approved"):
        request.approve("bo")
    with pytest.raises(ProposalError, match="approved"):
        request.reject("bo", "no")
    assert (request.status, request.reviewer, request.rejection_reason) == (ApprovalStatus.APPROVED, "ann", None)


def test_an_object_of_its_own_is_rejected_once() -> None:
    request = proposal()
    request.reject("ann", "Too much")
    assert (request.status, request.reviewer, request.rejection_reason) == (ApprovalStatus.REJECTED, "ann", "Too much")
    with pytest.raises(ProposalError, match="rejected"):
        request.approve("bo")
    with pytest.raises(ProposalError, match="rejected"):
        request.reject("bo", "never")
    assert (request.reviewer, request.rejection_reason) == ("ann", "Too much")


@pytest.mark.parametrize("status", [ApprovalStatus.PENDING, ApprovalStatus.EXPIRED])
def test_an_object_of_its_own_is_not_decided_after_its_time(status: ApprovalStatus) -> None:
    request = proposal(expires_at=datetime.now(UTC) - timedelta(seconds=1), status=status)
    assert request.is_expired()
    with pytest.raises(ProposalError, match="expired"):
        request.approve("ann")
    with pytest.raises(ProposalError, match="expired"):
        request.reject("ann", "no")
    assert (request.reviewer, request.reviewed_at, request.rejection_reason) == (None, None, None)


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_an_object_of_its_own_is_decided_by_somebody_with_a_name(name: str) -> None:
    request = proposal()
    with pytest.raises(ProposalError):
        request.approve(name)
    with pytest.raises(ProposalError):
        request.reject(name, "no")
    assert (request.status, request.reviewer, request.rejection_reason) == (ApprovalStatus.PENDING, None, None)


def test_what_is_wrong_with_a_proposal_is_a_value_error_that_says_what_was_not_done() -> None:
    with pytest.raises(ValueError, match="Nothing was decided") as caught:
        proposal(status=ApprovalStatus.APPROVED).approve("ann")
    assert isinstance(caught.value, ApprovalTuiError)
    assert caught.value.to_do


# --- times -------------------------------------------------------------------------------------


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is that of New York: five hours behind UTC in January, four in July."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("month", "hour"), [(1, 17), (7, 16)])
def test_a_time_without_a_zone_is_local_time(in_new_york: None, month: int, hour: int) -> None:
    naive = datetime(2027, month, 1, 12)  # noqa: DTZ001
    request = proposal(created_at=naive, expires_at=naive + DAY)
    assert request.created_at == datetime(2027, month, 1, hour, tzinfo=UTC)
    assert request.expires_at == request.created_at + DAY
    assert request.created_at.utcoffset() == request.expires_at.utcoffset() == timedelta(0)


def test_expiry_does_not_depend_on_the_local_zone(in_new_york: None) -> None:
    """ToolWeaver: a time in UTC without a zone, as other programs write it, was hours off."""
    second = timedelta(seconds=1)
    assert not proposal(expires_at=datetime.now() + 60 * second).is_expired()  # noqa: DTZ005
    assert proposal(expires_at=datetime.now() - second).is_expired()  # noqa: DTZ005
    assert not proposal(expires_at=datetime.now(UTC) + 60 * second).is_expired()
    assert proposal(expires_at=datetime.now(UTC) - second).is_expired()


def test_another_zone_is_turned_into_utc() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    request = proposal(created_at=datetime(2027, 1, 1, tzinfo=there))
    assert request.created_at.isoformat() == "2026-12-31T18:30:00+00:00"
    assert request.expires_at.isoformat() == "2027-01-01T18:30:00+00:00"


def test_all_times_of_a_managers_proposals_are_in_utc(default_store: str, in_new_york: None) -> None:
    with ApprovalManager() as manager:
        before = datetime.now(UTC) - timedelta(milliseconds=1)
        request = manager.create_request("t", "d", {}, expires_in_hours=1.5)
        request.approve("ann")
        assert before <= request.created_at <= datetime.now(UTC)
        assert request.expires_at - request.created_at == timedelta(hours=1.5)
        assert request.reviewed_at is not None
        assert request.created_at <= request.reviewed_at <= datetime.now(UTC)
        for moment in (request.created_at, request.expires_at, request.reviewed_at):
            assert moment.utcoffset() == timedelta(0)
        for entry in manager.audit_log:
            assert datetime.fromisoformat(entry["timestamp"]).utcoffset() == timedelta(0)


# --- an object like any other ------------------------------------------------------------------


def test_a_managers_proposal_can_be_taken_apart_like_any_dataclass(default_store: str) -> None:
    with ApprovalManager() as manager:
        request = manager.create_request("t", "d", {"a": [1]})
        taken_apart = dataclasses.asdict(request)
        assert {name: taken_apart[name] for name in FIELDS} == {name: getattr(request, name) for name in FIELDS}


def test_two_objects_with_the_same_fields_are_equal_and_show_only_these(default_store: str) -> None:
    with ApprovalManager() as manager:
        request = manager.create_request("t", "d", {"a": [1]})
        assert request == ApprovalRequest(*(getattr(request, name) for name in FIELDS))
        assert repr(request) == repr(ApprovalRequest(*(getattr(request, name) for name in FIELDS)))
        assert os.path.basename(default_store) not in repr(request)
