"""A workflow in a process of its own that says when it carries its draft out, and stays there until it is killed."""

from __future__ import annotations

import asyncio
import sys

from approval_tui.domain.canonical import JsonObject
from approval_tui.gate.workflow import ApprovalWorkflow
from tests.gate.both_forms import BLOCKING, new_gate
from tests.gate.workflows import DRAFT, TASK


def deploy(draft: JsonObject) -> None:
    """Says what it carries out, and never ends."""
    print("running", draft["command"], flush=True)
    sys.stdin.read()


def main(form: str, store: str) -> None:
    """Runs the workflow in that form on that store."""
    gate = new_gate(store, session="run-1", claim_lifetime="50ms")
    workflow: ApprovalWorkflow[None] = ApprovalWorkflow(
        draft=lambda _: DRAFT, execute=deploy, gate=gate, tool="shell", max_retries=1
    )
    if form == BLOCKING:
        workflow.run_blocking(TASK)
    else:
        asyncio.run(workflow.run(TASK))


if __name__ == "__main__":
    main(*sys.argv[1:])
