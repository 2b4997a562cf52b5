"""Real processes racing on one store: one winner, nothing lost, and no lock error that reaches anybody."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from approval_tui.store.turns import Turn
from tests.store.engines import SQLITE
from tests.store.tampering import sqlite_alone
from tests.store.turns import TURNS_OR_NONE
from tests.support import LONG, ROOT, assert_sound, run_worker, sqlite_engine, submit, until


def race(name: str, path: str, turns: str, *numbers: int) -> Any:
    return json.loads(run_worker("races", name, path, turns, *map(str, numbers)))


@pytest.mark.parametrize(("turns", "rounds"), [("turns", 6), sqlite_alone("no turns", 3)])
def test_of_64_processes_that_race_to_consume_one_approval_exactly_one_wins(
    store_location: str, engine: str, turns: str, rounds: int
) -> None:
    rounds = rounds if engine == SQLITE else 1
    results = race("race_to_consume", store_location, turns, 64, rounds)
    assert len(results) == rounds
    for got in results:
        assert len(got) == 64
        assert sum(name.startswith("clm_") for name in got) == 1
        assert got.count("StatusConflict") == 63
    with open_store_blocking(store_location) as store:
        assert_sound(store)
        consumed = store.reviewer.history(Filter(status="consumed"))
        assert len(consumed) == rounds
        for request in consumed:
            names = [event.name for event in store.reviewer.events(request_id=request.id)]
            assert names.count("request_consumed") == 1


@pytest.mark.parametrize(("turns", "each"), [("turns", 100), sqlite_alone("no turns", 25)])
def test_in_a_storm_of_submitters_and_deciders_nothing_is_lost_or_decided_twice(
    store_location: str, engine: str, turns: str, each: int
) -> None:
    each = each if engine == SQLITE else 30
    result = race("storm", store_location, turns, 8, each, 4)
    submitted = [request_id for ids in result["submitted"] for request_id in ids]
    won = [tuple(decision) for decisions in result["won"] for decision in decisions]
    assert len(submitted) == len(set(submitted)) == 8 * each
    assert Counter(request_id for request_id, _ in won) == Counter(submitted)
    verdicts = dict(won)
    with open_store_blocking(store_location) as store:
        assert store.reviewer.list() == ()
        decided = store.reviewer.history(most=10_000)
        assert {request.id for request in decided} == set(submitted)
        for request in decided:
            (decision,) = request.decisions
            assert decision.verdict == verdicts[request.id]
            assert request.status == {"approve": "approved", "deny": "denied"}[decision.verdict]
        verification = store.reviewer.verify()
        assert verification.problems == ()
        assert verification.events == 2 * len(submitted)


@TURNS_OR_NONE
def test_many_processes_may_open_a_fresh_store_at_once(
    fresh_locations: Callable[[int], str], engine: str, turns: str
) -> None:
    rounds = 6 if engine == SQLITE else 2
    locations = fresh_locations(rounds)
    for number, ids in enumerate(race("open_at_once", locations, turns, 16, rounds)):
        assert len(set(ids)) == 16
        with open_store_blocking(locations.format(number)) as store:
            assert {request.id for request in store.reviewer.list()} == set(ids)
            assert_sound(store)


@TURNS_OR_NONE
def test_the_same_call_from_many_processes_at_once_is_one_request(store_location: str, engine: str, turns: str) -> None:
    rounds = 3 if engine == SQLITE else 1
    for met in race("submit_the_same", store_location, turns, 24, rounds):
        assert len(met) == 24
        assert len({request_id for request_id, _ in met}) == 1
        assert sum(created for _, created in met) == 1
    with open_store_blocking(store_location) as store:
        assert store.reviewer.overview().pending == rounds
        assert_sound(store)


def test_of_many_who_vote_at_once_as_many_count_as_the_rule_asks(store_location: str) -> None:
    got = race("vote_at_once", store_location, "turns", 16, 5)
    assert Counter(got) == {"pending": 4, "approved": 1, "StatusConflict": 11}
    with open_store_blocking(store_location) as store:
        (request,) = store.reviewer.list(Filter(status="approved"))
        assert len({decision.reviewer for decision in request.decisions}) == len(request.decisions) == 5
        assert_sound(store)


def test_nothing_of_a_session_runs_after_it_was_held_however_many_try(store_location: str) -> None:
    ran = race("hold_while_consuming", store_location, "turns", 6, 40)
    with open_store_blocking(store_location) as store:
        events = store.reviewer.events(most=10_000)
        (held,) = (event.seq for event in events if event.name == "session_held")
        consumed = [event.seq for event in events if event.name == "request_consumed"]
        assert max(consumed) < held
        assert len(consumed) == sum(ran)
        assert_sound(store)


def test_what_is_past_its_time_is_recorded_once_however_many_look(store_location: str) -> None:
    counts = race("expire_at_once", store_location, "turns", 8, 60)
    assert sum(counts) == 60
    with open_store_blocking(store_location) as store:
        assert len([event for event in store.reviewer.events(most=1000) if event.name == "request_expired"]) == 60
        assert_sound(store)


# --- turns -------------------------------------------------------------------------------------


@pytest.fixture
def stopped_holder(store: BlockingStore) -> Iterator[subprocess.Popen[str]]:
    """A process that was stopped while it had the turn."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.workers.hold_turn", store.location],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        yield holder
        holder.kill()


