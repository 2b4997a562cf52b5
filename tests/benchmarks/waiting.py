"""What 64 waiting agents cost together while others commit a hundred times a second."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from approval_tui.domain.lifecycle import PENDING
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.children import ask, children
from tests.benchmarks.measuring import VALUE, Counts, Figure, Samples, Target, compare, turn_about
from tests.benchmarks.samples import REVIEWER, sample_call

_BELLS = "bells"
_POLLING = "polling"
_TARGET = Target(2.0, of=VALUE)
_POLL = 0.05
_COMMITS_PER_SECOND = 100


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure: the CPU of all waiters, in percent of one core."""
    path = f"{folder}/store.db"
    numbers = iter(range(1_000_000, 10_000_000))
    rates: list[float] = []
    with open_store_blocking(path) as store:
        requests = [store.requester.submit(sample_call(number)).request for number in range(counts.waiters)]
        with children(counts.waiters, _wait, path, [request.id for request in requests]) as pipes:
            ask(pipes, None)

            def contender(kind: str) -> Samples:
                for pipe in pipes:
                    pipe.send((kind, counts.waiting))
                rates.append(_commit_steadily(store, counts.waiting, numbers))
                used = [pipe.recv() for pipe in pipes]
                return {"cpu": [100 * sum(used) / counts.waiting]}

            contenders = {kind: lambda kind=kind: contender(kind) for kind in (_BELLS, _POLLING)}
            results = turn_about(contenders, counts.waits)
    figure = compare(
        f"CPU of {counts.waiters} waiting processes",
        "% of a core",
        results[_BELLS],
        f"as many that poll every {1000 * _POLL:.0f} ms",
        results[_POLLING],
        measure="cpu",
        target=_TARGET,
        notes=(f"{min(rates):.0f} commits/s by another process, {counts.waits} rounds of {counts.waiting:g} s",),
    )
    return [figure]


def _commit_steadily(store: BlockingStore, seconds: float, numbers: Iterator[int]) -> float:
    """Creates and decides other requests, evenly, and says how many commits a second there were."""
    start = time.monotonic()
    commits = 0
    while (due := start + commits / _COMMITS_PER_SECOND) < start + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        if commits % 2 == 0:
            request = store.requester.submit(sample_call(next(numbers), "build-bot")).request
        else:
            store.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
        commits += 1
    return commits / (time.monotonic() - start)


def _wait(pipe: Connection, number: int, path: str, request_ids: list[str]) -> None:
    """One waiter: waits as long as it is told, and says how many seconds of CPU that took it."""
    request_id = request_ids[number]
    with open_store_blocking(path) as store:
        pipe.recv()
        store.requester.wait(request_id, timeout=1)  # what is loaded at the first use is not part of waiting
        pipe.send("open")
        while True:
            kind, seconds = pipe.recv()
            before = _cpu()
            if kind == _BELLS:
                store.requester.wait(request_id, timeout=round(seconds * 1000))
            else:
                deadline = time.monotonic() + seconds
                while time.monotonic() < deadline and store.requester.get(request_id).status == PENDING:
                    time.sleep(_POLL)
            pipe.send(_cpu() - before)


def _cpu() -> float:
    """Seconds of CPU of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
