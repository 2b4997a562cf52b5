"""A coding agent's hook: put into its settings, taken out of them, and looked at from end to end."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, NOT_AS_EXPECTED
from approval_tui.display.redaction import Redactor
from approval_tui.display.unified_diff import ADDED, HUNK, KEPT, NOTE, REMOVED, unified_diff
from approval_tui.display.visible import visible_text
from approval_tui.domain.checks import check_optional_name
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.errors import InvalidInput
from approval_tui.integrations.coding_agents.agent import CodingAgent
from approval_tui.integrations.coding_agents.finding import FINE, Finding
from approval_tui.integrations.coding_agents.hook_command import HookSetup, agent_named, program_for
from approval_tui.integrations.coding_agents.installed_hook import (
    EVERY_TOOL,
    found_hooks,
    new_entries,
    with_hooks,
    without_hooks,
)
from approval_tui.integrations.coding_agents.json_text import JsonFault
from approval_tui.integrations.coding_agents.settings_file import SettingsFile, read_settings, write_settings
from approval_tui.settings.paths import CONFIG_VARIABLE, POLICY_VARIABLE, STORE_VARIABLE

if TYPE_CHECKING:
    from approval_tui.integrations.coding_agents.hook_check import AgentReport, ScopeReport

_VARIABLES = (STORE_VARIABLE, CONFIG_VARIABLE, POLICY_VARIABLE)
_DIFF_LEADS = {HUNK: "", KEPT: " ", REMOVED: "-", ADDED: "+", NOTE: "\\ "}
_LEVEL_WIDTH = 9


def install(options: Namespace, environment: Environment) -> int:
    """Puts our hook into the agent's settings, in the place of any that is there."""
    agent = agent_named(options.agent)
    setup = _setup(options, environment)
    program, warning = program_for(options.scope)
    entries = new_entries(program, agent, setup)
    found = _settings(agent, options.scope)
    text = _edited(found, agent, lambda text: with_hooks(text, agent, entries))
    commands = {event: entry["command"] for event, entry in entries.items()}
    is_changed = _change(found, text, options, commands)
    if not is_changed:
        output.narrate(f"The hook is already installed in {found.path}, with these options; nothing was changed.")
    elif not options.dry_run:
        output.narrate(
            f"{agent.after_install or f'{agent.title} asks in approval-tui from its next session on.'} "
            "Then `approval-tui hook doctor` tries it."
        )
    _warn(options, found_hooks(text), warning)
    return DONE


def uninstall(options: Namespace, _environment: Environment) -> int:
    """Takes every hook of ours out of the agent's settings, and leaves the rest as it is."""
    _refuse_places(options)
    agent = agent_named(options.agent)
    found = _settings(agent, options.scope)
    text = _edited(found, agent, without_hooks)
    commands = {hook.event: hook.entry["command"] for hook in found_hooks(found.text)}
    if not _change(found, text, options, commands):
        output.narrate(f"No hook of approval-tui is in {found.path}; nothing was changed.")
    elif agent.after_install and '"command"' in text:
        output.narrate(f"{agent.title} trusts hooks by their place in the file: look whether it wants others anew.")
    return DONE


def doctor(options: Namespace, _environment: Environment) -> int:
    """Looks at what is installed, and puts a test question through it, which is denied."""
    _refuse_places(options)
    from approval_tui.integrations.coding_agents.hook_check import check_agent

    names = CODING_AGENTS if options.agent is None else (options.agent,)
    every = [check_agent(agent_named(name), os.environ, os.getcwd()) for name in names]
    reports = [report for report in every if report.is_there or options.agent is not None]
    is_installed = any(report.is_installed for report in reports)
    if options.json:
        is_well = is_installed and all(report.is_well for report in reports)
        output.print_json({"well": is_well, "agents": [_report_to_json(report) for report in reports]})
        return DONE if is_well else NOT_AS_EXPECTED
    for report in reports:
        _print_report(report)
        if is_installed and not report.is_installed:
            output.print_line(f"{report.agent.title}: no hook of approval-tui is installed.")
    if not is_installed:
        wanted = options.agent or "|".join(CODING_AGENTS)
        output.print_line(f"No hook of approval-tui is installed. Run `approval-tui hook install {wanted}`.")
    return DONE if is_installed and all(report.is_well for report in reports) else NOT_AS_EXPECTED


def _refuse_places(options: Namespace) -> None:
    """Raises InvalidInput for a store or a configuration: the installed command names its own."""
    if options.store is not None or options.config is not None:
        raise InvalidInput(
            "--store and --config belong to the command that is installed, which names its own.",
            not_done="Nothing was looked at or changed.",
            to_do="Leave them out; `approval-tui hook install --store ...` writes another one down.",
        )


# --- what is to be installed -------------------------------------------------------------------


