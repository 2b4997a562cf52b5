"""ToolWeaver's AuditLogger: whole lines in a file of the owner's, only of what was decided, and read back exactly."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approval_tui.integrations.toolweaver import (
    ApprovalManager,
    ApprovalRequest,
    ApprovalStatus,
    AuditLogger,
    ProposalError,
)
from approval_tui.store.blocking import BlockingStore
from tests.hostile import HOSTILE_TEXTS
from tests.integrations.toolweaver_programs import programs
from tests.support import approve

ACTION = {"to": 2**60, "share": 0.1, "deep": [None, {"x": True}]}


@pytest.fixture
def manager(default_store: str) -> Iterator[ApprovalManager]:
    with ApprovalManager() as opened:
        yield opened


@pytest.fixture
def path(tmp_path: str) -> str:
    return f"{tmp_path}/approvals.log"


def decided(verdict: str = "approve", **fields: Any) -> ApprovalRequest:
    """One that no manager made, decided by ann."""
    request = ApprovalRequest(
        **{"request_id": "abc-123", "title": "t", "description": "d", "proposed_action": ACTION, **fields}
    )
    if verdict == "approve":
        request.approve("ann")
    else:
        request.reject("ann", "Too much")
    return request


def lines(path: str) -> list[str]:
    with open(path, encoding="ascii") as file:
        return file.read().split("\n")


# --- what is written ---------------------------------------------------------------------------


def test_an_approval_is_logged_with_its_action(manager: ApprovalManager, path: str) -> None:
    request = manager.create_request("Raise the limit", "d", ACTION)
    request.approve("ann")
    before = datetime.now(UTC)
    AuditLogger(path).log_approval(request)
    (entry,) = AuditLogger(path).get_audit_trail()
    assert before <= datetime.fromisoformat(entry.pop("timestamp")) <= datetime.now(UTC)
    assert entry == {
        "event": "APPROVAL",
        "request_id": request.request_id,
        "title": "Raise the limit",
        "reviewer": "ann",
        "proposed_action": ACTION,
    }


def test_a_rejection_is_logged_with_its_reason(manager: ApprovalManager, path: str) -> None:
    request = manager.create_request("Raise the limit", "d", ACTION)
    request.reject("bo", "Too much\nby far \u2028\u202e")
    AuditLogger(path).log_rejection(request)
    (entry,) = AuditLogger(path).get_audit_trail()
    del entry["timestamp"]
    assert entry == {
        "event": "REJECTION",
        "request_id": request.request_id,
        "title": "Raise the limit",
        "reviewer": "bo",
        "reason": "Too much\nby far \u2028\u202e",
    }


def test_the_file_of_the_guide_is_in_the_working_folder(tmp_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    AuditLogger().log_approval(decided())
    assert len(lines(f"{tmp_path}/approvals.log")) == 2


def test_only_its_owner_reads_the_file(path: str) -> None:
    before = os.umask(0)
    try:
        AuditLogger(path).log_approval(decided())
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_every_entry_is_one_line_of_ascii_whatever_it_holds(path: str) -> None:
    logger = AuditLogger(path)
    for text in HOSTILE_TEXTS.values():
        request = ApprovalRequest(text, text, text, {text: text})
        request.reject(f"{text}x", text)
        logger.log_rejection(request)
        logger.log_approval(decided(request_id=text, title=text, proposed_action={text: text}))
    *written, last = lines(path)
    assert (len(written), last) == (2 * len(HOSTILE_TEXTS), "")
    assert all(line.isprintable() for line in written)
    for text in HOSTILE_TEXTS.values():
        rejection, approval = logger.get_audit_trail(text)
        assert (rejection["title"], rejection["reviewer"], rejection["reason"]) == (text, f"{text}x", text)
        assert approval["proposed_action"] == {text: text}


def test_what_programs_append_at_once_stays_whole(manager: ApprovalManager, path: str) -> None:
    request = manager.create_request("t", "d", {"text": "x" * 20_000})
    request.approve("ann")
    with programs(*[("log", request.request_id, path, "40")] * 2) as writing:
        for each in writing:
            each.tell()
        for each in writing:
            assert each.ended() == []
    trail = AuditLogger(path).get_audit_trail()
    assert len(trail) == 80
    assert all(entry["proposed_action"] == request.proposed_action for entry in trail)


# --- what is refused ---------------------------------------------------------------------------


def test_what_was_not_decided_is_not_logged(desk: BlockingStore, manager: ApprovalManager, path: str) -> None:
    logger = AuditLogger(path)
    pending = manager.create_request("t", "d", {})
    approved = manager.create_request("t", "d", {})
    approved.approve("ann")
    rejected = manager.create_request("t", "d", {})
    rejected.reject("ann", "no")
    expired = manager.create_request("t", "d", {}, expires_in_hours=0)
    late = ApprovalRequest("abc-123", "t", "d", {}, expires_at=datetime.now(UTC) - timedelta(days=1))
    for request in (pending, rejected, expired, late):
        with pytest.raises(ProposalError, match=f"is {request.status.value}, not approved"):
            logger.log_approval(request)
    for request in (pending, approved, expired, late):
        with pytest.raises(ProposalError, match=f"is {request.status.value}, not rejected"):
            logger.log_rejection(request)
    assert not os.path.exists(path)
    approve(desk, desk.reviewer.get(pending.request_id))
    logger.log_approval(pending)
    assert len(logger.get_audit_trail()) == 1


def test_a_status_that_somebody_wrote_into_the_object_is_not_logged(manager: ApprovalManager, path: str) -> None:
    request = manager.create_request("t", "d", {})
    request.status, request.reviewer = ApprovalStatus.APPROVED, "eve"
    with pytest.raises(ProposalError, match="is pending, not approved"):
        AuditLogger(path).log_approval(request)
    assert not os.path.exists(path)


def test_a_copy_with_another_status_is_not_logged(manager: ApprovalManager, path: str) -> None:
    request = manager.create_request("t", "d", {})
    forged = dataclasses.replace(request, status=ApprovalStatus.APPROVED, reviewer="eve")
    with pytest.raises(ProposalError, match="is pending, not approved"):
        AuditLogger(path).log_approval(forged)
    assert not os.path.exists(path)


@pytest.mark.parametrize("value", [float("nan"), {1}, timedelta(1), "\ud800"], ids=repr)
def test_what_cannot_be_read_back_is_not_written(path: str, value: Any) -> None:
    """One such line would keep all the others from being read."""
    request = decided(proposed_action={"value": value})
    with pytest.raises(ProposalError):
        AuditLogger(path).log_approval(request)
    assert not os.path.exists(path)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: str) -> None:
    for path in (f"{tmp_path}/no/folder.log", str(tmp_path)):
        with pytest.raises(OSError, match=r"No such file|Is a directory"):
            AuditLogger(path).log_approval(decided())


# --- what is read ------------------------------------------------------------------------------


def test_the_trail_of_one_request_is_in_order(path: str) -> None:
    logger = AuditLogger(path)
    for name in ("a", "b", "a"):
        logger.log_approval(decided(request_id=name, title=f"of {name}"))
    logger.log_rejection(decided("reject", request_id="a"))
    assert [entry["event"] for entry in logger.get_audit_trail("a")] == ["APPROVAL", "APPROVAL", "REJECTION"]
    assert [entry["request_id"] for entry in logger.get_audit_trail()] == ["a", "b", "a", "a"]
    assert logger.get_audit_trail("nobody") == logger.get_audit_trail("") == []


def test_without_a_file_nothing_was_logged_and_none_is_made(path: str) -> None:
    assert AuditLogger(path).get_audit_trail() == []
    assert AuditLogger(path).get_audit_trail("abc-123") == []
    assert not os.path.exists(path)


MALFORMED = [b"{", b"[]", b"{}", b'"text"', b"", b'{"request_id": 5}', b'{"request_id": "a", "request_id": "b"}',
             b'{"request_id": NaN}', b"\xff", b"\x00", b'{"request_id": "\\ud800"}', b"[" * 10_000]  # fmt: skip


@pytest.mark.parametrize("line", MALFORMED, ids=lambda line: repr(line[:20]))
def test_a_line_that_is_no_entry_is_named_with_its_place(path: str, line: bytes) -> None:
    logger = AuditLogger(path)
    logger.log_approval(decided())
    with open(path, "ab") as file:
        file.write(line + b"\n")
    logger.log_approval(decided())
    for request_id in (None, "abc-123"):
        with pytest.raises(ProposalError, match=r"approvals\.log:2: "):
            logger.get_audit_trail(request_id)


def test_a_separator_inside_a_text_ends_no_line(path: str) -> None:
    """Other programs write lines of JSON that are not escaped to ASCII."""
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"request_id": "a", "title": "one\u2028two\x85three"}\n')
    (entry,) = AuditLogger(path).get_audit_trail()
    assert entry["title"] == "one\u2028two\x85three"


def test_an_entry_after_a_torn_line_is_a_line_of_its_own(path: str) -> None:
    """A full disk or a crash leaves half a line."""
    logger = AuditLogger(path)
    with open(path, "w", encoding="ascii") as file:
        file.write('{"request_id": "torn", "ti')
    logger.log_approval(decided())
    torn, entry, end = lines(path)
    assert (torn, end) == ('{"request_id": "torn", "ti', "")
    assert json.loads(entry)["request_id"] == "abc-123"
    with pytest.raises(ProposalError, match=r"approvals\.log:1: "):
        logger.get_audit_trail()
