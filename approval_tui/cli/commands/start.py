"""What opens a screen: the console, and the demo. Their code is loaded only here."""

from __future__ import annotations

import os
from argparse import Namespace

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.domain.lifecycle import PENDING


def console(options: Namespace, environment: Environment) -> int:
    """Opens the console; without a terminal, prints what waits and how to decide."""
    if options.json or not _can_draw():
        return _list_and_explain(options, environment)
    from approval_tui.console import run_console

    return run_console(
        environment.settings,
        environment.store_location(),
        environment.reviewer(via="console"),
        readonly=options.readonly,
        find_sinks=environment.sinks,
    )


def demo(options: Namespace, _environment: Environment) -> int:
    """Runs the demo on a scratch store of its own."""
    if options.store:
        output.narrate("The demo makes a scratch store of its own; --store is not touched.")
    from approval_tui.cli.demo import run_demo

    return run_demo(options.auto, options.keep)


def _can_draw() -> bool:
    return output.is_interactive() and os.environ.get("TERM", "") != "dumb"


def _list_and_explain(options: Namespace, environment: Environment) -> int:
    from approval_tui.cli.commands.look import list_requests

    list_requests(
        Namespace(
            **vars(options), status=PENDING, limit=1000, requester=None, tool=None, session=None, risk=None, text=None
        ),
        environment,
    )
    output.narrate("The console needs a terminal. To decide without one:")
    output.narrate("  approval-tui show ID                       prints the request and its digest")
    output.narrate("  approval-tui approve ID --digest DIGEST    approves exactly that")
    output.narrate("  approval-tui deny ID --reason TEXT         denies it")
    return DONE
