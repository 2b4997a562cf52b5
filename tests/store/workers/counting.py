"""Processes that race for the room below one limit, and processes that are killed meanwhile; prints what each got."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from typing import Any

from approval_tui.domain.calls import Call, check_call
from approval_tui.domain.clock import DAY
from approval_tui.domain.counters import Counter, Reservation
from approval_tui.domain.errors import LimitReached
from approval_tui.domain.lifecycle import ALLOW
from approval_tui.domain.verdicts import Verdict
from approval_tui.store import open_store_blocking, turns
from approval_tui.store.blocking import BlockingStore
from tests.store.workers.family import Body, Start, run_together, warm_up

CALL = check_call(Call("pay", {}, "release-bot"))

#: A window that never ends while these tests run.
FOR_EVER = Counter("pay.calls", 36_500 * DAY)

MOST_WITHOUT_LIMIT = 2**40
LONGEST_FURTHER_LIFE = 0.02


def admit(store: BlockingStore, most: int) -> str | None:
    """Counts one call, and gives its claim; None where there is no room."""
    claim = f"clm_{os.getpid()}_{random.getrandbits(64)}"
    verdict = Verdict(ALLOW, reservations=(Reservation(FOR_EVER, 1, most, "limit", "no room"),))
    try:
        store.requester.admit(CALL, verdict, claim_id=claim)
    except LimitReached:
        return None
    return claim


def racer(path: str, most: int, returns: bool) -> Body:
    def body(start: Start) -> str:
        random.seed()
        with open_store_blocking(path) as store:
            start()
            first = admit(store, most) if returns else None
            if first is not None:
                store.requester.give_back(first)
            return "LimitReached" if admit(store, most) is None else "counted"

    return body


def race_for_room(path: str, processes: int, most: int, taking_turns: int) -> list[str]:
    """What each of the processes got."""
    turns.HAS_LOCKS = bool(taking_turns)
    return run_together([racer(path, most, False)] * processes)


def race_with_returns(path: str, processes: int, most: int) -> list[str]:
    """The same where every other process gives its first one back."""
    return run_together([racer(path, most, number % 2 == 0) for number in range(processes)])


def be_killed(path: str, processes: int) -> int:
    """Kills children that count and give back; says how many of the calls that they told of they kept."""
    chance = random.Random(20)
    open_store_blocking(path).close()
    kept = 0
    for number in range(processes):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            count_until_killed(path, writing, number)
        os.close(writing)
        with open(reading, "rb", buffering=0) as told:
            heard = told.read(chance.randint(1, 8))
            time.sleep(chance.uniform(0, LONGEST_FURTHER_LIFE))  # so that it dies anywhere in its work
            os.kill(child, signal.SIGKILL)
            heard += told.read()
        os.waitpid(child, 0)
        kept += heard.count(b"+") - heard.count(b"-")
    return kept


def count_until_killed(path: str, told: int, seed: int) -> None:
    """Tells `-` before it gives a call back, because it may die in between, and `+` after it has counted one."""
    try:
        chance = random.Random(seed)
        random.seed()
        with open_store_blocking(path) as store:
            while True:
                claim = admit(store, MOST_WITHOUT_LIMIT)
                assert claim is not None
                os.write(told, b"+")
                if chance.random() < 0.5:
                    os.write(told, b"-")
                    store.requester.give_back(claim)
    finally:
        os._exit(1)


def count_in_a_fork(path: str) -> int:
    """Counts in a process that has the store open, then twice in its child, which opens it anew; between, it closes."""
    store = open_store_blocking(path)
    admit(store, MOST_WITHOUT_LIMIT)
    child_reading, parent_writing = os.pipe()
    parent_reading, child_writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open_store_blocking(path) as own:
                admit(own, MOST_WITHOUT_LIMIT)
                os.write(child_writing, b"1")
                os.read(child_reading, 1)
                admit(own, MOST_WITHOUT_LIMIT)
        finally:
            os._exit(0)
    os.read(parent_reading, 1)
    store.close()
    os.write(parent_writing, b"1")
    _, status = os.waitpid(child, 0)
    return status


WORK: dict[str, Any] = {work.__name__: work for work in (race_for_room, race_with_returns, be_killed, count_in_a_fork)}


if __name__ == "__main__":
    name, place, *numbers = sys.argv[1:]
    warm_up(place)
    print(json.dumps(WORK[name](place, *map(int, numbers))))
