"""Create, decide and consume by both stores, against the same statements in bare sqlite3."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter_ns

import aiosqlite

from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.measuring import Counts, Figure, Rounds, Samples, Target, compare, percentile, pooled, undisturbed
from tests.benchmarks.recording import (
    Cycle,
    Recorded,
    Recording,
    bare_connection,
    check_head,
    compute_and_replay,
    record,
    replay,
)
from tests.benchmarks.samples import REVIEWER

OPERATIONS = ("create", "decide", "consume")
_BARE = "the same statements in bare sqlite3"
_EQUAL = {
    "blocking": "the same statements and hashes in bare sqlite3",
    "async": "the same statements and hashes in bare sqlite3, one aiosqlite hop",
}
_MOST_OF_BARE = Target(2.0)
_MOST_OF_EQUAL = Target(1.25)
_US = 1000.0


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Six figures for each store: three operations against two baselines."""
    count = counts.cycles * (counts.rounds + 1)
    recording = record(os.path.join(folder, "recorded.db"), count)
    figures = _blocking(counts, os.path.join(folder, "blocking"), recording)
    with asyncio.Runner() as runner:
        figures += _async(counts, os.path.join(folder, "async"), recording, runner)
    return figures


def _blocking(counts: Counts, folder: str, recording: Recording) -> list[Figure]:
    bare = bare_connection(os.path.join(folder, "bare.db"))
    hashing = bare_connection(os.path.join(folder, "hashing.db"))
    with open_store_blocking(os.path.join(folder, "store.db")) as store:
        contenders: dict[str, Callable[[Sequence[Cycle]], Samples]] = {
            "store": partial(_run_store, store),
            "bare": partial(_run_bare, bare, replay),
            "equal": partial(_run_bare, hashing, compute_and_replay),
        }
        results = _rounds(contenders, counts, recording)
    for connection in (bare, hashing):
        check_head(connection, recording)
        connection.close()
    return _figures("blocking", results, recording)


def _async(counts: Counts, folder: str, recording: Recording, runner: asyncio.Runner) -> list[Figure]:
    bare = bare_connection(os.path.join(folder, "bare.db"))
    hashing = bare_connection(os.path.join(folder, "hashing.db"))
    store = runner.run(_open_async(os.path.join(folder, "store.db")))
    hop = runner.run(_open_hop(hashing))
    try:
        contenders: dict[str, Callable[[Sequence[Cycle]], Samples]] = {
            "store": lambda cycles: runner.run(_run_async_store(store, cycles)),
            "bare": partial(_run_bare, bare, replay),
            "equal": lambda cycles: runner.run(_run_hop(hop, hashing, cycles)),
        }
        results = _rounds(contenders, counts, recording)
        check_head(bare, recording)
        check_head(hashing, recording)
    finally:
        runner.run(store.close())
        runner.run(hop.close())
        bare.close()
    return _figures("async", results, recording)


def _rounds(
    contenders: dict[str, Callable[[Sequence[Cycle]], Samples]], counts: Counts, recording: Recording
) -> Rounds:
    """Every contender takes the cycles in order, some a round; a first round, unmeasured, warms up."""

    def next_block(run: Callable[[Sequence[Cycle]], Samples], blocks: Iterator[Sequence[Cycle]]) -> Samples:
        return run(next(blocks))

    measured = {
        name: partial(next_block, run, _blocks(recording.cycles, counts.cycles)) for name, run in contenders.items()
    }
    for run in measured.values():
        run()
    return undisturbed(measured, counts.rounds)


def _blocks(cycles: Sequence[Cycle], size: int) -> Iterator[Sequence[Cycle]]:
    for start in range(0, len(cycles), size):
        yield cycles[start : start + size]


def _figures(kind: str, rounds: Rounds, recording: Recording) -> list[Figure]:
    figures = []
    results = rounds.samples
    for operation in OPERATIONS:
        recorded: Recorded = getattr(recording.cycles[0], operation)
        notes = (
            f"p99 {percentile(pooled(results['store'], operation), 99):.0f} us",
            f"{len(recorded.statements)} statements",
            f"{rounds.left_out} of {rounds.left_out + len(results['store'])} rounds left out",
        )
        for contender, baseline, target, which in (
            ("bare", _BARE, _MOST_OF_BARE, "bare"),
            ("equal", _EQUAL[kind], _MOST_OF_EQUAL, "equal work"),
        ):
            figures.append(
                compare(
                    f"{operation}, {kind}, {which}",
                    "us",
                    results["store"],
                    baseline,
                    results[contender],
                    measure=operation,
                    target=target,
                    notes=notes,
                    disturbed=rounds.disturbed,
                )
            )
    return figures


def _run_store(store: BlockingStore, cycles: Sequence[Cycle]) -> Samples:
    samples: Samples = {operation: [] for operation in OPERATIONS}
    for cycle in cycles:
        call = cycle.call
        start = perf_counter_ns()
        request = store.requester.submit(call).request
        created = perf_counter_ns()
        store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
        decided = perf_counter_ns()
        store.requester.consume(request.id, request.fingerprint, requester=call.requester)
        _note(samples, start, created, decided, perf_counter_ns())
    return samples


async def _run_async_store(store: AsyncStore, cycles: Sequence[Cycle]) -> Samples:
    samples: Samples = {operation: [] for operation in OPERATIONS}
    for cycle in cycles:
        call = cycle.call
        start = perf_counter_ns()
        request = (await store.requester.submit(call)).request
        created = perf_counter_ns()
        await store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
        decided = perf_counter_ns()
        await store.requester.consume(request.id, request.fingerprint, requester=call.requester)
        _note(samples, start, created, decided, perf_counter_ns())
    return samples


def _run_bare(
    connection: sqlite3.Connection, play: Callable[[sqlite3.Connection, Recorded], None], cycles: Sequence[Cycle]
) -> Samples:
    samples: Samples = {operation: [] for operation in OPERATIONS}
    for cycle in cycles:
        start = perf_counter_ns()
        play(connection, cycle.create)
        created = perf_counter_ns()
        play(connection, cycle.decide)
        decided = perf_counter_ns()
        play(connection, cycle.consume)
        _note(samples, start, created, decided, perf_counter_ns())
    return samples


async def _run_hop(hop: aiosqlite.Connection, connection: sqlite3.Connection, cycles: Sequence[Cycle]) -> Samples:
    samples: Samples = {operation: [] for operation in OPERATIONS}
    for cycle in cycles:
        start = perf_counter_ns()
        await _hop(hop, partial(compute_and_replay, connection, cycle.create))
        created = perf_counter_ns()
        await _hop(hop, partial(compute_and_replay, connection, cycle.decide))
        decided = perf_counter_ns()
        await _hop(hop, partial(compute_and_replay, connection, cycle.consume))
        _note(samples, start, created, decided, perf_counter_ns())
    return samples


def _note(samples: Samples, start: int, created: int, decided: int, consumed: int) -> None:
    samples["create"].append((created - start) / _US)
    samples["decide"].append((decided - created) / _US)
    samples["consume"].append((consumed - decided) / _US)


async def _open_async(path: str) -> AsyncStore:
    return await open_store(path)


async def _open_hop(connection: sqlite3.Connection) -> aiosqlite.Connection:
    return await aiosqlite.Connection(lambda: connection, iter_chunk_size=64)


async def _hop(connection: aiosqlite.Connection, function: Callable[[], None]) -> None:
    await connection._execute(function)  # type: ignore[no-untyped-call]
