"""From a cursor key to the frame that shows the cursor on the next row, against a Textual DataTable."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import partial

from tests.benchmarks.cursor_keys import CursorKeys
from tests.benchmarks.filling import fill, token
from tests.benchmarks.history_view import open_history
from tests.benchmarks.measuring import (
    WAITED,
    Counts,
    Figure,
    Rounds,
    Samples,
    Target,
    compare,
    percentile,
    pooled,
    undisturbed,
)
from tests.benchmarks.terminal import NotShown, Terminal, app, console, times_of

_TABLE = "table"
_DOWN, _INSIDE = "down", "inside"
_FIGURES = ((_DOWN, Target(0.5), ""), (_INSIDE, None, ", without scrolling"))
_PAST_THE_EDGE = 40
"""More rows than a terminal shows, so that from then on every key scrolls."""


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures over a list of pending requests, and two over a long history: scrolling, and not."""
    pending, history = os.path.join(folder, "pending.db"), os.path.join(folder, "history.db")
    fill(pending, counts.cursor_rows)
    fill(history, counts.history, decided=True)
    newest = token(counts.history - 1)
    return [
        *_measure(f"{counts.cursor_rows:,} pending", pending, _see_list, counts, folder),
        *_measure(f"{counts.history:,} of history", history, partial(open_history, newest=newest), counts, folder),
    ]


def _measure(rows: str, path: str, open_view: Callable[[Terminal], None], counts: Counts, folder: str) -> list[Figure]:
    baseline = f"DataTable with {counts.cursor_rows:,} rows"
    names = {what: f"cursor key to frame, {rows}{suffix}" for what, _, suffix in _FIGURES}
    try:
        with Terminal(console(path), folder) as ours:
            open_view(ours)
            with Terminal(app(_TABLE, str(counts.cursor_rows)), folder) as theirs:
                _see_list(theirs)
                rounds = undisturbed(
                    {rows: _presses(ours, counts.cursor_keys), _TABLE: _presses(theirs, counts.cursor_keys)},
                    counts.cursor_rounds,
                )
    except NotShown as reason:
        return [Figure(names[what], "ms", baseline, target=target, problem=str(reason)) for what, target, _ in _FIGURES]
    return [
        compare(
            names[what],
            "ms",
            rounds.samples[rows],
            baseline,
            rounds.samples[_TABLE],
            measure=what,
            target=target,
            notes=(_note(rounds, rows, what, "the console"), _note(rounds, _TABLE, what, "DataTable")),
            disturbed=rounds.disturbed,
        )
        for what, target, _ in _FIGURES
    ]


def _see_list(terminal: Terminal) -> None:
    terminal.frame(lambda content: b"Q0" in content, "the list")


def _presses(terminal: Terminal, keys: int) -> Callable[[], Samples]:
    """A round of so many keys at the lower edge: down, and then up and down again inside of what is shown."""
    cursor = CursorKeys(terminal)
    cursor.hold(b"j" * _PAST_THE_EDGE)

    def run() -> Samples:
        before = terminal.cpu()
        down = _press_each(terminal, cursor, b"j" * keys)
        between = terminal.cpu()
        inside = _press_each(terminal, cursor, b"k" * (keys // 2) + b"j" * (keys // 2))
        return {
            _DOWN: down["time"],
            _INSIDE: inside["time"],
            WAITED: [*down[WAITED], *inside[WAITED]],
            f"CPU {_DOWN}": [1000 * (between - before) / keys],
            f"CPU {_INSIDE}": [1000 * (terminal.cpu() - between) / keys],
        }

    return run


def _press_each(terminal: Terminal, cursor: CursorKeys, keys: bytes) -> Samples:
    """Presses each key when all of the one before is drawn, at no particular moment."""

    def wait_a_moment() -> None:
        terminal.settle()
        time.sleep(random.random() * 0.01)

    samples = times_of(terminal, [partial(cursor.press, bytes([key])) for key in keys], wait_a_moment)
    terminal.settle()
    return samples


def _note(rounds: Rounds, contender: str, what: str, label: str) -> str:
    times, cpu = pooled(rounds.samples[contender], what), pooled(rounds.samples[contender], f"CPU {what}")
    p50, p99 = percentile(times, 50), percentile(times, 99)
    return f"{label}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, CPU {percentile(cpu, 50):.1f} ms a key"
