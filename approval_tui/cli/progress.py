"""A line on stderr that says how far long work is; only for a person, and only when it takes long."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_SECONDS_BEFORE_FIRST = 0.5
_SECONDS_BETWEEN = 0.1


class Progress:
    """A context and a function of what is done, how much of it, and out of how much; see `store.procedures`."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SECONDS_BEFORE_FIRST
        self._is_for_person = sys.stderr is not None and sys.stderr.isatty()
        self._is_shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if self._is_for_person and now >= self._next:
            self._next = now + _SECONDS_BETWEEN
            self._is_shown = True
            of = f" of {total:,}" if total > done else ""
            self._write(f"\r\x1b[K{done:,}{of} {what}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._write("\r\x1b[K")

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            pass  # nobody looks
