"""How many calls of a proxy were decided in which way."""

from __future__ import annotations

import asyncio
from collections import Counter

ALLOWED = "allowed"  #: the policy let it run
APPROVED = "approved"  #: a person let it run
PENDING = "pending"  #: answered that nobody has decided yet
FAILED = "failed"  #: it ran, and the server says that it failed
REFUSED = "refused"  #: a frame or a call that cannot be read in one way


class Tally:
    """Counts what was decided, by a word; it changes in one task at a time."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.changed = asyncio.Event()
        """Set whenever something was counted."""

    def count(self, word: str) -> None:
        """One more of these."""
        self._counts[word] += 1
        self.changed.set()

    @property
    def counts(self) -> dict[str, int]:
        """What was counted so far."""
        return dict(self._counts)
