"""Which MCP server a command line means: a command, or a URL with headers."""

from __future__ import annotations

from argparse import Namespace

from approval_tui.domain.errors import InvalidInput


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
