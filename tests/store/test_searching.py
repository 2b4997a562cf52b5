"""Searches in steps: nothing is missed, nothing comes twice, and no step looks at more than it may."""

from __future__ import annotations

from itertools import starmap

import pytest

from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call
from approval_tui.domain.clock import HOUR, MINUTE
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions import searching
from approval_tui.store.transactions.queries import EVERYTHING, Filter, Word
from tests.store.tampering import sqlite_alone
from tests.support import ANN, ManualClock, approve, consume, deny, submit

CHOICES = [
    EVERYTHING,
    Filter(words=(Word("rare"),)),
    Filter(words=(Word("never"),)),
    Filter(tool="tool-3"),
    Filter(requester="bot-1", words=(Word("7"),)),
    Filter(status="denied", words=(Word("tool-2", "tool"),)),
    Filter(status="approved"),
]


@pytest.fixture
def long_history(store: BlockingStore) -> list[str]:
    """Sixty requests, newest first; a third of them waits."""
    made = []
    for number in range(60):
        text = "a rare text" if number in (5, 6, 41) else "text"
        call = Call(f"tool-{number % 7}", {"n": number, "text": text}, f"bot-{number % 2}")
        request = submit(store, call)
        if number % 3 == 0:
            deny(store, request)
        elif number % 3 == 1:
            approve(store, request)
        made.append(request.id)
    return made[::-1]


def step_by_step(store: BlockingStore, chosen: Filter, most: int, scan: int) -> list[Request]:
    """All that the steps of one search find."""
    found: list[Request] = []
    before, scanned = None, 0
    while True:
        step = store.reader.search_history(chosen, before=before, most=most, scan=scan)
        assert len(step.requests) <= most
        assert 0 <= step.scanned <= scan
        assert before is None or step.before is None or step.before < before
        found += step.requests
        scanned += step.scanned
        before = step.before
        if before is None:
            assert scanned == 60
            return found


@pytest.mark.parametrize("chosen", CHOICES)
@pytest.mark.parametrize(
    ("most", "scan"),
    [(2, 7), (100, 10), (5, 1000), *starmap(sqlite_alone, [(1, 1), (3, 20), (100, 60), (100, 61)])],
)
def test_the_steps_of_a_search_find_what_the_history_holds(
    store: BlockingStore, long_history: list[str], chosen: Filter, most: int, scan: int
) -> None:
    assert tuple(step_by_step(store, chosen, most, scan)) == store.reader.history(chosen)


def test_a_step_that_finds_nothing_says_where_to_go_on(store: BlockingStore, long_history: list[str]) -> None:
    step = store.reader.search_history(Filter(words=(Word("never"),)), scan=10)
    assert (step.requests, step.before, step.scanned) == ((), long_history[9], 10)
    step = store.reader.search_history(Filter(words=(Word("never"),)), before=step.before, scan=50)
    assert (step.requests, step.before, step.scanned) == ((), None, 50)
    step = store.reader.search_history(EVERYTHING, before=long_history[-1])
    assert (step.requests, step.before, step.scanned) == ((), None, 0)


