"""What the extra brings is loaded only where something is sent (rule R13)."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("httpx2", "apprise", "requests", "asyncio")

_IMPORT = (
    "import importlib, sys\nimportlib.import_module(sys.argv[1])\nprint(*(n for n in {heavy} if n in sys.modules))"
)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("approval_tui", HEAVY),
        ("approval_tui.gate", HEAVY),
        ("approval_tui.policy.files", HEAVY),
        ("approval_tui.settings.configuration", HEAVY),
        ("approval_tui.domain.sinks", (*HEAVY, "base64", "urllib.parse")),
        ("approval_tui.notify.sending", HEAVY),
        ("approval_tui.notify.deliverer", HEAVY[:3]),
        ("approval_tui.console.delivery", HEAVY[:3]),
        ("approval_tui.cli.commands.notify", HEAVY),
    ],
)
def test_importing_it_loads_none_of_what_sends(module: str, heavy: tuple[str, ...]) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(heavy=heavy), module], capture_output=True, text=True, check=True
    )
    assert finished.stdout == "\n"
