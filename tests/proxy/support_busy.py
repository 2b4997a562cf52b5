"""The command `approval-tui` with other waits: as told for a store that is held, and a second for it at the end.

Usage: python -m tests.proxy.support_busy SECONDS COMMAND...
"""

from __future__ import annotations

import sys

from approval_tui.cli.main import run
from approval_tui.proxy import relay
from approval_tui.store.drivers import sqlite

if __name__ == "__main__":
    sqlite.BUSY_TIMEOUT = float(sys.argv.pop(1))
    relay.LONGEST_END = 1.0
    sys.exit(run())
