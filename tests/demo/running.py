"""The demo as a person starts it, in a process of its own with a folder of its own for what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT


def start_demo(scratch: Path, *options: str, home: Path, **environment: str) -> subprocess.Popen[str]:
    """Starts `approval-tui demo` without a terminal and without configuration; its folder will be in `scratch`."""
    scratch.mkdir(exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("APPROVAL_TUI_", "XDG_"))}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "approval_tui", "demo", *options],
        cwd=ROOT,
        env={**plain, "HOME": str(home), "TMPDIR": str(scratch), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def agents_in(scratch: Path) -> list[str]:
    """The command lines of the agents that work below this folder right now."""
    return [line for line in _command_lines() if str(scratch) in line and "demo.agents" in line]


def _command_lines() -> list[str]:
    if not os.path.isdir("/proc/self"):
        return subprocess.run(
            ["ps", "-ax", "-o", "args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    lines = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                lines.append(file.read().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended meanwhile
            continue
    return lines
