"""Pruning the log: what of it may go, the seal on that, and its deletion in short transactions.

A beginning of the log goes whole or not at all: nothing that began in it may go on after it. What was sealed may
be deleted at any time, and by whoever comes: first the rows of requests, then their events, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from approval_tui.domain import events
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.clock import DAY
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import Conflict, InvalidInput
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, FINAL, effective_status
from approval_tui.domain.pruning import UNENDED, PrunePlan, Segment, Span
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.grants import details_of
from approval_tui.store.transactions.records import append_event
from approval_tui.store.transactions.reviewer import check_reviewer
from approval_tui.store.transactions.segments import carried_tokens, last_segment
from approval_tui.store.transactions.standing_spans import standing_spans
from approval_tui.store.transactions.tokens import FIXED as TOKEN_COLUMNS

LEAST_AGE = DAY
"""Only what is at least so old is pruned, in ms: nothing that is under way then is touched."""

_NOTHING = "Nothing was pruned."


class Outset(NamedTuple):
    """The log as it is before it is looked through: its first event and its last, and the last that is old enough.

    `spans` are those of grants and holds, in the order of their begin. Numbers are 0 where there is none.
    """

    first_seq: int
    first_at: int
    head_seq: int
    limit: int
    sealed: Segment | None
    spans: tuple[Span, ...]


def check_moment(tx: Transaction, before: int) -> None:
    """Raises InvalidInput where the moment (ms UTC) is less than a day ago."""
    if type(before) is not int or before > tx.now - LEAST_AGE:
        raise InvalidInput(
            "Only what is at least a day old is pruned.",
            not_done=_NOTHING,
            to_do="Give an earlier moment, such as 90d for what is older than ninety days.",
        )


def begin_plan(tx: Transaction, before: int) -> Outset:
    """Where a plan begins; `before` is in ms UTC. Raises InvalidInput where that is less than a day ago."""
    check_moment(tx, before)
    first, last = first_row(tx.rows("first_event", {})), first_row(tx.rows("last_event", {}))
    sealed = last_segment(tx)
    if first is None or last is None:
        return Outset(0, 0, 0, 0, sealed, ())
    after = 0 if sealed is None else sealed.last_seq
    limit = _last_before(tx, before, first["seq"], last["seq"])
    spans = tuple(span for span in standing_spans(tx, after, before) if span.first <= limit)
    return Outset(first["seq"], first["at"], last["seq"], limit, sealed, spans)


def request_spans(tx: Transaction, after: int, until: int, most: int) -> tuple[Span, ...]:
    """Those of up to `most` requests that begin between these events, in order."""
    rows = tx.rows("request_spans", {"after": after, "until": until, "most": most})
    return tuple(_span_of_request(row, tx.now) for row in rows)


def end_of_plan(tx: Transaction, last_seq: int) -> tuple[str, int]:
    """The hash and the time (ms UTC) of the event with which a plan ends."""
    row = tx.rows("event", {"seq": last_seq})[0]
    return row["hash"], row["at"]


def seal(tx: Transaction, plan: PrunePlan, reviewer: Reviewer) -> Segment:
    """Seals what the plan lets go, and ends the grants, holds and tokens that belong to it and are over.

    Raises Conflict where the store is not as it was planned on any more.
    """
    check_reviewer(reviewer)
    tx.serialize("segments")
    if last_segment(tx) != plan.sealed:
        raise _moved("It was pruned by somebody else meanwhile.")
    end = first_row(tx.rows("event", {"seq": plan.last_seq}))
    if end is None or end["hash"] != plan.last_hash or end["at"] >= plan.before:
        raise _moved(f"Event {plan.last_seq} is not what it was.")
    late = first_row(tx.rows("late_event_of_sealed", {"after": plan.looked_up_to, "last": plan.last_seq}))
    if late is not None:
        raise _moved(f"Something was said of request {late['request_id']} meanwhile, which was to go.")
    carried, ended = _tokens(tx, plan)
    number = 1 if plan.sealed is None else plan.sealed.number + 1
    segment = Segment(number, plan.last_seq, plan.last_hash, tx.now)
    tx.execute("insert_segment", segment._asdict())
    counts = {
        "events": plan.events,
        "requests": plan.requests,
        "grants": _forget_grants(tx, plan),
        "holds": _forget_holds(tx, plan),
        "tokens_ended": _forget_tokens(tx, plan, ended),
    }
    details = {**segment._asdict(), "before": plan.before, **counts, "tokens": carried, "by": reviewer.to_json()}
    append_event(tx, events.SEGMENT_SEALED, None, {}, details)
    return segment


def first_to_forget(tx: Transaction, last_seq: int) -> int | None:
    """The first event that is left of a sealed segment; None where it is gone."""
    first = first_row(tx.rows("first_event", {}))
    return None if first is None or first["seq"] > last_seq else int(first["seq"])


def forget_requests(tx: Transaction, after: int, until: int) -> int:
    """Deletes the requests that begin between these sealed events, with what belongs to them; says how many."""
    between = {"after": after, "until": until}
    tx.execute("forget_reservations_of_requests", between)
    count = tx.execute("forget_requests", between)
    tx.execute("forget_submissions", between)
    return count


def forget_events(tx: Transaction, after: int, until: int) -> int:
    """Deletes these sealed events, whose requests are gone; says how many."""
    between = {"after": after, "until": until}
    tx.execute("forget_deliveries", between)
    return tx.execute("forget_events", between)


def forget_reservations(tx: Transaction, before: int) -> int:
    """Deletes what calls reserved of counters whose windows ended a day before that moment; says how many."""
    return tx.execute("forget_ended_reservations", {"before": before})


def _last_before(tx: Transaction, before: int, low: int, high: int) -> int:
    """The last of these events that is older than the moment; the one before the first where none is."""
    low -= 1
    while low < high:
        middle = (low + high + 1) // 2
        row = first_row(tx.rows("events_after", {"after": middle - 1, "most": 1}))
        if row is not None and row["at"] < before:
            low = max(middle, min(row["seq"], high))
        else:
            high = middle - 1
    return low


def _span_of_request(row: Row, now: int) -> Span:
    why = _why_unfinished(row, now)
    what = f"request {row['request_id']}"
    if why is not None:
        return Span(row["seq"], UNENDED, row["at"], what, why)
    return Span(row["seq"], row["last_seq"], row["at"], what, f"goes on until event {row['last_seq']}")


def _why_unfinished(row: Row, now: int) -> str | None:
    """Why the request is not over, as it is recorded; None where it is."""
    status = row["status"]
    if status in FINAL or (status == CONSUMED and row["outcome"] is not None):
        return None
    if status is None:
        return "has no row"
    if status == CONSUMED:
        return "is in doubt" if row["claim_expires_at"] <= now else "is running"
    if effective_status(status, row["expires_at"], row["approval_expires_at"], now) != status:
        return "expired, and that was not recorded"
    return "is approved and may still run" if status == APPROVED else f"is {status}"


def _tokens(tx: Transaction, plan: PrunePlan) -> tuple[list[JsonObject], dict[str, bool]]:
    """The tokens that the seal carries, and by id those that are over, and whether somebody ended them."""
    created = {str(each.get("token")): each for each in carried_tokens(tx)}
    after = 0 if plan.sealed is None else plan.sealed.last_seq
    revoked: set[str] = set()
    revoked_later: set[str] = set()
    for row in paged(tx, "token_events", "seq", after):
        details = details_of(row)
        token = str(details.get("token"))
        if row["name"] == events.TOKEN_REVOKED:
            (revoked if row["seq"] <= plan.last_seq else revoked_later).add(token)
        elif row["seq"] <= plan.last_seq:
            created[token] = {"token": token, **{column: details.get(column) for column in TOKEN_COLUMNS}}
    expired = {
        token
        for token, each in created.items()
        if token not in revoked_later and isinstance(each["expires_at"], int) and each["expires_at"] <= plan.before
    }
    ended = {token: token in revoked for token in created if token in revoked or token in expired}
    return [each for token, each in created.items() if token not in ended], ended


def _forget_tokens(tx: Transaction, plan: PrunePlan, ended: dict[str, bool]) -> int:
    for token, is_revoked in ended.items():
        _forget_one(tx, plan, "forget_token", token, is_revoked=is_revoked)
    return len(ended)


def _forget_grants(tx: Transaction, plan: PrunePlan) -> int:
    given: dict[str, bool] = {}
    for row in _sealed_events(tx, plan, "grant_events"):
        given[str(details_of(row).get("grant"))] = row["name"] == events.GRANT_REVOKED
    for grant, is_revoked in given.items():
        _forget_one(tx, plan, "forget_grant", grant, is_revoked=is_revoked)
    return len(given)


def _forget_one(tx: Transaction, plan: PrunePlan, statement: str, id_: str, *, is_revoked: bool) -> None:
    if tx.execute(statement, {"id": id_, "is_revoked": int(is_revoked), "before": plan.before}) != 1:
        raise _moved(f"{id_}, which was to go, is not what it was.")


def _forget_holds(tx: Transaction, plan: PrunePlan) -> int:
    """Deletes the holds of sessions that were not held again; what is held again meanwhile is left."""
    last: dict[tuple[object, object], tuple[JsonObject, JsonObject]] = {}
    held: JsonObject = {}
    after = 0 if plan.sealed is None else plan.sealed.last_seq
    for row in paged(tx, "hold_events", "seq", after):
        details = details_of(row)
        session = details.get("requester"), details.get("session")
        if row["seq"] > plan.last_seq:
            last.pop(session, None)
        elif row["name"] == events.SESSION_HELD:
            held[str(session)] = details
        else:
            last[session] = held.get(str(session), {}), details
    return sum(
        tx.execute(
            "forget_hold",
            {
                "requester": requester,
                "session": session,
                "held_at": began.get("held_at"),
                "released_at": ended.get("released_at"),
            },
        )
        for (requester, session), (began, ended) in last.items()
    )


def _sealed_events(tx: Transaction, plan: PrunePlan, statement: str) -> Iterator[Row]:
    """Those of the statement's events that are in the plan's segment."""
    after = 0 if plan.sealed is None else plan.sealed.last_seq
    for row in paged(tx, statement, "seq", after):
        if row["seq"] > plan.last_seq:
            return
        yield row


def _moved(happened: str) -> Conflict:
    return Conflict(happened, not_done=_NOTHING, to_do="Try again.")
