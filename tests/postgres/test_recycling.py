"""A store that many tests use one after another: each finds it empty, whole, and alone."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from tests.postgres.recycling import Recycler
from tests.store.tampering import PostgresConnection, UnguardedPostgresConnection
from tests.support import assert_sound, submit


def test_what_a_test_left_the_next_one_does_not_find(recycler: Recycler, call: Call) -> None:
    location = recycler.fresh()
    with open_store_blocking(location) as store:
        submit(store, call)
    assert recycler.fresh() == location
    with open_store_blocking(location) as store:
        assert (store.reviewer.head(), store.reviewer.list()) == (None, ())
        submit(store, call)
        assert_sound(store)


def test_what_somebody_left_unfinished_is_ended(recycler: Recycler) -> None:
    with closing(PostgresConnection(recycler.fresh())) as left:
        left.execute("BEGIN")
        left.execute("INSERT INTO sinks VALUES ('left', 1)")
        with closing(PostgresConnection(recycler.fresh())) as connection:
            assert connection.execute("SELECT count(*) FROM sinks").fetchone() == (0,)
        with pytest.raises(psycopg.OperationalError):
            left.execute("COMMIT")


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TRIGGER events_are_a_chain ON events",
        "ALTER TABLE requests ALTER COLUMN tool DROP NOT NULL",
        "ALTER TABLE counters DROP CONSTRAINT counters_value_check",
        "UPDATE approval_tui SET version = 0",
        "CREATE OR REPLACE FUNCTION last_sealed() RETURNS bigint LANGUAGE sql AS 'SELECT 9::bigint'",
    ],
)
def test_a_store_that_a_test_damaged_is_made_anew(recycler: Recycler, damage: str) -> None:
    damaged = recycler.fresh()
    with closing(UnguardedPostgresConnection(damaged)) as connection:
        connection.execute(damage)
    assert recycler.fresh() != damaged
