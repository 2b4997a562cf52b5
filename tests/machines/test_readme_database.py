"""What the README says of stores in databases, done as a newcomer would."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from tests.postgres.servers import Server
from tests.store.postgres_roles.arena import Arena
from tests.support import ROOT, assert_sound, submit_approved
from tests.test_readme import blocks


def test_the_commands_that_look_after_a_store_run_in_their_order(
    postgres_server: Server, postgres_schema: str, postgres_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "home" / ".local" / "share" / "approval-tui" / "approvals.db"
    with open_store_blocking(str(file)) as store:
        submit_approved(store, Call(tool="shell", arguments={"command": "make deploy"}, requester="release-bot"))
    roles = {name: f"{name}_{postgres_schema}" for name in ("release_bot", "ann")}
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("approval-tui store ")]
    assert [line.split()[2] for line in lines] == ["copy", "init", "check", "check", "backup", "prune", "prune"]
    try:
        for line in lines:
            line = line.replace("$APPROVAL_TUI_STORE", postgres_url).replace("~", str(tmp_path / "home"))
            for name, role in roles.items():
                line = line.replace(f"role {name}", f"role {role}")
            finished = subprocess.run(
                [sys.executable, "-m", "approval_tui", *shlex.split(line)[1:]],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": ROOT, "APPROVAL_TUI_STORE": postgres_url},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert finished.returncode == 0, (line, finished.stdout, finished.stderr)
        with open_store_blocking(str(tmp_path / "approvals-2026-11.db"), readonly=True) as backup:
            assert [request.tool for request in backup.reviewer.history()] == ["shell"]
            assert_sound(backup)
    finally:
        Arena(postgres_server, postgres_schema).drop_roles(*roles.values())
