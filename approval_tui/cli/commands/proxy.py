"""The MCP gate's commands: the proxy itself, and the status of those that run."""

from __future__ import annotations

import logging
import os
import socket
from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.cli.mcp_server import check_server
from approval_tui.cli.stderr_log import StderrLog
from approval_tui.domain.checks import check_optional_name
from approval_tui.domain.http_names import is_server_url
from approval_tui.domain.ids import new_secret

if TYPE_CHECKING:
    from approval_tui.domain.proxies import ProxyStanding
    from approval_tui.gate import Gate
    from approval_tui.proxy.options import ProxyOptions
    from approval_tui.settings.configuration import Settings

_LOG = "approval_tui"


def proxy(options: Namespace, environment: Environment) -> int:
    """Serves the MCP client on stdin and stdout until it goes; narration goes to stderr alone."""
    check_server(options)
    from approval_tui.proxy.spawn import spawn

    gate, chosen = _gate_and_options(options, environment, environment.settings)
    log = _log_to_stderr()
    if gate.engine_in_force() is None and not is_server_url(environment.store_location()):
        output.narrate("No policy is named, so every tool call asks. `approval-tui policy scan` writes one.")

    process = spawn(chosen.command) if chosen.command else None  # it starts while the rest is loaded
    from approval_tui.proxy.run import run_proxy

    try:
        return run_proxy(gate, chosen, process)
    finally:
        log.finish()


def _gate_and_options(options: Namespace, environment: Environment, settings: Settings) -> tuple[Gate, ProxyOptions]:
    from approval_tui.gate import Gate
    from approval_tui.proxy.options import ProxyOptions, server_label
    from approval_tui.store import resolved_location

    for name in ("requester", "session", "server"):
        check_optional_name(name, getattr(options, name))
    location = environment.store_location()
    if not is_server_url(location):
        location = resolved_location(location)
    chosen = ProxyOptions(
        requester=options.requester,
        session=new_secret("mcp")[:12] if options.session is None else options.session,
        server=server_label(options.command, options.upstream) if options.server is None else options.server,
        command=tuple(options.command),
        upstream=options.upstream,
        headers=tuple(options.header or ()),
        hold=settings.proxy_hold if options.hold is None else options.hold,
        on_pending=options.on_pending or settings.proxy_on_pending,
        pending_code=settings.proxy_pending_code if options.pending_code is None else options.pending_code,
        rollback_on=options.rollback_on or settings.proxy_rollback_on,
        store=location if environment.is_store_named() and "://" not in location else None,
    )
    gate = Gate(
        chosen.requester,
        session=chosen.session,
        server=chosen.server,
        context=chosen.context,
        store=location,
        policy=options.policy,
        config=options.config,
    )
    return gate, chosen


def status(options: Namespace, environment: Environment) -> int:
    """Lists the proxies that run, what they decided, and the rules that deny most."""
    with environment.open_store() as store:
        running = [each for each in store.reviewer.proxies() if each.is_running(store.now()) and _is_there(each)]
        denials = store.reviewer.denials()
    if options.json:
        rules = [vars(rule) for rule in denials.rules]
        output.print_json({"proxies": [each.to_json() for each in running], "denying_rules": rules})
        return DONE
    from approval_tui.cli.proxy_text import print_denials, print_proxies

    print_proxies(running)
    print_denials(denials)
    return DONE


def _is_there(standing: ProxyStanding) -> bool:
    """Whether its process is there, as far as that can be told from here: it may have been killed."""
    if standing.host != socket.gethostname():
        return True
    try:
        os.kill(standing.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _log_to_stderr() -> StderrLog:
    """What the gate and the proxy have to say goes to stderr; stdout belongs to the protocol."""
    log = StderrLog()
    logging.getLogger().addHandler(log)  # libraries speak, too, and no more than warnings
    logging.getLogger(_LOG).setLevel(logging.INFO)
    return log
