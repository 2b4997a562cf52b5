"""Pruning in steps that each take one short transaction: planned, archived, sealed, deleted (see `procedures`)."""

from __future__ import annotations

from collections.abc import Callable

from approval_tui.domain.audit import Event
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.pruning import Cut, PrunePlan, Segment, Span
from approval_tui.store.procedures import Procedure, Progress, Step, export_between
from approval_tui.store.transactions import pruning

_LOOKED_AT = 1000
_DELETED = 500
"""Numbers of events that one transaction looks at, and deletes: others write in between."""


def plan_prune(before: int, progress: Progress | None = None) -> Procedure[PrunePlan]:
    """What of the log is older than the moment `before` (ms UTC) and may go; raises InvalidInput."""
    outset: pruning.Outset = yield Step(pruning.begin_plan, (before,))
    sealed = outset.sealed
    after = 0 if sealed is None else sealed.last_seq
    cut = Cut(outset.limit)
    standing = list(outset.spans)
    at = after
    while at < outset.limit:
        spans: tuple[Span, ...] = yield Step(pruning.request_spans, (at, outset.limit, _LOOKED_AT))
        for span in spans:
            while standing and standing[0].first <= span.first:
                cut.add(standing.pop(0), counts=0)
            cut.add(span)
        at = spans[-1].first if spans else outset.limit
        if progress is not None:
            progress("events", at, outset.limit)
    for span in standing:
        cut.add(span, counts=0)
    last_seq, requests = cut.found()
    last_seq = max(last_seq, after)
    is_unfinished = sealed is not None and 0 < outset.first_seq <= after
    last_hash, last_at = "", 0
    if outset.first_seq and outset.first_seq <= last_seq:
        last_hash, last_at = yield Step(pruning.end_of_plan, (last_seq,))
    return PrunePlan(
        before=before,
        first_seq=outset.first_seq,
        last_seq=last_seq,
        last_hash=last_hash,
        first_at=outset.first_at,
        last_at=last_at,
        requests=requests if last_seq > after else 0,
        sealed=sealed,
        unfinished=sealed if is_unfinished else None,
        looked_up_to=outset.head_seq,
        older_kept=max(0, outset.limit - last_seq),
        keepers=tuple(cut.keepers),
        further_keepers=cut.further_keepers,
    )


def archive(
    plan: PrunePlan, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None
) -> Procedure[int]:
    """Hands the events that go, in order and in batches, to `take`, and says how many there were."""
    return (yield from export_between(plan.first_seq - 1, plan.last_seq, plan.events, take, progress))


def prune(plan: PrunePlan, reviewer: Reviewer, progress: Progress | None = None) -> Procedure[Segment | None]:
    """Finishes what was begun before, seals what the plan lets go, and deletes it; the segment, if one was sealed.

    Raises Conflict where the store is not as it was planned on any more; then nothing new was sealed.
    """
    if plan.unfinished is not None:
        yield from _delete(plan.unfinished.last_seq, plan.before, progress)
    if not plan.seals:
        return None
    segment: Segment = yield Step(pruning.seal, (plan, reviewer), writes=True)
    yield from _delete(segment.last_seq, plan.before, progress)
    return segment


def _delete(last_seq: int, before: int, progress: Progress | None) -> Procedure[None]:
    """Deletes what was sealed, in this order: a row is held against its events for as long as it is there."""
    first: int | None = yield Step(pruning.first_to_forget, (last_seq,))
    if first is None:
        return
    total = 2 * (last_seq - first + 1)
    done = 0
    for forget in (pruning.forget_requests, pruning.forget_events):
        after = first - 1
        while after < last_seq:
            until = min(after + _DELETED, last_seq)
            yield Step(forget, (after, until), writes=True)
            done += until - after
            after = until
            if progress is not None:
                progress("steps of deleting", done, total)
    yield Step(pruning.forget_reservations, (before,), writes=True)
