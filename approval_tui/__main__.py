"""`python -m approval_tui` is the command `approval-tui`."""

from __future__ import annotations

import sys

from approval_tui.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
