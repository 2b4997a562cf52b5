"""Opens the console on its history, for the benchmarks that need it."""

from __future__ import annotations

from tests.benchmarks.terminal import NotShown, Terminal

_KEY = b"2"
SECONDS = 3.0
"""For how long the first page of the history is waited for."""

NO_HISTORY = "the console shows no history at the key 2"


def open_history(terminal: Terminal, newest: str) -> None:
    """Waits for the console, presses the key of the history and waits for the row of the newest; else NotShown."""
    terminal.until_drawn()
    terminal.press(_KEY)
    try:
        terminal.frame(lambda content: newest.encode() in content, "the newest row", SECONDS)
    except NotShown as reason:
        raise NotShown(f"{NO_HISTORY}: {reason}") from None
