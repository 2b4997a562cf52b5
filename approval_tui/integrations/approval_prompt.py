"""ToolWeaver's prompt: one proposal in a terminal, decided by y or n, within a time."""

from __future__ import annotations

import json
import math
import os
import select
import sys
import time
from dataclasses import replace

from approval_tui.display.glyphs import ASCII, UNICODE
from approval_tui.display.payload import PayloadRow, payload_rows, wrap_rows
from approval_tui.display.redaction import Redactor
from approval_tui.display.visible import visible_text
from approval_tui.integrations.approval_manager import ApprovalManager, approval_manager
from approval_tui.integrations.proposals import ApprovalRequest, ApprovalStatus, ProposalError
from approval_tui.settings.typed_ahead import forget_typed_ahead

_LOOK_EVERY = 0.5
"""Seconds after which the prompt looks whether somebody decided elsewhere."""

_VIA = "cli"
_RULE = "=" * 60


def request_cli_approval(
    request: ApprovalRequest, *, manager: ApprovalManager | None = None, timeout: float | None = None
) -> bool:
    """Asks whoever sits at this terminal, and says whether the proposal is approved.

    A decision in the console ends the prompt, too. Nothing is decided by the end of the input, by what was typed
    before the question stood there, or by Ctrl-C. Raises TimeoutError after `timeout` seconds, or when the proposal
    expires, and ProposalError without a terminal, where nobody is known to read the proposal.
    """
    deciding = manager or (request.manager if isinstance(request.manager, ApprovalManager) else approval_manager)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ProposalError(
            "There is no terminal to ask at.",
            not_done="Nothing was decided.",
            to_do="Decide in the console: approval-tui.",
        )
    if timeout is not None and math.isnan(timeout):
        raise ProposalError(
            "A time to answer in is a number of seconds.", not_done="Nobody was asked.", to_do="Give one."
        )
    stored = deciding.get_request(request.request_id)
    if stored is None:
        raise ProposalError(
            f"Request {request.request_id} not found.", not_done="Nobody was asked.", to_do="Check the store."
        )
    prompt = _Prompt(deciding, stored, None if timeout is None else time.monotonic() + timeout)
    return prompt.run()


class _Decided(Exception):
    """Somebody decided elsewhere while this prompt waited."""


class _Prompt:
    def __init__(self, manager: ApprovalManager, request: ApprovalRequest, deadline: float | None) -> None:
        self._manager = manager
        self._request = replace(request)
        self._digest = request.digest
        self._deadline = deadline

    def run(self) -> bool:
        self._show()
        try:
            while (answer := self._ask("\nApprove this action? [y/n/details]: ")) is not None:
                answer = answer.lower()
                if answer == "details":
                    _say(f"\nFull proposed action:\n{json.dumps(self._request.proposed_action, indent=2)}")
                elif answer in ("y", "n"):
                    decided = self._decide(approve=answer == "y")
                    if decided is not None:
                        return decided
                    break
                else:
                    _say("Invalid input. Please enter 'y', 'n', or 'details'.")
        except _Decided:
            said = self._request.status.value
            _say(f"\nDecided elsewhere: {said}{self._by()}.")
            return self._request.status is ApprovalStatus.APPROVED
        _say("\nNothing was decided; the request still waits.")
        return False

    def _decide(self, *, approve: bool) -> bool | None:
        """Whether it is approved now; None where the input ended."""
        name = self._ask_until_answered("Your name: ")
        reason = None if approve or name is None else self._ask_until_answered("Rejection reason: ")
        if name is None or (not approve and reason is None):
            return None
        try:
            if approve:
                self._manager.approve(self._request.request_id, name, digest=self._digest, via=_VIA)
            else:
                self._manager.reject(self._request.request_id, name, reason or "", digest=self._digest, via=_VIA)
        except ProposalError as error:
            _say(visible_text(str(error)))
        current = self._manager.get_request(self._request.request_id)
        if current is None or current.status is ApprovalStatus.PENDING:
            _say("It still waits.")
            return False
        _say("Approved." if current.status is ApprovalStatus.APPROVED else "Rejected.")
        return current.status is ApprovalStatus.APPROVED

    def _ask_until_answered(self, question: str) -> str | None:
        answer: str | None = ""
        while answer == "":
            answer = self._ask(question)
        return answer

    def _ask(self, question: str) -> str | None:
        """The line that is typed after the question; None at the end of the input."""
        forget_typed_ahead()
        sys.stdout.write(question)
        sys.stdout.flush()
        typed = b""
        while not typed.endswith(b"\n"):
            self._look()
            if select.select([0], [], [], max(0.0, self._seconds()))[0]:
                read = os.read(0, 4096)
                if not read:
                    return None
                typed += read
        return typed.decode("utf-8", "replace").strip()

    def _look(self) -> None:
        """Raises TimeoutError when the time is over, and _Decided when somebody else was faster."""
        current = self._manager.get_request(self._request.request_id)
        if current is not None and current.status in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED):
            self._request = current
            raise _Decided
        if current is None or current.is_expired() or self._seconds() <= 0:
            _say("")
            raise TimeoutError(f"Nobody decided on {self._request.request_id} in time.")

    def _seconds(self) -> float:
        return _LOOK_EVERY if self._deadline is None else min(_LOOK_EVERY, self._deadline - time.monotonic())

    def _by(self) -> str:
        return f" by {visible_text(self._request.reviewer)}" if self._request.reviewer else ""

    def _show(self) -> None:
        request = self._request
        ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
        glyphs = ASCII if ascii_only else UNICODE
        width = max(20, os.get_terminal_size(sys.stdout.fileno()).columns - 1)
        _say(f"\n{_RULE}\nAPPROVAL REQUIRED\n{_RULE}")
        for label, text in (("Title: ", request.title), ("Description: ", request.description)):
            words = PayloadRow(0, label, visible_text(text, ascii_only=ascii_only), "string")
            for row in wrap_rows([words], width, glyphs):
                _say(row.plain)
        _say("\nProposed action:")
        for row in wrap_rows(payload_rows(request.proposed_action, Redactor().lifted(), glyphs), width - 2, glyphs):
            _say(f"  {row.plain}")
        _say(f"\nExpires: {request.expires_at.astimezone():%Y-%m-%d %H:%M:%S}\n{_RULE}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
