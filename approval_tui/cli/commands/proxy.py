"""The MCP gate's commands: the proxy itself, its status, and a policy to start from."""

from __future__ import annotations

import logging
import os
import socket
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.display.visible import visible_text
from approval_tui.domain.checks import check_optional_name
from approval_tui.domain.errors import InvalidInput
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
    _log_to_stderr()
    if gate.engine_in_force() is None:
        output.narrate("No policy is named, so every tool call asks. `approval-tui policy scan` writes one.")

    process = spawn(chosen.command) if chosen.command else None  # it starts while the rest is loaded
    from approval_tui.proxy.run import run_proxy

    return run_proxy(gate, chosen, process)


def _gate_and_options(options: Namespace, environment: Environment, settings: Settings) -> tuple[Gate, ProxyOptions]:
    from approval_tui.gate import Gate
    from approval_tui.proxy.options import ProxyOptions, server_label
    from approval_tui.store import store_path

    for name in ("requester", "session", "server"):
        check_optional_name(name, getattr(options, name))
    path = store_path(environment.store_location())
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
        store=path if environment.is_store_named() else None,
    )
    gate = Gate(
        chosen.requester,
        session=chosen.session,
        server=chosen.server,
        context=chosen.context,
        store=path,
        policy=options.policy,
        config=options.config,
    )
    return gate, chosen


def check_server(options: Namespace) -> None:
    """Raises InvalidInput unless there is one server, and headers only for a URL."""
    if bool(options.command) == (options.upstream is not None):
        raise InvalidInput(
            "A proxy has one server: a command after --, or the URL of --upstream.",
            not_done="Nothing was started.",
            to_do="For example: approval-tui proxy -c policy.yaml -- npx -y @modelcontextprotocol/server-everything",
        )
    if options.header and options.upstream is None:
        raise InvalidInput(
            "--header is for a server at a URL.", not_done="Nothing was started.", to_do="Use it with --upstream."
        )
    if options.upstream is not None:
        _check_url(options.upstream)


def _check_url(text: str) -> None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not text.isascii() or not text.isprintable():
        raise InvalidInput(
            f"--upstream {text} is no URL of HTTP.", not_done="Nothing was started.", to_do="Correct it."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "--upstream has a name or a password in it, which everybody would see.",
            not_done="Nothing was started.",
            to_do="Use --header 'Authorization: …'.",
        )


def status(options: Namespace, environment: Environment) -> int:
    """Lists the proxies that run, what they decided, and the rules that deny most."""
    from approval_tui.domain.clock import system_clock

    with environment.open_store() as store:
        running = [each for each in store.reviewer.proxies() if each.is_running(system_clock()) and _is_there(each)]
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


class _VisibleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = visible_text(f"approval-tui: {record.levelname.lower()}: {record.getMessage()}")
        if record.exc_info is None or not os.environ.get("APPROVAL_TUI_DEBUG"):
            return text
        return "\n".join([text, *map(visible_text, self.formatException(record.exc_info).splitlines())])


def _log_to_stderr() -> None:
    """What the gate and the proxy have to say goes to stderr; stdout belongs to the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_VisibleFormatter())
    logging.getLogger().addHandler(handler)  # libraries speak, too, and no more than warnings
    logging.getLogger(_LOG).setLevel(logging.INFO)
