"""Takes the screenshots of the README from the real app, or checks that they are those of today's app.

python -m tests.screenshots           writes screenshots/*.svg
python -m tests.screenshots --check   exits 1 when one of them differs
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.pilot import Pilot

from approval_tui.console.app import ConsoleApp
from approval_tui.console.main_screen import MainScreen
from approval_tui.store import open_store_blocking
from tests.seeded import FIRST_MOMENT, counting_ids, hostile_call, seed
from tests.support import BO, ManualClock, deny

FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "screenshots")
_STORE = "approvals.db"


class Moments:
    """What a screenshot may use while the app runs: the pilot, the clocks and the store's path."""

    def __init__(self, pilot: Pilot[None], path: str, clock: ManualClock, monotonic: ManualClock) -> None:
        self.pilot = pilot
        self.path = path
        self.clock = clock
        self.monotonic = monotonic

    async def press(self, *keys: str) -> None:
        """Presses keys as a person would: each after a while, and waits until the app is quiet."""
        for key in keys:
            self.monotonic.move(1000)
            await self.pilot.press(key)
            await settle(self.pilot)


@dataclass(frozen=True)
class Screenshot:
    """A name, a size in cells, and what to do before the picture is taken."""

    name: str
    size: tuple[int, int]
    prepare: Callable[[Moments], Awaitable[None]]


def screen_of(pilot: Pilot[None]) -> MainScreen:
    """The console's screen, below any dialog."""
    return next(each for each in pilot.app.screen_stack if isinstance(each, MainScreen))


async def settle(pilot: Pilot[None]) -> None:
    """Waits until no decision is under way and everything is drawn."""
    while screen_of(pilot).is_busy:
        await pilot.pause(0.01)
    await pilot.pause()
    await pilot.pause()


async def loaded(pilot: Pilot[None], count: int) -> None:
    """Waits until the list holds so many requests."""
    while not any(isinstance(each, MainScreen) and len(each.waiting) >= count for each in pilot.app.screen_stack):
        await pilot.pause(0.01)
    await settle(pilot)


async def _queue(moments: Moments) -> None:
    await settle(moments.pilot)


async def _reading(moments: Moments) -> None:
    await moments.press("j", "a")


async def _deny(moments: Moments) -> None:
    await moments.press("j", "j", "d", *"Not without the invoice")


async def _lost_race(moments: Moments) -> None:
    with open_store_blocking(moments.path, clock=moments.clock, new_id=counting_ids()) as store:
        deny(store, store.reviewer.list()[0], "Not on a Friday.", BO)
    while len(screen_of(moments.pilot).waiting) == 4:
        await moments.pilot.pause(0.01)
    await moments.press("a")


async def _hostile(moments: Moments) -> None:
    with open_store_blocking(moments.path, clock=moments.clock, new_id=counting_ids(100)) as store:
        store.requester.submit(hostile_call())
    await loaded(moments.pilot, 5)
    await moments.press("G")


SCREENSHOTS = (
    Screenshot("queue", (140, 34), _queue),
    Screenshot("reading", (140, 34), _reading),
    Screenshot("deny", (140, 34), _deny),
    Screenshot("lost-race", (140, 34), _lost_race),
    Screenshot("hostile", (140, 34), _hostile),
    Screenshot("narrow", (80, 40), _queue),
)


async def take(screenshot: Screenshot) -> str:
    """The picture as SVG, the same in every run of the same app."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, _STORE)
        clock, monotonic = ManualClock(FIRST_MOMENT), ManualClock(0)
        requests = seed(path, clock)
        app = ConsoleApp(path, reviewer="ann", clock=clock, monotonic=monotonic, shown_path=f"~/{_STORE}")
        async with app.run_test(size=screenshot.size) as pilot:
            await loaded(pilot, len(requests))
            monotonic.move(1000)
            await screenshot.prepare(Moments(pilot, path, clock, monotonic))
            svg = app.export_screenshot(title="approval-tui")
    without_web_fonts = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"terminal-\d+", "terminal", without_web_fonts)


def main() -> int:
    """Writes or checks every screenshot; the exit code says whether all were as expected."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, write nothing, exit 1 when one differs")
    arguments = parser.parse_args()
    os.makedirs(FOLDER, exist_ok=True)
    differing = []
    for screenshot in SCREENSHOTS:
        svg = asyncio.run(take(screenshot))
        target = os.path.join(FOLDER, f"{screenshot.name}.svg")
        if not arguments.check:
            with open(target, "w", encoding="utf-8") as file:
                file.write(svg)
        elif not os.path.exists(target) or open(target, encoding="utf-8").read() != svg:  # noqa: SIM115
            differing.append(screenshot.name)
    if differing:
        print(f"Not today's app: {', '.join(differing)}. Run `python -m tests.screenshots`.", file=sys.stderr)
        return 1
    print(f"{len(SCREENSHOTS)} screenshots {'checked' if arguments.check else 'written'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
