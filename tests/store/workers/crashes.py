"""Children that are killed with SIGKILL at random moments; prints what they had told before they died, as JSON."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import Conflict
from approval_tui.domain.models import NO_REQUIREMENTS, Requirements
from approval_tui.store import open_store_blocking
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.store.workers.family import warm_up
from tests.support import ANN, BO, approve, consume, deny, submit, submit_approved

Tell = Callable[..., None]
Act = Callable[[str, random.Random, Tell], None]

BATCH = 12
CHILDREN_AT_ONCE = 2
MOST_TOLD_BEFORE_DEATH = 12
LONGEST_FURTHER_LIFE = 0.003
LONGEST_OPENING = 0.03


def calls(chance: random.Random, requirements: Requirements = NO_REQUIREMENTS) -> Iterator[Call]:
    """Calls that nobody made before."""
    while True:
        yield Call(
            tool="shell",
            arguments={"command": f"step {chance.getrandbits(60)}"},
            requester="release-bot",
            requirements=requirements,
        )


def open_and_submit(path: str, chance: random.Random, tell: Tell) -> None:
    """Opens a store that is not there yet, in which one request is made."""
    tell("opening")
    with open_store_blocking(path) as store:
        tell("submitted", store.requester.submit(next(calls(chance))).request.id)


def submit_many(path: str, chance: random.Random, tell: Tell) -> None:
    with open_store_blocking(path) as store:
        for call in calls(chance):
            tell("submitted", submit(store, call).id)


def decide_many(path: str, chance: random.Random, tell: Tell) -> None:
    """Votes, denies and edits whatever waits."""
    with open_store_blocking(path) as store:
        while waiting := store.reviewer.list(most=2 * BATCH):
            request = chance.choice(waiting)
            reviewer = chance.choice((ANN, BO))
            try:
                match chance.randrange(4):
                    case 0:
                        decided = deny(store, request, "no", reviewer)
                    case 1:
                        edited = {"command": f"edited {chance.randrange(3)}"}
                        decided = store.reviewer.decide(
                            request.id, "approve", reviewer=reviewer, digest=request.digest, edited_arguments=edited
                        )
                    case _:
                        decided = approve(store, request, reviewer)
            except Conflict:
                continue
            tell(decided.status, decided.id)


def consume_many(path: str, chance: random.Random, tell: Tell) -> None:
    """Claims whatever is approved, tells so before it would act, then reports or gives the claim back."""
    with open_store_blocking(path) as store:
        while approved := store.reviewer.list(Filter(status="approved"), most=2 * BATCH):
            request = chance.choice(approved)
            try:
                claim = consume(store, request)
            except Conflict:
                continue
            tell("claimed", request.id, claim.id)
            if chance.randrange(3):
                store.requester.report_outcome(request.id, claim.id, "succeeded")
                tell("reported", request.id)
            else:
                store.requester.rollback(request.id, claim.id)
                tell("gave back", request.id)


def prepare_decisions(store: BlockingStore, chance: random.Random) -> None:
    requirements = Requirements(quorum=chance.choice((1, 2)))
    for call, _ in zip(calls(chance, requirements), range(2 * BATCH), strict=False):  # some are left at the end
        submit(store, call)


def prepare_approvals(store: BlockingStore, chance: random.Random) -> None:
    for call, _ in zip(calls(chance), range(BATCH), strict=False):
        submit_approved(store, call)


def prepare_nothing(store: BlockingStore, chance: random.Random) -> None:
    """Submitting needs nothing."""


KINDS: dict[str, tuple[Act, Callable[[BlockingStore, random.Random], None]]] = {
    "submitting": (submit_many, prepare_nothing),
    "deciding": (decide_many, prepare_decisions),
    "consuming": (consume_many, prepare_approvals),
}


class Victim:
    """A child that acts until it is killed or has nothing left to do, and what it tells."""

    def __init__(self, act: Act, path: str, seed: int) -> None:
        self._file, writing = os.pipe()
        self._told = b""
        self._child = os.fork()
        if self._child == 0:

            def tell(*words: str) -> None:
                os.write(writing, json.dumps(words).encode() + b"\n")

            status = 1
            try:
                act(path, random.Random(seed), tell)
                status = 0
            finally:
                os._exit(status)
        os.close(writing)

    def kill(self, chance: random.Random, enough: int, longest: float = LONGEST_FURTHER_LIFE) -> None:
        """Kills the child a random moment, of at most `longest` seconds, after it has told so many things."""
        while self._told.count(b"\n") < enough and self._read():
            pass
        until = time.perf_counter() + chance.uniform(0, longest)
        while time.perf_counter() < until:
            pass
        os.kill(self._child, signal.SIGKILL)

    def bury(self) -> list[list[str]]:
        """Everything that the child told; raises where it ended by an error of its own."""
        while self._read():
            pass
        os.close(self._file)
        _, status = os.waitpid(self._child, 0)
        if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
            raise RuntimeError(f"a child failed: {self._told!r}")
        return [json.loads(line) for line in self._told.splitlines()]

    def _read(self) -> bytes:
        read = os.read(self._file, 65536)
        self._told += read
        return read


def crash(kind: str, path: str, kills: int, seed: int) -> list[list[str]]:
    """Kills so many children of that kind, two at a time, on one store."""
    act, prepare = KINDS[kind]
    chance = random.Random(seed)
    told = []
    for _ in range(0, kills, CHILDREN_AT_ONCE):
        with open_store_blocking(path) as store:
            prepare(store, chance)
        victims = [Victim(act, path, chance.getrandbits(60)) for _ in range(CHILDREN_AT_ONCE)]
        for victim in victims:
            victim.kill(chance, chance.randrange(MOST_TOLD_BEFORE_DEATH))
        for victim in victims:
            told += victim.bury()
    return told


def crash_opening(locations: str, kills: int, seed: int) -> list[list[str]]:
    """Kills children while they open stores that are not there yet, each its own."""
    chance = random.Random(seed)
    told = []
    for number in range(kills):
        victim = Victim(open_and_submit, locations.format(number), chance.getrandbits(60))
        victim.kill(chance, 1, LONGEST_OPENING)
        told += victim.bury()
    return told


if __name__ == "__main__":
    chosen, place, count, seeded = sys.argv[1:]
    warm_up(place)
    if chosen == "opening":
        print(json.dumps(crash_opening(place, int(count), int(seeded))))
    else:
        print(json.dumps(crash(chosen, place, int(count), int(seeded))))
