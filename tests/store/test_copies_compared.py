"""Copies are what their sources are: whatever is tampered with or cut away, and what the new store refuses."""

from __future__ import annotations

import os
import re
import sqlite3

import psycopg
import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import DAY
from approval_tui.domain.errors import LogBroken, StoreBusy, StoreCorrupt, StoreIncompatible, StoreMissing
from approval_tui.store import is_database_url, open_store_blocking
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.copying.tables import BatchSize
from approval_tui.store.drivers import sqlite
from approval_tui.store.drivers.postgres_migrations import MIGRATIONS
from tests.postgres.servers import Server
from tests.store.copies import (
    ONE_OF_EACH,
    Places,
    all_rows,
    once_at,
    quiet,
    raw,
    stop_copy,
    without_guards,
)
from tests.support import ANN, ManualClock, assert_sound, deny, submit


def assert_unfinished(places: Places) -> None:
    """Nobody can use the copy."""
    with pytest.raises(StoreIncompatible, match="is an unfinished copy"):
        open_store_blocking(places.target)


TAMPERED = {
    "a row": "UPDATE requests SET risk = 'high' WHERE tool = 'pending'",
    "an event": "UPDATE events SET body = '{}' WHERE seq = 7",
    "a missing event": "DELETE FROM events WHERE seq = 7",
    "a grant": "UPDATE grants SET most_uses = 1000 WHERE most_uses IS NOT NULL",
}


@pytest.mark.parametrize("places", [("sqlite", "postgres")], ids=" to ".join, indirect=True)
@pytest.mark.parametrize("how", TAMPERED)
def test_a_source_that_was_tampered_with_is_not_copied(lived: Places, how: str) -> None:
    without_guards(lived.source, TAMPERED[how])
    with pytest.raises(LogBroken, match="does not verify") as caught:
        copy_store(*lived, quiet)
    assert caught.value.not_done == "Nothing was copied, and nothing was made."
    with pytest.raises(StoreMissing):
        open_store_blocking(lived.target, create=False)


COPYING, COPIED = ("events verified", "events copied"), ("requests copied", "events verified")
"""When a source is tampered with: when the first events were copied, and when all were and the copy verifies."""
TO_FILE, TO_DATABASE = ("postgres", "sqlite"), ("sqlite", "postgres")


@pytest.mark.parametrize(
    ("places", "when", "statement", "said"),
    [
        (TO_FILE, COPYING, "UPDATE events SET body = '{}' WHERE seq = 9", "event 9 was changed"),
        (TO_DATABASE, COPYING, "DELETE FROM events WHERE seq = 9", "event 9 is missing"),
        (TO_FILE, COPYING, "UPDATE requests SET reason = 'x' WHERE tool = 'denied'", r"does not verify: .*digest"),
        (TO_DATABASE, COPIED, "UPDATE events SET body = '{}' WHERE seq = 3", r"events row 3 .* body differ"),
        (TO_FILE, COPIED, "DELETE FROM events WHERE seq = 3", r"events row 3 .* no such row"),
        (TO_DATABASE, COPIED, "UPDATE requests SET reason = 'x' WHERE tool = 'denied'", r"requests row .* reason diff"),
        (TO_FILE, COPIED, "DELETE FROM requests WHERE tool = 'denied'", r"requests row .* has no such row"),
        (TO_DATABASE, COPIED, "DELETE FROM submissions WHERE key = 'k1'", r"submissions row .*k1 .* no such row"),
    ],
    indirect=["places"],
)
def test_a_source_that_is_tampered_with_while_it_is_copied_gives_no_finished_copy(
    lived: Places, monkeypatch: pytest.MonkeyPatch, when: tuple[str, str], statement: str, said: str
) -> None:
    monkeypatch.setattr(BatchSize, "most_rows", 5)
    with pytest.raises(StoreCorrupt, match=said) as caught:
        copy_store(*lived, once_at(when, lambda: without_guards(lived.source, statement)))
    assert caught.value.not_done == f"The copy {lived.target} is not finished, and nobody can use it."
    assert_unfinished(lived)


@pytest.mark.parametrize(
    ("places", "statement", "said"),
    [
        (TO_FILE, "UPDATE counters SET value = value + 1", r"counters row sum.* value differ"),
        (TO_DATABASE, "DELETE FROM deliveries WHERE failure IS NOT NULL", r"deliveries row .* it is missing"),
        (TO_FILE, "INSERT INTO sinks VALUES ('x', 1)", r"sinks row x .* has no such row"),
        (TO_DATABASE, "UPDATE submissions SET timeout = '1m' WHERE key = 'k1'", r"submissions row .* timeout differ"),
        (TO_FILE, "UPDATE requests SET version = 99 WHERE tool = 'denied'", r"requests row .* version differ"),
    ],
    indirect=["places"],
)
def test_a_copy_that_is_tampered_with_is_never_finished(lived: Places, statement: str, said: str) -> None:
    when = ("requests copied", "events compared")
    with pytest.raises(StoreCorrupt, match=said):
        copy_store(*lived, once_at(when, lambda: without_guards(lived.target, statement)))
    assert_unfinished(lived)


def prune(location: str, clock: ManualClock) -> None:
    """Seals and deletes what is older than two days."""
    with open_store_blocking(location, clock=clock) as store:
        maintainer = store.maintainer
        assert maintainer.prune(maintainer.plan_prune(clock() - 2 * DAY), reviewer=ANN) is not None


