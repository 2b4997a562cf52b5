"""Holds a copy against its source, row by row and in batches; the first difference is an error that names its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from approval_tui.store.copying import transactions as steps
from approval_tui.store.copying.faults import differs, pruned_meanwhile
from approval_tui.store.copying.tables import (
    SEGMENTS,
    SMALL_TABLES,
    BatchSize,
    Snapshot,
    Values,
    differing_columns,
)
from approval_tui.store.engine import Engine
from approval_tui.store.procedures import Progress

_Key = tuple[Any, ...]


class Comparison:
    """The two ends, the number of the last event that was copied, and the small tables as they were then."""

    def __init__(self, source: Engine, target: Engine, head_seq: int, rest: Snapshot) -> None:
        self._source = source
        self._target = target
        self._head_seq = head_seq
        self._rest = rest

    def run(self, progress: Progress) -> dict[str, int]:
        """Compares every row of every table, and says how many rows each has; raises StoreCorrupt, StoreBusy.

        What was written to the source after the last event that was copied is no difference.
        """
        rows = {"events": self._compare_events(progress)}
        rows["requests"], rows["submissions"] = self._compare_requests(progress)
        there = self._target.read(steps.snapshot)
        for name, key_of in [(SEGMENTS, _number), *((table.name, table.key_of) for table in SMALL_TABLES)]:
            ours, theirs = _by_key(self._rest[name], key_of), _by_key(there[name], key_of)
            for key in ours.keys() | theirs.keys():
                self._compare(name, key, ours.get(key), theirs.get(key))
            rows[name] = len(theirs)
        return rows

    def _compare_events(self, progress: Progress) -> int:
        size, after, count = BatchSize(), 0, 0
        while True:
            ours = self._source.read(steps.events_after, after, size.rows)
            theirs = self._target.read(steps.events_after, after, size.rows)
            size.learn(ours)
            ours = [row for row in ours if row["seq"] <= self._head_seq]
            if not ours and not theirs:
                return count
            last = max(row["seq"] for row in (ours or theirs))
            expected, found = _by_key(ours, _seq), _by_key([row for row in theirs if row["seq"] <= last], _seq)
            for key in sorted(expected.keys() | found.keys()):
                self._compare("events", key, expected.get(key), found.get(key))
            after = last
            count += len(ours)
            progress("events compared", count, count)

    def _compare_requests(self, progress: Progress) -> tuple[int, int]:
        size, after, count, submissions = BatchSize(), "", 0, 0
        while after != steps.BEYOND:
            ours = self._source.read(steps.requests_after, after, size.rows)
            last = ours.rows[-1]["id"] if len(ours.rows) == size.rows else steps.BEYOND
            theirs = self._target.read(steps.requests_between, after, last)
            size.learn(ours.rows)
            self._compare_batch("requests", ours.rows, theirs.rows, lambda row: (row["id"],), "id")
            self._compare_batch("submissions", ours.submissions, theirs.submissions, _submission, "request_id")
            after = last
            count += len(theirs.rows)
            submissions += len(theirs.submissions)
            progress("requests compared", count, count)
        return count, submissions

    def _compare_batch(
        self, table: str, ours: list[Values], theirs: list[Values], key_of: Callable[[Values], _Key], request: str
    ) -> None:
        """Compares rows that belong to a request, whose id is in that column; later events excuse a difference."""
        expected, found = _by_key(ours, key_of), _by_key(theirs, key_of)
        differing = [
            key
            for key in expected.keys() | found.keys()
            if key not in expected or key not in found or differing_columns(expected[key], found[key])
        ]
        if not differing:
            return
        request_of = {key: (expected.get(key) or found[key])[request] for key in differing}
        changed = self._source.read(steps.changed_since, sorted(set(request_of.values())), self._head_seq)
        for key in sorted(differing):
            if request_of[key] not in changed:
                self._compare(table, key, expected.get(key), found.get(key))

    def _compare(self, table: str, key: _Key, ours: Values | None, theirs: Values | None) -> None:
        if ours is None:
            self._differs(table, key, "the source has no such row")
        if theirs is None:
            self._differs(table, key, "it is missing")
        columns = differing_columns(ours, theirs)
        if columns:
            self._differs(table, key, f"{', '.join(columns)} differ")

    def _differs(self, table: str, key: _Key, how: str) -> NoReturn:
        if self._source.read(steps.segments) != self._rest[SEGMENTS]:
            raise pruned_meanwhile(self._source.location, self._target.location)
        raise differs(table, " ".join(map(str, key)), self._source.location, self._target.location, how)


def _by_key(rows: list[Values], key_of: Callable[[Values], _Key]) -> Mapping[_Key, Values]:
    return {key_of(row): row for row in rows}


def _seq(row: Values) -> _Key:
    return (row["seq"],)


def _number(row: Values) -> _Key:
    return (row["number"],)


def _submission(row: Values) -> _Key:
    return row["requester"], row["key"]
