"""The transactions of a copy: what is read of the store that is copied, and what is put into the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from approval_tui.domain.errors import StoreBusy
from approval_tui.store.copying.tables import SEGMENTS, SMALL_TABLES, SUBMITTED_BY, Snapshot, Values, values_of
from approval_tui.store.transaction import Transaction, first_row
from approval_tui.store.transactions import log
from approval_tui.store.transactions.verification import ChainPosition, chain_start

BEYOND = "apr`"
"""Comes after the id of every request."""


class CopyState(NamedTuple):
    """How far a copy is: the number of the log's end when it began (None before), and the last request by id."""

    head_seq: int | None
    copied_id: str
    end: ChainPosition | None
    """Where the log of the copy ends; None before its first event."""


class Beginning(NamedTuple):
    """What a copy begins with: where the log starts, the number of its last event, and the sealed segments."""

    start: ChainPosition
    head_seq: int
    sealed: list[Values]


class Requests(NamedTuple):
    """Whole rows of requests, with the submissions that met them."""

    rows: list[Values]
    submissions: list[Values]


class News(NamedTuple):
    """What happened after an event: the next events, and the requests of which they speak, as these are by then.

    Where no further event had happened by then, `rest` holds the small tables, and the copy is whole with it.
    """

    events: list[Values]
    requests: Requests
    rest: Snapshot | None


def segments(tx: Transaction) -> list[Values]:
    """The sealed segments."""
    return values_of(tx.rows("all_segments", {}))


def beginning(tx: Transaction) -> Beginning:
    """What a copy that is begun now begins with."""
    start, head = chain_start(tx), log.head(tx)
    return Beginning(start, start.seq if head is None else head.seq, segments(tx))


def request_count(tx: Transaction) -> int:
    """How many requests there are."""
    count: int = tx.rows("request_count", {})[0]["count"]
    return count


def events_after(tx: Transaction, after: int, most: int) -> list[Values]:
    """The events that follow the one with that number."""
    return values_of(tx.rows("events_after", {"after": after, "most": most}))


def requests_after(tx: Transaction, after: str, most: int) -> Requests:
    """The requests that follow the one with that id, and their submissions; those of no request come with the last."""
    rows = values_of(tx.rows("requests_to_copy", {"after": after, "most": most}))
    last = rows[-1]["id"] if len(rows) == most else BEYOND
    return Requests(rows, values_of(tx.rows("submissions_between", {"after": after, "last": last})))


def requests_between(tx: Transaction, after: str, last: str) -> Requests:
    """The requests with ids in this range, with their submissions."""
    bounds = {"after": after, "last": last}
    return Requests(values_of(tx.rows("requests_between", bounds)), values_of(tx.rows("submissions_between", bounds)))


def news_after(tx: Transaction, after: int, most: int) -> News:
    """What happened after the event with that number."""
    events = events_after(tx, after, most)
    requests = Requests([], [])
    for request_id in sorted({event["request_id"] for event in events} - {None}):
        requests.rows.extend(values_of(tx.rows("request_to_copy", {"id": request_id})))
        requests.submissions.extend(values_of(tx.rows("submissions_to_copy", {"id": request_id})))
    return News(events, requests, snapshot(tx) if len(events) < most else None)


def snapshot(tx: Transaction) -> Snapshot:
    """All rows of the small tables, and the sealed segments."""
    return {name: values_of(tx.rows(f"all_{name}", {})) for name in (SEGMENTS, *(table.name for table in SMALL_TABLES))}


def changed_since(tx: Transaction, request_ids: Collection[str], seq: int) -> frozenset[str]:
    """Those of the requests of which an event after that one speaks."""
    return frozenset(each for each in request_ids if tx.rows("request_changed_since", {"id": each, "seq": seq}))


def take_over(tx: Transaction, holder: str) -> CopyState:
    """Makes the copy the holder's, so that nobody else goes on with it, and says how far it is."""
    tx.execute("take_over_copy", {"holder": holder})
    row = tx.rows("unfinished_copy", {})[0]
    last = first_row(tx.rows("last_event", {}))
    end = None if last is None else ChainPosition(last["seq"], last["hash"], last["at"])
    return CopyState(row["head_seq"], row["copied_id"], end)


def begin(tx: Transaction, holder: str, found: Beginning) -> None:
    """Says where the log of the copy begins, and how far it reached when the copying began."""
    start = found.start
    parameters = {"holder": holder, "head_seq": found.head_seq, "seq": start.seq, "hash": start.hash, "at": start.at}
    _mark(tx, "begin_copy", parameters)
    for row in found.sealed:
        tx.add("put_segments", row)


def put_events(tx: Transaction, holder: str, copied_id: str, events: Sequence[Values]) -> None:
    """Appends events to the log of the copy."""
    _go_on(tx, holder, copied_id)
    for row in events:
        tx.add("append_event", row)


def put_requests(tx: Transaction, holder: str, copied_id: str, requests: Requests, *, with_submitters: bool) -> None:
    """Puts requests that are not there yet, with their submissions; all up to `copied_id` are there then."""
    _go_on(tx, holder, copied_id)
    _put_requests(tx, requests, with_submitters=with_submitters)


def put_news(tx: Transaction, holder: str, news: News, *, with_submitters: bool) -> None:
    """Appends the events and brings the requests to where these left them, by steps that the guards allow."""
    put_events(tx, holder, BEYOND, news.events)
    for row in news.requests.rows:
        tx.add("step_to_new_status", row)
    _put_requests(tx, news.requests, with_submitters=with_submitters)
    for table in SMALL_TABLES if news.rest is not None else ():
        assert news.rest is not None
        there = {table.key_of(row): row for row in values_of(tx.rows(f"all_{table.name}", {}))}
        for row in news.rest[table.name]:
            known = there.pop(table.key_of(row), None)
            if known is None:
                tx.add(f"put_{table.name}", row)
            elif known != row and table.is_kept:
                tx.add(f"change_{table.name}", row)
            elif known != row:
                tx.add(f"remove_{table.name}", known)
                tx.add(f"put_{table.name}", row)
        for row in () if table.is_kept else there.values():
            tx.add(f"remove_{table.name}", row)


def finish(tx: Transaction, holder: str, statements: Sequence[str]) -> None:
    """Makes the copy a store that can be opened."""
    _go_on(tx, holder, BEYOND)
    for statement in statements:
        tx.execute(statement, {})


def _put_requests(tx: Transaction, requests: Requests, *, with_submitters: bool) -> None:
    for row in requests.rows:
        keeps = with_submitters and SUBMITTED_BY in row
        tx.add("put_request_with_submitter" if keeps else "put_request", row)
    for row in requests.submissions:
        tx.add("put_submission", row)


def _go_on(tx: Transaction, holder: str, copied_id: str) -> None:
    _mark(tx, "go_on_with_copy", {"holder": holder, "copied_id": copied_id})


def _mark(tx: Transaction, statement: str, parameters: Mapping[str, Any]) -> None:
    """Changes the marker, which keeps all others from the copy; raises StoreBusy unless it is the holder's."""
    if not tx.rows("is_unfinished", {}) or tx.execute(statement, parameters) != 1:
        raise StoreBusy(
            "Another `store copy` has gone on with this copy.",
            not_done="This one stops here.",
            to_do="Look at what the other says.",
        )
