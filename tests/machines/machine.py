"""Machines played by processes: each has a home of its own, a clock that may be wrong, and the same database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import LONG, ROOT

HOUR = 3600.0


class Machine:
    """One machine, on which commands run as its user."""

    def __init__(self, folder: Path, url: str, *, ahead: float = 0.0) -> None:
        """`ahead` are the s by which its clock is wrong."""
        folder.mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("APPROVAL_TUI_", "XDG_"))}
        self.environment = {**kept, "HOME": str(folder), "APPROVAL_TUI_STORE": url}
        self._command = [sys.executable, "-W", "error", "-m", "tests.machines.wrong_clock", str(ahead)]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts `approval-tui` with these words."""
        return subprocess.Popen(
            [*self._command, *words],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> str:
        """Runs it to its end, which must have that exit code, and gives what it printed."""
        process = self.start(*words)
        out, err = process.communicate(timeout=LONG)
        assert process.returncode == code, (process.returncode, out, err)
        return out

    def tell(self, *words: str) -> str:
        """Runs it to its end, which must be well, and gives what it narrated."""
        process = self.start(*words)
        _, err = process.communicate(timeout=LONG)
        assert process.returncode == 0, err
        return err

    def ask(self, *words: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self.run(*words, "--json"))
