"""A pruned log on both engines: its guards, who comes past them, and what its seal says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approval_tui.domain.audit import Head
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.chain import link
from approval_tui.domain.clock import DAY, HOUR
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import InvalidInput, StoreCorrupt
from approval_tui.domain.models import Request
from approval_tui.domain.pruning import PrunePlan
from approval_tui.domain.roles import AGENT
from approval_tui.domain.tokens import new_token
from approval_tui.store import is_database_url, open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.store.granting import grant_for
from tests.store.holding import hold
from tests.store.pruning import everything_told, executed, pruned
from tests.support import ANN, ManualClock, assert_sound, deny, submit, submit_approved

A_CALL = Call("shell", {"command": "make"}, "bot", session="run-1")


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest) -> str:
    """Where the store of a test is, on each engine."""
    return str(request.getfixturevalue("store_path" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def store(location: str, clock: ManualClock) -> Iterator[BlockingStore]:
    with open_store_blocking(location, clock=clock) as opened:
        yield opened


@pytest.fixture
def old(store: BlockingStore, clock: ManualClock) -> list[Request]:
    """Four requests that were denied, an hour apart; now it is a hundred days later."""
    requests = []
    for number in range(4):
        requests.append(submit(store, Call("shell", {"n": number}, "bot", session="run-1")))
        deny(store, requests[-1])
        clock.move(HOUR)
    clock.move(100 * DAY)
    return requests


OUTSIDE_OF_THE_SEGMENT = (
    "DELETE FROM events WHERE seq = 9",
    "DELETE FROM requests WHERE status = 'pending'",
    "DELETE FROM requests WHERE status = 'approved'",
    "DELETE FROM grants",
    "DELETE FROM holds",
    "DELETE FROM tokens",
    "DELETE FROM segments",
    "UPDATE segments SET last_seq = 100",
    "INSERT INTO segments SELECT number, last_seq, last_hash, sealed_at FROM segments",
    "INSERT INTO segments SELECT 2, 1, last_hash, sealed_at FROM segments",
    "INSERT INTO segments SELECT 2, 100, last_hash, sealed_at FROM segments",
    "INSERT INTO segments SELECT 2, 9, last_hash, sealed_at FROM segments",
    "INSERT INTO segments SELECT 3, 9, hash, 0 FROM events WHERE seq = 9",
)


def test_the_guards_refuse_whatever_is_outside_of_a_segment(
    store: BlockingStore, clock: ManualClock, old: list[Request], location: str
) -> None:
    store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=ANN)
    grant_for(store, Call("shell", {"n": 100}, "bot", session="run-1"))
    submit_approved(store, Call("shell", {"n": 101}, "bot"))
    submit(store, Call("shell", {"n": 102}, "bot"))
    hold(store, A_CALL)
    pruned(store, clock.now - DAY)
    for statement in OUTSIDE_OF_THE_SEGMENT:
        with pytest.raises(Exception, match=r"append-only|sealed|revoked and kept|released and kept|segment"):
            executed(location, statement)
    assert_sound(store)


def test_a_store_without_a_log_takes_the_segments_of_another_and_they_are_checked(
    store: BlockingStore, location: str
) -> None:
    executed(location, "INSERT INTO segments VALUES (1, 8, 'v1:sha256:x', 1)")
    with pytest.raises(Exception, match="after the one before it"):
        executed(location, "INSERT INTO segments VALUES (2, 8, 'v1:sha256:x', 1)")
    (problem,) = store.reader.verify().problems
    assert "no event seals it" in problem.what


def test_a_request_that_ended_after_the_segment_stays(
    store: BlockingStore, clock: ManualClock, old: list[Request], location: str
) -> None:
    young = submit(store, A_CALL)
    deny(store, young)
    pruned(store, clock.now - DAY)
    with pytest.raises(Exception, match="deleted only with a sealed segment"):
        executed(location, f"DELETE FROM requests WHERE id = '{young.id}'")


@pytest.fixture
def sealed(store: BlockingStore, clock: ManualClock, old: list[Request]) -> PrunePlan:
    """A store that was pruned, in which something goes on."""
    deny(store, submit(store, A_CALL))
    store.reviewer.create_token(new_token(), AGENT, "bot", lifetime=None, reviewer=ANN)
    return pruned(store, clock.now - DAY)


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE segments SET last_seq = 7", "seals no segment that is there"),
        ("UPDATE segments SET last_hash = 'x'", "event 9 was changed"),
        ("UPDATE segments SET sealed_at = 5", "seals no segment that is there"),
        ("UPDATE segments SET number = 2", "a segment was deleted"),
        ("DELETE FROM segments", "event 1 is missing"),
        ("DELETE FROM events WHERE seq = 9", "event 9 is missing"),
        ("DELETE FROM requests", "its row was deleted"),
        ("DELETE FROM tokens", "its row was deleted"),
        ("INSERT INTO segments SELECT 2, 10, hash, 5 FROM events WHERE seq = 10", "segment 2: no event seals it"),
        (
            "INSERT INTO events (seq, request_id, name, at, body, hash) SELECT 8, request_id, name, at, body, "
            "(SELECT last_hash FROM segments) FROM events WHERE seq = 9",
            "events of it were pruned, and its row is there",
        ),
        (
            "INSERT INTO events (seq, request_id, name, at, body, hash) SELECT 7, request_id, name, at, body, hash "
            "FROM events WHERE seq = 9",
            "event 8 is missing",
        ),
    ],
)
def test_verify_finds_what_was_done_to_segments_or_deleted_without_a_seal(
    store: BlockingStore, location: str, statement: str, said: str, request: pytest.FixtureRequest
) -> None:
    superuser = request.getfixturevalue("postgres_superuser_url") if is_database_url(location) else location
    executed(superuser, statement, past_the_guards=True)
    found = [problem.what for problem in store.reviewer.verify().problems]
    assert any(said in what for what in found), found


@pytest.mark.usefixtures("sealed")
def test_verify_finds_a_second_seal_of_the_same_segment(store: BlockingStore, location: str) -> None:
    (seal,) = (event for event in everything_told(store) if event.name == "segment_sealed")
    text = canonical_json(seal.body)
    said = text.decode().replace("'", "''")
    executed(
        location,
        "INSERT INTO events (seq, request_id, name, at, body, hash) "
        f"VALUES ({seal.seq + 1}, NULL, '{seal.name}', {seal.at}, '{said}', '{link(seal.seq + 1, seal.hash, text)}')",
    )
    (problem,) = store.reader.verify().problems
    assert (problem.what, problem.seq) == ("this event seals a segment that was sealed", seal.seq + 1)


def test_a_segment_that_cannot_be_read_is_said_to_be_that(store_path: str, clock: ManualClock) -> None:
    with open_store_blocking(store_path, clock=clock) as store:
        deny(store, submit(store, A_CALL))
        clock.move(2 * DAY)
        pruned(store, clock.now - DAY)
        executed(store_path, "UPDATE segments SET last_seq = 'x'", past_the_guards=True)
        with pytest.raises(StoreCorrupt, match="segment cannot be read"):
            store.reader.verify()


def test_a_checkpoint_of_what_was_pruned_is_said_to_be_that(
    store: BlockingStore, clock: ManualClock, old: list[Request]
) -> None:
    told = everything_told(store)
    heads = {event.seq: Head(event.seq, event.hash, event.at) for event in told}
    submit(store, A_CALL)
    pruned(store, clock.now - DAY)
    assert store.reviewer.verify(heads[8]).is_sound
    (problem,) = store.reviewer.verify(heads[5]).problems
    assert (problem.seq, "was pruned with the events up to 8" in problem.what) == (5, True)
    (problem,) = store.reviewer.verify(Head(8, heads[5].hash, 0)).problems
    assert problem.what == "event 8 was not the one of the checkpoint when it was sealed"
    (problem,) = store.reviewer.verify(Head(99, heads[5].hash, 0)).problems
    assert "the log ends before event 99" in problem.what


def test_the_seal_says_who_let_what_go(store: BlockingStore, clock: ManualClock, old: list[Request]) -> None:
    plan = pruned(store, clock.now - DAY)
    (event,) = everything_told(store)
    assert (event.name, event.seq, event.request_id) == ("segment_sealed", 9, None)
    details = event.body["details"]
    assert (details["last_seq"], details["last_hash"]) == (8, plan.last_hash)
    assert (details["events"], details["requests"], details["by"]) == (8, 4, ANN.to_json())


def test_only_somebody_prunes(store: BlockingStore, clock: ManualClock, old: list[Request]) -> None:
    plan = store.maintainer.plan_prune(clock.now - DAY)
    with pytest.raises(InvalidInput):
        store.maintainer.prune(plan, reviewer=Reviewer("ann", via="policy"))
    assert len(everything_told(store)) == 8


def test_what_was_submitted_with_a_key_and_what_it_reserved_goes_with_its_request(
    store: BlockingStore, clock: ManualClock, location: str
) -> None:
    request = submit(store, A_CALL)
    deny(store, request)
    executed(
        location,
        "INSERT INTO submissions (requester, key, body_hash, request_id, timeout, has_context, submitted_at) "
        f"VALUES ('bot', 'k', 'h', '{request.id}', '10m', 0, 1)",
    )
    executed(location, "INSERT INTO reservations VALUES ('h', 'calls', 3600000, 1, 1)")
    executed(location, f"INSERT INTO reservations VALUES ('i', 'calls', 3600000, {clock.now}, 1)")
    executed(
        location,
        "INSERT INTO deliveries (sink, seq, kind, request_id, wanted_at, due_at) "
        f"VALUES ('s', 2, 'decided', '{request.id}', 1, 1)",
    )
    clock.move(DAY + 1)
    pruned(store, clock.now - DAY)
    counts = {
        table: executed(location, f"SELECT count(*) FROM {table}")
        for table in ("submissions", "reservations", "deliveries", "requests")
    }
    assert counts == {"submissions": 0, "reservations": 1, "deliveries": 0, "requests": 0}
