"""Where the store and the configuration are, when nobody says otherwise."""

from __future__ import annotations

import os
import sys

APPLICATION = "approval-tui"
STORE_VARIABLE = "APPROVAL_TUI_STORE"
CONFIG_VARIABLE = "APPROVAL_TUI_CONFIG"
POLICY_VARIABLE = "APPROVAL_TUI_POLICY"


def default_store_path() -> str:
    """The store in the platform's data folder (XDG_DATA_HOME on Linux)."""
    folder = _of_desktop("XDG_DATA_HOME", "~/.local/share")
    if folder is None:
        import platformdirs

        folder = platformdirs.user_data_dir(APPLICATION)
    return os.path.join(folder, "approvals.db")


def config_path(explicit: str | None = None) -> str:
    """The configuration file: as given, else APPROVAL_TUI_CONFIG, else the platform's folder."""
    if explicit:
        return os.path.expanduser(explicit)
    from_environment = os.environ.get(CONFIG_VARIABLE)
    if from_environment:
        return os.path.expanduser(from_environment)
    folder = _of_desktop("XDG_CONFIG_HOME", "~/.config")
    if folder is None:
        import platformdirs

        folder = platformdirs.user_config_dir(APPLICATION)
    return os.path.join(folder, "config.yaml")


def _of_desktop(variable: str, default: str) -> str | None:
    """The folder as the XDG Base Directory Specification has it; None where the platform has rules of its own.

    It says to ignore a relative path.

    On Linux, platformdirs says the same, and to load it takes as long as Python itself takes to start.
    """
    if sys.platform != "linux" or "ANDROID_ROOT" in os.environ:
        return None
    folder = os.environ.get(variable, "")
    return os.path.join(folder if os.path.isabs(folder) else os.path.expanduser(default), APPLICATION)
