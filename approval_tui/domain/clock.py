"""Time: milliseconds since 1970-01-01 UTC as plain integers, and durations people can write."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from approval_tui.domain.errors import InvalidInput

Clock = Callable[[], int]
"""Gives the present moment in ms UTC."""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
LONGEST_DURATION = 3650 * DAY


def system_clock() -> int:
    """The machine's clock, in ms UTC."""
    return time.time_ns() // 1_000_000


def format_timestamp(moment: int) -> str:
    """ISO 8601 in UTC with milliseconds, as `2026-11-21T09:30:00.250Z` (RFC 3339)."""
    seconds, milliseconds = divmod(moment, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def optional_timestamp(moment: int | None) -> str | None:
    """The same for a moment that may not have come."""
    return None if moment is None else format_timestamp(moment)


def parse_duration(value: str | int | float) -> int:
    """Milliseconds of `10m`, `1h30m`, `1.5h`, `500ms`, or of a number of seconds.

    Raises InvalidInput for anything else, for less than zero, and for more than ten years.
    """
    if isinstance(value, bool):
        raise _bad_duration(value)
    if isinstance(value, int | float):
        if not 0 <= value * SECOND <= LONGEST_DURATION:
            raise _bad_duration(value)
        return round(value * SECOND)
    parts = _PART.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise _bad_duration(value)
    total = sum(
        round(float(number) * _UNITS[unit]) if "." in number else int(number) * _UNITS[unit] for number, unit in parts
    )
    if total > LONGEST_DURATION:
        raise _bad_duration(value)
    return total


def format_duration(milliseconds: int) -> str:
    """The two largest units of a duration, as `1h30m`, `45s` or `0s`; negative counts as zero."""
    remaining = max(0, milliseconds)
    if 0 < remaining < SECOND:
        return f"{remaining}ms"
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, remaining = divmod(remaining, _UNITS[unit])
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"


def format_age(milliseconds: int) -> str:
    """The same in whole seconds, for times that a person watches pass."""
    return format_duration(milliseconds // SECOND * SECOND)


def _bad_duration(value: object) -> InvalidInput:
    return InvalidInput(
        f"{value!r} is not a duration.",
        not_done="Nothing was done.",
        to_do="Write it as 30s, 10m, 1h30m or 2d, at most ten years.",
    )
