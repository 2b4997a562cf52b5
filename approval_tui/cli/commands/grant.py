"""The commands on grants: calls that a reviewer approved for the rest of a session."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.domain.clock import format_duration, system_clock

if TYPE_CHECKING:
    from approval_tui.domain.grants import Grant


def list_grants(options: Namespace, environment: Environment) -> int:
    """Prints the grants in force, newest first; with --all those that ended, too."""
    now = system_clock()
    with environment.open_store() as store:
        grants = [grant for grant in store.reviewer.grants() if options.all or grant.is_live(now)]
    if options.json:
        output.print_json_array(grant.to_json() for grant in grants)
        return DONE
    if not grants:
        output.narrate(f"No grants{'' if options.all else ' are in force'} in {store.path}.")
    _print_table(grants, now)
    return DONE


def revoke(options: Namespace, environment: Environment) -> int:
    """Ends a grant; the next time the call is asked."""
    with environment.open_store() as store:
        grant = store.reviewer.revoke_grant(options.id, reviewer=environment.reviewer(), reason=options.reason)
    if options.json:
        output.print_json(grant.to_json())
    else:
        output.print_line(f"{grant.id} {_state(grant, system_clock())}")
    return DONE


def _print_table(grants: list[Grant], now: int) -> None:
    from approval_tui.display.glyphs import UNICODE

    headers = ("ID", "STATE", "USES", "BY", "CALL")
    rows = [
        (
            grant.id,
            _state(grant, now),
            str(grant.uses),
            UNICODE.name(grant.granted_by),
            f"{UNICODE.name(grant.tool)} for {UNICODE.name(grant.requester)} in {UNICODE.name(grant.session or '')}",
        )
        for grant in grants
    ]
    output.print_table(headers, rows)


def _state(grant: Grant, now: int) -> str:
    from approval_tui.display.glyphs import UNICODE

    if grant.revoked_at is not None:
        return f"revoked by {UNICODE.name(grant.revoked_by or '')}"
    return f"for {format_duration(grant.expires_at - now)}" if grant.is_live(now) else "expired"
