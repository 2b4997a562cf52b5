"""Somebody writes to the table of holds, or around it, and what `verify` finds of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import SessionHeld, StoreUnavailable
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.models import Request
from approval_tui.domain.verdicts import Verdict
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import grant_for
from tests.store.holding import admit, hold, release
from tests.store.tampering import REFUSED, attack, columns_of, forge, problems, raw, sqlite_alone
from tests.support import ANN, BO, ManualClock, approve, assert_sound, consume, submit, submit_approved

COLUMNS = ("requester", "session", "held_by", "held_at", "reason", "released_by", "released_at")
WRONG = "session {} is held or released otherwise than the log says"


@pytest.fixture
def approved(store: BlockingStore, clock: ManualClock, call: Call) -> Request:
    """A store with a session that is held, run-1, with a request that was approved before; run-2 was released."""
    other = dataclasses.replace(call, session="run-2")
    request = submit_approved(store, call)
    submit(store, dataclasses.replace(other, tool="else"))
    for each in (call, other):
        hold(store, each, reason="odd")
        clock.move(7)
    release(store, other, BO)
    clock.move(7)
    assert_sound(store)
    return request


def whats(store: BlockingStore) -> set[str]:
    """What `verify` finds."""
    return {problem.what for problem in problems(store)}


@pytest.mark.parametrize(
    "change",
    [
        "released_by = 'ann', released_at = held_at",
        "released_at = 1",
        "released_by = 'eve'",
        "held_by = 'eve'",
        "held_at = held_at - 1",
        sqlite_alone("held_at = 'soon'"),
        "reason = NULL",
        "reason = 'fine'",
        "held_by = x'ff'",
    ],
)
def test_a_hold_that_was_changed_is_found(store: BlockingStore, approved: Request, change: str) -> None:
    attack(store, f"UPDATE holds SET {change} WHERE session = 'run-1'")
    assert whats(store) == {WRONG.format("run-1")}


@pytest.mark.parametrize("change", ["session = 'run-3'", "requester = 'else'"])
def test_a_hold_that_was_moved_to_another_session_is_found_on_both(
    store: BlockingStore, approved: Request, change: str
) -> None:
    attack(store, f"UPDATE holds SET {change} WHERE session = 'run-1'")
    assert "session run-1: that it was held was deleted" in whats(store)
    assert len(whats(store)) == 2


@pytest.mark.parametrize("change", ["released_by = NULL, released_at = NULL", "released_at = released_at + 1"])
def test_a_release_that_was_undone_or_changed_is_found(store: BlockingStore, approved: Request, change: str) -> None:
    attack(store, f"UPDATE holds SET {change} WHERE session = 'run-2'")
    assert whats(store) == {WRONG.format("run-2")}


@pytest.mark.parametrize("session", ["run-1", "run-2"])
def test_a_hold_that_was_deleted_is_found(store: BlockingStore, approved: Request, session: str) -> None:
    attack(store, "DELETE FROM holds WHERE session = ?", (session,))
    assert whats(store) == {f"session {session}: that it was held was deleted"}


def test_a_hold_that_nobody_made_is_found(store: BlockingStore, approved: Request) -> None:
    with closing(raw(store)) as connection:
        connection.execute("INSERT INTO holds VALUES ('release-bot', 'run-9', 'ann', 1, NULL, NULL, NULL)")
    assert whats(store) == {WRONG.format("run-9")}


def test_every_column_is_looked_at(store: BlockingStore, approved: Request) -> None:
    assert columns_of(store, "holds") == COLUMNS


@pytest.mark.sqlite_alone  # PostgreSQL's columns hold no value of another type
@pytest.mark.parametrize("change", ["held_by = x'ff'", "held_at = 'soon'", "held_at = 1.5", "reason = x'00'"])
def test_a_hold_that_no_command_can_have_written_lets_nothing_run(
    store: BlockingStore, approved: Request, change: str
) -> None:
    attack(store, f"UPDATE holds SET {change} WHERE session = 'run-1'")
    with pytest.raises(StoreUnavailable):
        store.reviewer.holds()
    with pytest.raises((StoreUnavailable, SessionHeld)):
        consume(store, approved)


def test_the_store_itself_refuses_to_forget_a_hold(store: BlockingStore, approved: Request) -> None:
    with closing(raw(store)) as connection, pytest.raises(REFUSED, match="released and kept"):
        connection.execute("DELETE FROM holds")
    assert_sound(store)


# --- around the table --------------------------------------------------------------------------


def without_hold(store: BlockingStore, act: Callable[[], object]) -> int:
    """Does something of run-1 while its hold is out of the way, sets it back, and gives the last event's number."""
    with closing(raw(store)) as connection:
        connection.execute("UPDATE holds SET released_at = 1, released_by = 'eve' WHERE session = 'run-1'")
        act()
        connection.execute("UPDATE holds SET released_at = NULL, released_by = NULL WHERE session = 'run-1'")
    head = store.reviewer.head()
    assert head is not None
    return head.seq


