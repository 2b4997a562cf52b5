"""From the start of the process to the first frame with content, against a Textual app that shows nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from tests.benchmarks.filling import fill
from tests.benchmarks.measuring import WAITED, Counts, Figure, Samples, Target, compare, undisturbed
from tests.benchmarks.terminal import A_SCREEN, MS, NotShown, Terminal, app, console

_BASELINE = "an empty Textual app"
_TARGET = Target(1.25)
_EMPTY = "empty"


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures for each length of the list: the time, and the processor time."""
    contenders = {_EMPTY: partial(_paint, app("empty"), folder, lambda content: len(content) > A_SCREEN)}
    for count in counts.painted:
        path = os.path.join(folder, f"{count}.db")
        fill(path, count)
        contenders[str(count)] = partial(_paint, console(path), folder, lambda content: b"Q0" in content)
    try:
        for run in contenders.values():
            run()  # the first run compiles and reads what the others find in memory
        rounds = undisturbed(contenders, counts.paints)
    except NotShown as reason:
        return [
            Figure(name, "ms", _BASELINE, target=target, problem=str(reason))
            for count in counts.painted
            for name, _, target in _figures(count)
        ]
    return [
        compare(
            name,
            "ms",
            rounds.samples[str(count)],
            _BASELINE,
            rounds.samples[_EMPTY],
            measure=what,
            target=target,
            disturbed=rounds.disturbed,
        )
        for count in counts.painted
        for name, what, target in _figures(count)
    ]


def _paint(command: list[str], folder: str, wanted: Callable[[bytes], bool]) -> Samples:
    """Milliseconds until the first frame with content, and the processor time until then."""
    with Terminal(command, folder) as terminal:
        frame = terminal.frame(wanted, "the first frame")
        cpu, waited = terminal.cpu(), terminal.waited()
    took = (frame.at - terminal.started_at) / MS
    return {"paint": [took], "cpu": [1000 * cpu], WAITED: [1000 * waited / took]}


def _figures(count: int) -> tuple[tuple[str, str, Target | None], ...]:
    return (
        (f"first paint, {count:,} pending", "paint", _TARGET),
        (f"CPU until first paint, {count:,} pending", "cpu", None),
    )
