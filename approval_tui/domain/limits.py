"""The defaults and bounds of requests: durations in ms, sizes in bytes, names and texts in characters."""

from __future__ import annotations

from approval_tui.domain.clock import HOUR, MINUTE

DEFAULT_TIMEOUT = 10 * MINUTE
DEFAULT_APPROVAL_LIFETIME = 10 * MINUTE
DEFAULT_DEDUPE_WINDOW = 5 * MINUTE
DEFAULT_CLAIM_LIFETIME = HOUR

MOST_ARGUMENT_BYTES = 4 * 1024 * 1024
MOST_CONTEXT_BYTES = 256 * 1024
LONGEST_NAME = 256
LONGEST_TEXT = 16 * 1024
