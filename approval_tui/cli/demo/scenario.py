"""Names that the demo's processes share."""

from __future__ import annotations

AGENTS = ("docs-bot", "build-bot", "mail-bot")

WINDOW_FILE = "maintenance-window"
"""The deployment waits for this file, or for a while, between its approval and its use."""
