"""Pages of what waits and of the history, their counts, and that indexes carry them."""

from __future__ import annotations

import re

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE, SECOND
from approval_tui.domain.models import Request
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.statements import STATEMENTS, with_words
from approval_tui.store.transactions.filters import filter_parameters
from approval_tui.store.transactions.log import LogBounds
from approval_tui.store.transactions.queries import EVERYTHING, PENDING_ONLY, Filter, Word
from tests.support import ANN, ManualClock, approve, consume, deny, sqlite_engine, submit


def ids(requests: tuple[Request, ...]) -> list[str]:
    return [request.id for request in requests]


def many(store: BlockingStore, count: int, tool: str = "shell", timeout: int = MINUTE) -> list[str]:
    return [submit(store, Call(tool, {"n": n}, "bot", timeout=timeout)).id for n in range(count)]


# --- what waits --------------------------------------------------------------------------------


def test_pages_of_what_waits_go_from_the_oldest_to_the_newest(store: BlockingStore) -> None:
    made = many(store, 7)
    first = store.reader.pending_page(most=3)
    assert (ids(first.requests), first.before, first.total) == (made[:3], 0, 7)
    second = store.reader.pending_page(start=made[3], most=3)
    assert (ids(second.requests), second.before, second.total) == (made[3:6], 3, 7)
    third = store.reader.pending_page(start=made[6], most=3)
    assert (ids(third.requests), third.before, third.total) == (made[6:], 6, 7)


def test_the_last_page_is_given_oldest_first_too(store: BlockingStore) -> None:
    made = many(store, 7)
    page = store.reader.pending_page(end=True, most=3)
    assert (ids(page.requests), page.before, page.total) == (made[4:], 4, 7)
    whole = store.reader.pending_page(end=True, most=7)
    assert (ids(whole.requests), whole.before, whole.total) == (made, 0, 7)


def test_a_page_can_end_before_an_id_and_begin_at_an_index(store: BlockingStore) -> None:
    made = many(store, 7)
    page = store.reader.pending_page(until=made[5], most=2)
    assert (ids(page.requests), page.before, page.total) == (made[3:5], 3, 7)
    page = store.reader.pending_page(index=5, most=10)
    assert (ids(page.requests), page.before, page.total) == (made[5:], 5, 7)
    page = store.reader.pending_page(index=7)
    assert (page.requests, page.before, page.total) == ((), 7, 7)
    assert store.reader.pending_page(newer_than=made[4]).newer == 2


def test_nobody_counts_who_was_not_asked_to(store: BlockingStore) -> None:
    made = many(store, 3)
    page = store.reader.pending_page(start=made[1], count=False)
    assert (ids(page.requests), page.before, page.total, page.newer) == (made[1:], None, None, None)


def test_nothing_waits_in_an_empty_store(store: BlockingStore) -> None:
    for page in (
        store.reader.pending_page(),
        store.reader.pending_page(end=True),
        store.reader.pending_page(start="a"),
    ):
        assert (page.requests, page.before, page.total) == ((), 0, 0)


def test_the_page_after_rows_vanished_begins_with_the_next_that_waits(store: BlockingStore, clock: ManualClock) -> None:
    made = many(store, 6)
    for gone in (made[0], made[2], made[3]):
        deny(store, store.reader.get(gone))
    page = store.reader.pending_page(start=made[2], most=2)
    assert (ids(page.requests), page.before, page.total) == (made[4:], 1, 3)
    for gone in made[4:]:
        deny(store, store.reader.get(gone))
    page = store.reader.pending_page(start=made[4])
    assert (page.requests, page.before, page.total) == ((), 1, 1)


def test_what_is_past_its_time_is_in_no_page_and_in_no_count(store: BlockingStore, clock: ManualClock) -> None:
    many(store, 2, "short", timeout=SECOND)
    late = many(store, 2, "long", timeout=MINUTE)
    clock.move(SECOND)
    for page in (store.reader.pending_page(), store.reader.pending_page(end=True, most=2)):
        assert (ids(page.requests), page.before, page.total) == (late, 0, 2)
    assert store.reader.pending_page(start=late[1]).before == 1


