"""The list's rules without a screen: the cursor follows the request, and nothing moves under it."""

from __future__ import annotations

import pytest

from approval_tui.console.queue import Queue
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.seeded import telling_calls
from tests.support import approve, deny


@pytest.fixture
def requests(store: BlockingStore) -> list[Request]:
    return [store.requester.submit(call).request for call, _ in telling_calls()]


@pytest.fixture
def queue(requests: list[Request]) -> Queue:
    queue = Queue()
    queue.merge(requests, {})
    return queue


def test_the_cursor_begins_on_the_oldest_request(queue: Queue, requests: list[Request]) -> None:
    assert queue.current == requests[0]


def test_the_cursor_follows_its_request_when_one_above_it_vanishes(
    queue: Queue, requests: list[Request], store: BlockingStore
) -> None:
    queue.move(2)
    denied = deny(store, requests[0])
    queue.merge(requests[1:], {denied.id: denied})
    assert queue.cursor == requests[2].id


def test_a_request_that_vanished_stays_as_a_tombstone_in_its_row(
    queue: Queue, requests: list[Request], store: BlockingStore
) -> None:
    approved = approve(store, requests[0])
    queue.merge(requests[1:], {approved.id: approved})
    assert queue.current == approved
    assert queue.entry(0).is_gone
    assert len(queue) == len(requests)


def test_moving_on_clears_the_tombstones_away(queue: Queue, requests: list[Request], store: BlockingStore) -> None:
    approved = approve(store, requests[0])
    queue.merge(requests[1:], {approved.id: approved})
    queue.move(1)
    assert queue.cursor == requests[1].id
    assert len(queue) == len(requests) - 1


def test_a_last_tombstone_goes_when_there_is_nowhere_else_to_move(store: BlockingStore) -> None:
    request = store.requester.submit(telling_calls()[0][0]).request
    queue = Queue()
    queue.merge([request], {})
    denied = deny(store, request)
    queue.merge([], {denied.id: denied})
    assert queue.cursor == denied.id
    queue.move(1)
    assert [queue.cursor, len(queue)] == [None, 0]


def test_new_requests_go_to_the_end_and_are_counted_until_they_were_seen(
    queue: Queue, requests: list[Request], store: BlockingStore
) -> None:
    newcomer = store.requester.submit(Call(tool="late", arguments={}, requester="bot")).request
    queue.merge([*requests, newcomer], {})
    assert queue.index_of(newcomer.id) == len(requests)
    assert queue.cursor == requests[0].id
    assert queue.new_count == 1
    queue.mark_seen(0, len(requests))
    assert queue.new_count == 0


def test_the_first_load_is_not_news(queue: Queue) -> None:
    assert queue.new_count == 0


def test_the_cursor_stops_at_both_ends(queue: Queue, requests: list[Request]) -> None:
    queue.move(-5)
    assert queue.cursor == requests[0].id
    queue.move(50)
    assert queue.cursor == requests[-1].id


def test_an_empty_list_has_no_cursor_and_nowhere_to_move() -> None:
    queue = Queue()
    queue.merge([], {})
    assert queue.current is None
    assert not queue.move(1)


def test_the_first_request_of_an_empty_list_gets_the_cursor(store: BlockingStore) -> None:
    queue = Queue()
    queue.merge([], {})
    request = store.requester.submit(telling_calls()[0][0]).request
    queue.merge([request], {})
    assert queue.current == request
