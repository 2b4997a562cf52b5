"""Programs that obey the permissions of files though the super-user runs them, as on a machine that builds."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

from tests.support import LONG, ROOT

_DROP_FROM_BOUNDS = 24  # of Linux' prctl(2)
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2  # of capabilities(7)


def obey_permissions() -> None:
    """Makes the program that is run next obey the permissions of files, even where the super-user runs it."""
    if os.geteuid() == 0:
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)


def said_with_permissions(code: str, *words: str) -> str:
    """What the Python code prints, given these words, in a program that obeys permissions."""
    finished = subprocess.run(
        [sys.executable, "-c", code, *words],
        preexec_fn=obey_permissions,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LONG,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
