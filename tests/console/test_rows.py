"""The list's rules without a screen: the cursor follows the row, nothing moves under it, and a window is enough."""

from __future__ import annotations

import pytest

from approval_tui.console.pages import AT, FIRST, FROM, LAST, MARGIN, UNTIL, WINDOW, Key, Page, Want
from approval_tui.console.rows import Rows
from approval_tui.domain.calls import Call
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.seeded import telling_calls
from tests.support import approve, deny


def rows_of_requests() -> Rows[Request]:
    return Rows(lambda request: request.id, is_ascending=True)


def load(rows: Rows[Request], requests: list[Request], vanished: dict[Key, Request] | None = None) -> int:
    return rows.merge(Page(requests, offset=0, total=len(requests)), Want(FIRST), vanished)


@pytest.fixture
def requests(store: BlockingStore) -> list[Request]:
    return [store.requester.submit(call).request for call, _ in telling_calls()]


@pytest.fixture
def rows(requests: list[Request]) -> Rows[Request]:
    rows = rows_of_requests()
    load(rows, requests)
    return rows


def test_the_cursor_begins_on_the_first_row(rows: Rows[Request], requests: list[Request]) -> None:
    assert rows.current == requests[0]


def test_the_cursor_follows_its_row_when_one_above_it_vanishes(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    rows.move(2)
    denied = deny(store, requests[0])
    load(rows, requests[1:], {denied.id: denied})
    assert rows.current == requests[2]


def test_a_row_that_vanished_stays_as_a_tombstone_in_its_place(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    approved = approve(store, requests[1])
    rows.move(1)
    load(rows, [requests[0], *requests[2:]], {approved.id: approved})
    assert rows.current == approved
    entry = rows.entry(1)
    assert entry is not None
    assert entry.is_gone
    assert len(rows) == len(requests)


def test_a_tombstone_keeps_its_place_through_further_loads(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    approved = approve(store, requests[1])
    for _ in range(3):
        load(rows, [requests[0], *requests[2:]], {approved.id: approved})
    assert [entry.row.id for entry in rows.loaded] == [request.id for request in requests]


def test_a_tombstone_stays_when_its_story_has_ended_and_nobody_asks_for_it(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    rows.update(deny(store, requests[0]), is_gone=True)
    load(rows, requests[1:], {})
    assert rows.current is not None
    assert (rows.current.id, rows.current.status) == (requests[0].id, "denied")


def test_moving_on_clears_the_tombstones_away(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    approved = approve(store, requests[0])
    load(rows, requests[1:], {approved.id: approved})
    rows.move(1)
    assert rows.current == requests[1]
    assert len(rows) == len(requests) - 1


def test_a_last_tombstone_goes_when_there_is_nowhere_else_to_move(store: BlockingStore) -> None:
    request = store.requester.submit(telling_calls()[0][0]).request
    rows = rows_of_requests()
    load(rows, [request])
    denied = deny(store, request)
    load(rows, [], {denied.id: denied})
    assert rows.current == denied
    rows.move(1)
    assert [rows.current, len(rows)] == [None, 0]


def test_a_row_that_nobody_knows_any_more_gives_the_cursor_to_its_neighbour(
    rows: Rows[Request], requests: list[Request]
) -> None:
    rows.move(1)
    load(rows, [requests[0], *requests[2:]], {})
    assert rows.current == requests[2]


def test_new_rows_are_counted_until_they_were_seen(
    rows: Rows[Request], requests: list[Request], store: BlockingStore
) -> None:
    newcomer = store.requester.submit(Call(tool="late", arguments={}, requester="bot")).request
    load(rows, [*requests, newcomer])
    assert rows.index_of(newcomer.id) == len(requests)
    assert rows.current == requests[0]
    assert rows.new_count == 1
    rows.mark_seen(0, len(requests))
    assert rows.new_count == 0


def test_the_first_load_is_not_news(rows: Rows[Request]) -> None:
    assert rows.new_count == 0


def test_the_cursor_stops_at_both_ends(rows: Rows[Request], requests: list[Request]) -> None:
    rows.move(-5)
    assert rows.current == requests[0]
    rows.move(50)
    assert rows.current == requests[-1]


def test_an_empty_list_has_no_cursor_and_nowhere_to_move() -> None:
    rows = rows_of_requests()
    load(rows, [])
    assert rows.current is None
    assert not rows.move(1)


def test_the_first_row_of_an_empty_list_gets_the_cursor(store: BlockingStore) -> None:
    rows = rows_of_requests()
    load(rows, [])
    request = store.requester.submit(telling_calls()[0][0]).request
    load(rows, [request])
    assert rows.current == request


# --- a window on a long list -------------------------------------------------------------------

TOTAL = 10_000


class LongList:
    """A list of numbers, of which a Rows sees a window at a time."""

    def __init__(self, *, is_ascending: bool = True) -> None:
        self.numbers = list(range(TOTAL)) if is_ascending else list(range(TOTAL - 1, -1, -1))
        self.is_ascending = is_ascending
        self.rows: Rows[int] = Rows(lambda number: number, is_ascending=is_ascending)
        self.give(Want(FIRST))

    def give(self, want: Want, *, counted: bool = True) -> int:
        """Loads what was wanted, as the store would."""
        numbers = self.numbers
        if want.place == LAST:
            start = max(0, len(numbers) - want.most)
        elif want.place == AT:
            start = want.offset
        elif want.place == FROM:
            start = next(i for i, n in enumerate(numbers) if self._reaches(n, want.key))
        elif want.place == UNTIL:
            stop = next((i for i, n in enumerate(numbers) if self._reaches(n, want.key)), len(numbers))
            start = max(0, stop - want.most)
            page = Page(numbers[start:stop], offset=start if counted else None, total=len(numbers))
            return self.rows.merge(page, want)
        else:
            start = 0
        page = Page(numbers[start : start + want.most], offset=start if counted else None, total=len(numbers))
        return self.rows.merge(page, want)

    def _reaches(self, number: int, key: Key | None) -> bool:
        assert isinstance(key, int)
        return number >= key if self.is_ascending else number <= key

    def settle(self, first: int, last: int) -> None:
        """Loads until the rows on the screen and their margins are there."""
        for _ in range(5):
            want = self.rows.want(first, last)
            if want is None:
                return
            self.give(want)
            cursor = self.rows.cursor_index
            if self.rows.take_arrival() and cursor is not None and not first <= cursor <= last:
                first, last = max(0, cursor - last + first), cursor
        raise AssertionError("it never has enough")


@pytest.mark.parametrize("is_ascending", [True, False])
def test_walking_down_a_long_list_meets_every_row_once(is_ascending: bool) -> None:
    long = LongList(is_ascending=is_ascending)
    met = [long.rows.current]
    for index in range(1, 3000):
        long.rows.move(1)
        long.settle(max(0, index - 30), index)
        met.append(long.rows.current)
    assert met == long.numbers[:3000]
    assert len(long.rows.loaded) <= WINDOW


@pytest.mark.parametrize("height", [1, 30, WINDOW - MARGIN, WINDOW, 500])
def test_a_screen_of_any_height_has_its_rows_and_does_not_ask_for_them_without_end(height: int) -> None:
    long = LongList()
    for first in (0, 50, 3000, 3010, 200, 190, TOTAL - height, 0):
        first = max(0, first)
        long.settle(first, first + height - 1)
        assert all(long.rows.entry(index) is not None for index in range(first, first + height))
        again = long.rows.want_again()
        long.give(again)
        assert long.rows.want(first, first + height - 1) is None


def test_what_comes_at_the_top_makes_the_end_of_an_uncounted_list_ask_for_nothing_and_stay_right() -> None:
    long = LongList(is_ascending=False)
    long.rows.go_to_last()
    long.settle(0, 30)
    top = TOTAL - 30
    for number in range(TOTAL, TOTAL + 3):
        long.numbers.insert(0, number)
        top += long.give(long.rows.want(top, top + 29) or long.rows.want_again(), counted=False)
    assert long.rows.want(top, top + 29) is None
    assert long.rows.cursor_index == len(long.numbers) - 1
    last = long.rows.entry(len(long.numbers) - 1)
    assert last is not None
    assert last.row == 0


@pytest.mark.parametrize("is_ascending", [True, False])
def test_walking_back_up_meets_them_again(is_ascending: bool) -> None:
    long = LongList(is_ascending=is_ascending)
    long.rows.go_to_last()
    long.settle(0, 30)
    assert long.rows.current == long.numbers[-1]
    for index in range(TOTAL - 2, TOTAL - 2000, -1):
        long.rows.move(-1)
        long.settle(index, index + 30)
        assert long.rows.current == long.numbers[index]


def test_a_jump_into_the_middle_loads_what_is_there() -> None:
    long = LongList()
    long.settle(5000, 5030)
    entry = long.rows.entry(5010)
    assert entry is not None
    assert entry.row == 5010


def test_the_cursor_stays_on_its_row_while_the_view_is_elsewhere_and_the_first_key_returns_to_it() -> None:
    long = LongList()
    long.rows.move(7)
    long.settle(5000, 5030)
    assert long.rows.current == 7
    assert [long.rows.cursor_index, long.rows.move(1)] == [None, False]
    long.settle(5000, 5030)
    assert [long.rows.current, long.rows.cursor_index] == [7, 7]
    long.rows.move(1)
    assert long.rows.current == 8


def test_a_reload_far_down_keeps_the_window_and_the_cursor() -> None:
    long = LongList()
    long.rows.go_to_last()
    long.settle(0, 30)
    long.give(long.rows.want_again())
    assert long.rows.current == TOTAL - 1
    assert len(long.rows.loaded) <= WINDOW


def test_rows_that_come_above_move_the_view_with_them() -> None:
    long = LongList(is_ascending=False)
    long.rows.move(10)
    long.numbers = [TOTAL + 2, TOTAL + 1, TOTAL, *long.numbers]
    moved = long.give(long.rows.want_again())
    assert moved == 3
    assert long.rows.current == TOTAL - 11
    assert long.rows.new_count == 3


@pytest.mark.parametrize("is_ascending", [True, False])
def test_where_nobody_counted_the_overlap_says_where_the_window_is(is_ascending: bool) -> None:
    long = LongList(is_ascending=is_ascending)
    near_the_end = WINDOW - MARGIN // 2
    long.rows.move(near_the_end)
    want = long.rows.want(near_the_end - 20, near_the_end + 10)
    assert want is not None
    long.give(want, counted=False)
    assert long.rows.cursor_index == near_the_end
    assert long.rows.offset == near_the_end - 20 - MARGIN


def test_newcomers_beyond_the_window_are_counted_by_the_store() -> None:
    long = LongList()
    long.rows.merge(Page(long.numbers[:WINDOW], offset=0, total=TOTAL + 5, newer=5), Want(FIRST))
    assert long.rows.new_count == 5
