"""Who decides, and what the operating system says of them (rule R15)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from approval_tui.domain.decisions import Reviewer
    from approval_tui.settings.configuration import Settings

VIA = "cli"


def os_user() -> str:
    """The name of the user that this process runs as; it does not ask the environment, which anyone sets."""
    try:
        import pwd
    except ImportError:  # not a POSIX system
        import getpass

        return getpass.getuser()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def default_reviewer(settings: Settings) -> str:
    """Who decides when nobody was named: the configuration's reviewer, else the operating system's user."""
    return settings.reviewer or os_user()


def terminal_name() -> str | None:
    """The terminal on stdin, as `/dev/pts/3`; None where there is none."""
    try:
        return os.ttyname(0)
    except (OSError, AttributeError):
        return None


def reviewer(name: str, via: str = VIA) -> Reviewer:
    """The reviewer of that name, as seen from here; `via` is the surface on which they decide."""
    from approval_tui.domain.decisions import Reviewer

    return Reviewer(name, via=via, os_user=os_user(), tty=terminal_name())
