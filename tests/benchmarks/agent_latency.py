"""From the reviewer's key to the agent that waited for it, awake in a process of its own."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from time import monotonic_ns

from approval_tui.domain.lifecycle import APPROVED
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.children import children
from tests.benchmarks.filling import listed_call
from tests.benchmarks.measuring import VALUE, Counts, Figure, Samples, Target, compare, percentile, pooled, undisturbed
from tests.benchmarks.terminal import MS, PATIENCE, NotShown, Terminal, app, bytes_back, console, times_of

_NAME = "key to waiting agent awake"
_WITHOUT_GUARD = f"{_NAME}, guard left out"
_BASELINE = "one byte through a terminal and back"
_TARGET = Target(3.0, of=VALUE)
_PER_ROUND = 5
_MARGIN = 0.25
_WORK = "work"


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures: without the time for which the console holds every decision back on purpose, and whole."""
    try:
        return _measure(counts, folder)
    except NotShown as reason:
        return [
            Figure(_WITHOUT_GUARD, "ms", _BASELINE, target=_TARGET, problem=str(reason)),
            Figure(_NAME, "ms", _BASELINE, problem=str(reason)),
        ]


def burst_guard() -> int:
    """For how many ms the console waits after a deciding key, to see whether other keys came with it."""
    try:
        from approval_tui.console.arming import BURST
    except ImportError:
        return 0
    return BURST


def _measure(counts: Counts, folder: str) -> list[Figure]:
    path = os.path.join(folder, "store.db")
    per_round = min(counts.keys_to_agent, _PER_ROUND)
    guard = burst_guard()
    with (
        open_store_blocking(path) as store,
        children(1, _wait, path) as pipes,
        Terminal(app("echo"), folder) as echo,
        Terminal(console(path), folder) as terminal,
    ):
        echo.until_written(b"ready")
        terminal.until_drawn()
        approvals = Approvals(store, terminal, pipes[0])

        def decisions() -> Samples:
            samples = times_of(terminal, [approvals.approve] * per_round, approvals.ask)
            return {**samples, _WORK: [each - guard for each in samples["time"]]}

        def bytes_through() -> Samples:
            samples = bytes_back(echo, per_round)
            return {**samples, _WORK: samples["time"]}

        contenders = {"decision": decisions, "byte": bytes_through}
        rounds = undisturbed(contenders, max(1, counts.keys_to_agent // per_round))
    return [
        compare(
            name,
            "ms",
            rounds.samples["decision"],
            _BASELINE,
            rounds.samples["byte"],
            measure=measure,
            target=target,
            notes=(
                f"p99 {percentile(times, 99):.1f} ms of {len(times)}",
                f"the console waits {guard} ms to see whether the key stood alone: {what}",
            ),
            disturbed=rounds.disturbed,
        )
        for name, measure, target, what in (
            (_WITHOUT_GUARD, _WORK, _TARGET, "left out"),
            (_NAME, "time", None, "included"),
        )
        for times in [pooled(rounds.samples["decision"], measure)]
    ]


class Approvals:
    """An agent that asks and waits, and a reviewer who approves what is shown."""

    def __init__(self, store: BlockingStore, terminal: Terminal, agent: Connection) -> None:
        self._store = store
        self._terminal = terminal
        self._agent = agent
        self._numbers = iter(range(1_000_000))
        self._request_id = ""

    def ask(self) -> None:
        """A request that an agent waits for is shown, and has been for so long that a key decides it."""
        request = self._store.requester.submit(listed_call(next(self._numbers))).request
        self._request_id = request.id
        self._agent.send(request.id)
        self._terminal.frame(lambda content: request.tool.encode() in content, "the row of a request that came")
        self._terminal.press(b"G")
        self._terminal.settle(0.1)
        for _ in self._terminal.frames(Settings().arming / 1000 + _MARGIN):
            pass

    def approve(self) -> float:
        """Milliseconds from the key to the agent's next step."""
        pressed_at = self._terminal.press(b"a")
        deadline = time.monotonic() + PATIENCE
        while not self._agent.poll(0.001) and time.monotonic() < deadline:
            self._terminal.settle(0)
        status = self._store.reviewer.get(self._request_id).status
        if status != APPROVED:
            raise NotShown(f"after the key that approves, the request is {status}")
        awake_at: int = self._agent.recv()
        return (awake_at - pressed_at) / MS


def _wait(pipe: Connection, number: int, path: str) -> None:
    """The agent: waits for each request that it is told of, and says when it was awake."""
    with open_store_blocking(path) as store:
        while True:
            store.requester.wait(pipe.recv())
            pipe.send(monotonic_ns())
