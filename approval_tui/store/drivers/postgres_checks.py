"""Checks of a store in a PostgreSQL database: the server, the schema, the role, and the way there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from approval_tui.domain.clock import format_duration, system_clock
from approval_tui.domain.store_checks import OK, UNCHECKED, WARNING, WRONG, Check
from approval_tui.store.drivers.postgres_guards import check_guards
from approval_tui.store.drivers.postgres_migrations import SCHEMA_VERSION

MOST_APART = 1000
"""Milliseconds by which the two clocks may differ."""

LONGEST_NOTICE = 2.0
"""Seconds in which a notification should arrive."""

_MOST_IN_USE = 0.8
_TRIPS = 3
_ROLE = b"""
SELECT current_user::text AS name, rolsuper AS is_superuser,
  pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = to_regclass('requests')), 'USAGE') AS is_owner,
  has_column_privilege('requests', 'decisions', 'UPDATE') AS may_decide
FROM pg_roles WHERE rolname = current_user
"""
_SCHEMA = b"SELECT version, current_schema()::text AS name FROM approval_tui"
_DURABILITY = b"""
SELECT name, reset_val FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name
"""
_CONNECTIONS = b"""
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS used,
  current_setting('max_connections')::bigint AS most
"""
_CLOCK = b"SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now"

_Checker = Callable[[Connection[Any]], Check]


def postgres_checks(connection: Connection[Any], connect: Callable[[], Connection[Any]]) -> tuple[Check, ...]:
    """What is found over the connection; `connect` makes another one. Raises psycopg.Error where it is lost."""
    checkers: tuple[tuple[str, _Checker], ...] = (
        ("server", _server),
        ("schema", _schema),
        ("guards", check_guards),
        ("role", _role),
        ("durability", _durability),
        ("connections", _connections),
        ("clock", _clock),
        ("round trip", _round_trip),
        ("wake-ups", lambda ours: _wake_ups(ours, connect)),
    )
    return tuple(_checked(name, checker, connection) for name, checker in checkers)


def _checked(name: str, checker: _Checker, connection: Connection[Any]) -> Check:
    try:
        return checker(connection)
    except psycopg.errors.InsufficientPrivilege:
        return Check(name, UNCHECKED, "this role may not see it")


def _server(connection: Connection[Any]) -> Check:
    version = connection.info.server_version
    encoding = connection.info.parameter_status("server_encoding")
    return Check("server", OK, f"PostgreSQL {version // 10000}.{version % 10000}, encoding {encoding}")


def _schema(connection: Connection[Any]) -> Check:
    row = _row(connection, _SCHEMA)
    standing = OK if row["version"] == SCHEMA_VERSION else WRONG
    return Check("schema", standing, f"version {row['version']} of {SCHEMA_VERSION}, in {row['name']}")


def _role(connection: Connection[Any]) -> Check:
    row = _row(connection, _ROLE)
    if row["is_superuser"]:
        return Check("role", WARNING, f"{row['name']} is a superuser: whoever connects as it can rewrite the store")
    if row["is_owner"]:
        return Check(
            "role",
            WARNING,
            f"{row['name']} owns the tables: whoever connects as it can take the guards away and rewrite",
        )
    return Check("role", OK, f"{row['name']} {'may decide' if row['may_decide'] else 'may not decide'}")


def _durability(connection: Connection[Any]) -> Check:
    values = {row["name"]: row["reset_val"] for row in connection.execute(_DURABILITY).fetchall()}
    words = ", ".join(f"{name} {value}" for name, value in values.items())
    if "off" in (values.get("fsync"), values.get("full_page_writes")):
        return Check("durability", WARNING, f"{words}: a crash of that machine can lose or spoil what was decided")
    if values.get("synchronous_commit") == "off":
        return Check("durability", WARNING, f"{words}: approval-tui turns it on for itself, other programs may not")
    return Check("durability", OK, words)


def _connections(connection: Connection[Any]) -> Check:
    row = _row(connection, _CONNECTIONS)
    words = f"{row['used']} of {row['most']} in use"
    return Check("connections", WARNING if row["used"] > _MOST_IN_USE * row["most"] else OK, words)


def _clock(connection: Connection[Any]) -> Check:
    before = system_clock()
    there = _row(connection, _CLOCK)["now"]
    apart = there - (before + system_clock()) // 2
    if apart == 0:
        return Check("clock", OK, "that of the database counts, and this machine's agrees")
    words = f"that of the database counts; it is {format_duration(abs(apart))} {'ahead of' if apart > 0 else 'behind'}"
    return Check("clock", OK if abs(apart) <= MOST_APART else WARNING, f"{words} this machine's")


def _round_trip(connection: Connection[Any]) -> Check:
    shortest = float("inf")
    for _ in range(_TRIPS):
        began = time.perf_counter()
        connection.execute(b"SELECT 1")
        shortest = min(shortest, time.perf_counter() - began)
    return Check("round trip", OK, f"{shortest * 1000:.1f} ms")


def _wake_ups(connection: Connection[Any], connect: Callable[[], Connection[Any]]) -> Check:
    channel = f"approval_tui_check_{os.getpid()}_{time.monotonic_ns()}"
    with contextlib.closing(connect()) as listening:
        listening.execute(SQL("LISTEN {}").format(Identifier(channel)))
        connection.execute(b"SELECT pg_notify(%s, '')", [channel])
        if list(listening.notifies(timeout=LONGEST_NOTICE, stop_after=1)):
            return Check("wake-ups", OK, "a notification arrives")
    return Check("wake-ups", WARNING, "no notification arrives (a pooler?): those who wait look by themselves, later")


def _row(connection: Connection[Any], statement: bytes) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row