def test_before_and_total_count_what_matches(store: BlockingStore) -> None:
    made = [submit(store, Call("shell", {"n": n}, "odd" if n % 2 else "even")).id for n in range(8)]
    chosen = Filter(status="denied", requester="odd")  # the status says nothing here
    page = store.reader.pending_page(chosen, start=made[2], most=2)
    assert (ids(page.requests), page.before, page.total) == ([made[3], made[5]], 1, 4)
    page = store.reader.pending_page(chosen, end=True, most=1)
    assert (ids(page.requests), page.before, page.total) == ([made[7]], 3, 4)


async def test_many_requests_are_read_at_once_and_those_that_are_not_there_left_out(
    store: BlockingStore, async_store: AsyncStore
) -> None:
    made = many(store, 3)
    wanted = (made[2], "apr_" + "0" * 32, made[0])
    found = store.reader.get_many(wanted)
    assert ids(found) == [made[2], made[0]]
    assert await async_store.reviewer.get_many(wanted) == found
    assert store.reader.get_many(()) == ()


# --- the history -------------------------------------------------------------------------------


@pytest.fixture
def told_ids(store: BlockingStore, clock: ManualClock) -> list[str]:
    """Twelve requests of the history, newest first, with others between them that wait."""
    made = []
    for number in range(12):
        request = submit(store, Call("even" if number % 2 == 0 else "odd", {"n": number}, f"bot-{number % 3}"))
        deny(store, request) if number % 4 else approve(store, request)
        made.append(request.id)
        if number in (2, 3, 11):
            submit(store, Call("waits", {"n": number}, "bot"))
    return made[::-1]


def test_a_page_of_the_history_is_before_or_after_an_id_and_always_newest_first(
    store: BlockingStore, told_ids: list[str]
) -> None:
    history = store.reader.history
    assert ids(history(most=5)) == told_ids[:5]
    assert ids(history(before=told_ids[4], most=5)) == told_ids[5:10]
    assert ids(history(after=told_ids[10], most=5)) == told_ids[5:10]
    assert ids(history(after=told_ids[2], most=5)) == told_ids[:2]
    assert history(after=told_ids[0]) == ()
    assert ids(history(oldest=True, most=5)) == told_ids[7:]
    assert ids(history(after=told_ids[9], before=told_ids[2])) == told_ids[3:9]


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(tool="odd"),
        Filter(requester="bot-1"),
        Filter(status="denied"),
        Filter(status="approved"),
        Filter(words=(Word("odd", "tool"),)),
        Filter(requester="bot-2", status="denied", words=(Word("bot"), Word("d", "tool"))),
        EVERYTHING,
    ],
)
def test_pages_of_every_filter_join_in_both_directions(
    store: BlockingStore, told_ids: list[str], chosen: Filter
) -> None:
    whole = store.reader.history(chosen)
    assert len(whole) == store.reader.history_count(chosen) > 1
    down: list[Request] = []
    while page := store.reader.history(chosen, before=down[-1].id if down else None, most=2):
        down += page
    up = list(store.reader.history(chosen, oldest=True, most=2))
    while page := store.reader.history(chosen, after=up[0].id, most=2):
        up = [*page, *up]
    assert tuple(down) == tuple(up) == whole


def test_claims_in_doubt_have_pages_and_a_count(store: BlockingStore, clock: ManualClock) -> None:
    made = []
    for number in range(5):
        request = approve(store, submit(store, Call("shell", {"n": number}, "bot")))
        consume(store, request)
        made.append(request.id)
    assert store.reader.overview().in_doubt == 0
    clock.move(60 * MINUTE)
    chosen = Filter(status="in_doubt")
    assert store.reader.overview().in_doubt == store.reader.history_count(chosen) == 5
    assert ids(store.reader.list(chosen)) == made
    assert ids(store.reader.history(chosen, after=made[1], most=2)) == [made[3], made[2]]
    assert ids(store.reader.history(chosen, oldest=True, most=2)) == [made[1], made[0]]
    store.reviewer.resolve(made[0], "failed", reviewer=ANN)
    assert store.reader.overview().in_doubt == 4


