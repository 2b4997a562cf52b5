"""What is copied, and what can honestly be said of it: OSC 52 asks the terminal, and nothing answers. No Textual."""

from __future__ import annotations

import json
from typing import Any

LONGEST = 74_000
"""Characters of one copy: many terminals drop an OSC 52 sequence of more than 100,000 bytes of base64."""


def copied_json(value: Any) -> str:
    """The value as JSON that is safe to paste anywhere: ASCII-escaped, so that nothing in it is invisible."""
    return json.dumps(value, ensure_ascii=True, indent=2)


def copied_words(what: str, text: str, *, in_tmux: bool, in_screen: bool) -> str:
    """What is said after a copy."""
    said = f"Sent {what} to the terminal's clipboard ({len(text):,} characters); whether it took them, it does not say."
    if in_tmux:
        return f"{said} In tmux: set -g set-clipboard on."
    return f"{said} GNU screen does not pass it on." if in_screen else said


def too_long_words(what: str, text: str) -> str:
    """What is said where nothing was copied."""
    return f"Nothing was copied: {what} has {len(text):,} characters, and terminals take about {LONGEST:,}."
