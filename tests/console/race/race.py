"""The race: agents ask, two consoles, a command line and an HTTP reviewer decide, and nothing of it may go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable

from approval_tui import Gate
from approval_tui.domain.clock import system_clock
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.errors import Conflict
from approval_tui.domain.models import Request
from approval_tui.domain.roles import AGENT, REVIEWER
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.filters import EVERYTHING, Filter
from tests.console.driver import PATIENCE, Console
from tests.console.race.agents import Diary, GateAgent, StoreAgent, policy_engine
from tests.console.race.answers import Answers
from tests.console.race.command_line import CommandLineReviewer
from tests.console.race.console_reviewer import ConsoleReviewer
from tests.console.race.hearing import Hearing
from tests.console.race.judge import Judge
from tests.console.race.log import Log
from tests.console.race.over_http import HttpReviewer
from tests.console.race.panes import stale
from tests.console.race.racing_console import RacingConsole
from tests.console.race.stage import Stage
from tests.server.serving import ServerProcess, token_for
from tests.support import LONG, ManualClock

SIZE = (150, 60)
ROUND = 3
"""Acts of each console between two looks at what stands still."""

_OUTSIDE = frozenset({"command line", "http"})
_CLOSER = Reviewer("closer", via="test")


class Race:
    """All parties on one store; `run` lets them act, and `judged` says what went wrong."""

    def __init__(self, store_path: str, seed: int) -> None:
        self._path = store_path
        self._random = random.Random(seed)
        self._desk: BlockingStore = open_store_blocking(store_path)
        self._log = Log(self._desk)
        self._stage = Stage()
        self._diary = Diary()
        self.answers = Answers()
        self.consoles: list[ConsoleReviewer] = []
        self.looks: list[str] = []

    async def run(self, is_enough: Callable[[Race], bool], policy_path: str) -> None:
        """Runs until it is enough, and then to the end of every call; fails at once where a console shows the past."""
        tokens = {name: token_for(self._desk, REVIEWER, name) for name in ("di", "Ann", "gate-0")}
        agent_token = token_for(self._desk, AGENT, "far-bot")
        server = ServerProcess(self._path, "--policy", policy_path)
        http = HttpReviewer(server.url, tokens, self.answers, self._new_random(), self._stage)
        gates = [
            Gate("gate-0", store=self._path, session="s-0", policy=policy_engine()),
            Gate("gate-1", store=self._path, session="s-1", policy=policy_engine()),
            Gate("far-bot", url=server.url, token=agent_token, session="s-far"),
        ]
        try:
            async with self._console("ann") as ann, self._console("bo") as bo:
                self.consoles = [ann, bo]
                self._begin(http, gates)
                while not is_enough(self):
                    await self._round()
                self._stage.end()
                await self._end_all()
        finally:
            self._stage.end()
            http.close()
            for gate in gates:
                gate.close()
            code = server.stop()
        assert "Traceback" not in server.said, server.said
        assert code == 0, (code, server.said)

    def judged(self) -> Judge:
        """What the log says of it all."""
        self._log.read()
        every = [*self._desk.reviewer.list(most=100_000), *self._all_history()]
        judge = Judge({request.id: request for request in every})
        judge.go_through(self._log.entries)
        judge.check_end()
        hearing = Hearing(judge)
        hearing.check_diary(self._diary)
        hearing.check_answers(self.answers.given, self._log.entries)
        problems = self._desk.reviewer.verify().problems
        judge.wrong += [f"verify: {problem}" for problem in problems]
        return judge

    def close(self) -> None:
        """Closes the desk."""
        self._desk.close()

    # --- the parties ---------------------------------------------------------------------------

    def _new_random(self) -> random.Random:
        return random.Random(self._random.randrange(2**32))

    @contextlib.asynccontextmanager
    async def _console(self, name: str) -> AsyncIterator[ConsoleReviewer]:
        monotonic = ManualClock(0)
        app = RacingConsole(self._path, reviewer=Reviewer(name, via="console"), clock=system_clock, monotonic=monotonic)
        async with app.run_test(size=SIZE) as pilot:
            console = Console(pilot, ManualClock(), monotonic)
            await console.until(lambda: console.screen.is_live and console.app.contract.is_painted)
            await console.settle()
            yield ConsoleReviewer(console, self._log, self.answers, self._new_random())
            assert app.defect is None, app.defect

    def _begin(self, http: HttpReviewer, gates: list[Gate]) -> None:
        for number, gate in enumerate(gates):
            agent = GateAgent(gate, self._diary, self._new_random(), self._stage)
            self._stage.begin(f"gate {number}", agent.act_at_once if number == 1 else agent.act)
        store = open_store_blocking(self._path)
        store_agent = StoreAgent(store, "store-bot", self._diary, self._new_random(), self._stage)
        self._stage.begin("store agent", store_agent.act)
        names = ("cy", "ANN", "bo ", "gate-1", "store-bot")
        shell = CommandLineReviewer(self._path, names, self.answers, self._new_random(), self._stage)
        self._stage.begin("command line", shell.act)
        self._stage.begin("http", http.act)

    # --- rounds --------------------------------------------------------------------------------

    async def _round(self) -> None:
        """Both consoles act at once; then they look at something, and it must be as it is when all stand still."""
        await asyncio.gather(*(self._acts(console) for console in self.consoles))
        places = [await console.look() for console in self.consoles]
        self._log.read()
        head = self._log.head
        await self._until(lambda: self._newer_than(head), "nothing happened any more")
        self._stage.stand_still()
        await self._until(lambda: self._stage.are_still(_OUTSIDE), "somebody outside never came to an end")
        await self._assert_nothing_is_stale(places)
        self.looks += places
        self._stage.go_on()

    async def _acts(self, console: ConsoleReviewer) -> None:
        for _ in range(ROUND):
            await console.act()

    def _newer_than(self, head: int) -> bool:
        self._log.read()
        return self._log.head >= head + 5

    async def _assert_nothing_is_stale(self, places: list[str]) -> None:
        """A console may take its time to load, but what then stands there is how things are."""
        deadline, head, wrong = time.monotonic() + PATIENCE, -1, ["not looked at"]
        while wrong:
            for console in self.consoles:
                await console.console.settle()
            self._log.read()
            before = self._log.head
            wrong = [words for console in self.consoles for words in stale(console.console, self._desk)]
            self._log.read()
            if before != self._log.head or head != self._log.head:
                head, deadline = self._log.head, time.monotonic() + PATIENCE
                wrong = wrong or ["looked at too soon"]
            assert time.monotonic() < deadline, (places, wrong)
            await asyncio.sleep(0.01)

    async def _end_all(self) -> None:
        """Everything that waits is denied, what was approved and is not wanted is taken back, until nobody asks."""
        deadline = time.monotonic() + LONG
        while self._stage.left or self._desk.reviewer.list() or self._desk.reviewer.list(Filter(status="approved")):
            assert time.monotonic() < deadline, f"left hanging: {self._stage.left}"
            for hold in self._desk.reviewer.holds():
                if hold.is_in_force:
                    self._desk.reviewer.release_session(hold.requester, hold.session, reviewer=_CLOSER)
            for request in self._desk.reviewer.list():
                with contextlib.suppress(Conflict):
                    self._desk.reviewer.decide(request.id, "deny", reviewer=_CLOSER, digest=request.digest)
            if not self._stage.left:
                for request in self._desk.reviewer.list(Filter(status="approved")):
                    with contextlib.suppress(Conflict):
                        self._desk.reviewer.revoke(request.id, reviewer=_CLOSER)
            self._desk.reviewer.expire_due()
            await asyncio.sleep(0.02)
        assert not self._stage.failures, "\n".join(self._stage.failures)

    async def _until(self, condition: Callable[[], bool], words: str) -> None:
        deadline = time.monotonic() + LONG
        while not condition():
            assert not self._stage.failures, "\n".join(self._stage.failures)
            assert time.monotonic() < deadline, words
            await asyncio.sleep(0.01)

    def _all_history(self) -> list[Request]:
        found: list[Request] = []
        before = None
        while page := self._desk.reviewer.history(EVERYTHING, before=before, most=500):
            found += page
            before = page[-1].id
        return found