def test_what_ran_though_the_hold_stands_as_it_stood_is_found(store: BlockingStore, approved: Request) -> None:
    seq = without_hold(store, lambda: consume(store, approved))
    (problem,) = problems(store)
    assert (problem.seq, problem.request_id) == (seq, approved.id)
    assert problem.what == "it was consumed while its session was held back"


def test_what_was_approved_though_the_hold_stands_as_it_stood_is_found(
    store: BlockingStore, approved: Request, call: Call
) -> None:
    other = submit(store, dataclasses.replace(call, tool="another"))
    without_hold(store, lambda: approve(store, other))
    (problem,) = problems(store)
    assert (problem.what, problem.request_id) == ("it was approved while its session was held back", other.id)


def test_what_a_policy_let_run_though_the_hold_stands_as_it_stood_is_found(
    store: BlockingStore, approved: Request, call: Call
) -> None:
    without_hold(store, lambda: admit(store, call, verdict=Verdict(ALLOW)))
    (problem,) = problems(store)
    assert problem.what == "this call was let run while its session was held back"


def test_it_is_found_after_the_session_was_released_and_held_again(
    store: BlockingStore, approved: Request, call: Call
) -> None:
    without_hold(store, lambda: consume(store, approved))
    release(store, call)
    hold(store, call)
    assert [problem.what for problem in problems(store)] == ["it was consumed while its session was held back"]


def test_what_was_done_before_after_and_elsewhere_is_in_order(
    store: BlockingStore, approved: Request, call: Call
) -> None:
    elsewhere = dataclasses.replace(call, session="run-2")
    consume(store, submit_approved(store, dataclasses.replace(elsewhere, tool="third")))
    admit(store, elsewhere, verdict=Verdict(ALLOW))
    release(store, call)
    consume(store, approved)
    grant_for(store, dataclasses.replace(call, tool="granted"))
    consume(store, submit(store, dataclasses.replace(call, tool="granted")))
    admit(store, call, "clm_y", verdict=Verdict(ALLOW))
    hold(store, call)
    assert_sound(store)


@pytest.mark.parametrize("name", ["session_held", "session_released"])
@pytest.mark.parametrize(
    "body", ["nonsense", "[]", "{}", '{"details":[]}', '{"details":{"requester":[1],"session":{}}}']
)
def test_an_event_of_a_hold_that_cannot_be_read_is_found_like_any_other(
    store: BlockingStore, approved: Request, name: str, body: str
) -> None:
    attack(store, "UPDATE events SET body = ? WHERE name = ?", (body, name))
    assert any("was changed" in what for what in whats(store))


@pytest.mark.parametrize(
    ("name", "session", "why"),
    [
        ("session_released", "run-2", "this event releases a session that nobody held"),
        ("session_released", "run-9", "this event releases a session that nobody held"),
        ("session_held", "run-1", "this event holds a session that was held"),
        ("session_held", None, "this event is of no session"),
        ("session_held", ["run-1"], "this event is of no session"),
    ],
)
def test_an_event_that_somebody_added_and_that_fits_nothing_is_found(
    store: BlockingStore, approved: Request, name: str, session: object, why: str
) -> None:
    head = store.reviewer.head()
    assert head is not None
    details = {"requester": "release-bot", "session": session}
    forge(store, name, None, {"event": name, "request": None, "at": head.at, "changes": {}, "details": details})
    (problem,) = problems(store)
    assert (problem.what, problem.seq) == (why, head.seq + 1)


def test_a_release_that_somebody_added_to_the_log_alone_is_found(store: BlockingStore, approved: Request) -> None:
    head = store.reviewer.head()
    assert head is not None
    details = {"requester": "release-bot", "session": "run-1", "released_by": "ann", "released_at": head.at}
    body = {"event": "session_released", "request": None, "at": head.at, "changes": {}, "details": details}
    forge(store, "session_released", None, body)
    assert whats(store) == {WRONG.format("run-1")}
    with pytest.raises(SessionHeld):
        consume(store, approved)


def test_a_hold_whose_event_was_taken_out_of_the_log_is_found(store: BlockingStore, approved: Request) -> None:
    attack(store, "DELETE FROM events WHERE name = 'session_held'")
    assert WRONG.format("run-1") in whats(store)


def test_a_release_by_ann_is_found_where_the_log_says_bo(store: BlockingStore, approved: Request, call: Call) -> None:
    release(store, call, ANN)
    attack(store, "UPDATE holds SET released_by = 'bo' WHERE session = 'run-1'")
    assert whats(store) == {WRONG.format("run-1")}
