"""The database roles of agents and reviewers, made or updated by the store's owner, and then looked at as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import Error, errors
from psycopg.sql import SQL, Identifier

from approval_tui.domain.errors import InvalidInput, StoreMissing, StoreReadOnly
from approval_tui.domain.names import quoted_name
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.store.drivers.postgres_connections import Connecting
from approval_tui.store.drivers.postgres_errors import first_line, in_our_words
from approval_tui.store.drivers.postgres_migrations import bring_up_to_date
from approval_tui.store.drivers.postgres_privileges import FORBIDDEN, GRANTED, SEEN_BY_ROW, TABLES

if TYPE_CHECKING:
    from psycopg import Connection

LONGEST_ROLE_NAME = 63
"""Bytes; PostgreSQL would cut a longer name short, and mean another role."""

MANNERS = {"lock_timeout": "10s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "30s"}
"""How long a new agent's role keeps others waiting at most where its programs do not say otherwise, as they can."""

_LOCK = 0x41505252  # 'APRR'
_NOTHING_CHANGED = "No role was made or changed."
_ANOTHER = "Take another role."

_PLACE = """
SELECT nspname AS schema, pg_has_role(relowner, 'USAGE') AS is_owner, pg_has_role(nspowner, 'USAGE') AS owns_schema,
  pg_get_userbyid(relowner) AS owner, current_database() AS database
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = 'requests'::regclass
"""

_STANDING = """
WITH given AS (
  SELECT attname, (aclexplode(attacl)).grantee, (aclexplode(attacl)).privilege_type FROM pg_attribute
  WHERE attrelid = 'requests'::regclass)
SELECT oid IN (SELECT grantee FROM given WHERE attname = 'decisions' AND privilege_type = 'UPDATE') AS may_decide,
  oid IN (SELECT grantee FROM given WHERE attname = 'tool' AND privilege_type = 'INSERT') AS may_ask,
  has_database_privilege(oid, current_database(), 'CONNECT') AS may_connect
FROM pg_roles WHERE rolname = %s
"""

_REVIEWERS = """
SELECT rolname AS name FROM pg_roles WHERE oid = ANY (
  SELECT unnest(polroles) FROM pg_policy WHERE polname = 'of_reviewers' AND polrelid = %s::regclass) ORDER BY rolname
"""

_TOO_MIGHTY = """
SELECT held.rolname AS through, CASE
    WHEN held.rolsuper THEN 'is a super-user'
    WHEN held.rolcreaterole THEN 'may make and change roles'
    WHEN held.rolbypassrls THEN 'passes by row-level security'
    WHEN held.rolreplication THEN 'may copy the whole server'
    WHEN held.rolname ~ '^pg_(read|write|execute|create|use|maintain)_' AND held.rolname !~ '_(settings|stats)$'
      THEN 'has privileges on the whole server'
    WHEN pg_has_role(held.oid, (SELECT datdba FROM pg_database WHERE datname = current_database()), 'MEMBER')
      THEN 'owns the database'
    WHEN held.oid = space.nspowner OR EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = space.oid
      AND relowner = held.oid) OR EXISTS (SELECT 1 FROM pg_proc WHERE pronamespace = space.oid AND proowner = held.oid)
      THEN 'owns the store or a part of it'
    WHEN has_schema_privilege(held.oid, space.oid, 'CREATE') THEN 'may make tables and functions in the schema'
    WHEN has_database_privilege(held.oid, current_database(), 'CREATE') THEN 'may make schemas in the database'
  END AS why
FROM pg_roles held, pg_class JOIN pg_namespace space ON space.oid = relnamespace
WHERE pg_class.oid = 'requests'::regclass AND pg_has_role(%(role)s::name, held.oid, 'MEMBER')
UNION ALL
SELECT held.rolname, 'may do this to the store: ' || what FROM pg_roles held, unnest(%(forbidden)s::text[]) AS what,
  LATERAL (SELECT split_part(what, ' ', 1) AS privilege, split_part(split_part(what, ' ', 2), '.', 1) AS relation,
    split_part(what, '.', 2) AS attribute) AS parts
WHERE pg_has_role(%(role)s::name, held.oid, 'MEMBER') AND CASE
  WHEN attribute <> '' THEN has_column_privilege(held.oid, relation, attribute, privilege)
  WHEN privilege IN ('DELETE', 'TRUNCATE', 'TRIGGER') THEN has_table_privilege(held.oid, relation, privilege)
  ELSE has_any_column_privilege(held.oid, relation, privilege) END
"""


class DatabaseRole(NamedTuple):
    """A role of the database and what it may do in the store: `may` is `agent` or `reviewer`."""

    name: str
    may: str
    is_new: bool


def check_names(agents: Sequence[str], reviewers: Sequence[str]) -> None:
    """Raises InvalidInput for a name that no role can have, and for one that is to be both."""
    for name in (*agents, *reviewers):
        size = len(name.encode("utf-8", "replace"))
        if not 1 <= size <= LONGEST_ROLE_NAME or not name.isprintable():
            raise _unfit(name, f"has no name for one: that has 1 to {LONGEST_ROLE_NAME} bytes, all printable", _ANOTHER)
        if name.startswith("pg_") or name in ("public", "none"):
            raise _unfit(name, "has a name that PostgreSQL keeps for itself", _ANOTHER)
        if name in agents and name in reviewers:
            raise _unfit(name, "cannot be both an agent's and a reviewer's", _ANOTHER)


