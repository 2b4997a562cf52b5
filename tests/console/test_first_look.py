"""What waits is read beside the loading of Textual; whatever goes wrong there is nobody's trouble."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from rich.console import RenderableType
from textual.screen import Screen

from approval_tui.console.app import ConsoleApp
from approval_tui.console.first_look import FirstLook, Found, look
from approval_tui.domain.calls import Call
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import StoreCorrupt, StoreUnavailable
from approval_tui.domain.models import Request
from approval_tui.store.blocking import BlockingStore
from tests.console.storm import WatchedConsole
from tests.console.test_row_check import FORGERIES, forged
from tests.support import LONG, ManualClock

BEGIN = """
import os, sys, threading, time
from approval_tui.console import first_look
from approval_tui.console.first_look import FirstLook
first_look._LONGEST_WAIT = 60
"""
TELL = """
found = taken.found()
print("nothing" if found is None else f"{len(found.requests)} of {found.total}: {found.requests[0].tool}")
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("and no process is left")
"""


def told(path: str, script: str = "taken = FirstLook(sys.argv[1])") -> str:
    """What a fresh process with one thread finds by a first look."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script + TELL, path], capture_output=True, text=True, timeout=LONG, check=True
    )
    assert done.stderr == ""
    found, _, rest = done.stdout.partition("\n")
    assert rest == "and no process is left\n"
    return found


def test_it_finds_what_waits(store_path: str, clock: ManualClock, requests: list[Request]) -> None:
    found = look(store_path, clock)
    assert ([each.id for each in found.requests], found.total) == ([each.id for each in requests], 4)


def test_it_finds_nothing_where_a_row_cannot_be_shown(
    store_path: str, clock: ManualClock, requests: list[Request]
) -> None:
    for forgery in FORGERIES.values():
        with forged(store_path, forgery, requests[0].id), pytest.raises(StoreCorrupt):
            look(store_path, clock)
        assert look(store_path, clock).total == 4


def test_it_makes_no_store(store_path: str) -> None:
    with pytest.raises(StoreUnavailable):
        look(store_path)


def test_another_process_looks_and_tells(store_path: str, store: BlockingStore) -> None:
    for number in range(3):
        store.requester.submit(Call(tool=f"shell-{number}", arguments={"n": "x" * 500_000}, requester="bot"))
    assert told(store_path) == "3 of 3: shell-0"


def test_it_says_nothing_of_a_store_that_is_not_there(store_path: str) -> None:
    assert told(store_path) == "nothing"


def test_it_is_not_waited_for_where_it_takes_long(store_path: str) -> None:
    script = """
first_look.look = lambda path: time.sleep(600)
first_look._LONGEST_WAIT = 0.05
taken = FirstLook(sys.argv[1])
"""
    assert told(store_path, script) == "nothing"


def test_it_may_end_while_it_tells(store_path: str) -> None:
    script = """
import pickle
pickle.dump = lambda found, output, protocol: (output.write(pickle.dumps("half of it")[:-3]), output.flush())
first_look.look = lambda path: None
taken = FirstLook(sys.argv[1])
"""
    assert told(store_path, script) == "nothing"


def test_no_process_is_begun_beside_other_threads(store_path: str, store: BlockingStore) -> None:
    store.requester.submit(Call(tool="shell", arguments={}, requester="bot"))
    script = """
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
taken = FirstLook(sys.argv[1])
"""
    assert told(store_path, script) == "nothing"


class Looked(FirstLook):
    """A first look that has ended."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def found(self) -> Found:
        """What was found."""
        return self._found


class Framed(ConsoleApp):
    """The real console; keeps what each frame shows."""

    CSS_PATH = WatchedConsole.CSS_PATH

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.frames: list[str] = []

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        lines = screen._compositor.render_strips()
        self.frames.append("\n".join("".join(segment.text for segment in line) for line in lines))


async def test_what_was_found_is_in_the_first_frame(
    store_path: str, clock: ManualClock, requests: list[Request]
) -> None:
    app = Framed(
        store_path, reviewer=Reviewer("ann", via="console"), clock=clock, first_look=Looked(look(store_path, clock))
    )
    async with app.run_test(size=(140, 34)):
        first = app.frames[0]
    for request in requests:
        assert request.tool in first
    assert requests[0].id in first
    assert "end of the arguments" in first
