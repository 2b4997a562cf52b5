"""`store copy`: every row of every table, from any engine to any, into a new place, and nothing else."""

from __future__ import annotations

import re

import pytest

from approval_tui.domain.calls import Call
from approval_tui.store import is_database_url, open_store_blocking
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.drivers import sqlite_copying
from approval_tui.store.statements import STATEMENTS
from tests.store.copies import TABLES, Places, all_rows, quiet, raw
from tests.store.lives import everything
from tests.support import ManualClock, assert_sound


def test_a_copy_holds_every_row_of_a_store_in_which_everything_happened(
    places: Places, clock: ManualClock, call: Call
) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
        head = source.reviewer.head()
    before = all_rows(places.source)
    assert all(before[table] for table in TABLES if table != "segments")
    copied = copy_store(places.source, places.target, quiet)
    assert (copied.head, copied.events_since, copied.was_resumed) == (head, 0, False)
    assert copied.rows == {table: len(rows) for table, rows in before.items()}
    assert all_rows(places.source) == before
    assert all_rows(places.target) == before
    with open_store_blocking(places.target, clock=clock) as target:
        assert_sound(target)
        assert target.reviewer.head() == head


STATEMENTS_OF = {"events": "append_event", "requests": "put_request", "submissions": "put_submission"}


@pytest.mark.parametrize("places", [("sqlite", "postgres"), ("postgres", "sqlite")], ids=" to ".join, indirect=True)
def test_no_table_and_no_column_of_a_store_is_forgotten(places: Places) -> None:
    open_store_blocking(places.source).close()
    with raw(places.source) as connection:
        if is_database_url(places.source):
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        else:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = {name for (name,) in connection.execute(query).fetchall()} - {
            "approval_tui",
            "audit_head",
            "requesters",
        }
        assert tables == set(TABLES)
        sqlite_copying.learn_statements()
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {table}")
            columns = {column[0] for column in cursor.description} - {"submitted_by"}
            put = STATEMENTS[STATEMENTS_OF.get(table, f"put_{table}")]
            assert set(re.findall(":([a-z_]+)", put)) == columns, table
