"""The benchmarks themselves: that each one runs and reports every figure. No timing decides anything here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from approval_tui.domain.identity import digest_for
from approval_tui.store import open_store_blocking
from tests.benchmarks import agent_latency, cursor, first_paint, flood, history_view, idle, memory, screen_latency
from tests.benchmarks.__main__ import GROUPS, main
from tests.benchmarks.cursor_keys import CursorKeys
from tests.benchmarks.filling import fill, token
from tests.benchmarks.measuring import VALUE, WAITED, Counts, Figure, Target, compare, turn_about, undisturbed
from tests.benchmarks.reporting import missed, to_json, to_table
from tests.benchmarks.samples import REVIEWER
from tests.benchmarks.terminal import NotShown, Terminal, app

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
    rows_shown=1,
    keys_to_agent=1,
    paints=1,
    painted=(3,),
    cursor_rows=200,
    cursor_rounds=1,
    cursor_keys=2,
    history=200,
    idle=0.2,
    idles=1,
    flood=0.2,
    floods=1,
    passed=2,
    passed_further=3,
    paged_history=50,
    paged=10,
    agents=(1, 2),
    lives=2,
    carried=1,
)
FIGURES = {
    "transactions": {
        f"{operation}, {store}, {baseline}"
        for operation in ("create", "decide", "consume")
        for store in ("blocking", "async")
        for baseline in ("bare", "equal work")
    },
    "storm": {"worst wait of 2 writers"},
    "engines": {f"requests a second, {agents}, PostgreSQL" for agents in ("1 agent", "2 agents")},
    "wake": {
        "commit to another process awake, blocking waiter",
        "commit to another process awake, async waiter",
    },
    "waiting": {"CPU of 2 waiting processes"},
    "startup": {"CPU of import approval_tui", "CPU of list --json with 20 pending"},
    "verify": {"verify, each event"},
    "screen": {"commit to row on screen"},
    "agent": {"key to waiting agent awake, guard left out", "key to waiting agent awake"},
    "paint": {"first paint, 3 pending", "CPU until first paint, 3 pending"},
    "cursor": {
        f"cursor key to frame, {rows}{scrolling}"
        for rows in ("200 pending", "200 of history")
        for scrolling in ("", ", without scrolling")
    },
    "idle": {"idle, nothing pending", "idle, 20 pending and their ages ticking"},
    "flood": {"key to frame, p99, under a flood", "CPU under a flood"},
    "memory": {"memory after 3 further requests", "memory after 20 rows of history"},
    "mcp": {"MCP: an allowed call", "MCP: start to first answer"},
    "server": {"server: a gated call", "server: a decision to the waiting gate"},
    "toolset": {"a pre-approved call of a toolset", "a granted call of a toolset"},
    "hook": {
        f"CPU of a hook answered by {what}"
        for what in ("a grant", "a policy", "the agent's own rules, for what only reads")
    },
    "granting": {f"submit, covered by {which} of {grants} grants" for which in ("one", "none") for grants in (1, 100)},
    "judging": {
        *(f"judging by {rules} rules" for rules in ("10", "100", "1,000")),
        "judging by 1 rule, 1,000 tools",
    },
}
IN_TERMINALS = {
    "screen": screen_latency,
    "agent": agent_latency,
    "paint": first_paint,
    "cursor": cursor,
    "idle": idle,
    "flood": flood,
    "memory": memory,
}
BROKEN = [sys.executable, "-c", "raise SystemExit('out of order')"]


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


@pytest.mark.parametrize("group", list(IN_TERMINALS))
def test_a_console_that_does_not_open_gives_every_figure_its_problem_and_fails_the_check(
    group: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(IN_TERMINALS[group], "console", lambda path: BROKEN)
    assert main(["--json", "--check", "--only", group], counts=TINY) == 1
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert {figure["name"] for figure in figures} == FIGURES[group]
    assert all("ended with exit code 1: out of order" in figure["problem"] for figure in figures)


def test_a_frame_is_whole_and_has_what_was_wanted(tmp_path: Path) -> None:
    frames = r"\x1b[?2026h one \x1b[?2026l\x1b[?2026h two \x1b[?2026l\x1b[?2026h two, half"
    program = f"import time; print('{frames}', end='', flush=True); time.sleep(60)"
    with Terminal([sys.executable, "-c", program], str(tmp_path)) as terminal:
        assert terminal.frame(lambda content: b"two" in content, "two").content == b"\x1b[?2026h two "
        with pytest.raises(NotShown, match="three"):
            terminal.frame(lambda content: b"half" in content, "three", seconds=0.1)


def test_a_terminal_tells_what_its_program_costs(tmp_path: Path) -> None:
    with Terminal(app("echo"), str(tmp_path)) as terminal:
        terminal.until_written(b"ready")
        assert terminal.byte_back() > 0
        assert terminal.cpu() > 0
        assert terminal.resident() > 1
        assert terminal.waited() >= 0


def test_a_cursor_is_found_by_its_look_and_where_nothing_changes_there_is_none(tmp_path: Path) -> None:
    with Terminal(app("table", "50"), str(tmp_path)) as terminal:
        terminal.frame(lambda content: token(0).encode() in content, "the table")
        keys = CursorKeys(terminal)
        assert keys.press(b"j") > 0
        with pytest.raises(NotShown, match="on no other row"):
            keys.press(b"z", seconds=0.1)
    with Terminal(app("empty"), str(tmp_path)) as terminal, pytest.raises(NotShown, match="looks different"):
        CursorKeys(terminal)


def test_a_program_without_a_history_is_said_to_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_view, "SECONDS", 0.2)
    with Terminal(app("empty"), str(tmp_path)) as terminal, pytest.raises(NotShown, match=history_view.NO_HISTORY):
        history_view.open_history(terminal, token(0))


@pytest.mark.parametrize("decided", [False, True])
def test_a_store_filled_in_bulk_is_as_if_every_request_had_been_submitted(decided: bool, store_path: str) -> None:
    fill(store_path, 5, decided=decided)
    with open_store_blocking(store_path) as store:
        requests = store.reviewer.history()[::-1] if decided else store.reviewer.list()
        assert [request.tool for request in requests] == [token(number) for number in range(5)]
        for request in requests:
            assert request.digest == digest_for(request, request.arguments)
            assert [decision.digest for decision in request.decisions] == [request.digest] * decided
            events = store.reviewer.events(request_id=request.id)
            assert [event.name for event in events] == ["request_submitted", "request_denied"][: 1 + decided]
        if not decided:
            denied = store.reviewer.decide(requests[0].id, "deny", reviewer=REVIEWER, digest=requests[0].digest)
            assert denied.status == "denied"


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


def test_a_contender_that_measures_a_part_of_its_round_says_itself_how_much_of_that_it_waited() -> None:
    shares = iter((0.0, 0.5, 0.01, 0.0))

    def contender() -> dict[str, list[float]]:
        share = next(shares)
        return {"time": [share], WAITED: [share]}

    rounds = undisturbed({"a": contender}, rounds=4, waited=lambda: 0.0)
    assert [samples["time"][0] for samples in rounds.samples["a"]] == [0.0, 0.01, 0.0]
