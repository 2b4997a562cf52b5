"""Copies a whole store into a new one, from any engine to any: in short transactions, resumable, and compared.

The events come first, up to the end that the log had when the copying began; then the requests, each as it is when
its batch is read; then whatever happened since, event by event, with the requests as these events left them. The last
of these reads finds no further event, and takes the small tables in the same moment: what it leaves is the source as
it was then. All of that passes the guards of the new store, which are never taken away.
"""

from __future__ import annotations

from contextlib import closing

from approval_tui.domain.audit import Head, Problem, Verification
from approval_tui.domain.copies import Copied
from approval_tui.domain.ids import new_secret
from approval_tui.store import procedures
from approval_tui.store.copying import ends
from approval_tui.store.copying import transactions as steps
from approval_tui.store.copying.comparison import Comparison
from approval_tui.store.copying.faults import (
    log_broken,
    other_log,
    outrun,
    pruned_meanwhile,
    refuse_unsound,
    unfinished,
)
from approval_tui.store.copying.tables import SEGMENTS, BatchSize, Snapshot, Values
from approval_tui.store.engine import Engine
from approval_tui.store.procedures import Progress, Step
from approval_tui.store.transactions import log, verification
from approval_tui.store.transactions.verification import ChainPosition

MOST_ROUNDS = 2000
"""Batches of what happened meanwhile after which a source counts as written faster than it is copied."""

_NOTHING_MADE = "Nothing was copied, and nothing was made."


def copy_store(source: str, target: str, progress: Progress) -> Copied:
    """Copies the store at one location into a new one at the other, or finishes an unfinished copy there.

    The source is only read, and others may go on writing to it: what they write after the last read is not in the
    copy. Both ends are verified, and every row is compared, before the copy can be opened by anybody else. Raises
    InvalidInput for a target that is anything else, LogBroken for a source that does not verify, StoreCorrupt for a
    difference, StoreBusy, and StoreUnavailable.
    """
    source = ends.named_location(source, "The store to copy")
    target = ends.named_location(target, "The place of the copy")
    with closing(ends.open_source(source)) as origin:
        was_there = ends.is_unfinished_copy(target)
        if not was_there:  # else the comparison at the end says as much of what was verified then
            refuse_unsound(verified(origin, None, progress), origin.location, _NOTHING_MADE)
        with closing(ends.open_target(target, origin.location)) as copy:
            return Copying(origin, copy, progress).run(was_resumed=was_there)


