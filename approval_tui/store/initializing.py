"""Making a store before anybody uses it, and the database roles of those who will."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from approval_tui.domain.database_urls import is_database_url
from approval_tui.domain.errors import InvalidInput
from approval_tui.store.locations import resolved_location

if TYPE_CHECKING:
    from approval_tui.store.drivers.postgres_roles import DatabaseRole


class InitializedStore(NamedTuple):
    """A store as `init_store` left it: where it is, as it may be shown, and the roles that were asked for."""

    location: str
    was_there: bool
    roles: tuple[DatabaseRole, ...] = ()


def init_store(
    location: str | None = None, *, agents: Sequence[str] = (), reviewers: Sequence[str] = ()
) -> InitializedStore:
    """Makes the store where there is none, and brings it up to date; a second time changes nothing.

    In a database, the roles of these names are made or given their privileges: those of `agents` can ask and use what
    was approved and never decide, those of `reviewers` decide. Raises InvalidInput for roles that cannot be held to
    that and where there are no roles, StoreReadOnly unless by the owner of the store, and StoreUnavailable.
    """
    place = resolved_location(location)
    if is_database_url(place):
        return _init_database(place, agents, reviewers)
    if agents or reviewers:
        raise InvalidInput(
            f"The store {place} is a file, which knows no roles.",
            not_done="Nothing was made.",
            to_do="Leave --agent-role and --reviewer-role out, or name a database (postgresql://...) with --store.",
        )
    from approval_tui.store import open_store_blocking

    was_there = os.path.exists(place)
    open_store_blocking(place).close()
    return InitializedStore(place, was_there)


def _init_database(url: str, agents: Sequence[str], reviewers: Sequence[str]) -> InitializedStore:
    from approval_tui.store.opening import refuse_without_psycopg

    refuse_without_psycopg(url)
    from approval_tui.store.drivers.postgres_roles import check_names, make_store

    check_names(agents, reviewers)
    return InitializedStore(*make_store(url, agents, reviewers))