def test_the_history_is_counted_by_the_status_that_counts_now(store: BlockingStore, clock: ManualClock) -> None:
    many(store, 2, "lapses", timeout=SECOND)
    store.reviewer.expire(many(store, 1, "ended")[0], reviewer=ANN)
    approve(store, submit(store, Call("unused", {}, "bot", approval_lifetime=SECOND)))
    approve(store, submit(store, Call("usable", {}, "bot", approval_lifetime=MINUTE)))
    deny(store, submit(store, Call("denied", {}, "bot")))
    many(store, 3, "waits", timeout=MINUTE)
    clock.move(SECOND)
    counts: dict[str | None, int] = {
        status: store.reader.history_count(Filter(status=status))
        for status in ("pending", "approved", "denied", "expired", "cancelled", "consumed", None)
    }
    assert counts == {
        "pending": 0,
        "approved": 1,
        "denied": 1,
        "expired": 4,
        "cancelled": 0,
        "consumed": 0,
        None: 6,
    }
    for status, count in counts.items():
        assert len(store.reader.history(Filter(status=status))) == count
        assert store.reader.history_count(Filter(status=status, words=(Word("bot"),))) == count
    clock.move(MINUTE)
    assert store.reader.history_count() == len(store.reader.history()) == 9


def test_every_index_of_the_history_has_its_id(store: BlockingStore, clock: ManualClock) -> None:
    assert store.reader.history_id_at(0) is None
    many(store, 3, "oldest")
    for number in range(9):
        deny(store, submit(store, Call("denied", {"n": number}, "bot")))
        many(store, number % 3, f"between-{number}", timeout=SECOND if number == 4 else MINUTE)
    many(store, 4, "newest")
    for _ in range(2):
        newest_first = ids(store.reader.history())
        assert [store.reader.history_id_at(index) for index in range(len(newest_first))] == newest_first
        assert store.reader.history_id_at(len(newest_first)) is None
        assert store.reader.history_id_at(-1) is None
        clock.move(SECOND)


# --- the log -----------------------------------------------------------------------------------


def test_pages_of_the_log_go_both_ways(store: BlockingStore) -> None:
    assert store.reader.log_bounds() is None
    many(store, 9)
    assert store.reader.log_bounds() == LogBounds(1, 9)

    def numbers(before: int | None = None, after: int | None = None) -> list[int]:
        return [event.seq for event in store.reader.events(before=before, after=after, most=3)]

    assert numbers() == [9, 8, 7]
    assert numbers(before=7) == [6, 5, 4]
    assert numbers(after=3) == [6, 5, 4]
    assert numbers(after=8) == [9]
    assert numbers(after=9) == []
    assert numbers(after=0) == [3, 2, 1]
    assert numbers(before=1) == numbers(before=0) == []


async def test_both_forms_give_the_same_pages(
    store: BlockingStore, async_store: AsyncStore, told_ids: list[str]
) -> None:
    mine, theirs = store.reviewer, async_store.reviewer
    assert await theirs.pending_page(most=2) == mine.pending_page(most=2)
    assert await theirs.pending_page(end=True, count=False) == mine.pending_page(end=True, count=False)
    assert await theirs.pending_page(index=1, newer_than="apr_0") == mine.pending_page(index=1, newer_than="apr_0")
    assert await theirs.history(after=told_ids[3], most=2) == mine.history(after=told_ids[3], most=2)
    assert await theirs.history(oldest=True, most=2) == mine.history(oldest=True, most=2)
    assert await theirs.history_count() == mine.history_count() == 12
    assert await theirs.history_id_at(5) == mine.history_id_at(5) == told_ids[5]
    assert (await theirs.overview()).in_doubt == mine.overview().in_doubt == 0
    assert await theirs.events(after=3, most=2) == mine.events(after=3, most=2)
    assert await theirs.log_bounds() == mine.log_bounds()


# --- query plans -------------------------------------------------------------------------------


