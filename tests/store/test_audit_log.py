"""The audit log: it cannot be changed by the way, and whoever changes it all the same is found out."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from contextlib import closing
from typing import Any

import pytest

from approval_tui.domain import chain
from approval_tui.domain.audit import Event, Head, Problem
from approval_tui.domain.calls import Call
from approval_tui.domain.canonical import canonical_json
from approval_tui.domain.clock import DAY, HOUR
from approval_tui.domain.lifecycle import STATUSES, TRANSITIONS
from approval_tui.domain.limits import DEFAULT_CLAIM_LIFETIME
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.tampering import REFUSED, attack, forge, problems, raw, sqlite_alone, unguarded
from tests.support import LONG, ManualClock, approve, assert_sound, consume, deny, submit, submit_approved

# --- what nobody changes by the way ------------------------------------------------------------


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}' WHERE seq = 3",
        "UPDATE events SET seq = seq + 1000",
        "UPDATE events SET at = 0 WHERE seq = 1",
        "DELETE FROM events WHERE seq = 3",
        "DELETE FROM events",
    ],
)
def test_events_are_append_only(store: BlockingStore, statement: str) -> None:
    connection = raw(store)
    with pytest.raises(REFUSED, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert_sound(store)


def test_requests_are_not_deleted(store: BlockingStore, told: dict[str, Request]) -> None:
    connection = raw(store)
    for request in told.values():
        with pytest.raises(REFUSED, match="deleted only with a sealed segment"):
            connection.execute("DELETE FROM requests WHERE id = ?", (request.id,))
    connection.close()
    assert_sound(store)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATUSES, STATUSES)))
def test_a_status_changes_only_as_the_lifecycle_allows(store: BlockingStore, before: str, after: str) -> None:
    connection = raw(store)
    values = {
        "id": "apr_" + "0" * 32, "status": before, "version": 1, "tool": "t", "requester": "r", "context": "{}",
        "arguments": "{}", "requirements": "{}", "fingerprint": "f", "digest": "d", "created_at": 1,
        "expires_at": 1, "approval_lifetime": 1, "approval_expires_at": 1, "consumed_at": 1, "claim_hash": "c",
    }  # fmt: skip
    places = ", ".join(f":{column}" for column in values)
    connection.execute(f"INSERT INTO requests ({', '.join(values)}) VALUES ({places})", values)
    if before == after or (before, after) in TRANSITIONS:
        connection.execute("UPDATE requests SET status = ?", (after,))
    else:
        with pytest.raises(REFUSED, match="no rule of the lifecycle"):
            connection.execute("UPDATE requests SET status = ?", (after,))
    connection.close()


@pytest.mark.parametrize(
    "column",
    ["id", "tool", "server", "requester", "session", "context", "arguments", "reason", "risk", "rule_hash",
     "requirements", "fingerprint", "created_at", "expires_at", "approval_lifetime"],
)  # fmt: skip
def test_what_a_request_asks_for_never_changes(store: BlockingStore, call: Call, column: str) -> None:
    submit(store, call)
    connection = raw(store)
    with pytest.raises(REFUSED, match="what a request asks for never changes"):
        connection.execute(f"UPDATE requests SET {column} = 1")
    connection.close()


# --- what verify finds -------------------------------------------------------------------------


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "seq", "words"),
    [
        ("UPDATE events SET body = replace(body, 'ann', 'bob') WHERE seq = 7", 7, "event 7 was changed"),
        ("UPDATE events SET body = body || ' ' WHERE seq = 1", 1, "event 1 was changed"),
        ("UPDATE events SET body = '' WHERE seq = 9", 9, "event 9 was changed"),
        sqlite_alone("UPDATE events SET body = CAST(body AS BLOB) WHERE seq = 9", 9, "event 9 was changed"),
        ("UPDATE events SET body = '[]' WHERE seq = 9", 9, "event 9 was changed"),
        ("UPDATE events SET hash = upper(hash) WHERE seq = 5", 5, "event 5 was changed"),
        ("UPDATE events SET hash = x'00' WHERE seq = 5", 5, "event 5 was changed"),
        ("UPDATE events SET at = at + 1 WHERE seq = 4", 4, "event 4 was changed: its columns differ"),
        sqlite_alone("UPDATE events SET at = 'now' WHERE seq = 4", 4, "event 4 was changed: its columns differ"),
        ("UPDATE events SET name = 'request_denied' WHERE seq = 2", 2, "event 2 was changed: its columns differ"),
        ("UPDATE events SET request_id = NULL WHERE seq = 2", 2, "event 2 was changed: its columns differ"),
        ("DELETE FROM events WHERE seq = 6", 7, "event 6 is missing: after it comes 7"),
        ("DELETE FROM events WHERE seq < 4", 4, "event 1 is missing: after it comes 4"),
        ("DELETE FROM events WHERE seq IN (8, 9)", 10, "event 8 is missing: after it comes 10"),
        ("UPDATE events SET seq = seq + 100 WHERE seq > 10", 111, "event 11 is missing: after it comes 111"),
        ("UPDATE events SET seq = 0 WHERE seq = 1", 2, "event 1 is missing: after it comes 2"),
    ],
)
def test_the_first_broken_event_is_named(store: BlockingStore, statement: str, seq: int, words: str) -> None:
    attack(store, statement)
    first = problems(store)[0]
    assert first.seq == seq
    assert words in first.what


@pytest.mark.usefixtures("told")
def test_two_events_in_each_others_place_are_found(store: BlockingStore) -> None:
    connection = raw(store)
    third, fourth = connection.execute("SELECT * FROM events WHERE seq IN (3, 4) ORDER BY seq").fetchall()
    connection.close()
    change = "UPDATE events SET request_id = ?, name = ?, at = ?, body = ?, hash = ? WHERE seq = ?"
    attack(store, change, (*fourth[1:], 3))
    attack(store, change, (*third[1:], 4))
    assert problems(store)[0].seq == 3


@pytest.mark.parametrize(
    ("of", "name", "changes", "words"),
    [
        ("denied", "request_approved", {"status": "approved"}, "leads from denied to approved"),
        ("succeeded", "request_consumed", {"status": "consumed"}, "leads from consumed to consumed"),
        ("pending", "request_consumed", {"status": "consumed"}, "leads from pending to consumed"),
        ("expired", "request_blessed", {}, "request_blessed is no event of ours"),
        ("pending", "request_approved", {"status": "approved"}, "differs from its events"),
        ("approved", "request_submitted", {"status": "pending"}, "leads from approved to pending"),
    ],
)
def test_an_event_that_no_rule_allows_is_found_though_its_hash_is_right(
    store: BlockingStore, told: dict[str, Request], of: str, name: str, changes: dict[str, Any], words: str
) -> None:
    head = store.reviewer.head()
    assert head is not None
    request_id = told[of].id
    forge(
        store,
        name,
        request_id,
        {"event": name, "request": request_id, "at": head.at, "changes": changes, "details": {}},
    )
    (problem,) = problems(store)
    assert problem.request_id == request_id
    assert words in problem.what


@pytest.mark.parametrize(
    "body",
    [[], 5, None, {}, {"event": "request_approved"}, {"event": [], "request": {}, "at": "x", "changes": 5}],
    ids=str,
)
def test_a_body_that_is_none_of_ours_is_found_though_its_hash_is_right(
    store: BlockingStore, told: dict[str, Request], body: Any
) -> None:
    forge(store, "request_approved", told["pending"].id, body)
    head = store.reviewer.head()
    assert head is not None
    assert problems(store)[0].seq == head.seq


def test_changes_that_are_none_of_ours_are_found(store: BlockingStore, told: dict[str, Request]) -> None:
    request_id, head = told["pending"].id, store.reviewer.head()
    assert head is not None
    body = {"event": "request_approved", "request": request_id, "at": head.at, "changes": 5, "details": {}}
    forge(store, "request_approved", request_id, body)
    assert problems(store) == (Problem("its body is not one of ours", seq=head.seq + 1, request_id=request_id),)


def test_an_event_older_than_the_one_before_it_is_found(store: BlockingStore, told: dict[str, Request]) -> None:
    request_id, head = told["approved"].id, store.reviewer.head()
    assert head is not None
    at = head.at - 1
    body = {"event": "request_reused", "request": request_id, "at": at, "changes": {}, "details": {}}
    with closing(unguarded(store)) as connection:
        forge(store, "request_reused", request_id, body, at=at, connection=connection)
    assert problems(store)[0].what == f"event {head.seq + 1} is older than the one before it"


@pytest.mark.parametrize("kept", [0, 1, 10])
def test_a_log_that_was_cut_short_does_not_reach_its_checkpoint(
    store: BlockingStore, told: dict[str, Request], kept: int
) -> None:
    head = store.reviewer.head()
    assert head is not None
    assert store.reviewer.verify(head).is_sound
    attack(store, "DELETE FROM events WHERE seq > ?", (kept,))
    found = [problem.what for problem in problems(store, head)]
    assert f"the log ends before event {head.seq} of the checkpoint" in found


def test_what_a_chain_alone_cannot_show_the_checkpoint_shows(store: BlockingStore, told: dict[str, Request]) -> None:
    """The last request, with all its events, taken out without a trace."""
    last = submit(store, Call(tool="last", arguments={}, requester="release-bot"))
    head = store.reviewer.head()
    attack(store, "DELETE FROM events WHERE request_id = ?", (last.id,))
    attack(store, "DELETE FROM requests WHERE id = ?", (last.id,))
    assert_sound(store)
    assert head is not None
    assert problems(store, head)[0].seq == head.seq


def test_a_checkpoint_of_another_history_is_refused(store: BlockingStore, told: dict[str, Request]) -> None:
    head = store.reviewer.head()
    assert head is not None
    other = dataclasses.replace(head, seq=3)
    assert problems(store, other) == (Problem("event 3 is not the one of the checkpoint", seq=3),)
    later = submit(store, Call(tool="later", arguments={}, requester="release-bot"))
    assert later
    assert store.reviewer.verify(head).is_sound


# --- reading the log ---------------------------------------------------------------------------


def exported(store: BlockingStore) -> list[Event]:
    log: list[Event] = []
    steps: list[tuple[str, int, int]] = []
    number = store.reviewer.export(log.extend, lambda *step: steps.append(step))
    assert number == len(log)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert not log or steps[-1] == ("events", number, number)
    return log


def test_export_gives_the_whole_log_in_order(store: BlockingStore, call: Call) -> None:
    assert exported(store) == []
    requests = [submit(store, dataclasses.replace(call, arguments={"n": number})) for number in range(601)]
    log = exported(store)
    assert [event.seq for event in log] == list(range(1, 602))
    assert [event.request_id for event in log] == [request.id for request in requests]
    for event in log:
        assert event.body["event"] == event.name
    previous = chain.GENESIS
    for event in log:
        assert chain.link(event.seq, previous, canonical_json(event.body)) == event.hash
        previous = event.hash
    head = store.reviewer.head()
    assert head == Head(601, previous, log[-1].at)


def test_events_are_paged_newest_first(store: BlockingStore, call: Call) -> None:
    for number in range(25):
        submit(store, dataclasses.replace(call, arguments={"n": number}))
    first = store.reviewer.events(most=10)
    assert [event.seq for event in first] == list(range(25, 15, -1))
    second = store.reviewer.events(before=first[-1].seq, most=10)
    third = store.reviewer.events(before=second[-1].seq, most=10)
    assert [event.seq for event in (*second, *third)] == list(range(15, 0, -1))
    assert store.reviewer.events(before=third[-1].seq) == ()


def test_history_is_paged_by_key_newest_first(store: BlockingStore, call: Call) -> None:
    requests = []
    for number in range(25):
        requests.append(deny(store, submit(store, dataclasses.replace(call, arguments={"n": number}))))
    pages: list[Request] = []
    while page := store.reviewer.history(before=pages[-1].id if pages else None, most=10):
        pages += page
    assert pages == sorted(requests, key=lambda request: request.id, reverse=True)


def test_claims_in_doubt_have_a_history_of_their_own(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    claims = [consume(store, submit_approved(store, dataclasses.replace(call, arguments={"n": n}))) for n in range(4)]
    store.requester.report_outcome(claims[0].request.id, claims[0].id, "succeeded")
    assert store.reviewer.history(Filter(status="in_doubt")) == ()
    clock.move(DAY)
    in_doubt = [claim.request.id for claim in reversed(claims[1:])]
    newest = store.reviewer.history(Filter(status="in_doubt"), most=2)
    rest = store.reviewer.history(Filter(status="in_doubt"), before=newest[-1].id)
    assert [request.id for request in (*newest, *rest)] == in_doubt
    assert store.reviewer.history(Filter(status="in_doubt", requester="nobody")) == ()


def test_the_times_of_the_log_never_run_backwards(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    jumps = [0, -HOUR, 5, -DAY, DAY, -1, 400 * DAY, -400 * DAY]
    for number, jump in enumerate(jumps):
        clock.move(jump)
        approve(store, submit(store, dataclasses.replace(call, arguments={"n": number})))
    times = [event.at for event in exported(store)]
    assert times == sorted(times)
    assert times[0] < times[-1]
    assert_sound(store)


def test_verify_tells_its_progress_and_what_it_covered(store: BlockingStore, call: Call) -> None:
    empty = store.reviewer.verify()
    assert (empty.events, empty.requests, empty.head, empty.problems) == (0, 0, None, ())
    for number in range(510):
        submit(store, dataclasses.replace(call, arguments={"n": number}))
    steps: list[tuple[str, int, int]] = []
    verification = store.reviewer.verify(progress=lambda *step: steps.append(step))
    assert (verification.events, verification.requests) == (510, 510)
    assert verification.head == store.reviewer.head()
    assert ("events", 500, 510) in steps
    assert ("events", 510, 510) in steps


def test_verify_finds_nothing_wrong_while_others_write(store: BlockingStore, call: Call) -> None:
    done = threading.Event()

    def write() -> None:
        for number in range(80):
            request = submit(store, dataclasses.replace(call, arguments={"n": number}))
            claim = consume(store, approve(store, request))
            store.requester.report_outcome(request.id, claim.id, "succeeded")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    rounds = 0
    while not done.is_set() and writer.is_alive():
        assert_sound(store)
        rounds += 1
    writer.join(LONG)
    assert done.is_set()
    assert rounds
    assert_sound(store)


def test_a_late_outcome_is_part_of_a_sound_log(store: BlockingStore, clock: ManualClock, call: Call) -> None:
    request = submit_approved(store, call)
    claim = consume(store, request)
    clock.move(DEFAULT_CLAIM_LIFETIME)
    with pytest.raises(Exception, match="in doubt"):
        store.requester.report_outcome(request.id, claim.id, "succeeded")
    assert json.loads(canonical_json(store.reviewer.events()[0].body))["details"]["outcome"] == "succeeded"
    assert_sound(store)
