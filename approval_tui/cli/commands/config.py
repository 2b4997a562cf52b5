"""The configuration: where it is, what it says, and what is wrong with it."""

from __future__ import annotations

import os
from argparse import Namespace

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, USAGE
from approval_tui.display.visible import visible_text
from approval_tui.domain.errors import ConfigurationError
from approval_tui.domain.names import in_quotes
from approval_tui.settings.configuration import load_settings, settings_to_json
from approval_tui.settings.paths import config_path
from approval_tui.store import shown_location


def path(options: Namespace, _environment: Environment) -> int:
    """Prints where the configuration is looked for."""
    found = config_path(options.config)
    exists = os.path.exists(found)
    if options.json:
        output.print_json({"path": found, "exists": exists})
        return DONE
    output.print_line(visible_text(found))
    if not exists:
        output.narrate("There is no such file; the defaults hold.")
    return DONE


def show(options: Namespace, environment: Environment) -> int:
    """Prints the settings in force, defaults included."""
    values = settings_to_json(environment.settings)
    if options.json:
        output.print_json(values)
        return DONE
    for key, value in values.items():
        output.print_line(f"{key}: {_text(value)}")
    output.narrate(f"The store in use: {shown_location(environment.store_location())}")
    return DONE


def validate(options: Namespace, _environment: Environment) -> int:
    """Checks a configuration and prints every fault as file:line:column."""
    checked = options.file if options.file is not None else options.config
    found = config_path(checked)
    problems: tuple[str, ...] = ()
    try:
        load_settings(checked)
    except ConfigurationError as error:
        problems = error.problems
    if options.json:
        output.print_json({"path": found, "valid": not problems, "problems": problems})
    else:
        for problem in problems:
            output.print_line(visible_text(problem))
        if not problems:
            output.narrate(f"{found} is valid." if os.path.exists(found) else f"{found}: none; the defaults hold.")
    return USAGE if problems else DONE


def _text(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, list):
        return ", ".join(visible_text(in_quotes(item) if " " in item else item) for item in value) or "(none)"
    return visible_text(str(value))
