"""The time of a race: when its parties act, when they stand still, when they end, and what went wrong in one."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from tests.support import LONG


class Stage:
    """Says to the parties, each on a thread of its own, when to go on; they ask before each thing that they do."""

    def __init__(self) -> None:
        self._may_go = threading.Event()
        self._may_go.set()
        self._threads: list[threading.Thread] = []
        self._resting: set[str] = set()
        self._is_over = threading.Event()
        self.failures: list[str] = []

    def begin(self, name: str, act: Callable[[], object]) -> None:
        """Has a party act, again and again, until all is over."""

        def run() -> None:
            try:
                while self.goes_on(name):
                    act()
            except BaseException:
                self.failures.append(f"{name}: {traceback.format_exc()}")

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def goes_on(self, name: str) -> bool:
        """Waits while all stand still; whether the party of that name is to act once more."""
        while not self._may_go.is_set():
            self._resting.add(name)
            self._may_go.wait(LONG)
        self._resting.discard(name)
        return not self._is_over.is_set()

    def think(self, seconds: float) -> None:
        """A party looks at what it found as long as a person would, or until all is over."""
        self._is_over.wait(seconds)

    def stand_still(self) -> None:
        """Lets nobody begin anything; what is under way goes on to its end."""
        self._may_go.clear()

    def go_on(self) -> None:
        """Lets them act again."""
        self._may_go.set()

    def are_still(self, names: frozenset[str]) -> bool:
        """Whether those parties do nothing, as all stand still."""
        return names <= self._resting

    def end(self) -> None:
        """Lets nobody begin anything any more."""
        self._is_over.set()
        self._may_go.set()

    @property
    def left(self) -> list[str]:
        """Who has not come to an end."""
        return [thread.name for thread in self._threads if thread.is_alive()]
