"""Tokens of the server: made, listed, revoked. A token's text is printed once, when it is made."""

from __future__ import annotations

from argparse import Namespace

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.display.visible import visible_text
from approval_tui.domain.clock import format_timestamp
from approval_tui.domain.names import quoted_name
from approval_tui.domain.tokens import Token, new_token


def create(options: Namespace, environment: Environment) -> int:
    """Prints a new token, and nothing else, on stdout; who reads this can use it."""
    new = new_token()
    with environment.open_store() as store:
        reviewer = environment.reviewer()
        token = store.reviewer.create_token(
            new, options.role, options.name, lifetime=options.expires, reviewer=reviewer
        )
    if options.json:
        output.print_json({**token.to_json(), "token": new.text})
    else:
        output.print_line(new.text)
    output.narrate(f"Token {token.id} of the {token.role} {quoted_name(token.name)}. It is not shown again.")
    return DONE


def list_tokens(options: Namespace, environment: Environment) -> int:
    """Lists who may use the server; never what with."""
    with environment.open_store() as store:
        now = environment.now()
        tokens = [token for token in store.reviewer.tokens() if options.all or token.is_live(now)]
    if options.json:
        output.print_json_array(token.to_json() for token in tokens)
        return DONE
    if not tokens:
        output.narrate("Nobody may use the server. `approval-tui token create` makes a token.")
    for token in tokens:
        output.print_line(
            f"{token.id}  {token.role:8}  {visible_text(quoted_name(token.name))}  {_standing(token, now)}"
        )
    return DONE


def revoke(options: Namespace, environment: Environment) -> int:
    """Ends a token at once; the second time nothing."""
    with environment.open_store() as store:
        token = store.reviewer.revoke_token(options.id, reviewer=environment.reviewer())
    if options.json:
        output.print_json(token.to_json())
        return DONE
    output.print_line(f"Token {token.id} of the {token.role} {visible_text(quoted_name(token.name))} ends here.")
    return DONE


def _standing(token: Token, now: int) -> str:
    if token.revoked_at is not None:
        return f"revoked at {format_timestamp(token.revoked_at)}"
    if token.expires_at is None:
        return "until it is revoked"
    return f"{'until' if token.is_live(now) else 'expired at'} {format_timestamp(token.expires_at)}"