def plan(store: BlockingStore, name: str, *, words: int = 0) -> str:
    """SQLite's plan for the statement, in one line."""
    statement = STATEMENTS[with_words(name, words)]
    chosen = Filter(status="denied", requester="bot", words=(Word("a"),) * words)
    parameters = {
        **dict.fromkeys(re.findall(r":(\w+)", statement), "apr_0"),
        **filter_parameters(chosen),
        "now": 1,
        "most": 1,
        "skipped": 0,
    }
    rows = sqlite_engine(store).connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    return "; ".join(row["detail"] for row in rows)


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("words", [0, 1, 6])
@pytest.mark.parametrize("name", ["pending_page", "pending_page_at_end", "pending_id_at"])
def test_pages_of_what_waits_walk_the_index_of_what_waits(store: BlockingStore, name: str, words: int) -> None:
    bounds = "id>? AND id<?" if name == "pending_page_at_end" else "id>?"
    assert plan(store, name, words=words) == f"SEARCH requests USING INDEX requests_waiting ({bounds})"


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("words", [0, 1])
def test_counts_of_what_waits_and_matches_walk_that_index_too(store: BlockingStore, words: int) -> None:
    assert "USING INDEX requests_waiting (id>? AND id<?)" in plan(store, "pending_count_matching", words=words)


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    "name",
    [
        *("pending_count", "pending_count_below", "pending_count_from", "pending_count_up_to", "in_doubt_count"),
        *("history_count", "history_count_by_status", "history_count_approved", "history_count_expired"),
        *("id_from_newest", "id_from_oldest", "history_id_below", "history_id_above"),
        *("ids_where_a_step_ends", "count_of_ids"),
    ],
)
def test_what_only_counts_reads_indexes_and_no_rows(store: BlockingStore, name: str) -> None:
    tables = [step for step in plan(store, name).split("; ") if step.startswith(("SEARCH", "SCAN"))]
    assert any("requests" in step for step in tables)
    for step in tables:
        assert "USING COVERING INDEX" in step or step == "SCAN CONSTANT ROW", step


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("words", [0, 2])
@pytest.mark.parametrize("direction", ["", "_upwards"])
@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("history", "sqlite_autoindex_requests_1 (id>? AND id<?)"),
        ("history_by_status", "requests_decided_by_status (status=? AND id>? AND id<?)"),
        ("history_by_requester", "requests_by_requester (requester=? AND id>? AND id<?)"),
    ],
)
def test_pages_of_the_history_walk_an_index_in_the_order_of_ids(
    store: BlockingStore, name: str, way: str, direction: str, words: int
) -> None:
    assert plan(store, name + direction, words=words) == f"SEARCH requests USING INDEX {way}"


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("words", [0, 1])
def test_lists_of_what_can_still_move_read_their_own_indexes(store: BlockingStore, words: int) -> None:
    approved, in_doubt = plan(store, "approved_requests", words=words), plan(store, "requests_in_doubt", words=words)
    assert "USING INDEX requests_approved (approval_expires_at>?)" in approved
    assert "USING INDEX requests_claimed (claim_expires_at<?)" in in_doubt


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("direction", ["", "_upwards"])
def test_claims_in_doubt_are_found_by_their_index(store: BlockingStore, direction: str) -> None:
    assert "USING INDEX requests_claimed (claim_expires_at<?)" in plan(store, f"history_in_doubt{direction}", words=1)


@pytest.mark.sqlite_alone
def test_a_search_of_the_log_walks_its_numbers(store: BlockingStore) -> None:
    assert plan(store, "events_matching", words=1) == "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
    steps = plan(store, "events_matching_of_requests", words=1).split("; ")
    assert steps[0] == "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
    assert steps[1] == "SEARCH requests USING INDEX sqlite_autoindex_requests_1 (id=?)"
    assert len(steps) == 2


@pytest.mark.sqlite_alone
def test_the_plans_hold_with_many_rows_and_few_that_wait(store: BlockingStore, told_ids: list[str]) -> None:
    sqlite_engine(store).connection.execute("ANALYZE")
    assert "requests_waiting" in plan(store, "pending_page")
    assert "requests_waiting" in plan(store, "pending_page_at_end")
    assert "sqlite_autoindex_requests_1" in plan(store, "history")
    assert store.reader.pending_page(PENDING_ONLY).total == 3
