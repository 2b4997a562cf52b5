"""From one process's commit to the moment at which another process's waiter is awake."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from time import monotonic_ns

from approval_tui.domain.lifecycle import PENDING
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.bells import Bells, shard
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.children import children
from tests.benchmarks.measuring import VALUE, Counts, Figure, Samples, Target, compare, percentile, pooled, turn_about
from tests.benchmarks.samples import REVIEWER, sample_call
from tests.support import sqlite_engine

_BLOCKING = "blocking waiter"
_ASYNC = "async waiter"
_POLLING = "polling every 50 ms"
_PIPE = "pipe"
_TARGET = Target(2.0, of=VALUE)
_POLL = 0.05
_MS = 1_000_000.0
_PER_ROUND = 10


class TimedBells(Bells):
    """Bells that remember when they were rung: that is the moment after the commit."""

    rung_at = 0

    def ring(self, request_ids: Collection[str]) -> None:
        self.rung_at = monotonic_ns()
        super().ring(request_ids)


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures, the blocking and the async waiter, each against one byte through a pipe."""
    path = os.path.join(folder, "store.db")
    rounds = max(1, counts.wakes // _PER_ROUND)
    per_round = min(counts.wakes, _PER_ROUND)
    with open_store_blocking(path) as store, children(1, _wait, path) as pipes:
        engine = sqlite_engine(store)
        bells = TimedBells(engine.bells.folder)
        engine.bells = bells
        numbers = iter(range(10_000_000))

        def contender(kind: str) -> Callable[[], Samples]:
            def run() -> Samples:
                return {"wake": [_one_wake(store, bells, pipes[0], kind, next(numbers)) for _ in range(per_round)]}

            return run

        contenders = {kind: contender(kind) for kind in (_BLOCKING, _ASYNC, _PIPE, _POLLING)}
        results = turn_about(contenders, rounds)
    polled = pooled(results[_POLLING], "wake")
    return [
        compare(
            f"commit to another process awake, {kind}",
            "ms",
            results[kind],
            "one byte through a pipe",
            results[_PIPE],
            measure="wake",
            target=_TARGET,
            notes=(
                f"p99 {percentile(pooled(results[kind], 'wake'), 99):.2f} ms",
                f"{_POLLING}: p50 {percentile(polled, 50):.1f} ms",
            ),
        )
        for kind in (_BLOCKING, _ASYNC)
    ]


def _one_wake(store: BlockingStore, bells: TimedBells, pipe: Connection, kind: str, number: int) -> float:
    """Milliseconds from the commit (of the pipe: from the write) to the other process's next step."""
    request = store.requester.submit(sample_call(number)).request
    pipe.send((kind, request.id))
    pipe.recv()
    if kind in (_BLOCKING, _ASYNC):
        _wait_for_bell(bells, request.id)
    time.sleep(0.002 + random.random() * (_POLL if kind == _POLLING else 0.002))
    if kind == _PIPE:
        began = monotonic_ns()
        pipe.send_bytes(b"\0")
    else:
        store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
        began = bells.rung_at
    awake: int = pipe.recv()
    return (awake - began) / _MS


def _wait_for_bell(bells: Bells, request_id: str) -> None:
    """Returns when the waiter has hung its bell."""
    folder = os.path.join(bells.folder, shard(request_id))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if os.path.isdir(folder) and any(name.startswith(request_id) for name in os.listdir(folder)):
            return
        time.sleep(0.0005)
    raise RuntimeError("the waiter never began to wait")


def _wait(pipe: Connection, number: int, path: str) -> None:
    """The other process: waits as it is told to, and says when it was awake."""
    with asyncio.Runner() as runner, open_store_blocking(path) as store:
        async_store = runner.run(open_store(path)._open())
        try:
            while True:
                kind, request_id = pipe.recv()
                pipe.send("waiting")
                if kind == _PIPE:
                    pipe.recv_bytes()
                elif kind == _BLOCKING:
                    store.requester.wait(request_id)
                elif kind == _ASYNC:
                    runner.run(async_store.requester.wait(request_id))
                else:
                    while store.requester.get(request_id).status == PENDING:
                        time.sleep(_POLL)
                pipe.send(monotonic_ns())
        finally:
            runner.run(async_store.close())
