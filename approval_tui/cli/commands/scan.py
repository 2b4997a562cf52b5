"""`policy scan`: a server's tools as a policy to start from."""

from __future__ import annotations

import shlex
from argparse import Namespace

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.cli.mcp_server import check_server
from approval_tui.domain.errors import InvalidInput


def scan(options: Namespace, _environment: Environment) -> int:
    """Asks the server for its tools and writes a policy under which every one of them asks."""
    check_server(options)
    from approval_tui.cli.starter_policy import starter_policy
    from approval_tui.policy.document import parse_policy
    from approval_tui.proxy.options import server_label
    from approval_tui.proxy.scan import tools_of_server

    tools = tools_of_server(options.command, options.upstream, tuple(options.header or ()), options.timeout)
    label = server_label(options.command, options.upstream)
    text = starter_policy(label, tools)
    parse_policy(text, options.output or "the policy")  # raises PolicyError rather than to hand out a broken one
    if options.output is None:
        output.write(text)
        return DONE
    try:
        with open(options.output, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInput(
            f"{options.output} is there already.", not_done="Nothing was written.", to_do="Give another name."
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"{options.output} cannot be written: {error.strerror}.",
            not_done="Nothing was written.",
            to_do="Give another name.",
        ) from None
    output.narrate(f"{options.output} has {len(tools)} tools, and every one of them asks. Then, in your MCP client:")
    server = f"--upstream {shlex.quote(options.upstream)}" if options.upstream else f"-- {shlex.join(options.command)}"
    if options.header:
        server += " and the same --header"
    output.narrate(f"  approval-tui proxy -c {shlex.quote(options.output)} {server}")
    return DONE
