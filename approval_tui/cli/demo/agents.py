"""The three agents of the demo: real processes that do real work in a folder, each call behind the gate.

Run as `python -m approval_tui.cli.demo.agents NAME WORK_FOLDER STORE SHORT_TIMEOUT`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from approval_tui import ApprovalPending, Gate, NotApproved
from approval_tui.cli.demo.scenario import WINDOW_FILE

HOLD = 20.0
"""Seconds for which the deployment waits for its window at most."""

GREETING = "Version 2 is out. Thank you for waiting."


def write_file(path: str, content: str) -> None:
    """Writes a file below the working folder."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def delete_file(path: str) -> None:
    """Deletes a file below the working folder."""
    os.remove(path)


def run_command(command: str) -> None:
    """Runs a shell command in the working folder; raises CalledProcessError when it fails."""
    subprocess.run(["/bin/sh", "-c", command], check=True)


def send_message(to: str, subject: str, body: str) -> None:
    """Appends to the local outbox, which stands in for a mail server."""
    with open("outbox.jsonl", "a", encoding="utf-8") as outbox:
        outbox.write(json.dumps({"to": to, "subject": subject, "body": body}) + "\n")


TOOLS: dict[str, Callable[..., None]] = {
    "write_file": write_file,
    "delete_file": delete_file,
    "run_command": run_command,
    "send_message": send_message,
}


async def docs_bot(gate: Gate) -> None:
    """Async: writes notes and clears away a draft."""

    async def use(tool: str, arguments: dict[str, Any], reason: str) -> None:
        try:
            async with gate.guard(tool, arguments, reason=reason) as call:
                TOOLS[tool](**call.arguments)
        except NotApproved as refusal:
            say(refusal)

    await use(
        "write_file",
        {"path": "notes/release.md", "content": "# Release 2\n\n- faster\n- calmer\n"},
        "The release needs notes.",
    )
    await use(
        "write_file",
        {"path": "notes/credentials.md", "content": "deploy key: token=3f9c2b7a81d04e55\n"},
        "So that everybody finds the key.",
    )
    await use("delete_file", {"path": "drafts/old.md"}, "The draft has been replaced.")


def build_bot(gate: Gate, short_timeout: float) -> None:
    """Blocking: builds, wants to delete a source, and asks for its deployment ahead of time."""

    def use(tool: str, arguments: dict[str, Any], risk: str, timeout: float | None = None) -> None:
        try:
            with gate.guard(tool, arguments, risk=risk, timeout=timeout) as call:
                TOOLS[tool](**call.arguments)
        except NotApproved as refusal:
            say(refusal)

    use("run_command", {"command": "cksum sources/*.txt > checksums.txt"}, "low")
    use("delete_file", {"path": "sources/main.txt"}, "high", timeout=short_timeout)
    deployment = {"command": "cp checksums.txt deployed.txt"}
    reason = "Deploys in the next window."
    request = gate.submit_blocking("run_command", deployment, risk="high", reason=reason)
    wait_for_window(gate, request.id)
    try:
        with gate.guard("run_command", deployment, risk="high", reason=reason, wait=False) as call:
            run_command(**call.arguments)
    except NotApproved as refusal:
        say(refusal)


def wait_for_window(gate: Gate, request_id: str) -> None:
    """Other work, until somebody decided and the maintenance window is open."""
    gate.wait_blocking(request_id)
    deadline = time.monotonic() + HOLD
    while not os.path.exists(WINDOW_FILE) and time.monotonic() < deadline:
        time.sleep(0.05)


def mail_bot(gate: Gate) -> None:
    """Blocking, with the decorator: sends messages."""
    send = gate.requires_approval(reason="Announces the release.", risk="medium")(send_message)
    for to in ("everyone@example.org", "support@example.org"):
        try:
            send(to=to, subject="Release 2", body=GREETING)
        except NotApproved as refusal:
            say(refusal)


def say(refusal: NotApproved) -> None:
    """Keeps what the gate said, as an agent would hand it to its model."""
    kind = "still waiting" if isinstance(refusal, ApprovalPending) else type(refusal).__name__
    request = refusal.request.id if refusal.request else None
    with open("refusals.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"request": request, "kind": kind, "said": refusal.happened}) + "\n")


def main() -> int:
    """Runs one agent to its end."""
    name, work_folder, store, short_timeout = sys.argv[1:5]
    os.chdir(work_folder)
    gate = Gate(name, session=f"demo-{os.getpid()}", store=store)
    try:
        if name == "docs-bot":
            asyncio.run(docs_bot(gate))
        elif name == "build-bot":
            build_bot(gate, float(short_timeout))
        else:
            mail_bot(gate)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
