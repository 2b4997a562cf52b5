"""Agents that ask, wait, run, report and withdraw; each notes what it ran, with which arguments, and what it was told.

Every call says in its arguments which it is: no two are the same, but for those that are asked again on purpose.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from approval_tui import Gate
from approval_tui.domain.calls import Call
from approval_tui.domain.errors import ApprovalTuiError, Conflict, NotApproved
from approval_tui.domain.models import Request, Requirements
from approval_tui.gate.guard import GuardedCall
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from approval_tui.store.blocking import BlockingStore
from tests.console.race.stage import Stage

QUORUM = 2
POLICY = f"""
version: "1"
default: require_approval
tools:
  pay: {{rules: [{{name: two, action: require_approval, quorum: {QUORUM}}}]}}
  drop: {{rules: [{{name: careful, action: require_approval, risk: high}}]}}
"""
"""What goes by a policy asks two for `pay` and says that `drop` is dangerous; of all else one is asked."""

_TOPICS = ("red", "blue")
_TOOLS = ("note",) * 5 + ("pay",) * 3 + ("drop", "ping", "ping")


def policy_engine() -> PolicyEngine:
    """The engine of that policy."""
    return PolicyEngine(parse_policy(POLICY, "policy.yaml"))


@dataclass(frozen=True)
class Ran:
    """A call that an agent really made, with these arguments."""

    request_id: str
    arguments: str


class Told(NamedTuple):
    """What an agent was told of a call that it could not make, in words and by the status of its request."""

    request_id: str | None
    status: str | None
    said: str


class Diary:
    """What all agents ran, and what they were told instead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ran: list[Ran] = []
        self.told: list[Told] = []
        self._serials = itertools.count()

    def runs(self, request_id: str, arguments: dict[str, Any]) -> None:
        """A call is made."""
        with self._lock:
            self.ran.append(Ran(request_id, repr(sorted(arguments.items()))))

    def is_told(self, error: ApprovalTuiError) -> None:
        """A call is not made."""
        request = getattr(error, "request", None)
        with self._lock:
            self.told.append(Told(request and request.id, request and request.status, error.happened))

    def next_call(self, chosen: random.Random) -> tuple[str, dict[str, Any]]:
        """A tool and arguments that say which call it is."""
        with self._lock:
            serial = next(self._serials)
        tool, topic = chosen.choice(_TOOLS), chosen.choice(_TOPICS)
        if tool == "ping":
            return tool, {"host": topic}
        return tool, {"path": f"/srv/{topic}/z{serial:05}"}


class GateAgent:
    """Asks through a gate, of a store or of a server, and waits for its answer."""

    def __init__(self, gate: Gate, diary: Diary, chosen: random.Random, stage: Stage) -> None:
        self._gate, self._diary, self._chosen, self._stage = gate, diary, chosen, stage

    def act(self) -> None:
        """One call, to its end."""
        tool, arguments = self._diary.next_call(self._chosen)
        try:
            with self._gate.guard(tool, arguments, timeout=_patience(self._chosen)) as call:
                self._run(call)
        except NotApproved as error:
            self._diary.is_told(error)
        self._stage.think(0.02)

    def act_at_once(self) -> None:
        """Several calls at the same time, to the end of all."""
        calls = [self._diary.next_call(self._chosen) for _ in range(3)]

        async def ask(tool: str, arguments: dict[str, Any]) -> None:
            try:
                async with self._gate.guard(tool, arguments, timeout=_patience(self._chosen)) as call:
                    self._run(call)
            except NotApproved as error:
                self._diary.is_told(error)

        async def ask_all() -> None:
            await asyncio.gather(*(ask(*call) for call in calls))
            await self._gate.aclose()

        asyncio.run(ask_all())
        self._stage.think(0.02)

    def _run(self, call: GuardedCall) -> None:
        assert call.request is not None, "every call asks"
        self._diary.runs(call.request.id, call.arguments)
        if self._chosen.random() < 0.1:
            call.failed("it broke")


class StoreAgent:
    """Goes by the store itself: asks for several, waits a while for each, withdraws some, gives claims back."""

    def __init__(self, store: BlockingStore, name: str, diary: Diary, chosen: random.Random, stage: Stage) -> None:
        self._store, self._name, self._diary, self._chosen, self._stage = store.requester, name, diary, chosen, stage
        self._open: list[Request] = []

    def act(self) -> None:
        """One step on one of its calls."""
        if len(self._open) < 5:
            self._ask()
            return
        self._stage.think(0.05)  # in which what was approved can be taken back
        request = self._open.pop(self._chosen.randrange(len(self._open)))
        try:
            if self._chosen.random() < 0.12:
                self._store.cancel(request.id, requester=self._name, reason="not wanted any more")
                return
            self._go_on(self._store.wait(request.id, timeout=self._chosen.choice((1, 100, 400))))
        except Conflict as error:  # it was decided, used or held back meanwhile
            self._diary.is_told(error)
            self._stage.think(0.02)

    def _ask(self) -> None:
        tool, arguments = self._diary.next_call(self._chosen)
        call = Call(
            tool,
            arguments,
            self._name,
            session=self._chosen.choice(("s-own", "s-other")),
            risk="high" if tool == "drop" else None,
            requirements=Requirements(quorum=QUORUM if tool == "pay" else 1),
            timeout=int(1000 * _patience(self._chosen)),
        )
        if self._chosen.random() < 0.2:
            call = replace(call, session=None)
        self._open.append(self._store.submit(call).request)

    def _go_on(self, request: Request) -> None:
        if request.status == "pending":
            self._open.append(request)
            return
        if request.status != "approved":
            return
        claim = self._store.consume(request.id, request.fingerprint, requester=self._name)
        if self._chosen.random() < 0.2:
            self._store.rollback(request.id, claim.id, detail="not yet")
            self._open.append(request)
            return
        self._diary.runs(request.id, claim.arguments)
        self._store.report_outcome(request.id, claim.id, "succeeded")


def _patience(chosen: random.Random) -> float:
    """Seconds after which nobody needs the answer: mostly long, and sometimes too short for a person."""
    return chosen.choice((0.7, 3.0, 60.0, 60.0, 60.0, 60.0))
