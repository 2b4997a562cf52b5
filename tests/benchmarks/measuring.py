"""What every benchmark shares: how much to measure, turn and turn about, and the figure that comes of it."""

from __future__ import annotations

import contextlib
import glob
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RATIO = "ratio"
VALUE = "value"

Samples = dict[str, list[float]]
"""What one contender measured in one round, by the name of what was measured."""

Statistic = Callable[[Sequence[float]], float]

MOST_WAITING = 0.05
"""The share of a round that may pass in waiting for a processor; beyond it, the round says little."""

WAITED = "waited"
"""A contender that measures only parts of its round says under this name which share of them passed in waiting."""

MOST_WAITING_OF_PARTS = 0.1
"""The same for such a share: in a few milliseconds, the delay of each waking up counts for more."""

_LEAST_KEPT = 0.25


@dataclass(frozen=True)
class Counts:
    """How much each benchmark does; durations are in seconds."""

    cycles: int = 10
    rounds: int = 120
    writers: int = 64
    commits: int = 50
    storms: int = 5
    wakes: int = 120
    waiters: int = 64
    waiting: float = 6.0
    waits: int = 2
    starts: int = 21
    requests: int = 2000
    verifications: int = 5
    rows_shown: int = 100
    keys_to_agent: int = 40
    paints: int = 9
    painted: tuple[int, ...] = (10, 1_000, 100_000)
    cursor_rows: int = 1_000
    cursor_rounds: int = 12
    cursor_keys: int = 20
    history: int = 1_000_000
    idle: float = 10.0
    idles: int = 5
    flood: float = 10.0
    floods: int = 3
    passed: int = 1_000
    passed_further: int = 10_000
    paged_history: int = 100_000
    paged: int = 5_000
    agents: tuple[int, ...] = (1, 4, 16, 64)
    lives: int = 1_280
    carried: int = 5


FULL = Counts()
QUICK = Counts(
    cycles=10,
    rounds=30,
    commits=20,
    storms=3,
    wakes=60,
    waiting=3.0,
    waits=1,
    starts=9,
    requests=500,
    verifications=3,
    rows_shown=40,
    keys_to_agent=10,
    paints=3,
    cursor_rounds=4,
    cursor_keys=10,
    history=20_000,
    idle=4.0,
    idles=2,
    flood=5.0,
    floods=1,
    passed=200,
    passed_further=1_000,
    paged_history=5_000,
    paged=1_000,
    lives=640,
    carried=3,
)


@dataclass(frozen=True)
class Target:
    """The most that a figure's ratio, or its value, may be."""

    most: float
    of: str = RATIO


@dataclass(frozen=True)
class Figure:
    """One measurement against its baseline; `low` and `high` are the quartiles of the rounds' ratios.

    `value` and `baseline_value` are in `unit`, medians over the rounds; the ratio is the median of the rounds'
    ratios. Where it could not be measured, `problem` says why and the numbers are None. `disturbed` says that
    other programs held the processors: then everything looks equally slow, and no target is met.
    """

    name: str
    unit: str
    baseline: str
    value: float | None = None
    baseline_value: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    target: Target | None = None
    notes: tuple[str, ...] = field(default=())
    problem: str | None = None
    disturbed: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without a target, and where the machine was too busy to say.

        What was not measured meets no target.
        """
        if self.target is None or self.disturbed:
            return None
        measured = self.ratio if self.target.of == RATIO else self.value
        return measured is not None and measured <= self.target.most

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "baseline": self.baseline,
            "baseline_value": self.baseline_value,
            "ratio": self.ratio,
            "ratio_quartiles": [self.low, self.high],
            "target": None if self.target is None else {"most": self.target.most, "of": self.target.of},
            "met": self.is_met,
            "disturbed": self.disturbed,
            "notes": list(self.notes),
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Rounds:
    """What all contenders measured, round by round; `disturbed` where too few rounds had the processors."""

    samples: dict[str, list[Samples]]
    left_out: int = 0
    disturbed: bool = False


def turn_about(contenders: Mapping[str, Callable[[], Samples]], rounds: int) -> dict[str, list[Samples]]:
    """Runs every contender once a round, each round in another order, so that a drifting machine favours none."""
    results: dict[str, list[Samples]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            results[name].append(contenders[name]())
    return results


def waited_for_processor() -> float:
    """Seconds that the threads of this process were ready and had no processor; 0 where the system tells nothing."""
    nanoseconds = 0
    for path in glob.glob("/proc/self/task/*/schedstat"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:  # a thread may just end
            nanoseconds += int(file.read().split()[1])
    return nanoseconds / 1e9


def undisturbed(
    contenders: Mapping[str, Callable[[], Samples]], rounds: int, waited: Callable[[], float] = waited_for_processor
) -> Rounds:
    """The same, leaving out rounds in which this process waited for a processor that others held.

    Where hardly a round is left, all are kept and called disturbed.
    """
    held_up: list[bool] = []

    def watched(run: Callable[[], Samples]) -> Callable[[], Samples]:
        def measured() -> Samples:
            start, before = time.perf_counter(), waited()
            samples = run()
            took = time.perf_counter() - start
            if WAITED in samples:
                held_up.append(max(samples[WAITED]) > MOST_WAITING_OF_PARTS)
            else:
                held_up.append((waited() - before) / took > MOST_WAITING)
            return samples

        return measured

    results = turn_about({name: watched(run) for name, run in contenders.items()}, rounds)
    each = len(contenders)
    kept = [number for number in range(rounds) if not any(held_up[number * each : (number + 1) * each])]
    if len(kept) < _LEAST_KEPT * rounds:
        return Rounds(results, disturbed=True)
    samples = {name: [measured[number] for number in kept] for name, measured in results.items()}
    return Rounds(samples, left_out=rounds - len(kept))


def compare(
    name: str,
    unit: str,
    ours: Sequence[Samples],
    baseline: str,
    theirs: Sequence[Samples],
    *,
    measure: str,
    statistic: Statistic = statistics.median,
    target: Target | None = None,
    notes: tuple[str, ...] = (),
    disturbed: bool = False,
) -> Figure:
    """The figure of one measure: the statistic of each round, held against the baseline's of the same round."""
    values = [statistic(samples[measure]) for samples in ours]
    baseline_values = [statistic(samples[measure]) for samples in theirs]
    ratios = [value / other for value, other in zip(values, baseline_values, strict=True)]
    low, high = quartiles(ratios)
    return Figure(
        name=name,
        unit=unit,
        baseline=baseline,
        value=statistics.median(values),
        baseline_value=statistics.median(baseline_values),
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        target=target,
        notes=notes,
        disturbed=disturbed,
    )


def alone(
    name: str,
    unit: str,
    values: Sequence[float],
    baseline: str,
    baseline_values: Sequence[float],
    *,
    statistic: Statistic = statistics.median,
    target: Target | None = None,
    notes: tuple[str, ...] = (),
    disturbed: bool = False,
) -> Figure:
    """The figure of all samples together, where a round has too few of them for the statistic."""
    ours, theirs = [{"all": list(values)}], [{"all": list(baseline_values)}]
    return compare(
        name,
        unit,
        ours,
        baseline,
        theirs,
        measure="all",
        statistic=statistic,
        target=target,
        notes=notes,
        disturbed=disturbed,
    )


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile; of a single value, that value twice."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def pooled(rounds: Sequence[Samples], measure: str) -> list[float]:
    """All samples of one measure."""
    return [value for samples in rounds for value in samples[measure]]
