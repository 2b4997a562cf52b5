"""Many processes that write back to back: the worst wait with turn-taking, and with SQLite's busy handler alone."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from time import monotonic_ns, perf_counter_ns
from types import TracebackType
from typing import Any

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.turns import Turn
from tests.benchmarks.children import ask, children
from tests.benchmarks.measuring import Counts, Figure, Samples, Target, compare, percentile, pooled, turn_about
from tests.benchmarks.samples import sample_call
from tests.support import sqlite_engine

_TURNS = "turns"
_BUSY = "busy"
_TARGET = Target(0.1)
_MS = 1_000_000.0


class NoTurn(Turn):
    """A turn that everybody has at any time, so that SQLite's busy handler alone decides who is next."""

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure: the worst wait of any writer."""
    paths = {_TURNS: os.path.join(folder, "turns.db"), _BUSY: os.path.join(folder, "busy.db")}
    for path in paths.values():
        open_store_blocking(path).close()
    refused = {_TURNS: 0, _BUSY: 0}
    rates: dict[str, list[float]] = {_TURNS: [], _BUSY: []}

    def storm(kind: str, pipes: list[Connection]) -> Samples:
        answers = ask(pipes, kind)
        waits = [wait for each in answers for wait in each["waits"]]
        took = (max(each["end"] for each in answers) - min(each["start"] for each in answers)) / 1e9
        refused[kind] += sum(each["refused"] for each in answers)
        rates[kind].append(len(waits) / took)
        return {"wait": waits}

    with children(counts.writers, _write, paths, counts.commits) as pipes:
        ask(pipes, "open")
        contenders = {kind: lambda kind=kind: storm(kind, pipes) for kind in (_TURNS, _BUSY)}
        results = turn_about(contenders, counts.storms)
    figure = compare(
        f"worst wait of {counts.writers} writers",
        "ms",
        results[_TURNS],
        "SQLite's busy handler alone, the same store",
        results[_BUSY],
        measure="wait",
        statistic=max,
        target=_TARGET,
        notes=tuple(
            f"{label}: p50 {percentile(waits, 50):.1f} ms, p99 {percentile(waits, 99):.0f} ms, "
            f"worst of all {max(waits):.0f} ms, {percentile(rates[kind], 50):.0f} commits/s, {refused[kind]} refused"
            for kind, label in ((_TURNS, "with turns"), (_BUSY, "without"))
            for waits in [pooled(results[kind], "wait")]
        ),
    )
    return [figure]


def _write(pipe: Connection, number: int, paths: dict[str, str], commits: int) -> None:
    """One writer: for each question, as many commits as it can make without a pause."""
    with open_store_blocking(paths[_TURNS]) as turns, open_store_blocking(paths[_BUSY]) as busy:
        sqlite_engine(busy)._turn = NoTurn(f"{paths[_BUSY]}.turn")
        stores = {_TURNS: turns, _BUSY: busy}
        written = 0
        while True:
            kind = pipe.recv()
            if kind == "open":
                pipe.send("open")
                continue
            calls = [sample_call(written + each, f"build-bot-{number}") for each in range(commits)]
            written += commits
            pipe.send(_commit_all(stores[kind], calls))


def _commit_all(store: BlockingStore, calls: list[Any]) -> dict[str, Any]:
    waits, refused = [], 0
    first = monotonic_ns()
    for call in calls:
        start = perf_counter_ns()
        try:
            store.requester.submit(call)
        except StoreUnavailable:
            refused += 1
        waits.append((perf_counter_ns() - start) / _MS)
    return {"waits": waits, "refused": refused, "start": first, "end": monotonic_ns()}
