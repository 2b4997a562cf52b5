"""What is the matter with the hooks of an agent: whether they are there, whole, and asking as they should."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from approval_tui.domain.clock import SECOND, format_duration
from approval_tui.domain.errors import ApprovalTuiError, StoreMissing
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.integrations.coding_agents.agent import PROJECT, SCOPES, CodingAgent
from approval_tui.integrations.coding_agents.dry_question import DryAnswer, ask_and_deny
from approval_tui.integrations.coding_agents.finding import DOUBT, FINE, WRONG, Finding
from approval_tui.integrations.coding_agents.hook_command import (
    HookCommand,
    HookSetup,
    command_line,
    is_this_installation,
)
from approval_tui.integrations.coding_agents.hook_input import PRE_TOOL_USE, QUESTIONS
from approval_tui.integrations.coding_agents.hook_times import LEAST_AGENT_WAITS, LONGEST_WAIT
from approval_tui.integrations.coding_agents.installed_hook import EVERY_TOOL, FoundHook, found_hooks
from approval_tui.integrations.coding_agents.json_text import JsonFault
from approval_tui.integrations.coding_agents.settings_file import SettingsFile, read_settings
from approval_tui.policy.engine import PolicyEngine
from approval_tui.policy.files import read_policy
from approval_tui.policy.model import Policy
from approval_tui.settings.configuration import load_settings, policy_location, store_location
from approval_tui.settings.identity import default_reviewer, reviewer
from approval_tui.settings.paths import CONFIG_VARIABLE, POLICY_VARIABLE, STORE_VARIABLE
from approval_tui.store import open_store_blocking, resolved_location, shown_location

_KEYS = frozenset({"type", "command", "timeout"})
_INSTALL = "Run `approval-tui hook install {agent} --scope {scope}`."


class ScopeReport(NamedTuple):
    """What one settings file has of ours; `hooks` are the commands by their events."""

    scope: str
    file: str
    exists: bool
    hooks: tuple[FoundHook, ...]
    findings: tuple[Finding, ...]


class AgentReport(NamedTuple):
    """What was found of one agent, and what came of a test question; None where none was put."""

    agent: CodingAgent
    scopes: tuple[ScopeReport, ...]
    findings: tuple[Finding, ...]
    dry_answer: DryAnswer | None

    @property
    def is_there(self) -> bool:
        """Whether the agent has a settings file at all."""
        return any(scope.exists for scope in self.scopes)

    @property
    def is_installed(self) -> bool:
        """Whether a hook of ours is in one of them."""
        return any(scope.hooks for scope in self.scopes)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        every = [*self.findings, *(finding for scope in self.scopes for finding in scope.findings)]
        return all(finding.level != WRONG for finding in every)


def check_agent(agent: CodingAgent, environment: Mapping[str, str], working_directory: str) -> AgentReport:
    """Looks at each settings file of the agent, and puts a test question through the first hook that is found."""
    scopes: list[ScopeReport] = []
    for scope in SCOPES:
        path = agent.settings_path(scope, environment, working_directory)
        if any(os.path.realpath(path) == os.path.realpath(other.file) for other in scopes):
            continue  # the project is the user's home
        scopes.append(_check_scope(agent, scope, path, environment))
    findings = [*_check_both(agent, scopes)]
    dry_answer = None
    if any(scope.hooks for scope in scopes):
        asked = _dry_question(agent, scopes)
        dry_answer = asked if isinstance(asked, DryAnswer) else None
        findings.append(asked.finding if isinstance(asked, DryAnswer) else asked)
    return AgentReport(agent, tuple(scopes), tuple(findings), dry_answer)


# --- one settings file -------------------------------------------------------------------------


def _check_scope(agent: CodingAgent, scope: str, path: str, environment: Mapping[str, str]) -> ScopeReport:
    install = _INSTALL.format(agent=agent.name, scope=scope)
    is_there, hooks = True, tuple[FoundHook, ...]()
    try:
        found = read_settings(path)
        is_there, hooks = found.data is not None, _hooks_in(found, agent)
    except ApprovalTuiError as error:
        to_do = f"{agent.title} may ignore the whole file as it is: correct it."
        findings = [Finding(WRONG, error.happened, to_do)]
    else:
        findings = [*_check_hooks(agent, hooks, install)] if hooks else []
    findings += agent.check_settings(path, hooks, environment)
    return ScopeReport(scope, path, is_there, hooks, tuple(findings))


def _hooks_in(found: SettingsFile, agent: CodingAgent) -> tuple[FoundHook, ...]:
    """Those of ours; raises ConfigurationError where they cannot be told."""
    try:
        return tuple(found_hooks(found.text))
    except JsonFault as fault:
        raise found.refusal(fault, agent.title) from None


def _check_hooks(agent: CodingAgent, hooks: Sequence[FoundHook], install: str) -> Iterator[Finding]:
    events = [hook.event for hook in hooks]
    missing = [event for event in agent.hook_events if event not in events]
    if missing:
        yield Finding(WRONG, f"The hook is not there for {', '.join(missing)}.", install)
    else:
        yield Finding(FINE, f"The hook is there for all {len(agent.hook_events)} events.")
    for event in sorted({event for event in events if events.count(event) > 1}):
        yield Finding(WRONG, f"The hook is there more than once for {event}; each of them asks.", install)
    for program in dict.fromkeys(hook.command.program for hook in hooks):
        if shutil.which(program[0]) is None:
            what = f"{program[0]} is not there, or cannot be run; every call gets the fallback's answer."
            yield Finding(WRONG, what, install)
    for hook in hooks:
        yield from _check_entry(agent, hook, install)
    different = _different_setups(hooks)
    for command in different:
        if command.setup is not None:
            yield from _check_setup(agent, command, command.setup, install)
    if len(different) > 1:
        yield Finding(DOUBT, "The hook has other options for one event than for the next.", install)


def _different_setups(hooks: Sequence[FoundHook]) -> list[HookCommand]:
    different: list[HookCommand] = []
    for hook in hooks:
        same = [
            each for each in different if (each.setup, each.variables) == (hook.command.setup, hook.command.variables)
        ]
        different += [] if same else [hook.command]
    return different


def _check_entry(agent: CodingAgent, hook: FoundHook, install: str) -> Iterator[Finding]:
    event, entry, setup = hook.event, hook.entry, hook.command.setup
    if hook.command.agent != agent.name or setup is None:
        yield Finding(WRONG, f"{event}: the command cannot work: {entry['command']}", install)
        return
    if entry.get("type") != "command":
        yield Finding(WRONG, f"{event}: the hook's type is {entry.get('type')!a}, not command.", install)
    further = sorted(entry.keys() - _KEYS)
    if further:
        what = (
            f"{event}: the entry says {', '.join(further)}, too, by which the hook may not be asked, or not waited for."
        )
        yield Finding(DOUBT, what, install)
    if hook.matcher not in (None, "", EVERY_TOOL):
        what = f"{event}: the matcher is {hook.matcher!a}, so other tools run without a question here."
        yield Finding(DOUBT, what, f'Write "{EVERY_TOOL}" there if that is not meant.')
    yield from _check_timeout(event, entry.get("timeout"), setup, install)
    if entry["command"] != command_line(hook.command.program, agent, event, setup):
        what = f"{event}: the command is not as install writes it, perhaps without what happens where it cannot start."
        yield Finding(DOUBT, what, install)


def _check_timeout(event: str, timeout: Any, setup: HookSetup, install: str) -> Iterator[Finding]:
    if event not in QUESTIONS:
        return
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number:
        yield Finding(
            WRONG, f"{event}: the hook has no timeout, so that the agent may go on before the answer.", install
        )
    elif timeout < (setup.wait + LEAST_AGENT_WAITS) / SECOND:
        what = f"{event}: the agent waits {timeout} s, and a person may take {format_duration(setup.wait)}."
        yield Finding(WRONG, f"{what} What comes after that is as if there were no hook.", install)


# --- what a command uses -----------------------------------------------------------------------


def _check_setup(agent: CodingAgent, command: HookCommand, setup: HookSetup, install: str) -> Iterator[Finding]:
    undecided = "the call is denied" if setup.fail_closed else agent.undecided
    yield Finding(FINE, f"A person has {format_duration(setup.wait)}; where nobody decides, {undecided}.")
    if not SECOND <= setup.wait <= LONGEST_WAIT:
        yield Finding(DOUBT, f"It waits {format_duration(setup.wait)}; 1s to 1h is meant.", install)
    relative = [path for path in (setup.policy, setup.config) if path and not os.path.isabs(os.path.expanduser(path))]
    if relative:
        what = f"{', '.join(relative)}: looked for in whichever folder the agent works in."
        yield Finding(DOUBT, what, "Install it again with that path; it is made absolute.")
    try:
        yield from _check_policy(command)
    except ApprovalTuiError as error:
        yield Finding(WRONG, error.happened, error.to_do)
    try:
        path = _store(command)
        with open_store_blocking(path, create=False) as store:
            store.reviewer.list(most=1)
        yield Finding(FINE, f"The store: {shown_location(path)}")
    except StoreMissing:
        yield Finding(FINE, f"The store, which the first question makes: {shown_location(path)}")
    except ApprovalTuiError as error:
        yield Finding(WRONG, error.happened, error.to_do)


def _check_policy(command: HookCommand) -> Iterator[Finding]:
    path, policy = _policy(command)
    if policy is None:
        yield Finding(FINE, "The hook names no policy: everything asks but the agent's tools that change nothing.")
        return
    yield Finding(FINE, f"The policy: {path}")
    if policy.default == ALLOW:
        what = f"{path}: what the policy does not name runs without a question, and without the agent's own."
        yield Finding(DOUBT, what, "Write default: require_approval there, unless that is meant.")
    for warning in policy.warnings:
        yield Finding(DOUBT, warning, "`approval-tui policy validate` says more.")


def _config(command: HookCommand) -> str | None:
    return (command.setup or HookSetup()).config or command.variables.get(CONFIG_VARIABLE)


def _store(command: HookCommand) -> str:
    """Where the command's store is; raises ApprovalTuiError."""
    named = (command.setup or HookSetup()).store or command.variables.get(STORE_VARIABLE)
    return resolved_location(store_location(named, load_settings(_config(command))))


