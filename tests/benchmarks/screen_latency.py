"""From the commit of a request to its row in the bytes of the reviewer's terminal."""

from __future__ import annotations

import os
import random
import time
from time import monotonic_ns

from approval_tui.domain.models import Request
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.filling import listed_call
from tests.benchmarks.measuring import VALUE, Counts, Figure, Target, compare, percentile, pooled, undisturbed
from tests.benchmarks.samples import REVIEWER
from tests.benchmarks.terminal import MS, NotShown, Terminal, app, bytes_back, console, times_of

_NAME = "commit to row on screen"
_BASELINE = "one byte through a terminal and back"
_TARGET = Target(10.0, of=VALUE)
_PER_ROUND = 10


def measure(counts: Counts, folder: str) -> list[Figure]:
    """One figure: how long after another process's commit a reviewer sees the request."""
    try:
        return [_measure(counts, folder)]
    except NotShown as reason:
        return [Figure(_NAME, "ms", _BASELINE, target=_TARGET, problem=str(reason))]


def _measure(counts: Counts, folder: str) -> Figure:
    path = os.path.join(folder, "store.db")
    per_round = min(counts.rows_shown, _PER_ROUND)
    with open_store_blocking(path) as store, Terminal(app("echo"), folder) as echo:
        echo.until_written(b"ready")
        with Terminal(console(path), folder) as terminal:
            terminal.until_drawn()
            arrivals = Arrivals(store, terminal)
            contenders = {
                "row": lambda: times_of(terminal, [arrivals.come] * per_round, arrivals.clear_away),
                "byte": lambda: bytes_back(echo, per_round),
            }
            rounds = undisturbed(contenders, max(1, counts.rows_shown // per_round))
    times = pooled(rounds.samples["row"], "time")
    return compare(
        _NAME,
        "ms",
        rounds.samples["row"],
        _BASELINE,
        rounds.samples["byte"],
        measure="time",
        target=_TARGET,
        notes=(f"p99 {percentile(times, 99):.1f} ms of {len(times)}, to the end of the frame with the row",),
        disturbed=rounds.disturbed,
    )


class Arrivals:
    """Requests that come one at a time, each when the one before was decided and cleared away."""

    def __init__(self, store: BlockingStore, terminal: Terminal) -> None:
        self._store = store
        self._terminal = terminal
        self._numbers = iter(range(1_000_000))
        self._last: Request | None = None

    def come(self) -> float:
        """Milliseconds from a commit to the end of the frame with its row."""
        request = self._last = self._store.requester.submit(listed_call(next(self._numbers))).request
        began = monotonic_ns()
        frame = self._terminal.frame(lambda content: request.tool.encode() in content, "the row of a request that came")
        return max(0.0, frame.at - began) / MS

    def clear_away(self) -> None:
        """Decides the last one and leaves its tombstone; then waits a moment, for the next comes when it comes."""
        if self._last is not None:
            self._store.reviewer.decide(self._last.id, "deny", reviewer=REVIEWER, digest=self._last.digest)
            self._terminal.settle()
            self._terminal.press(b"Gg")
        self._terminal.settle()
        time.sleep(0.04 + random.random() * 0.05)
        self._terminal.settle(0)
