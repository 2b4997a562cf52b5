"""The command on a machine whose clock is wrong: `python -m tests.machines.wrong_clock SECONDS WORDS...`."""

from __future__ import annotations

import sys
import time

ahead = float(sys.argv[1])
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + ahead
time.time_ns = lambda: _time_ns() + int(ahead * 1_000_000_000)

from approval_tui.cli.main import run  # noqa: E402 - the clock is wrong before anything of ours looks at it

if __name__ == "__main__":
    sys.exit(run(sys.argv[2:]))
