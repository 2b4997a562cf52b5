"""One thing that a look at an installed hook found out."""

from __future__ import annotations

from typing import NamedTuple

FINE = "ok"
DOUBT = "warning"  #: it works, and may not be what was meant
WRONG = "problem"  #: calls are not asked about, or not as they should be


class Finding(NamedTuple):
    """How it stands, what was found, and what to do about it where it is not fine."""

    level: str
    what: str
    to_do: str = ""
