"""The reviewer of `demo --auto`: decides through the store, as a person would through the console."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from approval_tui.cli.demo.scenario import WINDOW_FILE
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import Conflict
from approval_tui.domain.lifecycle import APPROVE, DENY
from approval_tui.domain.models import Request
from approval_tui.store.blocking_reviewer import BlockingReviewerStore

LONGEST = 120.0
"""Seconds after which the demo gives up on its agents."""

_PAUSE = 0.05


def review(store: BlockingReviewerStore, work_folder: str, agents_run: Callable[[], bool]) -> bool:
    """Decides until the agents have ended; whether they did in time."""
    reviewer = Reviewer("demo-reviewer", via="cli")
    deadline = time.monotonic() + LONGEST
    while agents_run():
        if time.monotonic() > deadline:
            return False
        for request in store.list():
            try:
                _decide(store, reviewer, request, work_folder)
            except Conflict:
                continue  # it changed while it was looked at; the next round sees what it is now
        time.sleep(_PAUSE)
    store.expire_due()
    return True


def _decide(store: BlockingReviewerStore, reviewer: Reviewer, request: Request, work_folder: str) -> None:
    arguments = request.arguments
    digest = request.digest
    if arguments.get("path") == "notes/credentials.md":
        reason = "Credentials do not belong in notes."
        store.decide(request.id, DENY, reviewer=reviewer, digest=digest, reason=reason)
    elif arguments.get("path") == "sources/main.txt":
        return  # nobody decides, so it expires
    elif arguments.get("to") == "everyone@example.org":
        store.decide(
            request.id,
            APPROVE,
            reviewer=reviewer,
            digest=digest,
            reason="Not to everyone.",
            edited_arguments={**arguments, "to": "team@example.org"},
        )
    elif "deployed.txt" in str(arguments.get("command")):
        store.decide(request.id, APPROVE, reviewer=reviewer, digest=digest)
        store.revoke(request.id, reviewer=reviewer, reason="The window was moved.")
        with open(os.path.join(work_folder, WINDOW_FILE), "w", encoding="utf-8"):
            pass
    else:
        store.decide(request.id, APPROVE, reviewer=reviewer, digest=digest)
