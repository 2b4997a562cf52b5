"""The command `approval-tui`: parse, run one command, and turn whatever happens into an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.hook_line import read_hook_line
from approval_tui.domain.errors import ApprovalTuiError

if TYPE_CHECKING:
    from argparse import Namespace

    from approval_tui.cli.arguments import Command

DEBUG_VARIABLE = "APPROVAL_TUI_DEBUG"

Handler = Callable[["Namespace", Environment], int]


def run(words: Sequence[str] | None = None) -> int:
    """Runs the command of these words and returns its exit code (see `exit_codes`).

    Without words it is the process's own command line, and a short command ends the process here.
    """
    try:
        output.prepare_streams()
        handler, options = _understood(sys.argv[1:] if words is None else words)
        code = handler(options, Environment(options))
        output.flush()
    except BaseException as error:  # the last line of defence: no traceback reaches a person
        code = _code_after(error)
    if words is None and _can_leave_at_once():
        with contextlib.suppress(BrokenPipeError, output.OutputLost):
            output.flush()  # what was printed before an error
        os._exit(code)
    return code


def _understood(words: Sequence[str]) -> tuple[Handler, Namespace]:
    """What the words ask for, and its options; raises UsageError."""
    hook = read_hook_line(words)
    if hook is not None:
        function, options = hook
        handler: Handler = getattr(import_module("approval_tui.cli.commands.hook"), function)
        return handler, options
    from approval_tui.cli.parsing import parse

    command, options = parse(words)
    return load_handler(command), options


def _can_leave_at_once() -> bool:
    """Whether nothing is left to do for Python, which would take a sixth of a listing's time to take itself down.

    The store is closed by then; what drew or used asyncio ends in the usual way.
    """
    return "asyncio" not in sys.modules and not os.environ.get(DEBUG_VARIABLE)


def load_handler(command: Command) -> Handler:
    """The function that does the command, loaded now."""
    module, _, function = command.handler.partition(":")
    handler: Handler = getattr(import_module(f"approval_tui.cli.commands.{module}"), function)
    return handler


def _code_after(error: BaseException) -> int:
    """Says what went wrong, if anything did, and gives the exit code for it."""
    from approval_tui.cli import exit_codes
    from approval_tui.cli.parsing import UsageError

    if isinstance(error, SystemExit):  # of --help and --version
        return _code_of_help(error)
    if isinstance(error, KeyboardInterrupt):
        output.narrate("approval-tui: interrupted.")
        return exit_codes.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        output.abandon()
        return exit_codes.READER_GONE
    if isinstance(error, UsageError):
        for line in error.lines:
            output.narrate(line)
        return exit_codes.USAGE
    if isinstance(error, output.OutputLost):
        output.abandon()
        output.narrate_error(error)
        return exit_codes.NO_OUTPUT
    if isinstance(error, ApprovalTuiError):
        output.narrate_error(error)
        return exit_codes.exit_code_of(error)
    _narrate_defect(error)
    return exit_codes.DEFECT


def _code_of_help(error: SystemExit) -> int:
    try:
        output.flush()
    except (BrokenPipeError, output.OutputLost) as lost:
        return _code_after(lost)
    return error.code if isinstance(error.code, int) else 0


def _narrate_defect(error: BaseException) -> None:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        for part in traceback.format_exception(error):
            for line in part.splitlines():
                output.narrate(line)
    output.narrate(f"approval-tui: unexpected error: {type(error).__name__}: {error}")
    output.narrate(f"approval-tui: this is a defect in approval-tui; {DEBUG_VARIABLE}=1 shows where it happened.")
