"""Writes back each byte that it reads: what a pseudo-terminal costs by itself."""

from __future__ import annotations

import os
import tty

if __name__ == "__main__":
    tty.setraw(0)
    os.write(1, b"ready")
    while byte := os.read(0, 1):
        os.write(1, byte)
