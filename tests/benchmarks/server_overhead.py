"""What a server between a gate and the store adds: to a whole gated call, and to hearing of a decision."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from functools import partial
from time import perf_counter_ns

from approval_tui import Gate
from approval_tui.domain.roles import AGENT
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.measuring import Counts, Figure, Samples, compare, percentile, pooled, turn_about
from tests.benchmarks.samples import REVIEWER
from tests.server.serving import ServerProcess, token_for

_MS = 1_000_000.0
_BASELINE = "the same gate on the store's file"


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: a call that is asked, approved, run and reported; and a decision to the waiting gate's return."""
    path = f"{folder}/store.db"
    numbers = itertools.count()
    with open_store_blocking(path) as desk:
        server = ServerProcess(path)
        with (
            Gate("bench", store=path, context={}) as on_file,
            Gate("bench", url=server.url, token=token_for(desk, AGENT, "bench"), context={}) as over_http,
        ):
            gates = {"file": on_file, "server": over_http}
            calls = {name: partial(_calls, gate, desk, numbers, counts.cycles) for name, gate in gates.items()}
            waits = {name: partial(_waits, gate, desk, numbers, counts.cycles) for name, gate in gates.items()}
            for run in (*calls.values(), *waits.values()):
                run()
            called, waited = turn_about(calls, counts.rounds), turn_about(waits, counts.rounds)
        server.stop()
    return [
        compare(
            f"server: {what}",
            "ms",
            results["server"],
            _BASELINE,
            results["file"],
            measure="ms",
            notes=(f"p99 {percentile(pooled(results['server'], 'ms'), 99):.1f} ms",),
        )
        for what, results in (("a gated call", called), ("a decision to the waiting gate", waited))
    ]


def _calls(gate: Gate, desk: BlockingStore, numbers: Iterator[int], times: int) -> Samples:
    samples: Samples = {"ms": []}
    for _ in range(times):
        arguments = {"n": next(numbers)}
        start = perf_counter_ns()
        request = gate.submit_blocking("shell", arguments)
        desk.reviewer.decide(request.id, "approve", reviewer=REVIEWER, digest=request.digest)
        with gate.guard("shell", arguments, wait=False):
            pass
        samples["ms"].append((perf_counter_ns() - start) / _MS)
    return samples


def _waits(gate: Gate, desk: BlockingStore, numbers: Iterator[int], times: int) -> Samples:
    samples: Samples = {"ms": []}
    for _ in range(times):
        request = gate.submit_blocking("shell", {"n": next(numbers)})
        returned: list[int] = []

        def wait(request_id: str = request.id, returned: list[int] = returned) -> None:
            gate.wait_blocking(request_id)
            returned.append(perf_counter_ns())

        waiting = threading.Thread(target=wait)
        waiting.start()
        threading.Event().wait(0.02)  # until it is certainly held; that is no part of what is measured
        start = perf_counter_ns()
        desk.reviewer.decide(request.id, "deny", reviewer=REVIEWER, digest=request.digest)
        waiting.join()
        samples["ms"].append((returned[0] - start) / _MS)
    return samples