class Copying:
    """One run of a copy, which may go on where another one ended."""

    def __init__(self, source: Engine, target: ends.Target, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._holder = new_secret("copy")

    def run(self, *, was_resumed: bool) -> Copied:
        """Copies what is lacking, verifies and compares it, and makes it a store."""
        state = self._target.write(steps.take_over, self._holder)
        if state.head_seq is not None:
            self._refuse_pruned(self._source.read(steps.segments))
        if state.head_seq is None:
            end, head_seq = self._begin()
        else:
            end, head_seq = self._end_of_copy(state), state.head_seq
        end = self._copy_events(end, head_seq, state.copied_id)
        if state.copied_id != steps.BEYOND:
            self._copy_requests(state.copied_id)
        end, rest = self._copy_news(end)
        head = self._target.read(log.head)
        refuse_unsound(
            verified(self._target, head, self._progress), self._target.location, unfinished(self._target.location)
        )
        rows = Comparison(self._source, self._target, end.seq, rest).run(self._progress)
        self._target.write(steps.finish, self._holder, self._target.last_statements)
        now = self._source.read(log.head)
        since = 0 if now is None else now.seq - end.seq
        return Copied(self._source.location, self._target.location, rows, head, was_resumed, since)

    def _end_of_copy(self, state: steps.CopyState) -> ChainPosition:
        """Where the log of a copy ends that was begun; raises StoreCorrupt where that is not in the source."""
        if state.end is None:
            return self._source.read(steps.beginning).start
        there = self._source.read(verification.check_head, Head(state.end.seq, state.end.hash, state.end.at))
        if there:
            raise other_log(self._source.location, self._target.location, state.end.seq)
        return state.end

    def _begin(self) -> tuple[ChainPosition, int]:
        """Begins a copy that holds nothing yet; gives where its log begins, and where it ends now."""
        beginning = self._source.read(steps.beginning)
        self._target.write(steps.begin, self._holder, beginning)
        return beginning.start, beginning.head_seq

    def _copy_events(self, end: ChainPosition, head_seq: int, copied_id: str) -> ChainPosition:
        """Copies events up to that number, and says where the log of the copy ends then."""
        size = BatchSize()
        while end.seq < head_seq:
            batch = self._source.read(steps.events_after, end.seq, min(size.rows, head_seq - end.seq))
            if not batch:
                raise self._broken(Problem(f"event {end.seq + 1} is missing", seq=end.seq + 1))
            after = self._followed(end, batch)
            self._target.write(steps.put_events, self._holder, copied_id, batch)
            end = after
            size.learn(batch)
            self._progress("events copied", end.seq, head_seq)
        return end

    def _copy_requests(self, copied_id: str) -> None:
        """Copies the requests after that id as they are, each with a batch of others."""
        total = self._source.read(steps.request_count)
        size, count = BatchSize(), self._target.read(steps.request_count)
        while copied_id != steps.BEYOND:
            batch = self._source.read(steps.requests_after, copied_id, size.rows)
            copied_id = batch.rows[-1]["id"] if len(batch.rows) == size.rows else steps.BEYOND
            self._target.write(
                steps.put_requests, self._holder, copied_id, batch, with_submitters=self._target.keeps_submitters
            )
            size.learn(batch.rows)
            count += len(batch.rows)
            self._progress("requests copied", count, total)

    def _copy_news(self, end: ChainPosition) -> tuple[ChainPosition, Snapshot]:
        """Copies what happened since, up to a moment after which nothing had; gives the log's end and the rest."""
        size = BatchSize()
        for _ in range(MOST_ROUNDS):
            news = self._source.read(steps.news_after, end.seq, size.rows)
            after = self._followed(end, news.events)
            if news.rest is not None:
                self._refuse_pruned(news.rest[SEGMENTS])
            self._target.write(steps.put_news, self._holder, news, with_submitters=self._target.keeps_submitters)
            end = after
            size.learn(news.events)
            self._progress("events copied", end.seq, end.seq)
            if news.rest is not None:
                return end, news.rest
        raise outrun(self._source.location, self._target.location)

    def _followed(self, end: ChainPosition, events: list[Values]) -> ChainPosition:
        """Where the log ends with these events; raises LogBroken where one is no link of it."""
        for row in events:
            why = verification.broken_link(row, end)
            if why is not None:
                raise self._broken(Problem(why, seq=row["seq"]))
            end = ChainPosition(row["seq"], row["hash"], row["at"])
        return end

    def _broken(self, problem: Problem) -> Exception:
        """What to raise for a source whose next event does not follow; raises StoreBusy where it was pruned."""
        self._refuse_pruned(self._source.read(steps.segments))
        return log_broken(problem, self._source.location, unfinished(self._target.location))

    def _refuse_pruned(self, sealed: list[Values]) -> None:
        """Raises StoreBusy unless these segments of the source are those with which the copy began."""
        if sealed != self._target.read(steps.segments):
            raise pruned_meanwhile(self._source.location, self._target.location)


def verified(engine: Engine, expected: Head | None, progress: Progress) -> Verification:
    """What `audit verify` says of that end."""

    def run(step: Step) -> object:
        return engine.read(step.function, *step.arguments)

    def tell(what: str, done: int, total: int) -> None:
        progress(f"{what} verified", done, total)

    return procedures.run_blocking(procedures.verify(expected, tell), run)
