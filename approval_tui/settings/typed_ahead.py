"""What was typed before a question stood on the screen is no answer to it (rule R11)."""

from __future__ import annotations

import contextlib


def forget_typed_ahead() -> None:
    """Drops what was typed or pasted on the terminal on stdin and was not read yet."""
    try:
        import termios
    except ImportError:  # not a POSIX system
        return
    with contextlib.suppress(termios.error):  # the terminal is gone; reading it gives no answer
        termios.tcflush(0, termios.TCIFLUSH)
