"""Long work on the store, in steps that each take one short transaction.

A procedure is a generator of steps; both stores run it, so that it is written once (rule R14) and no long
read keeps the write-ahead log from being folded back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from approval_tui.domain.audit import Event, Head, Problem, Verification
from approval_tui.store.transactions import (
    grant_checks,
    hold_checks,
    left_to_grants,
    log,
    reviewer,
    segments,
    token_checks,
    verification,
)

R = TypeVar("R")


@dataclass(frozen=True)
class Step:
    """One transaction of a procedure: the function, its further arguments, and whether it writes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    writes: bool = False


Procedure = Generator[Step, Any, R]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and out of how much."""

_BATCH = 500
_MOST_PROBLEMS = 100


def verify(expected: Head | None = None, progress: Progress | None = None) -> Procedure[Verification]:
    """Checks every link of the log, then every row against its events, then the checkpoint if one is given."""
    problems: list[Problem] = []
    end: Head | None = yield Step(log.head)
    events = 0
    position: verification.ChainPosition | None = yield Step(verification.chain_start)
    total = end.seq - position.seq if end and position else 0
    while position is not None and end is not None and position.seq < end.seq:
        most = min(_BATCH, end.seq - position.seq)
        batch: verification.ChainBatch = yield Step(verification.check_links, (position, most))
        events += batch.checked
        problems += batch.problems
        if batch.checked == 0 and batch.position == position:
            problems.append(Problem(f"event {position.seq + 1} is missing", seq=position.seq + 1))
            break
        position = batch.position
        if progress is not None:
            progress("events", events, total)
    if expected is not None:
        problems += yield Step(verification.check_head, (expected,))
    requests = 0
    after = ""
    while len(problems) < _MOST_PROBLEMS:
        rows: verification.RowBatch = yield Step(verification.check_rows, (after, _BATCH))
        requests += rows.checked
        problems += rows.problems
        if progress is not None:
            progress("requests", requests, requests)
        if rows.last_id is None:
            break
        after = rows.last_id
    problems += yield Step(verification.check_missing_rows)
    problems += yield Step(segments.check_segments)
    problems += yield Step(grant_checks.check_grants)
    problems += yield Step(hold_checks.check_holds)
    problems += yield Step(token_checks.check_tokens)
    return Verification(events, requests, end, tuple(problems))


def expire_all_due() -> Procedure[int]:
    """Records the expiry of everything whose time has passed, and says of how many; often writes nothing."""
    total = 0
    while (yield Step(reviewer.any_due)):
        total += yield Step(reviewer.expire_due, writes=True)
    return total


def apply_grants(after: int) -> Procedure[int]:
    """Approves what waits, grants cover, and agents asked whom the store does not let approve.

    `after` is the newest event that an earlier run took into account, 0 for none; gives that of this one. Where nobody
    asked anything since, that costs one look, and nothing is written.
    """
    last_id = ""
    newest: int | None = None
    while True:
        found: left_to_grants.LeftToGrants = yield Step(left_to_grants.left_to_grants, (after, last_id))
        newest = found.newest_event if newest is None else newest
        if not found.ids:
            return newest
        for start in range(0, len(found.ids), left_to_grants.MOST_AT_ONCE):
            batch = found.ids[start : start + left_to_grants.MOST_AT_ONCE]
            yield Step(left_to_grants.approve_by_grants, (batch,), writes=True)
        last_id = found.ids[-1]


def export(take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None) -> Procedure[int]:
    """Hands the whole log, in order and in batches, to `take`, and says how many events there were."""
    end: Head | None = yield Step(log.head)
    return 0 if end is None else (yield from export_between(0, end.seq, end.seq, take, progress))


def export_between(
    after: int, last: int, total: int, take: Callable[[tuple[Event, ...]], None], progress: Progress | None = None
) -> Procedure[int]:
    """The same of the events after one number up to another, of which there are about `total`."""
    count = 0
    while after < last:
        batch: tuple[Event, ...] = yield Step(log.events_after, (after, min(_BATCH, last - after)))
        if not batch:
            break
        take(batch)
        count += len(batch)
        after = batch[-1].seq
        if progress is not None:
            progress("events", count, total)
    return count


def run_blocking(procedure: Procedure[R], run: Callable[[Step], Any]) -> R:
    """Runs every step in place and gives the procedure's result."""
    answer: Any = None
    while True:
        try:
            step = procedure.send(answer)
        except StopIteration as end:
            result: R = end.value
            return result
        try:
            answer = run(step)
        except BaseException:
            procedure.close()
            raise


async def run_async(procedure: Procedure[R], run: Callable[[Step], Awaitable[Any]]) -> R:
    """The same where a step is awaited."""
    answer: Any = None
    while True:
        try:
            step = procedure.send(answer)
        except StopIteration as end:
            result: R = end.value
            return result
        try:
            answer = await run(step)
        except BaseException:
            procedure.close()
            raise
