"""The checks of `audit verify`: the chain link by link, then every row against the events that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approval_tui.domain import audit, chain, events
from approval_tui.domain.audit import Head, Problem
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.identity import digest_for, digest_of, fingerprint_of
from approval_tui.domain.models import Request
from approval_tui.domain.pruning import Segment
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import request_from_row, row_to_fold
from approval_tui.store.transactions.segments import last_sealed, last_segment, segments


@dataclass(frozen=True)
class ChainPosition:
    """How far the chain has been checked: the last event's number, hash and time (ms UTC)."""

    seq: int
    hash: str
    at: int


@dataclass(frozen=True)
class ChainBatch:
    """What one batch of links gave; `position` is None when the chain cannot be followed further."""

    position: ChainPosition | None
    checked: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class RowBatch:
    """What one batch of rows gave; `last_id` is where the next begins, None at the end."""

    last_id: str | None
    checked: int
    problems: tuple[Problem, ...]


def chain_start(tx: Transaction) -> ChainPosition:
    """Where the chain begins: at the genesis, or after the last segment that was deleted.

    In a segment of which a part was deleted, it is after the first event that is left: those after it commit to its
    hash.
    """
    sealed = segments(tx)
    if not sealed:
        return ChainPosition(0, chain.GENESIS, 0)
    last = sealed[-1]
    first = first_row(tx.rows("first_event", {}))
    if first is None or first["seq"] > last.last_seq:
        return ChainPosition(last.last_seq, last.last_hash, 0)
    if first["seq"] == 1:
        return ChainPosition(0, chain.GENESIS, 0)
    for segment in sealed[:-1]:
        if segment.last_seq == first["seq"] - 1:
            return ChainPosition(segment.last_seq, segment.last_hash, 0)
    return ChainPosition(first["seq"], first["hash"], 0)


def check_links(tx: Transaction, position: ChainPosition, most: int) -> ChainBatch:
    """Follows the chain over up to `most` events; the first broken link ends it.

    What was sealed and is deleted meanwhile is passed over.
    """
    rows = tx.rows("events_after", {"after": position.seq, "most": most})
    is_gone = not rows or rows[0]["seq"] != position.seq + 1
    if is_gone and position.seq < last_sealed(tx):
        start = chain_start(tx)
        if start.seq > position.seq:
            return ChainBatch(start, 0, ())
    for count, row in enumerate(rows):
        why = broken_link(row, position)
        if why is not None:
            return ChainBatch(None, count, (Problem(why, seq=row["seq"], request_id=row["request_id"]),))
        position = ChainPosition(row["seq"], row["hash"], row["at"])
    return ChainBatch(position, len(rows), ())


def broken_link(row: Row | Mapping[str, Any], position: ChainPosition) -> str | None:
    """What is wrong with an event that should follow that position; None where nothing is."""
    seq = position.seq + 1
    if row["seq"] != seq:
        return f"event {seq} is missing: after it comes {row['seq']}"
    if not isinstance(row["body"], str) or chain.link(seq, position.hash, row["body"].encode()) != row["hash"]:
        return f"event {seq} was changed: its hash does not fit its body and the event before it"
    body = event_from_row(row).body
    if (body.get("event"), body.get("request"), body.get("at")) != (
        row["name"],
        row["request_id"],
        row["at"],
    ):
        return f"event {seq} was changed: its columns differ from its body"
    if row["at"] < position.at:
        return f"event {seq} is older than the one before it"
    return None


def check_head(tx: Transaction, expected: Head) -> tuple[Problem, ...]:
    """Whether the log still holds the checkpoint that was kept elsewhere; without it, it was cut short."""
    row = first_row(tx.rows("event", {"seq": expected.seq}))
    sealed = last_segment(tx)
    if sealed is not None and row is None and expected.seq <= sealed.last_seq:
        return _pruned_checkpoint(expected, sealed)
    if row is None:
        return (Problem(f"the log ends before event {expected.seq} of the checkpoint", seq=expected.seq),)
    if row["hash"] != expected.hash:
        return (Problem(f"event {expected.seq} is not the one of the checkpoint", seq=expected.seq),)
    return ()


