"""Whether the console's memory stays flat: after many requests came and went, and far down a long history."""

from __future__ import annotations

import os

from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from tests.benchmarks.filling import fill, listed_call, token
from tests.benchmarks.history_view import open_history
from tests.benchmarks.measuring import Counts, Figure, Target, alone
from tests.benchmarks.samples import REVIEWER
from tests.benchmarks.terminal import NotShown, Terminal, console

_TARGET = Target(1.1)
_AT_ONCE = 100
_UNTIL_CALM = 0.3
_KEYS_AT_ONCE = 50


def measure(counts: Counts, folder: str) -> list[Figure]:
    """Two figures, each memory against the same console's memory earlier."""
    return [_passing(counts, folder), _paging(counts, folder)]


def _passing(counts: Counts, folder: str) -> Figure:
    """Requests that come and are decided, a hundred at a time, all of them seen on the screen."""
    name = f"memory after {counts.passed_further:,} further requests"
    baseline = f"the same console after {counts.passed:,}"
    path = os.path.join(folder, "store.db")
    try:
        with open_store_blocking(path) as store, Terminal(console(path), folder) as terminal:
            terminal.until_drawn()
            _pass_by(store, terminal, 0, counts.passed)
            before = terminal.resident()
            _pass_by(store, terminal, counts.passed, counts.passed_further)
            after = terminal.resident()
    except NotShown as reason:
        return Figure(name, "MB", baseline, target=_TARGET, problem=str(reason))
    return alone(name, "MB", [after], baseline, [before], target=_TARGET, notes=("each seen, and decided elsewhere",))


def _paging(counts: Counts, folder: str) -> Figure:
    """The cursor held down in the history, a jump to its end, and the cursor held up there."""
    name = f"memory after {2 * counts.paged:,} rows of history"
    baseline = "the same console on the first page"
    path = os.path.join(folder, "history.db")
    fill(path, counts.paged_history, decided=True)
    try:
        with Terminal(console(path), folder) as terminal:
            open_history(terminal, token(counts.paged_history - 1))
            terminal.settle(_UNTIL_CALM)
            before = terminal.resident()
            for keys in (b"j" * counts.paged, b"G", b"k" * counts.paged):
                for start in range(0, len(keys), _KEYS_AT_ONCE):
                    terminal.press(keys[start : start + _KEYS_AT_ONCE])
                    terminal.settle()
            terminal.settle(_UNTIL_CALM)
            after = terminal.resident()
    except NotShown as reason:
        return Figure(name, "MB", baseline, target=_TARGET, problem=str(reason))
    note = f"{counts.paged_history:,} of history; down from the newest, then up from the oldest"
    return alone(name, "MB", [after], baseline, [before], target=_TARGET, notes=(note,))


def _pass_by(store: BlockingStore, terminal: Terminal, first: int, count: int) -> None:
    """So many requests come, are seen and are denied."""
    for start in range(first, first + count, _AT_ONCE):
        calls = [listed_call(number) for number in range(start, min(start + _AT_ONCE, first + count))]
        requests = [store.requester.submit(call).request for call in calls]
        terminal.settle()
        terminal.press(b"G")
        terminal.settle()
        for request in requests:
            store.reviewer.decide(request.id, "deny", reviewer=REVIEWER, digest=request.digest)
        terminal.settle()
        terminal.press(b"gG")  # leaves the tombstones, which clears them away
    terminal.settle(_UNTIL_CALM)
