"""A storm: random keys, bursts, pastes, resizes, clicks and focus against a store in which everything changes."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import random
import re
import time
from collections.abc import Callable
from typing import Any

from rich.console import RenderableType
from textual import events
from textual.screen import Screen

from approval_tui.console.app import ConsoleApp
from approval_tui.domain.audit import Event
from approval_tui.domain.calls import Call, Claim
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.models import Request, Requirements
from approval_tui.settings.actions import ACTIONS
from approval_tui.settings.configuration import Settings
from approval_tui.store import open_store_blocking
from approval_tui.store.transactions.filters import Filter
from tests.console.driver import PATIENCE, Console, key_event
from tests.console.storm_oracle import Known, Oracle, Press
from tests.support import ManualClock

ARMING = 400
LONG_PAYLOAD = 40
GAPS = (0, 10, 20, 40, 60, 200, 400, 1000)
_NEVER = ("quit", "suspend")  # the first ends the console, which the storm does by itself; the second the test
KEYS = tuple(key for action in ACTIONS if action.id not in _NEVER for key in action.keys)
_ID = re.compile(r"\bapr_[0-9a-f]{32}\b")
_OTHER_KEYS = ("y", "s", "f", "n", "z", "backspace", "left", "right", "shift+tab", "enter", "escape")


class World:
    """The agents and the other reviewers."""

    def __init__(self, path: str, clock: ManualClock, random_: random.Random) -> None:
        self._store = open_store_blocking(path, clock=clock)
        self._random = random_
        self._seq = 0
        self._claims: list[Claim] = []
        self.known: dict[int, Known] = {}

    def close(self) -> None:
        self._store.close()

    def act(self) -> None:
        """One thing happens; what is refused did not happen."""
        pending = self._store.reviewer.list()
        if len(pending) < 3:
            self.submit()
            return
        does: list[Callable[[Request], object]] = [self._edit] * 4
        does += [
            self._release,
            self._cancel,
            self._decide,
            self._decide,
            self._consume,
            self._consume,
            self._end,
            self._end,
        ]
        try:
            self._random.choice([lambda _: self.submit()] * 4 + does if len(pending) < 9 else does)(
                self._random.choice(pending)
            )
        except ApprovalTuiError:
            return

    def submit(self) -> None:
        """A new request, which says in every row which it is."""
        serial = len(self.known)
        rows = self._random.choice((1, 2, 3, 5, 8, 8, 30, 60))
        quorum = self._random.choice((1, 1, 2))
        call = Call(
            tool=f"t{serial:04}",
            requester="storm-bot",
            session=self._random.choice((None, "storm")),
            arguments=_arguments(serial, 0, rows),
            context={"where": f"c{serial:04}"},
            risk=self._random.choice((None, "low", "high")),
            requirements=Requirements(quorum=quorum),
            timeout=self._random.choice((15_000, 40_000, 90_000)),
            approval_lifetime=20_000,
        )
        request = self._store.requester.submit(call).request
        self.known[serial] = Known(request.id, rows, [request.digest], request.is_of_high_risk, quorum)

    def news(self) -> list[Event]:
        """The events since the last call, in order."""
        found = sorted(self._store.reviewer.events(after=self._seq), key=lambda event: event.seq)
        self._seq = found[-1].seq if found else self._seq
        return found

    def verify(self) -> None:
        """The audit log verifies."""
        assert self._store.reviewer.verify().problems == ()

    def _edit(self, request: Request) -> None:
        if request.requirements.quorum < 2:
            return
        serial, known = next(each for each in self.known.items() if each[1].id == request.id)
        edited = self._store.reviewer.decide(
            request.id,
            "approve",
            reviewer=Reviewer(self._random.choice(("bo", "cy"))),
            digest=request.digest,
            edited_arguments=_arguments(serial, len(known.digests), known.rows),
        )
        known.digests.append(edited.digest)

    def _release(self, _: Request) -> None:
        if self._random.random() < 0.5:
            self._store.reviewer.release_session("storm-bot", "storm", reviewer=Reviewer("bo"))

    def _cancel(self, request: Request) -> None:
        self._store.requester.cancel(request.id, requester=request.requester)

    def _decide(self, request: Request) -> None:
        verdict = self._random.choice(("approve", "deny"))
        self._store.reviewer.decide(request.id, verdict, reviewer=Reviewer("bo"), digest=request.digest)

    def _consume(self, _: Request) -> None:
        approved = self._store.reviewer.list(Filter(status="approved"))
        if approved:
            request = self._random.choice(approved)
            claim = self._store.requester.consume(
                request.id, request.fingerprint, requester=request.requester, claim_lifetime=3000
            )
            self._claims.append(claim)

    def _end(self, _: Request) -> None:
        if self._claims:
            claim = self._claims.pop(self._random.randrange(len(self._claims)))
            if self._random.random() < 0.3:  # the others are in doubt when their time is over
                self._store.requester.report_outcome(claim.request.id, claim.id, "succeeded")


def _arguments(serial: int, revision: int, rows: int) -> dict[str, str]:
    return {f"r{row:02}": f"z{serial:04}.{revision:02}.{row:02}" for row in range(rows)}


class WatchedConsole(ConsoleApp):
    """The real console; the oracle sees what it paints and pushes."""

    CSS_PATH = os.path.join(os.path.dirname(inspect.getfile(ConsoleApp)), "console.tcss")
    oracle: Oracle

    def push_screen(self, screen: Screen[Any] | str, *args: Any, **options: Any) -> Any:
        if isinstance(screen, Screen):
            self.oracle.pushed(screen)
        return super().push_screen(screen, *args, **options)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if renderable is not None and not self._batch_count:
            self.oracle.painted(self, screen, renderable)


class Storm:
    """One console in the storm for so many simulated seconds."""

    def __init__(self, path: str, seed: int, *, arming: int = ARMING) -> None:
        self.random = random.Random(seed)
        self._path = path
        self._arming = arming
        self._clock, self._monotonic = ManualClock(), ManualClock(0)
        self.world = World(path, self._clock, self.random)
        self.oracle = Oracle(ARMING, self._monotonic, self.world.known)
        self.steps = 0

    async def blow(self, seconds: int) -> None:
        """Runs until so many seconds of simulated time are over; fails at the first decision that is not allowed."""
        for _ in range(4):
            self.world.submit()
        end = self._monotonic() + seconds * 1000
        while self._monotonic() < end:
            await self._run_console(min(end, self._monotonic() + self.random.randrange(40, 150) * 1000))
        self.world.verify()
        self.world.close()

    async def _run_console(self, until: int) -> None:
        app = WatchedConsole(
            self._path,
            reviewer=Reviewer("ann", via="console"),
            clock=self._clock,
            monotonic=self._monotonic,
            settings=Settings(arming=self._arming, long_payload=LONG_PAYLOAD),
        )
        app.oracle = self.oracle
        self.oracle.restart()
        async with app.run_test(size=(140, 34)) as pilot:
            self._pilot, self._console = pilot, Console(pilot, self._clock, self._monotonic)
            await self._console.until(lambda: self._console.screen.is_live)
            while self._monotonic() < until:
                await self._step()
            await self._console.settle()
        self._check([])

    @property
    def _app(self) -> ConsoleApp:
        return self._console.app

    def _move(self, milliseconds: int) -> None:
        self._clock.move(milliseconds)
        self._monotonic.move(milliseconds)

    def _check(self, presses: list[Press]) -> None:
        for event in self.world.news():
            why = self.oracle.judge(event, presses)
            assert why is None, f"{why}\n{self.oracle.text}"

    # --- steps ---------------------------------------------------------------------------------

    async def _step(self) -> None:
        self.steps += 1
        if self.random.random() < 0.3:
            self.world.act()
        chance = self.random.random()
        if chance < 0.40:
            await self._press(self.random.choice(KEYS if self.random.random() < 0.75 else _OTHER_KEYS))
        elif chance < 0.47:
            await self._burst()
        elif chance < 0.50:
            await self._without_keys(events.Paste(self.random.choice(("a", "y", "a\r", "\n", "d\nno\n", "z" * 500))))
        elif chance < 0.53:
            await self._resize()
        elif chance < 0.56:
            await self._blink()
        elif chance < 0.62:
            await self._click()
        else:
            await self._act_as_a_person()
        self._move(self.random.choice((0, 1000)))

    async def _burst(self) -> None:
        """Keys so close together that no person pressed them."""
        presses, later = [], 0
        for _ in range(self.random.randint(2, 6)):
            presses.append(self._send(self.random.choice((*KEYS, "a", "a", "y", "enter")), later))
            gap = self.random.choice([gap for gap in GAPS if gap <= 50])
            self._app.call_later(self._move, gap)  # behind this key, and before the next one
            later += gap
        await self._until_done()
        self._check(presses)
        self._move(60)

    async def _resize(self) -> None:
        """The terminal has another size; mostly one that people have, because a large one takes long to draw."""
        width = self.random.choice((60, 80, 109, 110, 120, 140, self.random.randint(60, 300)))
        height = self.random.choice((10, 24, 24, 30, 40, self.random.randint(10, 60)))
        await self._pilot.resize_terminal(width, height)
        self._check([])

    async def _blink(self) -> None:
        """The terminal loses the focus, and mostly has it again after a while."""
        self.oracle.blurred()
        await self._without_keys(events.AppBlur())
        if self.random.random() < 0.8:
            self.oracle.focused()
            await self._without_keys(events.AppFocus())

    async def _click(self) -> None:
        width, height = self._app.size
        x, y = self.random.randrange(width), self.random.randrange(height)
        if self.random.random() < 0.5:
            y = height - 1  # where the footer is
        presses = self.oracle.clicked(self._app, x, y)
        for kind in (events.MouseDown, events.MouseUp):
            self._app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        await self._until_done()
        self._check(presses)
        await self._wait(*(gap for gap in GAPS if gap > 50))

    async def _act_as_a_person(self) -> None:
        """Something that leads to a decision if nothing comes between."""
        if type(self._app.screen).__name__ not in ("MainScreen", "PayloadScreen"):
            await self._press("escape", gaps=(200, 400))
        await self.random.choice(
            (
                *(self._approve, self._approve, self._approve, self._deny, self._expire, self._revoke, self._resolve),
                *(self._decide_several, self._decide_several, self._hold, self._release, self._revoke_grant),
            )
        )()

    async def _approve(self) -> None:
        await self._look(self.random.choice(((), ("1",), ("enter",), ("escape", "1"), ("escape", "1", "j"))))
        for _ in range(self.random.choice((0, 1, 4))):
            await self._press("f", gaps=(60,))
        await self._pause()
        await self._press(self.random.choice("aaasA"))
        if "Approve this call, and without" in self.oracle.text:
            await self._read_on()
            await self._press("a")
        if "Type the last 4" in self.oracle.text:
            await self._pause()
            found = _ID.findall(self.oracle.text)
            if found:
                await self._press(*found[-1][-4:], gaps=(60, 200))
                await self._pause()
                await self._press("a")

    async def _read_on(self) -> None:
        for _ in range(self.random.choice((0, 1, 4))):
            await self._press("f", gaps=(60,))
        await self._pause()

    async def _decide_several(self) -> None:
        await self._look(("escape", "escape", "1", "g"))
        await self._press(*self.random.choice((("space", "space"), ("v", "j", "j", "v"), ("*",))), gaps=(60, 200))
        await self._press(self.random.choice("aad"))
        await self._pause()
        await self._read_on()
        if self.random.random() < 0.8:
            await self._press("a")
        else:
            await self._press("d", gaps=(200, 400, 400))
            await self._press("enter")
        await self._press("escape", "escape", gaps=(200, 400))

    async def _hold(self) -> None:
        if self.random.random() < 0.5:
            return
        await self._look(("escape", "1", "j"))
        await self._press("D", gaps=(200, 400))
        await self._pause()
        await self._press("d", gaps=(200, 400, 400))
        await self._press("enter")
        await self._press("escape", gaps=(200, 400))

    async def _release(self) -> None:
        await self._look(("escape", "1", "j"))
        await self._press("o", gaps=(200, 400, 400))
        await self._press("r", gaps=(200, 400, 400))
        await self._press("y")
        await self._press("escape", gaps=(200, 400))

    async def _revoke_grant(self) -> None:
        await self._look(("escape", "4"))
        await self._press("r", gaps=(200, 400, 400))
        await self._press("enter")
        await self._press("escape", "1", gaps=(200, 400))

    async def _deny(self) -> None:
        await self._look(self.random.choice((("1",), ("escape", "1"), ("j",))))
        await self._press("d", gaps=(200, 400, 400))
        await self._press("n", "o", gaps=(60, 200))
        await self._press("enter")

    async def _expire(self) -> None:
        await self._look(self.random.choice((("1",), ("escape", "1"), ("j",))))
        await self._press("x", gaps=(200, 400, 400))
        await self._press("y")

    async def _revoke(self) -> None:
        await self._press("r", gaps=(200, 400, 400))
        await self._press("enter")

    async def _resolve(self) -> None:
        await self._look(("escape", "i"))
        await self._press("R", gaps=(200, 400, 400))
        await self._press(self.random.choice("sfn"), gaps=(200, 400, 400))
        await self._press("enter")
        await self._press("escape", "1")

    async def _look(self, keys: tuple[str, ...]) -> None:
        await self._press(*keys)
        await self._pause()

    # --- time ----------------------------------------------------------------------------------

    def _send(self, key: str, later: int = 0) -> Press:
        press = self.oracle.pressed(self._app, key, later)
        self._app.post_message(key_event(key))
        return press

    async def _without_keys(self, *happens: events.Event) -> None:
        for event in happens:
            self._app.post_message(event)
        await self._until_done()
        self._check([])
        await self._wait()

    async def _press(self, *keys: str, gaps: tuple[int, ...] = (60, 60, 200, 200, 400, 1000)) -> None:
        """Presses keys one after the other, each with a gap behind it that makes it stand alone."""
        for key in keys:
            press = self._send(key)
            await self._until_done()
            self._check([press])
            await self._wait(*gaps)

    async def _pause(self) -> None:
        """A person looks; sometimes not long enough."""
        await self._pilot.pause()
        self._move(self.random.choice((200, 400, 400, 400, 1000)))

    async def _wait(self, *gaps: int) -> None:
        """Time passes; sometimes the console has drawn everything before, sometimes it is late."""
        chance = self.random.random()
        if chance < 0.2:
            await self._pilot.pause()
        elif chance < 0.8:
            self._app.screen._on_timer_update()
        self._move(self.random.choice(gaps or GAPS))

    async def _until_done(self) -> None:
        await until_done(self._app)


async def until_done(app: ConsoleApp) -> None:
    """Until what was sent has been acted on, and no decision is under way; it may not be drawn yet."""
    await _pass_through(app)
    await _pass_through(app)
    deadline = time.monotonic() + PATIENCE
    while app.is_busy:
        assert time.monotonic() < deadline, "a decision never ended"
        await asyncio.sleep(0.005)
    await _pass_through(app)


async def _pass_through(app: ConsoleApp) -> None:
    """Until every message that is now in a queue between the app and the focus has been handled."""
    for node in (app, *(app.focused or app.screen).ancestors_with_self):
        handled = asyncio.Event()
        if node.is_running and node.call_later(handled.set):
            deadline = time.monotonic() + PATIENCE
            while node.is_running and not handled.is_set():  # a screen that was closed meanwhile handles nothing
                assert time.monotonic() < deadline, f"{node} handles nothing any more"
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(handled.wait(), 0.005)
