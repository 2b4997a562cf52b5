"""`store copy`: every row of every table, from any engine to any, into a new place, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from approval_tui.store.copying import copy_store
from tests.postgres.servers import Server
from tests.store.copies import KINDS, TABLES, all_rows, quiet, raw
from tests.store.lives import everything
from tests.support import ManualClock, assert_sound


class Places(NamedTuple):
    source: str
    target: str


@pytest.fixture(params=[(one, other) for one in KINDS for other in KINDS], ids=" to ".join)
def places(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[Places]:
    """Where a store is to be, and where its copy."""
    server: Server | None = request.getfixturevalue("postgres_server") if "postgres" in request.param else None
    schemas = []
    found = []
    for name, kind in zip(Places._fields, request.param, strict=True):
        if kind == "sqlite":
            found.append(f"{tmp_path}/{name}/approvals.db")
        else:
            assert server is not None
            schemas.append(server.new_schema())
            found.append(server.url(schemas[-1]))
    yield Places(*found)
    for schema in schemas:
        assert server is not None
        server.drop_schema(schema)


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