def _setup(options: Namespace, environment: Environment) -> HookSetup:
    """What the options say, checked, with absolute paths; raises InvalidInput and what is wrong with a named file."""
    check_optional_name("requester", options.requester)
    if options.policy == "":
        raise InvalidInput("--policy is empty.", not_done="Nothing was changed.", to_do="Give a path.")
    if options.config is not None:
        environment.settings  # noqa: B018 - a file that was named must be right
    policy = None if options.policy is None else _absolute(options.policy)
    if policy is not None:
        from approval_tui.policy.files import read_policy

        read_policy(policy)
    store = None
    if options.store is not None:
        from approval_tui.store import resolved_location, shown_location

        store = resolved_location(options.store)
        if "****" in shown_location(store):
            raise InvalidInput(
                "The hook's command would show the password of the store to everybody who sees the settings or the "
                "processes of this machine.",
                not_done="Nothing was changed.",
                to_do="Leave the password out of --store and keep it in ~/.pgpass, or name the store in config.yaml.",
            )
    return HookSetup(
        wait=options.wait,
        policy=policy,
        fail_closed=options.fail_closed,
        requester=options.requester,
        store=store,
        config=None if options.config is None else _absolute(options.config),
    )


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _warn(options: Namespace, hooks: list[Any], warning: str | None) -> None:
    """Says what may keep the hook from doing what was meant."""
    if warning is not None:
        output.narrate(f"Mind: {warning}")
    for hook in hooks:
        if hook.matcher not in (None, "", EVERY_TOOL):
            output.narrate(
                f"Mind: the matcher of {hook.event} stays {hook.matcher!a}; other tools are not asked about."
            )
    given = {STORE_VARIABLE: options.store, CONFIG_VARIABLE: options.config, POLICY_VARIABLE: options.policy}
    for variable in _VARIABLES:
        if os.environ.get(variable) and given[variable] is None:
            option = variable.rpartition("_")[2].lower()
            output.narrate(
                f"Mind: {variable} is set here, and the hook heeds it only where the agent has it too; "
                f"--{option} writes it down."
            )


# --- the change --------------------------------------------------------------------------------


def _settings(agent: CodingAgent, scope: str) -> SettingsFile:
    return read_settings(agent.settings_path(scope, os.environ, os.getcwd()))


def _edited(found: SettingsFile, agent: CodingAgent, edit: Callable[[str], str]) -> str:
    try:
        return edit(found.text)
    except JsonFault as fault:
        raise found.refusal(fault, agent.title) from None


def _change(found: SettingsFile, text: str, options: Namespace, commands: Mapping[str, str]) -> bool:
    """Shows the change and makes it, unless nothing or only a look was wanted; whether there is one."""
    is_changed = text != found.text
    if is_changed and not options.json:
        for line in _diff(found, text):
            output.print_line(line)
        output.flush()
    backup = None
    if is_changed and not options.dry_run:
        backup = write_settings(found, text, options.scope)
        output.narrate(f"{found.path} was changed." if found.data is not None else f"{found.path} was made.")
        if found.target != os.path.abspath(found.path):
            output.narrate(f"It is a link, or in one; the file itself is {found.target}.")
        if backup is not None:
            output.narrate(f"What it was before: {backup}")
    elif is_changed:
        output.narrate("Only a look: nothing was changed.")
    if options.json:
        output.print_json(
            {
                "agent": options.agent,
                "scope": options.scope,
                "file": found.path,
                "changed": is_changed,
                "dry_run": options.dry_run,
                "backup": backup,
                "command": dict(commands),
            }
        )
    return is_changed


def _diff(found: SettingsFile, text: str) -> Iterator[str]:
    """The unified diff of the file, its secrets masked and every character visible."""
    before = None if found.data is None else found.text
    yield "--- " + ("/dev/null" if before is None else visible_text(found.path))
    yield "+++ " + visible_text(found.path)
    for line in unified_diff(before, text, Redactor(), most=None):
        yield f"{_DIFF_LEADS[line.kind]}{line.text}"


# --- what doctor says --------------------------------------------------------------------------


def _print_report(report: AgentReport) -> None:
    for scope in report.scopes:
        if scope.hooks or scope.findings:
            output.print_line(f"{report.agent.title}, {scope.scope}: {visible_text(scope.file)}")
            _print_findings(scope.findings)
    if report.findings:
        output.print_line(f"{report.agent.title}:")
    _print_findings(report.findings)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    redactor = Redactor()
    for finding in findings:
        output.print_line(f"  {finding.level:<{_LEVEL_WIDTH}}{visible_text(redactor.redact(finding.what))}")
        if finding.to_do and finding.level != FINE:
            output.print_line(" " * (2 + _LEVEL_WIDTH) + visible_text(finding.to_do))


def _report_to_json(report: AgentReport) -> dict[str, Any]:
    dry = report.dry_answer
    return {
        "agent": report.agent.name,
        "installed": report.is_installed,
        "scopes": [_scope_to_json(scope) for scope in report.scopes],
        "findings": [finding._asdict() for finding in report.findings],
        "dry_question": None
        if dry is None
        else {"level": dry.finding.level, "asked_after_ms": dry.asked_after, "answered_after_ms": dry.answered_after},
    }


def _scope_to_json(scope: ScopeReport) -> dict[str, Any]:
    return {
        "scope": scope.scope,
        "file": scope.file,
        "exists": scope.exists,
        "hooks": [
            {
                "event": hook.event,
                "matcher": hook.matcher,
                "command": hook.entry["command"],
                "timeout": hook.entry.get("timeout"),
                "options": None if hook.command.setup is None else hook.command.setup._asdict(),
            }
            for hook in scope.hooks
        ],
        "findings": [finding._asdict() for finding in scope.findings],
    }
