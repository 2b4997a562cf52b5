"""A program of ToolWeaver's in a process of its own: it proposes, decides, logs, or asks at its terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import sys
import termios
from collections.abc import Callable

from approval_tui.integrations.toolweaver import ApprovalRequest as Proposal
from approval_tui.integrations.toolweaver import (
    AuditLogger,
    ProposalError,
    approval_manager,
    request_cli_approval,
)


def say(*words: object) -> None:
    print(*words, flush=True)


def until_told() -> None:
    """Says that it is ready, and waits for a line on stdin."""
    say("ready")
    sys.stdin.readline()


def propose(title: str) -> None:
    """Makes a proposal and prints its id and the names of what had to be loaded for it."""
    proposal = approval_manager.create_request(title, "made elsewhere", {"action": "test"})
    say(proposal.request_id)
    say(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))


def decide(request_id: str, verdict: str, reviewer: str) -> None:
    """Decides as soon as it is told to, and says what it knows when it is told once more."""
    proposal = known(request_id)
    until_told()
    try:
        if verdict == "approve":
            proposal.approve(reviewer)
        else:
            proposal.reject(reviewer, f"because of {reviewer}")
        say("won")
    except ProposalError:
        say("lost")
    until_told()
    proposal.refresh()
    say(proposal.status.value, proposal.reviewer, proposal.rejection_reason)


def log(request_id: str, path: str, count: str) -> None:
    """Logs the same approval many times, as soon as it is told to."""
    proposal, logger = known(request_id), AuditLogger(path)
    until_told()
    for _ in range(int(count)):
        logger.log_approval(proposal)


def prompt(request_id: str) -> None:
    """Asks at the terminal on stdin, again after a Ctrl-C."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C and a closed terminal reach this process
    proposal = known(request_id)
    with contextlib.suppress(KeyboardInterrupt):
        request_cli_approval(proposal)
    say("interrupted")
    say(request_cli_approval(proposal))


def known(request_id: str) -> Proposal:
    """The proposal of the default store."""
    proposal = approval_manager.get_request(request_id)
    assert proposal is not None
    return proposal


COMMANDS: dict[str, Callable[..., None]] = {"propose": propose, "decide": decide, "log": log, "prompt": prompt}

if __name__ == "__main__":
    with approval_manager:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
