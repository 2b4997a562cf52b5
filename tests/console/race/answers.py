"""What a reviewer was told of a decision, whichever door it went through."""

from __future__ import annotations

import threading
from typing import NamedTuple


class Answer(NamedTuple):
    """One decision that a reviewer tried: on what, and what the answer was."""

    reviewer: str
    via: str
    verdict: str
    request_id: str
    digest: str
    is_done: bool
    said: str  #: the status that came of it, or why it was refused


class Answers:
    """All of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.given: list[Answer] = []

    def add(self, answer: Answer) -> None:
        """Keeps one."""
        with self._lock:
            self.given.append(answer)

    def done_by(self, via: str, reviewer: str | None = None) -> int:
        """How many were carried out through that door."""
        with self._lock:
            return sum(each.is_done and each.via == via and reviewer in (None, each.reviewer) for each in self.given)