def _pruned_checkpoint(expected: Head, sealed: Segment) -> tuple[Problem, ...]:
    """What can be said of a checkpoint whose event was pruned; of the last sealed event the hash stayed."""
    if (expected.seq, expected.hash) == (sealed.last_seq, sealed.last_hash):
        return ()
    if expected.seq == sealed.last_seq:
        return (Problem(f"event {expected.seq} was not the one of the checkpoint when it was sealed", expected.seq),)
    return (
        Problem(
            f"event {expected.seq} of the checkpoint was pruned with the events up to {sealed.last_seq}, so that it "
            "can be compared no more; take a new checkpoint, or look into the archive",
            seq=expected.seq,
        ),
    )


def check_rows(tx: Transaction, after: str, most: int) -> RowBatch:
    """Folds the events of up to `most` requests and compares what they give with the rows."""
    rows = tx.rows("requests_after", {"after": after, "most": most})
    start = chain_start(tx).seq
    problems: list[Problem] = []
    for row in rows:
        problems.extend(_row_problems(tx, row, start))
    last_id = rows[-1]["id"] if rows else None
    return RowBatch(last_id, len(rows), tuple(problems))


def check_missing_rows(tx: Transaction, most: int = 20) -> tuple[Problem, ...]:
    """Requests that the log speaks of and that were deleted."""
    return tuple(
        Problem("its row was deleted", seq=row["seq"], request_id=row["request_id"])
        for row in tx.rows("events_without_request", {"after": last_sealed(tx), "most": most})
    )


def _row_problems(tx: Transaction, row: Row, start: int) -> list[Problem]:
    """What is wrong with a row; the chain proves the events after the number `start`."""
    request_id = row["id"]
    folded: dict[str, Any] | None = None
    submitted_digest = None
    for event_row in tx.rows("events_of_request", {"request_id": request_id}):
        event = event_from_row(event_row)
        if event.seq <= start:
            return [Problem("events of it were pruned, and its row is there", seq=event.seq, request_id=request_id)]
        try:
            folded, why = audit.fold(folded, event)
        except (KeyError, TypeError):
            folded, why = folded, "its body is not one of ours"
        if why is not None:
            return [Problem(why, seq=event.seq, request_id=request_id)]
        if event.name == events.SUBMITTED:
            submitted_digest = event.body["changes"].get("digest")
    if folded is None:
        return [Problem("no event says where this request comes from", request_id=request_id)]
    differing = [column for column, value in row_to_fold(row).items() if folded.get(column) != value]
    if differing:
        return [Problem(f"its row differs from its events in {', '.join(differing)}", request_id=request_id)]
    return _digest_problems(row, submitted_digest)


def _digest_problems(row: Row, submitted_digest: str | None) -> list[Problem]:
    try:
        request = request_from_row(row, 0)
        problem = _wrong_digest(request, submitted_digest)
    except ApprovalTuiError as error:
        problem = error.happened
    return [] if problem is None else [Problem(problem, request_id=row["id"])]


def _wrong_digest(request: Request, submitted_digest: str | None) -> str | None:
    fingerprint = fingerprint_of(
        request.requester,
        request.server,
        request.tool,
        request.context,
        request.arguments,
        request.rule_hash,
    )
    if fingerprint != request.fingerprint:
        return "its call was changed: the fingerprint does not fit"
    digest = digest_of(request.id, request.session, fingerprint, request.reason, request.risk)
    if digest != submitted_digest:
        return "its call was changed: the digest does not fit"
    if request.edited_arguments is not None:
        digest = digest_for(request, request.edited_arguments)
    if digest != request.digest:
        return "its edited arguments were changed: the digest does not fit"
    return None
