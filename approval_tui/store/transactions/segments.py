"""Sealed segments: where the log that is left begins, and the checks of `audit verify` on them."""

from __future__ import annotations

from collections.abc import Iterator

from approval_tui.domain.audit import Problem
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.pruning import Segment
from approval_tui.store.transaction import Row, Transaction, first_row
from approval_tui.store.transactions.batches import paged
from approval_tui.store.transactions.log import event_from_row
from approval_tui.store.transactions.records import corrupt

_KINDS = {"number": int, "last_seq": int, "last_hash": str, "sealed_at": int}


def last_segment(tx: Transaction) -> Segment | None:
    """The segment that was sealed last; None where nothing ever was. Raises StoreCorrupt."""
    row = first_row(tx.rows("last_segment", {}))
    return None if row is None else _segment(row)


def last_sealed(tx: Transaction) -> int:
    """The number of the last event that may be pruned; 0 for none."""
    segment = last_segment(tx)
    return 0 if segment is None else segment.last_seq


def segments(tx: Transaction) -> tuple[Segment, ...]:
    """All of them, in order."""
    return tuple(_segment(row) for row in tx.rows("segments", {}))


def carried_tokens(tx: Transaction) -> list[JsonObject]:
    """The tokens whose making was pruned, as the last seal carries them; what is no token there is left out."""
    last = last_segment(tx)
    seals = () if last is None else (details for row in _seals(tx) if _is_of(details := _details(row), last))
    carried = next(iter(seals), {}).get("tokens")
    return [each for each in carried if isinstance(each, dict)] if isinstance(carried, list) else []


def check_segments(tx: Transaction) -> tuple[Problem, ...]:
    """Segments that the log does not know, or knows otherwise, and seals of segments that are not there."""
    known = {segment.number: segment for segment in segments(tx)}
    return tuple(_wrong_segments(tx, known))


def _wrong_segments(tx: Transaction, known: dict[int, Segment]) -> Iterator[Problem]:
    before = 0
    for segment in known.values():
        if segment.last_seq <= before:
            yield Problem(f"segment {segment.number} does not come after the one before it")
        before = segment.last_seq
    if list(known) != list(range(1, len(known) + 1)):
        yield Problem("a segment was deleted")
    sealed = set()
    for row in _seals(tx):
        details = _details(row)
        number = details.get("number")
        segment_of = known.get(number) if isinstance(number, int) else None
        if segment_of is None or not _is_of(details, segment_of) or row["seq"] <= segment_of.last_seq:
            yield Problem("this event seals no segment that is there", seq=row["seq"])
        elif number in sealed:
            yield Problem("this event seals a segment that was sealed", seq=row["seq"])
        else:
            sealed.add(number)
    last = max(known, default=0)
    if last and last not in sealed:
        yield Problem(f"segment {last}: no event seals it, and events up to {known[last].last_seq} may be gone")
    end = first_row(tx.rows("event", {"seq": known[last].last_seq})) if last else None
    if end is not None and end["hash"] != known[last].last_hash:
        yield Problem("it is not the event with which its segment ends", seq=end["seq"])


def _is_of(details: JsonObject, segment: Segment) -> bool:
    return all(details.get(column) == value for column, value in segment._asdict().items())


def _seals(tx: Transaction) -> Iterator[Row]:
    return paged(tx, "seal_events", "seq", 0)


def _details(row: Row) -> JsonObject:
    details = event_from_row(row).body.get("details")
    return details if isinstance(details, dict) else {}


def _segment(row: Row) -> Segment:
    if any(type(row[column]) is not kind for column, kind in _KINDS.items()):
        raise corrupt("The row of a segment cannot be read.")
    return Segment(row["number"], row["last_seq"], row["last_hash"], row["sealed_at"])
