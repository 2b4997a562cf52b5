"""What the console costs while nobody touches it: processor time, against a Textual app that does nothing."""

from __future__ import annotations

import os

from approval_tui.store import open_store_blocking
from tests.benchmarks.filling import listed_call, token
from tests.benchmarks.measuring import VALUE, Counts, Figure, Samples, Target, compare
from tests.benchmarks.terminal import NotShown, Terminal, app, console, drain

_PENDING = 20
_BASELINE = "an empty Textual app"
_UNIT = "% of a core"
_UNTIL_CALM = 1.5
_NOTHING = ("idle, nothing pending", Target(0.3, of=VALUE))
_TICKING = (f"idle, {_PENDING} pending and their ages ticking", Target(1.2, of=VALUE))


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: with nothing pending, and with requests whose ages tick."""
    try:
        return _measure(counts, folder)
    except NotShown as reason:
        return [
            Figure(name, _UNIT, _BASELINE, target=target, problem=str(reason)) for name, target in (_NOTHING, _TICKING)
        ]


def _measure(counts: Counts, folder: str) -> list[Figure]:
    nothing, ticking = os.path.join(folder, "nothing.db"), os.path.join(folder, "ticking.db")
    open_store_blocking(nothing).close()
    with open_store_blocking(ticking) as store:
        for number in range(_PENDING):
            store.requester.submit(listed_call(number))
    with (
        Terminal(app("empty"), folder) as empty,
        Terminal(console(nothing), folder) as without,
        Terminal(console(ticking), folder) as with_ages,
    ):
        terminals = (empty, without, with_ages)
        with_ages.frame(lambda content: token(0).encode() in content, "the list")
        drain(terminals, _UNTIL_CALM)
        rounds: list[list[Samples]] = [[] for _ in terminals]
        for _ in range(counts.idles):  # all at the same time: what each uses itself is what is counted
            before = [terminal.cpu() for terminal in terminals]
            drain(terminals, counts.idle)
            for terminal, used, samples in zip(terminals, before, rounds, strict=True):
                samples.append({"cpu": [100 * (terminal.cpu() - used) / counts.idle]})
    note = f"{counts.idles} rounds of {counts.idle:g} s, all threads"
    return [
        compare(name, _UNIT, ours, _BASELINE, rounds[0], measure="cpu", target=target, notes=(note,))
        for (name, target), ours in ((_NOTHING, rounds[1]), (_TICKING, rounds[2]))
    ]
