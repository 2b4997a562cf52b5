"""From the words of a command line to one command and its arguments.

Only the chosen command's arguments are built, and its code is loaded only when it runs: a listing must start
about as fast as Python itself.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import NoReturn

from approval_tui.cli import output
from approval_tui.cli.arguments import (
    BY_NAME,
    COMMANDS,
    CONSOLE,
    GROUPS,
    PROGRAM,
    Command,
    Parser,
    add_shared_options,
)

_VALUES_BEFORE_COMMAND = ("--store", "--config", "--reviewer", "--actor")


class UsageError(Exception):
    """The command line cannot be understood; `lines` say why, with outside text as it came."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def parse(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command that the words name, and its arguments.

    Raises UsageError, and SystemExit with 0 after --help and --version.
    """
    command, rest = _split_command(list(words))
    parser = _parser(command)
    return command, parser.parse_args(rest)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, measured without the import that argparse would need for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=_help_width())


class _Parser(argparse.ArgumentParser):
    """A parser whose errors and output go the way of all others: visible (rule R8), and with their exit codes."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}", f"See `{self.prog} --help`.")

    def _print_message(self, message: str, _file: object = None) -> None:
        """Prints help and version; argparse's own would pass over an output that cannot be written."""
        output.write(message)


def _parser(command: Command) -> Parser:
    is_console = command.name == ""
    parser = _Parser(
        prog=f"{PROGRAM} {command.name}".rstrip(),
        description=_overview() if is_console else command.help + ".",
        epilog=_exit_codes() if is_console else None,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    add_shared_options(parser, has_json=command.has_json)
    command.add_arguments(parser)
    return parser


def _split_command(words: list[str]) -> tuple[Command, list[str]]:
    """The command, and the words without its name; options may stand before it."""
    taken: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word in _VALUES_BEFORE_COMMAND:
            position += 2
            continue
        if word.startswith("-"):
            position += 1
            continue
        name = " ".join([*taken, word])
        if name not in BY_NAME and name not in GROUPS:
            raise _unknown(name)
        taken.append(word)
        del words[position]
        if name in BY_NAME and not _goes_on(name, words[position:]):
            return BY_NAME[name], words
    if taken:
        return _group_help(taken[0], words)
    return CONSOLE, words


def _goes_on(name: str, rest: list[str]) -> bool:
    """Whether the next word makes it another command: `proxy status` is not `proxy`."""
    return bool(rest) and f"{name} {rest[0]}" in BY_NAME


def _group_help(group: str, words: list[str]) -> NoReturn:
    lines = [f"  {each.name:<18}{each.help}" for each in COMMANDS if each.name.startswith(f"{group} ")]
    usage = [f"usage: {PROGRAM} {group} COMMAND ...", "", *lines]
    if "-h" in words or "--help" in words:
        output.write("\n".join(usage) + "\n")
        raise SystemExit(0)
    raise UsageError(f"{PROGRAM}: {group} needs a command.", *usage)


def _unknown(name: str) -> UsageError:
    from difflib import get_close_matches

    nearest = get_close_matches(name, [*BY_NAME, *GROUPS], n=1)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    return UsageError(f"{PROGRAM}: there is no command `{name}`.{hint}", f"`{PROGRAM} --help` lists the commands.")


def _overview() -> str:
    lines = [f"  {each.name:<18}{each.help}" for each in COMMANDS]
    return "\n".join(
        [
            "A person says yes or no to what an AI agent is about to do.",
            "Without a command: the console, or without a terminal the list of what waits.",
            "",
            "commands:",
            *lines,
        ]
    )


def _exit_codes() -> str:
    from approval_tui.cli.exit_codes import EXIT_CODES

    return "exit codes:\n" + "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items())


def _help_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and columns != "0":
        return int(columns)
    try:
        return max(40, os.get_terminal_size().columns - 2)
    except OSError:
        return 100
