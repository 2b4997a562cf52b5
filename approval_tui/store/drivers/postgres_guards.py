"""The guards of a store in a PostgreSQL database, held against the text of the migrations that made them."""

from __future__ import annotations

import re
from typing import Any

from psycopg import Connection

from approval_tui.domain.store_checks import OK, WRONG, Check
from approval_tui.store.drivers.postgres_migrations import MIGRATIONS, migration_text

_FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\([^;]*?\$\$(.*?)\$\$", re.DOTALL)
_TRIGGER = re.compile(
    r"CREATE (?:CONSTRAINT )?TRIGGER (\w+) (?:BEFORE|AFTER) [^;]*?\sON (\w+)\s"
    r"[^;]*?EXECUTE FUNCTION (\w+)\(([^;]*?)\);",
    re.DOTALL,
)
_POLICY = re.compile(r"CREATE POLICY (\w+) ON (\w+)")
_TRIGGERS_THERE = b"""
SELECT t.tgname::text AS name, c.relname::text AS on_table, p.proname::text AS function, t.tgenabled::text AS enabled,
  replace(encode(t.tgargs, 'escape'), '\\000', '') AS arguments
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
"""
_FUNCTIONS_THERE = b"""
SELECT proname::text AS name, prosrc AS text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""
_POLICIES_THERE = b"""
SELECT p.polname::text AS name, c.relname::text AS on_table FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity
"""
_ROLE_OF_SESSION = b"SELECT current_setting('session_replication_role') AS role"
_SWITCHED_ON = ("O", "A")


def check_guards(connection: Connection[Any]) -> Check:
    """Whether every trigger is there and on, with our function as it was made, and no other one."""
    text = "".join(map(migration_text, MIGRATIONS))
    ours = {(name, table, function, said.strip("'")) for name, table, function, said in _TRIGGER.findall(text)}
    found = connection.execute(_TRIGGERS_THERE).fetchall()
    there = {(row["name"], row["on_table"], row["function"], row["arguments"]) for row in found}
    bodies = {row["name"]: row["text"] for row in connection.execute(_FUNCTIONS_THERE).fetchall()}
    names, names_there = {each[0] for each in ours}, {each[0] for each in there}
    policies = {(row["name"], row["on_table"]) for row in connection.execute(_POLICIES_THERE).fetchall()}
    parts = (
        ("missing", names - names_there),
        ("switched off", {row["name"] for row in found if row["enabled"] not in _SWITCHED_ON}),
        ("changed", {each[0] for each in ours - there} & names_there),
        ("changed functions", {name for name, body in _FUNCTION.findall(text) if bodies.get(name) != body}),
        ("not ours", names_there - names),
        ("shown to every agent", {table for _, table in set(_POLICY.findall(text)) - policies}),
    )
    wrong = [f"{what}: {', '.join(sorted(which))}" for what, which in parts if which]
    row = connection.execute(_ROLE_OF_SESSION).fetchone()
    if row is not None and row["role"] == "replica":
        wrong.append("all switched off for this role: its session_replication_role is replica")
    if wrong:
        return Check("guards", WRONG, f"{'; '.join(wrong)}; somebody wrote to the schema past approval-tui")
    return Check("guards", OK, f"all {len(ours)} triggers are there and on, with our functions")
