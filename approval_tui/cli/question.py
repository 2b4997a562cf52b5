"""The one question that a command asks at a terminal."""

from __future__ import annotations

import contextlib
import os
import sys

from approval_tui.cli import output

YES = "yes"


def asked_yes(question: str) -> bool:
    """Asks, below what was printed; only a typed `yes` is a yes."""
    return asked_for(YES, question)


def asked_for(wanted: str, question: str) -> bool:
    """Whether exactly that was typed behind the question; nothing that was typed before it counts."""
    from approval_tui.settings.typed_ahead import forget_typed_ahead

    output.flush()
    forget_typed_ahead()
    output.write(f"\n{question}")
    output.flush()
    _await_a_line()
    answer = sys.stdin.buffer.readline()
    if not answer.endswith(b"\n"):  # the end of the input answers nothing
        output.print_line("")
        return False
    return answer.strip() == wanted.encode()


def _await_a_line() -> None:
    """Waits until a line was typed. A read alone misses a Ctrl-C that comes right before it begins to wait."""
    import select  # not at the top: only a question needs them
    import signal

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake)
    try:
        with contextlib.suppress(OSError):  # on Windows only sockets can be waited for; the read does
            select.select([sys.stdin, woken], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(wake)
        os.close(woken)
