"""Where the store and the configuration are, when nobody says otherwise."""

from __future__ import annotations

import os

APPLICATION = "approval-tui"
STORE_VARIABLE = "APPROVAL_TUI_STORE"
CONFIG_VARIABLE = "APPROVAL_TUI_CONFIG"
POLICY_VARIABLE = "APPROVAL_TUI_POLICY"


def default_store_path() -> str:
    """The store in the platform's data folder (XDG_DATA_HOME on Linux)."""
    import platformdirs  # only where no path was given; it costs start-up time

    return os.path.join(platformdirs.user_data_dir(APPLICATION), "approvals.db")


def config_path(explicit: str | None = None) -> str:
    """The configuration file: as given, else APPROVAL_TUI_CONFIG, else the platform's folder."""
    if explicit:
        return os.path.expanduser(explicit)
    from_environment = os.environ.get(CONFIG_VARIABLE)
    if from_environment:
        return os.path.expanduser(from_environment)
    import platformdirs

    return os.path.join(platformdirs.user_config_dir(APPLICATION), "config.yaml")
