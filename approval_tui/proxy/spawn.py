"""Starts a server's process; it loads next to nothing, so that the server starts while the proxy is still loading."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from approval_tui.domain.errors import InvalidInput


def spawn(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The command as a process in a group of its own, with pipes to it; raises InvalidInput where that cannot be."""
    try:
        return subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput(
            f"The server could not be started: {command[0]}: {reason}.",
            not_done="Nothing runs.",
            to_do="Check the command after --.",
        ) from None


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Sends a signal to the process and to all that it started in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
