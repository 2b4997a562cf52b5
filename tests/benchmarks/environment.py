"""The environment of the programs that are measured: nobody's settings, and modules kept compiled."""

from __future__ import annotations

import os


def without_settings(folder: str) -> dict[str, str]:
    """This process's environment with `folder` for a home, and without what changes how Python or we start."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("APPROVAL_TUI_", "XDG_", "PYTHON"))
    }
    return {**kept, "HOME": folder}
