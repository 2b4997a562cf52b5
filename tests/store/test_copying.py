"""`store copy`: every row of every table, from any engine to any, into a new place, and nothing else."""

from __future__ import annotations

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from approval_tui.store.copying import copy_store
from tests.store.copies import TABLES, Places, all_rows, quiet
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
