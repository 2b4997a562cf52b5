"""A flood of new requests from another process: how soon a cursor key is on the screen, and what that costs."""

from __future__ import annotations

import os
import random
import time
from multiprocessing.connection import Connection

from approval_tui.store import open_store_blocking
from tests.benchmarks.children import children
from tests.benchmarks.cursor_keys import CursorKeys
from tests.benchmarks.filling import fill, listed_call
from tests.benchmarks.measuring import (
    VALUE,
    Counts,
    Figure,
    Samples,
    Target,
    alone,
    percentile,
    pooled,
    turn_about,
)
from tests.benchmarks.terminal import NotShown, Terminal, console

_RATE = 1_000
_BEFORE = 20
_LATENCY = ("key to frame, p99, under a flood", Target(15.0, of=VALUE))
_CPU = "CPU under a flood"
_BASELINE = "the same keys without the flood"
_TIME_TO_START = 0.5
_LEAST_REACHED = 0.9
"""The share of the rate that must be reached; with less, it was not the flood that the target is about."""

_QUIET, _FLOOD = "quiet", "flood"


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: the time from a key to its frame, and the console's processor time."""
    try:
        return _measure(counts, folder)
    except NotShown as reason:
        name, target = _LATENCY
        return [
            Figure(name, "ms", _BASELINE, target=target, problem=str(reason)),
            Figure(_CPU, "% of a core", _BASELINE, problem=str(reason)),
        ]


def _measure(counts: Counts, folder: str) -> list[Figure]:
    path = os.path.join(folder, "store.db")
    fill(path, _BEFORE)
    rates: list[float] = []
    with children(1, _write, path) as pipes, Terminal(console(path), folder) as terminal:
        terminal.frame(lambda content: b"Q0" in content, "the list")
        cursor = CursorKeys(terminal)

        def under_flood() -> Samples:
            pipes[0].send(counts.flood + _TIME_TO_START)
            time.sleep(_TIME_TO_START)
            samples = _press_keys(terminal, cursor, counts.flood)
            rates.append(pipes[0].recv())
            terminal.settle(0.1)
            return samples

        def without() -> Samples:
            return _press_keys(terminal, cursor, counts.flood)

        results = turn_about({_QUIET: without, _FLOOD: under_flood}, counts.floods)
    times, quiet = pooled(results[_FLOOD], "time"), pooled(results[_QUIET], "time")
    reached = f"{min(rates):.0f} new requests a second"
    disturbed = min(rates) < _LEAST_REACHED * _RATE
    name, target = _LATENCY
    return [
        alone(
            name,
            "ms",
            times,
            _BASELINE,
            quiet,
            statistic=lambda values: percentile(values, 99),
            target=target,
            notes=(reached, f"{len(times)} keys, p50 {percentile(times, 50):.1f} ms, worst {max(times):.1f} ms"),
            disturbed=disturbed,
        ),
        alone(
            _CPU,
            "% of a core",
            pooled(results[_FLOOD], "cpu"),
            _BASELINE,
            pooled(results[_QUIET], "cpu"),
            notes=(reached, f"{counts.floods} rounds of {counts.flood:g} s"),
            disturbed=disturbed,
        ),
    ]


def _press_keys(terminal: Terminal, cursor: CursorKeys, seconds: float) -> Samples:
    """Goes down and up between two rows, a key every 30 to 60 ms."""
    times: list[float] = []
    began, before = time.monotonic(), terminal.cpu()
    while time.monotonic() < began + seconds:
        for _ in terminal.frames(0.03 + random.random() * 0.03):
            pass
        times.append(cursor.press(b"jk"[len(times) % 2 :][:1]))
    if len(times) % 2:
        times.append(cursor.press(b"k"))
    return {"time": times, "cpu": [100 * (terminal.cpu() - before) / (time.monotonic() - began)]}


def _write(pipe: Connection, number: int, path: str) -> None:
    """The agents: as many new requests a second as are asked for, evenly, for as long as is said."""
    written = _BEFORE
    with open_store_blocking(path) as store:
        while True:
            seconds = pipe.recv()
            start, first = time.monotonic(), written
            while (due := start + (written - first) / _RATE) < start + seconds:
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() >= start + seconds:
                    break
                store.requester.submit(listed_call(written))
                written += 1
            pipe.send((written - first) / (time.monotonic() - start))
