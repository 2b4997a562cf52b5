"""ToolWeaver's AuditLogger: decisions as lines of JSON in a file; the store has them anyway."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from typing import Any

from approval_tui.domain.canonical import parse_json
from approval_tui.domain.errors import InvalidInput
from approval_tui.integrations.proposals import ApprovalRequest, ApprovalStatus, ProposalError


class AuditLogger:
    """Appends what was decided to a file that only its owner reads."""

    def __init__(self, log_file: str = "approvals.log") -> None:
        self.log_file = log_file

    def log_approval(self, request: ApprovalRequest) -> None:
        """Notes an approval with the proposed action; raises ProposalError for what is not approved, and OSError."""
        self._write(request, ApprovalStatus.APPROVED, "APPROVAL", {"proposed_action": request.proposed_action})

    def log_rejection(self, request: ApprovalRequest) -> None:
        """Notes a rejection with its reason; raises ProposalError for what is not rejected, and OSError."""
        self._write(request, ApprovalStatus.REJECTED, "REJECTION", {"reason": request.rejection_reason})

    def get_audit_trail(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """The entries, of one request or of all, oldest first; raises ProposalError for a line that is none."""
        try:
            with open(self.log_file, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        if lines[-1] == b"":
            lines.pop()
        entries = [self._entry(number, line) for number, line in enumerate(lines, start=1)]
        return [entry for entry in entries if request_id is None or entry["request_id"] == request_id]

    def _write(self, request: ApprovalRequest, status: ApprovalStatus, event: str, further: dict[str, Any]) -> None:
        if request.refresh().status is not status:
            raise ProposalError(
                f"Request {request.request_id} is {request.status.value}, not {status.value}.",
                not_done=f"Nothing was written to {self.log_file}.",
                to_do="Log what was decided.",
            )
        entry = {
            "timestamp": datetime.now(UTC).isoformat(),
            "event": event,
            "request_id": request.request_id,
            "title": request.title,
            "reviewer": request.reviewer,
            **further,
        }
        try:
            line = json.dumps(entry, allow_nan=False).encode() + b"\n"
            parse_json(line)  # what could not be read again is not written
        except (ValueError, TypeError, InvalidInput) as error:
            raise ProposalError(
                f"Request {request.request_id} cannot be written as JSON: {error}",
                not_done=f"Nothing was written to {self.log_file}.",
                to_do="`approval-tui audit list` has what was decided.",
            ) from None
        file = os.open(self.log_file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # a size that is looked at while another program writes says nothing
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":  # a line that was torn takes no other one along
                line = b"\n" + line
            written = os.write(file, line)  # one write, so that lines of several programs do not mix
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes could be written to {self.log_file}")
        finally:
            os.close(file)

    def _entry(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = parse_json(line)
        except InvalidInput as error:
            raise self._malformed(number, error.happened) from None
        if not isinstance(entry, dict) or not isinstance(entry.get("request_id"), str):
            raise self._malformed(number, "it has no request_id")
        return entry

    def _malformed(self, number: int, why: str) -> ProposalError:
        return ProposalError(
            f"{self.log_file}:{number}: this is no entry of the log: {why}",
            not_done="Nothing was read.",
            to_do="Look at the file; `approval-tui audit list` has what was decided.",
        )
