"""A reviewer at a console: looks, presses keys as a person would, and knows what stood there at each of them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from approval_tui.console.bulk_screen import BulkScreen
from approval_tui.console.dialogs import DecisionDialog, TypedDialog
from approval_tui.console.edit_screen import EditScreen
from approval_tui.console.granting_screen import GrantingScreen
from approval_tui.console.main_screen import MainScreen
from approval_tui.console.review_screen import ReviewScreen
from approval_tui.console.session_screen import SessionScreen
from approval_tui.domain import events as names
from approval_tui.domain.ids import LAST_OF_ID
from tests.console.driver import Console
from tests.console.race.answers import Answer, Answers
from tests.console.race.log import Entry, Log
from tests.console.race.racing_console import RacingConsole

_ID = re.compile(r"\bid +(apr_[0-9a-f]{32})")
_PATIENT_STEPS = 40
_APPROVING = (names.APPROVED, names.VOTED)


class Intention(NamedTuple):
    """What a key was pressed for: which events may come of it, and what stood on the screen meanwhile."""

    kinds: tuple[str, ...]
    sight: str
    verdict: str = ""


class ConsoleReviewer:
    """Goes from decision to decision; each that the log has of it must be one that it meant, on what it saw."""

    def __init__(self, console: Console, log: Log, answers: Answers, chosen: random.Random) -> None:
        self.console, self._log, self._answers, self._chosen = console, log, answers, chosen
        app = console.app
        assert isinstance(app, RacingConsole)
        self.app = app
        self.name = app.reviewer.name
        self._edits = 0
        self.decisions = 0
        self.acts: dict[str, int] = {}
        self._seen_up_to = 0

    async def act(self) -> None:
        """One thing that a reviewer does, to its end."""
        weights = {self._approve: 8, self._deny: 3, self._edit: 2, self._several: 4, self._grant: 3, self._expire: 1}
        weights |= {self._revoke_grant: 2, self._hold: 1, self._release: 3, self._revoke: 1}
        (does,) = self._chosen.choices(list(weights), list(weights.values()))
        await self._to_list()
        self.app.heard.clear()
        intention = await does()
        await self.console.settle()
        self._account(does.__name__, intention)

    async def look(self) -> str:
        """Goes to one of the places where a console stands while others decide; says which."""
        await self._to_list()
        places: dict[str, tuple[str, ...]] = {
            "list": ("G", "k"),
            "marks": ("g", "space", "space", "j", "space"),
            "range": ("g", "v", "j", "j"),
            "filter": ("g", "space", "space", "slash", *"tool:note", "enter"),
            "history": ("2", "j", "j"),
            "log": ("3", "j"),
            "grants": ("4", "j"),
            "session": ("o",),
            "table": ("*", "a"),
            "proposal": ("A", "space"),
            "editor": ("e",),
            "payload": ("enter",),
            "dialog": ("d",),
        }
        place = self._chosen.choice(list(places))
        await self._press(*places[place])
        return f"{place} on {type(self.app.screen).__name__}"

    # --- what it does --------------------------------------------------------------------------

    async def _approve(self) -> Intention | None:
        await self._choose()
        sight = await self._press("a")
        if isinstance(self.app.screen, TypedDialog) and (found := _ID.search(sight)):
            await self._press(*found[1][-LAST_OF_ID:], "a")
        return Intention(_APPROVING, sight, "approve")

    async def _deny(self) -> Intention | None:
        await self._choose()
        sight = await self._press("d")
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("n", "o", "enter")
        return Intention((names.DENIED,), sight, "deny")

    async def _edit(self) -> Intention | None:
        await self._choose()
        shown = self.console.screen.shown_request
        await self._press("e")
        if shown is None or not isinstance(self.app.screen, EditScreen):
            return None
        (key, value), *_ = self.app.screen.editing.base.effective_arguments.items()
        self._edits += 1
        await self._press("f7")
        await self.console.paste(json.dumps({key: f"{value}-{self.name}{self._edits}"}))
        await self._press("ctrl+s")
        if not await self._comes(ReviewScreen):
            return None
        sights = await self._read()
        sights.append(await self._press("a"))
        if isinstance(self.app.screen, TypedDialog) and (found := _ID.search("".join(sights))):
            sights.append(await self._press(*found[1][-LAST_OF_ID:], "a"))
        return Intention((names.EDITED, *_APPROVING), "\n".join(sights), "edit")

    async def _several(self) -> Intention | None:
        keys = self._chosen.choice((("g", "space", "space", "space"), ("g", "v", "j", "j", "v"), ("*",)))
        await self._press(*keys)
        await self.console.until(lambda: not self.console.screen._is_marking)
        await self._press("a")
        if not await self._comes(BulkScreen):
            return None
        sights = await self._read()
        verdict = self._chosen.choice(("approve", "approve", "deny"))
        sights.append(await self._press("a" if verdict == "approve" else "d"))
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("enter")
        await self.console.settle()
        kinds = (names.APPROVED,) if verdict == "approve" else (names.DENIED,)
        return Intention(kinds, "\n".join(sights), verdict)

    async def _grant(self) -> Intention | None:
        await self._choose()
        before = await self._press(self._chosen.choice("sA"))
        if not await self._comes(GrantingScreen):
            return None
        if self._chosen.random() < 0.7:
            await self._press("space")
        await self._looked_up()
        sights = [before, *await self._read()]
        sights.append(await self._press("a"))
        return Intention((names.APPROVED, names.GRANT_GIVEN), "\n".join(sights), "approve")

    async def _revoke_grant(self) -> Intention | None:
        await self._press("4", *self._chosen.choice(((), ("j",), ("j", "j"))))
        sight = await self._press("r")
        if isinstance(self.app.screen, DecisionDialog):
            sight += await self._press("enter")
        return Intention((names.GRANT_REVOKED,), sight)

    async def _hold(self) -> Intention | None:
        await self._choose()
        sight = await self._press("D")
        if not await self._comes(BulkScreen):
            return None
        sights = [sight, *await self._read(), await self._press("d")]
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("enter")
        await self.console.settle()
        return Intention((names.SESSION_HELD, names.DENIED), "\n".join(sights), "deny")

    async def _release(self) -> Intention | None:
        await self._choose()
        sight = await self._press("o")
        if not await self._comes(SessionScreen):
            return None
        sight += await self._press("r")
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("y")
        return Intention((names.SESSION_RELEASED,), sight)

    async def _expire(self) -> Intention | None:
        await self._choose()
        sight = await self._press("x")
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("y")
        return Intention((names.EXPIRED,), sight)

    async def _revoke(self) -> Intention | None:
        await self._press("2", *self._chosen.choice(((), ("j",), ("j", "j"))))
        sight = await self._press("r")
        if isinstance(self.app.screen, DecisionDialog):
            await self._press("enter")
        return Intention((names.REVOKED,), sight)

    # --- the keys ------------------------------------------------------------------------------

    async def _press(self, *keys: str) -> str:
        """Presses them; gives what was painted when the last of them came."""
        for key in keys:
            await self.console.press(key)
        return self.app.at_key

    async def _to_list(self) -> None:
        """Back to the list of what waits, without marks and filter."""
        for _ in range(8):
            screen = self.app.screen
            if isinstance(screen, MainScreen) and not screen.lists.pending.marks and not screen.lists.shown.is_filtered:
                break
            # Whoever leaves an edit is asked whether it may be dropped; anybody else only leaves.
            await self._press(*(("y", "escape") if "Drop what you changed" in self.app.painted else ("escape",)))
        await self._press("1")
        await self._press("escape")

    async def _choose(self) -> None:
        """Goes to one of the rows."""
        await self._press(self._chosen.choice("gG"), *self._chosen.choice(((), ("j",), ("k",), ("j", "j"))))

    async def _comes(self, kind: type[Any]) -> bool:
        """Whether that screen opens; what is refused opens none."""
        for _ in range(_PATIENT_STEPS):
            await self.console.settle()
            if isinstance(self.app.screen, kind):
                return True
        return False

    async def _looked_up(self) -> None:
        for _ in range(_PATIENT_STEPS):
            await self.console.settle()
            screen = self.app.screen
            if not isinstance(screen, GrantingScreen) or screen.is_looked_up:
                return

    async def _read(self) -> list[str]:
        """Pages to the end, and gives what was painted."""
        sights = [self.app.painted]
        while True:
            before = self.app.painted
            await self._press("pagedown")
            sights.append(self.app.painted)
            if before == self.app.painted or len(sights) > 30:
                return sights

    # --- what came of it -----------------------------------------------------------------------

    def _account(self, act: str, intention: Intention | None) -> None:
        """The log has of this reviewer what was meant and said, and nothing else."""
        self._log.read()
        mine = [
            entry
            for entry in self._log.entries
            if entry.seq > self._seen_up_to and entry.by == (self.name, "console") and entry.name != names.LATE_DECISION
        ]
        self._seen_up_to = self._log.head
        where = f"{self.name}, {act}: {self.app.heard}"
        if intention is None:
            assert not mine, (where, mine)
            return
        said_good = [words for words, role in self.app.heard if role == "good"]
        for entry in mine:
            assert entry.name in intention.kinds, (where, entry)
            self._assert_in_sight(entry, intention.sight, where)
        if mine:
            self.acts[act] = self.acts.get(act, 0) + 1
            self.decisions += 1
        if act != "_several" and act != "_hold":
            assert len(mine) <= 2, (where, mine)
            assert bool(mine) <= bool(said_good), (where, mine)
            is_new = not mine and said_good and intention.verdict  # to end what somebody ended changes nothing
            assert not is_new or self._has_decided_before(intention.sight), (where, intention.sight)
        self._keep_answers(mine, intention)

    def _has_decided_before(self, sight: str) -> bool:
        """Whether something that stood there was decided in this name, through whichever door: again is harmless."""
        return any(
            entry.by is not None and entry.by[0] == self.name and (entry.request_id or self.name) in sight
            for entry in self._log.entries
        )

    def _assert_in_sight(self, entry: Entry, sight: str, where: str) -> None:
        if entry.name in (names.SESSION_HELD, names.SESSION_RELEASED):
            assert entry.details["session"] in sight, (where, entry, sight)
        elif entry.name == names.GRANT_REVOKED:
            assert entry.details["grant"] in sight, (where, entry, sight)
        elif entry.request_id is not None:
            assert entry.request_id in sight, (where, entry, sight)
            digest = entry.changes.get("digest") or (entry.decision or {}).get("digest")
            for value in self._values_of(entry.request_id, digest):
                assert value in sight, (where, value, entry, sight)

    def _values_of(self, request_id: str, digest: str | None) -> Iterable[str]:
        """The arguments of the request when it had that digest, as far as the log says; else those of the agent."""
        for entry in self._log.entries:
            if entry.name == names.EDITED and entry.request_id == request_id and entry.changes["digest"] == digest:
                return [str(value) for value in entry.changes["edited_arguments"].values()]
        return [str(value) for value in self._original(request_id).values()]

    def _original(self, request_id: str) -> dict[str, Any]:
        arguments: dict[str, Any] = self._log.desk.reviewer.get(request_id).arguments
        return arguments

    def _keep_answers(self, mine: list[Entry], intention: Intention) -> None:
        for entry in mine:
            decision = entry.decision
            if decision is not None and entry.request_id is not None and entry.name != names.REVOKED:
                status = {names.APPROVED: "approved", names.VOTED: "pending", names.DENIED: "denied"}[entry.name]
                verdict = decision["verdict"]
                self._answers.add(
                    Answer(self.name, "console", verdict, entry.request_id, decision["digest"], True, status)
                )
        for words, role in self.app.heard:
            if role == "bad" and (found := re.search(r"apr_[0-9a-f]{32}", words)):
                self._answers.add(Answer(self.name, "console", intention.verdict, found[0], "", False, words))