def test_a_step_through_long_rows_ends_early_and_loses_nothing(
    store: BlockingStore, long_history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_ROWS_BETWEEN_LOOKS", 4)
    monkeypatch.setattr(searching, "_LONGEST_STEP", -1.0)
    step = store.reader.search_history(EVERYTHING)
    assert step.scanned == 4
    assert tuple(step_by_step(store, EVERYTHING, 100, 1000)) == store.reader.history()
    assert [event.seq for event in all_events(store, EVERYTHING, 100, 1000)] == list(range(100, 0, -1))


def test_requests_that_come_during_a_search_do_not_disturb_it(store: BlockingStore, long_history: list[str]) -> None:
    expected = store.reader.history()
    found: list[Request] = []
    before = None
    while not found or before is not None:
        step = store.reader.search_history(EVERYTHING, before=before, scan=9)
        found += step.requests
        before = step.before
        deny(store, submit(store, Call("later", {"n": len(found)}, "bot")))
    assert tuple(found) == expected


def test_an_empty_store_is_searched_in_one_step(store: BlockingStore) -> None:
    found = store.reader.search_history(EVERYTHING)
    assert (found.requests, found.before, found.scanned) == ((), None, 0)
    events = store.reader.search_events(EVERYTHING)
    assert (events.events, events.before, events.scanned) == ((), None, 0)


# --- the log -----------------------------------------------------------------------------------


def all_events(store: BlockingStore, chosen: Filter, most: int = 100, scan: int = 1000) -> list[Event]:
    found: list[Event] = []
    before, scanned = None, 0
    bounds = store.reader.log_bounds()
    assert bounds is not None
    while True:
        step = store.reader.search_events(chosen, before=before, most=most, scan=scan)
        assert len(step.events) <= most
        assert 0 < step.scanned <= scan
        found += step.events
        scanned += step.scanned
        before = step.before
        if before is None:
            assert scanned == bounds.last
            return found


@pytest.fixture
def lived(store: BlockingStore, clock: ManualClock) -> dict[str, Request]:
    """Requests with ten events; one claim is in doubt."""
    first = submit(store, Call("shell", {"n": 1}, "bot-a", session="s1", risk="high"))
    second = submit(store, Call("mail", {"n": 2}, "bot-b"))
    edited = store.reviewer.decide(
        first.id, "approve", reviewer=ANN, digest=first.digest, edited_arguments={"path": 'C:\\new "one"'}
    )
    claim = consume(store, edited)
    store.requester.report_outcome(first.id, claim.id, "failed", detail='it said "no"')
    deny(store, second, 'never "ever" \\o/ naïve')
    third = approve(store, submit(store, Call("pay", {"n": 3}, "bot-b")))
    store.requester.consume(third.id, third.fingerprint, requester="bot-b", claim_lifetime=MINUTE)
    clock.move(HOUR)
    return {"shell": first, "mail": second, "pay": third}


def names(store: BlockingStore, chosen: Filter) -> list[str]:
    """The events that are found, oldest first, by name and the request's tool."""
    found = all_events(store, chosen)
    tools = {request.id: request.tool for request in (*store.reader.history(), *store.reader.list())}
    return [f"{tools[event.request_id or '']} {event.name.partition('_')[2]}" for event in reversed(found)]


def test_events_are_found_by_name_by_request_and_by_what_they_hold(
    store: BlockingStore, lived: dict[str, Request]
) -> None:
    def found(*texts: str) -> list[str]:
        return names(store, Filter(words=tuple(map(Word, texts))))

    assert found("CONSUMED", "event") == ["shell consumed", "pay consumed"]
    assert found(lived["mail"].id) == ["mail submitted", "mail denied"]
    assert found(lived["mail"].id, "denied") == ["mail denied"]
    assert found('it said "no"') == ["shell reported"]
    assert found("bot-a") == ["shell submitted"]
    assert found("nobody") == []


@pytest.mark.parametrize("text", ['never "ever"', "\\o/", "naïve", "NEVER", '"ever" \\o/ naïve'])
def test_words_of_a_reason_are_found_in_its_event(store: BlockingStore, lived: dict[str, Request], text: str) -> None:
    assert names(store, Filter(words=(Word(text),))) == ["mail denied"]


@pytest.mark.parametrize("text", ["C:\\new", '"one"', 'C:\\new "one"', "path"])
def test_words_of_edited_arguments_are_found_in_the_event_of_the_edit(
    store: BlockingStore, lived: dict[str, Request], text: str
) -> None:
    assert names(store, Filter(words=(Word(text),))) == ["shell edited"]


def test_events_are_narrowed_by_their_requests(store: BlockingStore, lived: dict[str, Request]) -> None:
    assert names(store, Filter(tool="mail")) == ["mail submitted", "mail denied"]
    assert names(store, Filter(requester="bot-b", words=(Word("submitted"),))) == ["mail submitted", "pay submitted"]
    assert names(store, Filter(status="in_doubt")) == ["pay submitted", "pay approved", "pay consumed"]
    assert names(store, Filter(status="denied", words=(Word("ann"),))) == ["mail denied"]
    assert names(store, Filter(risk="high", session="s1", words=(Word("outcome"),))) == ["shell reported"]
    assert names(store, Filter(words=(Word("AI", "tool"), Word("denied")))) == ["mail denied"]
    assert names(store, Filter(words=(Word("a", "tool"), Word("bot-b", "requester"), Word("consumed")))) == [
        "pay consumed"
    ]


@pytest.mark.parametrize(("most", "scan"), [(1, 1), (2, 3), (100, 4), (3, 10), (100, 11)])
def test_the_steps_through_the_log_give_every_event_once(
    store: BlockingStore, lived: dict[str, Request], most: int, scan: int
) -> None:
    everything = store.reader.events()
    assert tuple(all_events(store, EVERYTHING, most, scan)) == everything
    chosen = Filter(words=(Word("bot-b", "requester"),))
    expected = tuple(event for event in everything if event.request_id != lived["shell"].id)
    assert tuple(all_events(store, chosen, most, scan)) == expected


def test_a_search_of_the_log_goes_on_below_a_number(store: BlockingStore, lived: dict[str, Request]) -> None:
    step = store.reader.search_events(EVERYTHING, before=4, most=2)
    assert [event.seq for event in step.events] == [3, 2]
    assert (step.before, step.scanned) == (2, 2)
    assert store.reader.search_events(EVERYTHING, before=1).before is None
    assert store.reader.search_events(EVERYTHING, before=1).scanned == 0
    assert len(store.reader.search_events(EVERYTHING, before=10**15).events) == len(store.reader.events())
