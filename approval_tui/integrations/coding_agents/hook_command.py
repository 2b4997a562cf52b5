"""The command line that an agent's shell runs for each event: how it is written, and how one is told from others."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from argparse import ArgumentError, ArgumentParser
from importlib import import_module
from typing import NamedTuple, NoReturn

from approval_tui.domain.clock import SECOND, parse_duration
from approval_tui.domain.coding_agents import CODING_AGENTS
from approval_tui.domain.errors import InvalidInput
from approval_tui.integrations.coding_agents.agent import PROJECT, CodingAgent
from approval_tui.integrations.coding_agents.hook_times import DEFAULT_WAIT

PROGRAM = "approval-tui"

_MODULE = "approval_tui"
_PIECE = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*"|[;&|<>()\n]|[^\\'";&|<>()\n]+""", re.DOTALL)
_OPERATORS = frozenset(";&|<>()\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?(?:\.exe)?")
_STARTERS = (("exec",), ("env",), ("uvx",), ("uv", "run"), ("pipx", "run"))
"""What people write before a program, so that it is still that program's command."""


class HookSetup(NamedTuple):
    """What the hook's command line says; `wait` is in ms, None means that nothing is said."""

    wait: int = DEFAULT_WAIT
    policy: str | None = None
    fail_closed: bool = False
    requester: str | None = None
    store: str | None = None
    config: str | None = None


class HookCommand(NamedTuple):
    """A command of ours as it was found: its program's words, the agent's name, and what it sets up.

    `setup` is None where the options cannot be understood; `variables` are set before the program.
    """

    program: tuple[str, ...]
    agent: str
    setup: HookSetup | None
    variables: dict[str, str]


def agent_named(name: str) -> CodingAgent:
    """The agent of that word."""
    agent: CodingAgent = import_module(f"approval_tui.integrations.coding_agents.{name.replace('-', '_')}").AGENT
    return agent


# --- writing one -------------------------------------------------------------------------------


def command_line(program: tuple[str, ...], agent: CodingAgent, event: str, setup: HookSetup) -> str:
    """The command for `sh`, with what it does instead where the program cannot start.

    Raises InvalidInput for a text that no settings file can hold.
    """
    seconds, rest = divmod(setup.wait, SECOND)
    words = [*program, "hook", agent.name, "--wait", f"{setup.wait}ms" if rest else f"{seconds}s"]
    words += ["--fail-closed"] if setup.fail_closed else []
    for name in ("policy", "requester", "store", "config"):
        value = getattr(setup, name)
        if value is not None:
            words += [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]
    line = shlex.join(words)
    try:
        line.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            f"The command would be {line!a}, and a settings file cannot hold such a text.",
            not_done="Nothing was changed.",
            to_do="Use paths and names that are UTF-8.",
        ) from None
    fallback = agent.fallback(event, fail_closed=setup.fail_closed)
    return f"{line} || {fallback}" if fallback else line


def program_for(scope: str) -> tuple[tuple[str, ...], str | None]:
    """The words that start this installation, and a warning where they hold on this machine alone.

    Nothing in the folder where the agent works can take its place.
    """
    script = _script()
    on_path = shutil.which(PROGRAM) if scope == PROJECT else None
    if on_path is not None and script is not None and os.path.realpath(on_path) == os.path.realpath(script):
        return (PROGRAM,), None
    if not sys.executable:
        raise InvalidInput(
            "Python does not say where it is.",
            not_done="Nothing was changed.",
            to_do="Install approval-tui with pip, pipx or uv, and run that.",
        )
    program = (script,) if script is not None else (os.path.abspath(sys.executable), "-P", "-m", _MODULE)
    if scope != PROJECT:
        return program, None
    return program, (
        f"{program[0]} is where approval-tui is on this machine. Others who use the file need it in the same place; "
        f"put {PROGRAM} on your PATH and install again, and its name alone is written."
    )


def is_this_installation(program: tuple[str, ...]) -> bool:
    """Whether the words start the approval-tui that runs here, and nothing that only has its name."""
    found = shutil.which(program[0])
    if found is None:
        return False
    if len(program) > 1:
        return os.path.abspath(found) == os.path.abspath(sys.executable) and program[1:] == ("-P", "-m", _MODULE)
    script = _script()
    return script is not None and os.path.realpath(found) == os.path.realpath(script)


def _script() -> str | None:
    """The script beside the Python that runs, where there is one."""
    path = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), PROGRAM)
    return path if sys.executable and os.path.isfile(path) and os.access(path, os.X_OK) else None


# --- reading one -------------------------------------------------------------------------------


def read_command(line: object) -> HookCommand | None:
    """The hook of ours that a shell's command line starts with; None for every other command."""
    words = _first_command(line) if isinstance(line, str) else []
    variables: dict[str, str] = {}
    while words:
        starter = next((each for each in _STARTERS if tuple(words[: len(each)]) == each), None)
        if starter is not None:
            words = words[len(starter) :]
        elif _ASSIGNMENT.match(words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        else:
            break
    length = _program_length(words)
    program, rest = tuple(words[:length]), words[length:]
    shared: list[str] = []
    while program and rest and rest[0].startswith(("--store", "--config")):
        taken = 1 if "=" in rest[0] else 2
        shared, rest = shared + rest[:taken], rest[taken:]
    if not program or rest[:1] != ["hook"] or rest[1:2] == [] or rest[1] not in CODING_AGENTS:
        return None
    return HookCommand(program, rest[1], _setup(shared + rest[2:]), variables)


def _first_command(line: str) -> list[str]:
    """The words before the shell's first operator; none where a quote is open."""
    end = 0
    while end < len(line):
        piece = _PIECE.match(line, end)
        if piece is None:
            return []
        if piece.group() in _OPERATORS:
            break
        end = piece.end()
    try:
        return shlex.split(line[:end])
    except ValueError:
        return []


def _program_length(words: list[str]) -> int:
    """How many words name approval-tui as what is run; 0 where they run something else."""
    if not words:
        return 0
    name = os.path.basename(words[0])
    if name in (PROGRAM, f"{PROGRAM}.exe"):
        return 1
    if not _PYTHON.fullmatch(name) and words[0] != sys.executable:
        return 0
    position = 1
    while position < len(words) and words[position].startswith("-") and words[position] != "-m":
        position += 2 if words[position] in ("-W", "-X") else 1
    return position + 2 if words[position : position + 2] == ["-m", _MODULE] else 0


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentError(None, message)


def _setup(words: list[str]) -> HookSetup | None:
    """What the options say, None where they are not those of the hook."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--wait", type=parse_duration, default=DEFAULT_WAIT)
    parser.add_argument("--fail-closed", action="store_true")
    for name in ("policy", "requester", "store", "config"):
        parser.add_argument(f"--{name}")
    try:
        return HookSetup(**vars(parser.parse_args(words)))
    except (ArgumentError, InvalidInput):
        return None
