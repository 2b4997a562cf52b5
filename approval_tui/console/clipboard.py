"""What is copied, and what can honestly be said of it: OSC 52 asks the terminal, and nothing answers. No Textual."""

from __future__ import annotations

import json
from typing import Any

from approval_tui.display.payload import payload_rows
from approval_tui.display.redaction import Redactor

LONGEST = 74_000
"""Characters of one copy: many terminals drop an OSC 52 sequence of more than 100,000 bytes of base64."""


def copied_json(value: Any) -> str:
    """The value as JSON that is safe to paste anywhere: ASCII-escaped, so that nothing in it is invisible."""
    return json.dumps(value, ensure_ascii=True, indent=2)


def has_masked(value: dict[str, Any], redactor: Redactor) -> bool:
    """Whether the screen masks something of the value, which a copy has as it is."""
    return payload_rows(value, redactor.masking()) != payload_rows(value, redactor.lifted())


def copied_words(what: str, text: str, *, has_secrets: bool, in_tmux: bool, in_screen: bool) -> str:
    """What is said after a copy."""
    what += ", SECRETS UNMASKED," if has_secrets else ""
    said = f"Sent {what} to the terminal's clipboard ({len(text):,} characters); whether it took them, it does not say."
    if in_tmux:
        return f"{said} In tmux: set -g set-clipboard on."
    return f"{said} GNU screen does not pass it on." if in_screen else said


def too_long_words(what: str, text: str) -> str:
    """What is said where nothing was copied."""
    return f"Nothing was copied: {what} has {len(text):,} characters, and terminals take about {LONGEST:,}."
