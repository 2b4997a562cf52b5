"""What was found of a store by looking at it: one line for each thing that was looked at."""

from __future__ import annotations

from typing import NamedTuple

from approval_tui.domain.canonical import JsonObject

OK = "ok"
WARNING = "warning"  #: it works, and somebody should know of it
WRONG = "wrong"  #: it must not stay so
UNCHECKED = "unchecked"  #: it could not be looked at, or was not to be

STANDINGS = (OK, WARNING, WRONG, UNCHECKED)

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Check(NamedTuple):
    """One thing that was looked at: how it stands, and what was found, in words that may hold outside text."""

    name: str
    standing: str
    words: str

    def to_json(self) -> JsonObject:
        """The object that is printed."""
        return self._asdict()


def format_size(count: int) -> str:
    """A number of bytes, as `12.3 MB`."""
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
