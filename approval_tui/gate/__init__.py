"""Run or not: the code that an agent puts in front of its calls."""

from __future__ import annotations

from approval_tui.gate.attempt import Waiting
from approval_tui.gate.gate import Gate

__all__ = ["Gate", "Waiting"]
