"""What the settings of Claude Code say of hooks as a whole: that none is to run, or with which variables they do.

Beside each file of settings another one may lie, for this machine alone, which counts as much.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.integrations.coding_agents.finding import DOUBT, WRONG, Finding
from approval_tui.integrations.coding_agents.json_text import JsonFault, JsonText
from approval_tui.integrations.coding_agents.settings_file import read_settings
from approval_tui.settings.paths import CONFIG_VARIABLE, POLICY_VARIABLE, STORE_VARIABLE

_LOCAL = "settings.local.json"
_SWITCH_OFF = "disableAllHooks"
_VARIABLES = (STORE_VARIABLE, CONFIG_VARIABLE, POLICY_VARIABLE)


def check_settings(path: str) -> Iterator[Finding]:
    """What the file says, and the one beside it; of one that cannot be read, nothing."""
    for file in (path, os.path.join(os.path.dirname(path), _LOCAL)):
        settings = _settings(file)
        if settings.get(_SWITCH_OFF) is True:
            yield Finding(WRONG, f"{file}: {_SWITCH_OFF} is true, so no hook runs.", f"Take {_SWITCH_OFF} out of it.")
        given = settings.get("env")
        variables: dict[str, Any] = given if isinstance(given, dict) else {}
        for name in _VARIABLES:
            if isinstance(variables.get(name), str):
                what = f"{file}: the agent gives {name} to its hooks: {variables[name]}"
                yield Finding(DOUBT, what, "See that it is meant; nothing else that is said here knows of it.")


def _settings(file: str) -> dict[str, Any]:
    try:
        document = JsonText(read_settings(file).text)
    except (ApprovalTuiError, JsonFault):
        return {}
    settings: dict[str, Any] = document.value(document.root)
    return settings
