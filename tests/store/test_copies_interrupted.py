"""Copies that are killed, beside which somebody goes on deciding, or of which two are made at once."""

from __future__ import annotations

import dataclasses
import json
import random
import threading

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import system_clock
from approval_tui.domain.errors import StoreAway, StoreBusy, StoreIncompatible
from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.copying import procedure
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.copying.tables import BatchSize
from tests.postgres.servers import OwnServer
from tests.store.copies import ONE_OF_EACH, Places, all_rows, once_at, quiet, stop_copy
from tests.store.granting import approve_for_session
from tests.store.lives import everything
from tests.support import ANN, ManualClock, approve, assert_sound, consume, deny, run_worker, submit


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchSize, "most_rows", 4)


@ONE_OF_EACH
def test_a_copy_that_is_killed_is_finished_by_the_next_one(places: Places, clock: ManualClock, call: Call) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    seen = json.loads(run_worker("copying", *places, str(seed)))
    assert seen["opens"]
    assert seen["kills"] > 3
    assert all_rows(places.target) == all_rows(places.source)
    with open_store_blocking(places.target, clock=clock) as target:
        assert_sound(target)
        deny(target, submit(target, dataclasses.replace(call, tool="afterwards")))
        assert_sound(target)


def test_a_server_that_is_started_again_meanwhile_is_gone_on_with(
    own_postgres: OwnServer, store_path: str, clock: ManualClock, call: Call
) -> None:
    with open_store_blocking(store_path, clock=clock) as source:
        everything(source, clock, call)
    target = own_postgres.url(own_postgres.new_schema())
    when = ("events copied", "requests copied")
    copy_store(store_path, target, once_at(when, lambda: own_postgres.restart("immediate")))
    assert all_rows(target) == all_rows(store_path)
    own_postgres.stop()
    with pytest.raises(StoreAway):
        copy_store(store_path, target, quiet)


class BusyPeople:
    """Between any two batches of a copy they ask, decide, use, give back, grant and hold in its source."""

    def __init__(self, store: BlockingStore, call: Call) -> None:
        self.store = store
        self.call = call
        self.number = 0
        self.open: list[Request] = []

    def __call__(self, what: str, _done: int, _total: int) -> None:
        most = {"copied": 40, "compared": 60}  # more might outrun such small batches
        if self.number < most.get(what.split(" ")[1], 0):
            self.go_on()

    def go_on(self) -> None:
        """One more request, and one step in the lives of those that there are."""
        self.number += 1
        call = dataclasses.replace(self.call, tool=f"busy-{self.number}", session=f"busy-{self.number}")
        request = submit(self.store, call)
        match self.number % 5:
            case 0:
                approve_for_session(self.store, request)
            case 1:
                self.store.reviewer.hold_session(call.requester, f"busy-{self.number}", reviewer=ANN)
            case 2:
                claim = consume(self.store, approve(self.store, request))
                self.open.append(claim.request)
                self.store.requester.rollback(request.id, claim.id)
            case _:
                self.open.append(request)
        for each in self.open:
            self._one_step(self.store.reviewer.get(each.id))

    def _one_step(self, request: Request) -> None:
        if request.status == "pending":
            approve(self.store, request)
        elif request.status == "approved" and self.number % 3:
            consume(self.store, request)
        elif request.status == "approved":
            self.store.reviewer.revoke(request.id, reviewer=ANN)