def make_store(url: str, agents: Sequence[str], reviewers: Sequence[str]) -> tuple[str, bool, tuple[DatabaseRole, ...]]:
    """Makes the tables that are lacking, and the roles; gives where that is, whether a store was there, and the roles.

    Raises StoreUnavailable, and StoreReadOnly where this user may not.
    """
    connecting = Connecting(url)
    with contextlib.closing(connecting.connect()) as connection:
        try:
            try:
                bring_up_to_date(connection, connecting.location, create=False)
                was_there = True
            except StoreMissing:
                bring_up_to_date(connection, connecting.location, create=True)
                was_there = False
            roles = set_up_roles(connection, connecting.location, agents, reviewers)
        except Error as error:
            raise in_our_words(error, connecting.location) from error
    return connecting.location, was_there, roles


def set_up_roles(
    connection: Connection[Any], location: str, agents: Sequence[str], reviewers: Sequence[str]
) -> tuple[DatabaseRole, ...]:
    """Gives each role what it may do in the store and nothing else; those that are lacking are made.

    It is all or nothing, and also without roles it closes the tables and their schema to everybody who was not named.
    Raises StoreReadOnly unless the store's owner asks, and InvalidInput for a role that could do more than it may.
    """
    check_names(agents, reviewers)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        place = connection.execute(_PLACE).fetchone()
        assert place is not None
        if not place["is_owner"]:
            raise StoreReadOnly(
                f"The store {location} belongs to the database role {quoted_name(place['owner'])}.",
                not_done=_NOTHING_CHANGED,
                to_do="Run `approval-tui store init` as that role.",
            )
        _close_to_all(connection, place)
        wanted = dict.fromkeys([*((name, AGENT) for name in agents), *((name, REVIEWER) for name in reviewers)])
        roles = tuple(DatabaseRole(name, may, _set_up(connection, place, name, may)) for name, may in wanted)
        _show_all_rows_to(connection, [role.name for role in roles if role.may == REVIEWER])
        for role in roles:
            _refuse_too_mighty(connection, role)
    return roles


def _close_to_all(connection: Connection[Any], place: Any) -> None:
    """Takes from PUBLIC what it may have been given on the tables, and CREATE, which it has on an old `public`."""
    connection.execute(SQL("REVOKE ALL ON {} FROM PUBLIC").format(_names(TABLES)))
    if place["owns_schema"]:
        connection.execute(SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(Identifier(place["schema"])))


def _set_up(connection: Connection[Any], place: Any, name: str, may: str) -> bool:
    """Gives the role its privileges, and says whether it was made for that."""
    role, standing = Identifier(name), connection.execute(_STANDING, [name]).fetchone()
    if standing is None:
        _make(connection, place, name, may)
    elif name == place["owner"]:
        raise _unfit(name, "owns the store", _ANOTHER)
    elif standing["may_ask"] and standing["may_decide"] != (may == REVIEWER):
        was = "a reviewer's" if standing["may_decide"] else "an agent's"
        raise _unfit(name, f"is {was} already", f"Take another, or execute DROP OWNED BY {role.as_string()} first.")
    connection.execute(SQL("REVOKE ALL ON {} FROM {}").format(_names(TABLES), role))
    for table, privileges in GRANTED[may].items():
        grant = SQL(f"GRANT {privileges} ON {{}} TO {{}}")
        connection.execute(grant.format(Identifier(table), role))
    connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(place["schema"]), role))
    if standing is not None and not standing["may_connect"]:
        connection.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(Identifier(place["database"]), role))
    return standing is None


def _make(connection: Connection[Any], place: Any, name: str, may: str) -> None:
    """Makes the role, which may log in and has no password."""
    role, database = Identifier(name), Identifier(place["database"])
    try:
        connection.execute(SQL("CREATE ROLE {} LOGIN").format(role))
    except errors.InsufficientPrivilege as error:
        raise StoreReadOnly(
            f"The role {quoted_name(name)} cannot be made ({first_line(error)}).",
            not_done=_NOTHING_CHANGED,
            to_do=f"Have an administrator execute CREATE ROLE {role.as_string()} LOGIN, then run this again.",
        ) from None
    if may == AGENT:
        for setting, value in MANNERS.items():
            connection.execute(
                SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(role, database, Identifier(setting), value)
            )


def _show_all_rows_to(connection: Connection[Any], reviewers: Sequence[str]) -> None:
    """Adds the roles to those for whom row-level security hides nothing."""
    for table in SEEN_BY_ROW if reviewers else ():
        known = [row["name"] for row in connection.execute(_REVIEWERS, [table]).fetchall()]
        roles = _names(dict.fromkeys([*known, *reviewers]))
        if known:
            connection.execute(SQL("ALTER POLICY of_reviewers ON {} TO {}").format(Identifier(table), roles))
        else:
            policy = SQL("CREATE POLICY of_reviewers ON {} TO {} USING (true) WITH CHECK (true)")
            connection.execute(policy.format(Identifier(table), roles))


def _refuse_too_mighty(connection: Connection[Any], role: DatabaseRole) -> None:
    """Raises InvalidInput where the role can do more than it may: by what it is, owns, was given or is a member of."""
    parameters = {"role": role.name, "forbidden": list(FORBIDDEN[role.may])}
    for row in connection.execute(_TOO_MIGHTY, parameters).fetchall():
        if row["why"] is not None:
            through = "" if row["through"] == role.name else f" as a member of {quoted_name(row['through'])}"
            raise _unfit(role.name, f"{row['why']}{through}, so that nothing here would hold it")


def _names(names: Sequence[str] | dict[str, None]) -> Any:
    return SQL(", ").join(map(Identifier, names))


def _unfit(name: str, why: str, to_do: str = "Take that from it, or take another role.") -> InvalidInput:
    return InvalidInput(f"The role {quoted_name(name)} {why}.", not_done=_NOTHING_CHANGED, to_do=to_do)
