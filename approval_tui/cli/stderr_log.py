"""Log lines on stderr, visible, and never at the cost of the work: a client may leave our stderr unread."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading

from approval_tui.display.visible import visible_text

_MOST_WAITING = 1000
_LONGEST_END = 1.0
"""Seconds that the last lines have to be read."""


class StderrLog(logging.Handler):
    """Hands each line to a thread that writes it; where nobody reads, lines are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="stderr-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the line; what it quotes of others is made visible (rule R8)."""
        if record.name.startswith("psycopg"):
            return  # what it warns of is raised as an error as well
        lines = [f"approval-tui: {record.levelname.lower()}: {record.getMessage()}"]
        if record.exc_info is not None and os.environ.get("APPROVAL_TUI_DEBUG"):
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        try:
            self._lines.put_nowait("".join(visible_text(line) + "\n" for line in lines))
        except queue.Full:
            return

    def finish(self) -> None:
        """Lets the last lines be written, if somebody reads them."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_LONGEST_END)

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                sys.stderr.write(text)
                sys.stderr.flush()
            except (OSError, ValueError):
                return