@pytest.mark.usefixtures("small_batches")
def test_what_happens_while_a_store_is_copied_is_copied_too(places: Places, clock: ManualClock, call: Call) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
        people = BusyPeople(source, call)
        copied = copy_store(*places, people)
        assert people.number > 40
        assert_sound(source)
        head = source.reviewer.head()
        assert head is not None
        assert copied.head is not None
        assert head.seq - copied.head.seq == copied.events_since > 0
    with open_store_blocking(places.target, clock=clock) as target:
        assert target.reviewer.head() == copied.head
        assert_sound(target)
    assert all_rows(places.target)["events"] < all_rows(places.source)["events"]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("places", "stopped_at"),
    [
        (("sqlite", "postgres"), "events copied"),
        (("postgres", "sqlite"), "requests copied"),
        (("sqlite", "postgres"), "requests compared"),
        (("postgres", "sqlite"), "requests compared"),
    ],
    indirect=["places"],
)
def test_what_happens_between_a_copy_that_stopped_and_the_next_one_is_copied_too(
    places: Places, clock: ManualClock, call: Call, stopped_at: str
) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        requests = everything(source, clock, call)
        taken = consume(source, approve(source, submit(source, dataclasses.replace(call, tool="taken"))))
        stop_copy(places, stopped_at, 2)
        source.requester.rollback(taken.request.id, taken.id)
        source.reviewer.revoke(taken.request.id, reviewer=ANN)
        approve(source, requests["pending"])
        consume(source, source.reviewer.get(requests["pending"].id))
        source.reviewer.revoke(requests["edited"].id, reviewer=ANN)
        (live,) = [each for each in source.reviewer.grants() if each.is_live(clock.now) and each.scope == "session"]
        source.reviewer.revoke_grant(live.id, reviewer=ANN)
        source.reviewer.release_session("release-bot", "run-9", reviewer=ANN)
        people = BusyPeople(source, call)
        for _ in range(7):
            people.go_on()
    copied = copy_store(*places, quiet)
    assert copied.was_resumed
    assert copied.events_since == 0
    assert all_rows(places.target) == all_rows(places.source)


@ONE_OF_EACH
def test_nobody_opens_a_copy_that_is_not_finished(
    places: Places, clock: ManualClock, call: Call, small_batches: None
) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
    for what in ("events copied", "requests copied", "requests compared"):
        stop_copy(places, what)
        before = all_rows(places.target)
        for create, readonly in ((True, False), (False, False), (False, True)):
            with pytest.raises(StoreIncompatible, match="is an unfinished copy of"):
                open_store_blocking(places.target, create=create, readonly=readonly)
        assert all_rows(places.target) == before


@ONE_OF_EACH
def test_threads_that_write_without_a_pause_do_not_keep_a_copy_from_its_end(
    places: Places, clock: ManualClock, call: Call
) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)
    is_over = threading.Event()

    def write() -> None:
        with open_store_blocking(places.source) as own:
            number = 0
            while not is_over.is_set():
                number += 1
                request = submit(own, dataclasses.replace(call, tool=f"writer-{threading.get_ident()}-{number}"))
                consume(own, approve(own, request))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        copied = copy_store(*places, quiet)
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    with open_store_blocking(places.target, clock=system_clock) as target:
        assert target.reviewer.head() == copied.head
        assert_sound(target)


@pytest.mark.parametrize("places", [("postgres", "sqlite")], ids=" to ".join, indirect=True)
def test_a_source_that_is_written_faster_than_it_is_copied_is_given_up_until_the_next_run(
    places: Places, clock: ManualClock, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        submit(source, call)
        with monkeypatch.context() as slow:
            slow.setattr(BatchSize, "most_rows", 1)
            slow.setattr(procedure, "MOST_ROUNDS", 20)
            people = BusyPeople(source, call)
            with pytest.raises(StoreBusy, match="is written faster than it is copied"):
                copy_store(*places, people)
    assert copy_store(*places, quiet).was_resumed
    assert all_rows(places.target) == all_rows(places.source)


@ONE_OF_EACH
def test_of_two_copies_at_once_the_one_that_began_first_stops(places: Places, clock: ManualClock, call: Call) -> None:
    with open_store_blocking(places.source, clock=clock) as source:
        everything(source, clock, call)

    def copy_meanwhile(what: str, _done: int, _total: int) -> None:
        if what == "requests copied":
            copy_store(*places, quiet)

    with pytest.raises(StoreBusy, match="Another `store copy`"):
        copy_store(*places, copy_meanwhile)
    assert all_rows(places.target) == all_rows(places.source)
