"""Makes a store, and in a database the roles of agents and reviewers."""

from __future__ import annotations

from argparse import Namespace

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE
from approval_tui.display.visible import visible_text
from approval_tui.domain.names import quoted_name


def init(options: Namespace, environment: Environment) -> int:
    """Prints where the store is, and each role with what it may do; says how a new role gets a password."""
    from approval_tui.store.initializing import init_store

    store = init_store(environment.store_location(), agents=options.agent_role, reviewers=options.reviewer_role)
    if options.json:
        roles = [role._asdict() for role in store.roles]
        output.print_json({"store": store.location, "was_there": store.was_there, "roles": roles})
    else:
        output.print_line(visible_text(store.location))
        for role in store.roles:
            standing = "new" if role.is_new else "was there"
            output.print_line(f"{role.may:8}  {visible_text(quoted_name(role.name))}  {standing}")
    output.narrate("The store was there, and is up to date." if store.was_there else "A new, empty store was made.")
    new = [quoted_name(role.name) for role in store.roles if role.is_new]
    if new:
        output.narrate(
            f"New roles have no password: give them one in psql (\\password {new[0]}), or let them in by certificate "
            "or as users of this machine (pg_hba.conf)."
        )
    return DONE