_waited_before: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def of_this_test_alone() -> None:
    """What tests before this one left waiting, for a holder that they never let go, is not this one's."""
    _waited_before.clear()
    _waited_before.update(waiting_threads())


def waiting_threads() -> list[threading.Thread]:
    named = [thread for thread in threading.enumerate() if thread.name == "approval-tui-turn"]
    return [thread for thread in named if thread not in _waited_before]


def open_turn_files(path: str) -> int:
    folder = f"/proc/{os.getpid()}/fd"
    names = [os.path.join(folder, name) for name in os.listdir(folder)]
    return sum(os.path.realpath(name) == f"{path}.turn" for name in names if os.path.lexists(name))


@pytest.mark.sqlite_alone
def test_a_stopped_process_that_has_the_turn_stops_no_writer_for_ever(
    store: BlockingStore, call: Call, stopped_holder: subprocess.Popen[str]
) -> None:
    sqlite_engine(store)._turn._longest_wait = 0.05
    request = submit(store, call)
    assert stopped_holder.poll() is None
    assert store.reviewer.list() == (request,)
    assert waiting_threads()
    stopped_holder.kill()
    until(lambda: not waiting_threads())
    until(lambda: open_turn_files(store.location) <= 1)
    assert_sound(store)


@pytest.mark.sqlite_alone
def test_a_writer_has_the_turn_while_it_writes_and_gives_it_back(store: BlockingStore, call: Call) -> None:
    held: list[bool] = []
    file = os.open(f"{store.location}.turn", os.O_RDWR)

    def clock() -> int:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(True)
        else:
            held.append(False)
            fcntl.flock(file, fcntl.LOCK_UN)
        return 1_800_000_000_000

    sqlite_engine(store).clock = clock
    request = submit(store, call)
    assert held == [True]
    store.requester.get(request.id)
    assert held == [True, False]  # readers need no turn
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(file)


def test_a_writer_gets_the_turn_as_soon_as_it_is_free(tmp_path: Any) -> None:
    path = str(tmp_path / "store")
    first, second = Turn(f"{path}.turn"), Turn(f"{path}.turn", longest_wait=3600.0)
    entered = threading.Event()

    def enter() -> None:
        with second:
            entered.set()

    with first:
        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        until(waiting_threads)
        assert not entered.is_set()
    assert entered.wait(60)
    thread.join(60)
    assert not thread.is_alive()
    first.close()
    second.close()
    until(lambda: not waiting_threads())
    assert open_turn_files(path) == 0


def test_a_turn_that_comes_too_late_is_given_back_at_once(tmp_path: Any) -> None:
    path = str(tmp_path / "store")
    holder, late = Turn(f"{path}.turn"), Turn(f"{path}.turn", longest_wait=0.01)
    for _ in range(3):
        holder.__enter__()
        with late:
            assert waiting_threads()
            holder.__exit__(None, None, None)
            until(lambda: not waiting_threads())
            with holder:
                pass  # free again, though the late one still works without it
    with late:
        assert open_turn_files(path) == 2
    late.close()
    holder.close()
    assert open_turn_files(path) == 0


def test_a_turn_is_taken_again_and_again_by_waiting(tmp_path: Any) -> None:
    path = str(tmp_path / "store.turn")
    counter = [0]

    def count() -> None:
        turn = Turn(path, longest_wait=LONG)
        for _ in range(300):
            with turn:
                before = counter[0]
                os.sched_yield()
                counter[0] = before + 1
        turn.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert counter == [1200]
    until(lambda: not waiting_threads())


@pytest.mark.sqlite_alone
def test_a_turn_that_cannot_be_taken_keeps_nobody(store: BlockingStore, call: Call, tmp_path: Any) -> None:
    sqlite_engine(store)._turn = Turn(str(tmp_path / "missing" / "turn"))
    assert submit(store, call).status == "pending"
