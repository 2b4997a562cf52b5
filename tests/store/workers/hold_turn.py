"""Takes the turn of the store at a path, says so, and keeps it until its input ends."""

from __future__ import annotations

import fcntl
import os
import sys

if __name__ == "__main__":
    file = os.open(f"{sys.argv[1]}.turn", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
