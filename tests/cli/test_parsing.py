"""From words to a command: where options may stand, and what is said of words that mean nothing."""

from __future__ import annotations

import pytest

from approval_tui.cli.arguments import COMMANDS, CONSOLE, Command
from approval_tui.cli.exit_codes import EXIT_CODES
from approval_tui.cli.main import load_handler
from approval_tui.cli.parsing import parse
from approval_tui.version import __version__
from tests.cli.running import Cli

EVERY_COMMAND = pytest.mark.parametrize("command", [*COMMANDS, CONSOLE], ids=lambda command: command.name or "console")


@pytest.mark.parametrize(
    "words",
    [
        ["--store", "S", "--config", "C", "--json", "audit", "verify"],
        ["audit", "verify", "--store", "S", "--config", "C", "--json"],
        ["audit", "--store=S", "verify", "--json", "--config=C"],
        ["--config", "C", "audit", "--json", "--store", "S", "verify"],
    ],
)
def test_shared_options_stand_before_or_after_the_command(words: list[str]) -> None:
    command, options = parse(words)
    assert command.name == "audit verify"
    assert (options.store, options.config, options.json) == ("S", "C", True)


def test_the_name_of_a_command_may_be_the_value_of_an_option() -> None:
    command, options = parse(["--store", "list", "approve", "show", "--reviewer", "deny"])
    assert (command.name, options.store, options.id, options.reviewer) == ("approve", "list", "show", "deny")


def test_no_command_is_the_console() -> None:
    command, options = parse(["--store", "S", "--actor", "ann"])
    assert (command, options.store, options.reviewer) == (CONSOLE, "S", "ann")


@EVERY_COMMAND
def test_every_command_can_be_loaded_and_explains_itself(cli: Cli, command: Command) -> None:
    assert callable(load_handler(command))
    finished = cli(*command.name.split(), "--help")
    assert finished.code == 0
    assert f"usage: approval-tui {command.name}".rstrip() in finished.out
    for option in ("--store", "--config", *(["--json"] if command.has_json else [])):
        assert option in finished.out


def test_help_lists_every_command_and_every_exit_code(cli: Cli) -> None:
    lines = [line.split() for line in cli("--help").out.splitlines()]
    for command in COMMANDS:
        assert [*command.name.split(), *command.help.split()] in lines
    for code, meaning in EXIT_CODES.items():
        assert [str(code), *meaning.split()] in lines


def test_help_of_a_group_lists_its_commands(cli: Cli) -> None:
    finished = cli("audit", "--help")
    assert finished.code == 0
    assert [line.split()[:2] for line in finished.out.splitlines()[2:]] == [
        ["audit", "list"],
        ["audit", "verify"],
        ["audit", "head"],
        ["audit", "export"],
    ]


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"approval-tui {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lisst"], "Did you mean `list`?"),
        (["audit", "verfy"], "Did you mean `audit verify`?"),
        (["audit"], "audit needs a command"),
        (["zzz\u202e\nzzz"], "there is no command `zzz\\u{202E}\\u{A}zzz`"),
        (["list", "--status", "zz\u200bz"], "zz\\u200bz"),
        (["list", "--bogus\x1b[31m"], "--bogus\\u{1B}[31m"),
        (["list", "--limit", "0"], "is no number of 1 or more"),
        (["list", "--limit", "9" * 5000], "is no number of 1 or more"),
        (["list", "--stat", "approved"], "unrecognized arguments"),
        (["show"], "ID"),
        (["expire"], "ID"),
        (["expire", "apr_00000000", "--all-stale"], "not allowed with"),
        (["submit", "--tool", "t", "--args", "{}"], "--requester"),
        (["submit", "--tool", "t", "--args", "{}", "--requester", "r", "--timeout", "soon"], "is not a duration"),
        (["outcome", "apr_00000000", "perhaps", "--claim", "clm_0"], "invalid choice"),
        (["--store"], "expected one argument"),
        (["audit", "export", "--json"], "unrecognized arguments"),
    ],
)
def test_words_that_mean_nothing_end_with_2_and_say_why(cli: Cli, words: list[str], said: str) -> None:
    finished = cli(*words)
    assert finished.code == 2
    assert finished.out == ""
    assert said in finished.err
    assert all(line.isprintable() for line in finished.err.splitlines())