@pytest.fixture
def long_denied(places: Places, clock: ManualClock, call: Call) -> Places:
    """A store whose log can be pruned up to event 6."""
    with open_store_blocking(places.source, clock=clock) as source:
        for number in range(3):
            deny(source, submit(source, Call("t", {"n": number}, "bot")))
        clock.move(3 * DAY)
        submit(source, call)
        deny(source, submit(source, Call("t", {"n": 4}, "bot")))
    return places


def test_a_log_that_was_pruned_is_copied_from_its_last_sealed_event_on(
    long_denied: Places, clock: ManualClock, call: Call
) -> None:
    prune(long_denied.source, clock)
    copied = copy_store(*long_denied, quiet)
    assert (copied.rows["events"], copied.rows["requests"], copied.rows["segments"]) == (4, 2, 1)
    assert all_rows(long_denied.target) == all_rows(long_denied.source)
    with open_store_blocking(long_denied.target, clock=clock) as target:
        assert_sound(target)
        deny(target, target.reviewer.list()[0])
        assert_sound(target)


@pytest.mark.parametrize(
    ("places", "at"),
    [(TO_FILE, "events copied"), (TO_DATABASE, "requests copied"), (TO_FILE, "events compared")],
    indirect=["places"],
)
def test_a_log_that_is_pruned_while_it_is_copied_gives_no_finished_copy(
    long_denied: Places, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(BatchSize, "most_rows", 2)
    with pytest.raises(StoreBusy, match="was sealed or pruned while it was copied"):
        copy_store(*long_denied, once_at(("events verified", at), lambda: prune(long_denied.source, clock)))
    assert_unfinished(long_denied)


WHY = r"never changes|no rule of|only with a sealed|append-only|revoked|as long as|released and kept"
REFUSED = (
    "UPDATE requests SET status = 'pending' WHERE status = 'denied'",
    "UPDATE requests SET arguments = '{}' WHERE tool = 'denied'",
    "DELETE FROM requests WHERE tool = 'denied'",
    "UPDATE events SET body = '{}' WHERE seq = 3",
    "DELETE FROM events WHERE seq = 3",
    "UPDATE grants SET most_uses = 1000 WHERE most_uses IS NOT NULL",
    "UPDATE grants SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
    "DELETE FROM grants WHERE revoked_at IS NOT NULL",
    "UPDATE tokens SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
    "DELETE FROM tokens WHERE revoked_at IS NOT NULL",
    "UPDATE submissions SET timeout = '1m' WHERE key = 'k1'",
    "DELETE FROM submissions WHERE key = 'k1'",
    "DELETE FROM holds WHERE released_at IS NULL",
)


@ONE_OF_EACH
def test_a_copy_refuses_what_a_store_refuses_while_it_is_made_and_afterwards(lived: Places) -> None:
    def refused_everywhere() -> None:
        with raw(lived.target) as connection:
            for statement in REFUSED:
                with pytest.raises((sqlite3.IntegrityError, psycopg.errors.IntegrityError), match=WHY):
                    connection.execute(statement)
            assert connection.execute("SELECT count(*) FROM events WHERE seq = 3").fetchone() == (1,)

    stop_copy(lived, "requests compared")
    refused_everywhere()
    copy_store(*lived, quiet)
    refused_everywhere()
    assert guards_of(lived.target) == guards_of_new_store(lived.target)


def guards_of(location: str) -> set[str]:
    """The names of the triggers that are on."""
    if is_database_url(location):
        query = (
            "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
            "WHERE tgenabled = 'O' AND NOT tgisinternal AND relnamespace = current_schema()::regnamespace"
        )
    else:
        query = "SELECT name FROM sqlite_master WHERE type <> 'index'"
    with raw(location) as connection:
        return {name for (name,) in connection.execute(query).fetchall()}


def guards_of_new_store(location: str) -> set[str]:
    """The same of a store that is no copy; of a file, its tables too."""
    if is_database_url(location):
        folder = os.path.join(os.path.dirname(sqlite.__file__), "..", "migrations", "postgres")
        names: set[str] = set()
        for migration in MIGRATIONS:
            with open(os.path.join(folder, migration), encoding="utf-8") as file:
                names.update(re.findall("CREATE (?:CONSTRAINT )?TRIGGER ([a-z_]+)", file.read()))
        assert names
        return names
    path = f"{location}.new"
    open_store_blocking(path).close()
    return guards_of(path)


def test_the_roles_that_asked_are_kept_between_two_stores_in_postgres(
    postgres_server: Server, postgres_url: str, store_path: str, clock: ManualClock, call: Call
) -> None:
    with open_store_blocking(postgres_url, clock=clock) as source:
        submit(source, call)
    without_guards(postgres_url, "UPDATE requests SET submitted_by = 'agents'")
    schema = postgres_server.new_schema()
    target = postgres_server.url(schema)
    try:
        copy_store(postgres_url, target, quiet)
        with raw(target) as connection:
            assert connection.execute("SELECT submitted_by FROM requests").fetchall() == [("agents",)]
    finally:
        postgres_server.drop_schema(schema)
    copy_store(postgres_url, store_path, quiet)