def _policy(command: HookCommand) -> tuple[str | None, Policy | None]:
    """Where its policy is, and what it says; raises ApprovalTuiError."""
    named = (command.setup or HookSetup()).policy or command.variables.get(POLICY_VARIABLE)
    path = policy_location(named, load_settings(_config(command)))
    return path, None if path is None else read_policy(path)[0]


# --- all of an agent ---------------------------------------------------------------------------


def _check_both(agent: CodingAgent, scopes: Sequence[ScopeReport]) -> Iterator[Finding]:
    commands = [{(hook.event, hook.entry["command"]) for hook in scope.hooks} for scope in scopes if scope.hooks]
    if len(commands) > 1 and not agent.runs_the_same_once:
        what = "The hook is there for the user and for the project, and runs twice for every call: both ask."
        yield Finding(WRONG, what, "Take one of them out with `approval-tui hook uninstall`.")
    elif len(commands) > 1 and commands[0] != commands[1]:
        what = "The hook is there for the user and for the project, with other commands: both ask about every call."
        yield Finding(DOUBT, what, "Take one of them out with `approval-tui hook uninstall`.")


def _dry_question(agent: CodingAgent, scopes: Sequence[ScopeReport]) -> DryAnswer | Finding:
    """What came of it, or why it was not put."""
    scope = next(each for each in scopes if each.hooks)
    hook = next((each for each in scope.hooks if each.event == PRE_TOOL_USE), None)
    if hook is None or hook.command.setup is None:
        return Finding(WRONG, "No test question was put: there is no command for it.", "Mend what is said above.")
    command, line = hook.command, hook.entry["command"]
    if scope.scope == PROJECT and not _is_ours_to_run(agent, hook):
        what = f"No test question was put: the project's file names a command that is not this installation's: {line}"
        return Finding(DOUBT, what, "Look at it; if it is meant, run doctor with the approval-tui that it names.")
    try:
        settings = load_settings(_config(command))
        policy = _policy(command)[1]
        engine = None if policy is None else PolicyEngine(policy)
        who = reviewer(default_reviewer(settings))
        with open_store_blocking(_store(command)) as store:
            return ask_and_deny(line, agent, store, who, engine)
    except ApprovalTuiError as error:
        return Finding(WRONG, f"The test question came to no end: {error.happened}", error.to_do)
    except OSError as error:
        return Finding(WRONG, f"The test question could not be put: {error}.", "Mend that, and run doctor again.")


def _is_ours_to_run(agent: CodingAgent, hook: FoundHook) -> bool:
    """Whether a command from a file that anyone may have written is to the letter what install writes here."""
    command, setup = hook.command, hook.command.setup
    if setup is None or command.agent != agent.name or not is_this_installation(command.program):
        return False
    return bool(hook.entry["command"] == command_line(command.program, agent, PRE_TOOL_USE, setup))
