"""The benchmarks themselves: that each one runs and reports every figure. No timing decides anything here."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.__main__ import GROUPS, main
from tests.benchmarks.measuring import VALUE, Counts, Figure, Target, compare, turn_about, undisturbed
from tests.benchmarks.reporting import missed, to_json, to_table

TINY = Counts(
    cycles=2,
    rounds=1,
    writers=2,
    commits=2,
    storms=1,
    wakes=1,
    waiters=2,
    waiting=0.1,
    waits=1,
    starts=1,
    requests=3,
    verifications=1,
)
FIGURES = {
    "transactions": {
        f"{operation}, {store}, {baseline}"
        for operation in ("create", "decide", "consume")
        for store in ("blocking", "async")
        for baseline in ("bare", "equal work")
    },
    "storm": {"worst wait of 2 writers"},
    "wake": {
        "commit to another process awake, blocking waiter",
        "commit to another process awake, async waiter",
    },
    "waiting": {"CPU of 2 waiting processes"},
    "startup": {"CPU of import approval_tui", "CPU of list --json with 20 pending"},
    "verify": {"verify, each event"},
}


def test_every_group_of_benchmarks_is_run_here() -> None:
    assert set(GROUPS) == set(FIGURES)


@pytest.mark.parametrize("group", list(FIGURES))
def test_a_benchmark_runs_and_reports_every_figure(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--only", group], counts=TINY) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert {figure["name"] for figure in figures} == FIGURES[group]
    for figure in figures:
        assert figure["group"] == group
        assert figure["problem"] is None
        assert figure["baseline"]
        assert figure["value"] > 0
        assert figure["baseline_value"] > 0
        assert figure["ratio"] > 0


def test_only_a_missed_target_is_missed_and_what_was_not_measured_meets_none() -> None:
    within = Figure("within", "us", "bare", 3.0, 2.0, 1.5, 1.4, 1.6, Target(2.0))
    beyond = Figure("beyond", "us", "bare", 5.0, 2.0, 2.5, 2.4, 2.6, Target(2.0))
    too_slow = Figure("too slow", "ms", "pipe", 2.5, 2.0, 1.25, 1.2, 1.3, Target(2.0, of=VALUE))
    free = Figure("free", "us", "bare", 9.0, 1.0, 9.0, 9.0, 9.0)
    absent = Figure("absent", "ms", "pass", target=Target(5.0), problem="exit code 1")
    busy = Figure("busy", "us", "bare", 9.0, 9.0, 1.0, 1.0, 1.0, Target(2.0), disturbed=True)
    groups = {"first": [within, beyond], "second": [too_slow, free, absent, busy]}
    assert missed(groups) == [beyond, too_slow, absent, busy]
    assert [each["met"] for each in to_json(groups)["figures"]] == [True, False, False, None, False, None]
    table = to_table(groups)
    for figure in (within, beyond, too_slow, free, absent, busy):
        assert any(line.startswith(figure.name) for line in table.splitlines())


def test_the_ratio_is_that_of_the_same_round_so_that_a_drifting_machine_does_not_decide() -> None:
    ours = [{"time": [2.0]}, {"time": [20.0]}, {"time": [200.0]}]
    theirs = [{"time": [1.0]}, {"time": [10.0]}, {"time": [100.0]}]
    figure = compare("drift", "us", ours, "bare", theirs, measure="time")
    assert (figure.value, figure.baseline_value, figure.ratio) == (20.0, 10.0, 2.0)
    assert (figure.low, figure.high) == (2.0, 2.0)


def test_contenders_take_turns_and_none_is_always_first() -> None:
    order: list[str] = []

    def contender(name: str) -> dict[str, list[float]]:
        order.append(name)
        return {"time": [1.0]}

    results = turn_about({"a": lambda: contender("a"), "b": lambda: contender("b")}, rounds=4)
    assert order == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert {name: len(rounds) for name, rounds in results.items()} == {"a": 4, "b": 4}


def test_rounds_without_a_processor_are_left_out_and_too_many_of_them_are_called_disturbed() -> None:
    waited = 0.0

    def measure(disturbed_rounds: set[int]) -> tuple[list[float], bool]:
        number = 0

        def contender() -> dict[str, list[float]]:
            nonlocal number, waited
            number += 1
            waited += 60.0 if number in disturbed_rounds else 0.0
            return {"time": [float(number)]}

        rounds = undisturbed({"a": contender}, rounds=8, waited=lambda: waited)
        assert rounds.disturbed or rounds.left_out == len(disturbed_rounds)
        return [samples["time"][0] for samples in rounds.samples["a"]], rounds.disturbed

    assert measure({2, 3}) == ([1.0, 4.0, 5.0, 6.0, 7.0, 8.0], False)
    assert measure({1, 2, 3, 4, 5, 6, 7}) == ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], True)
