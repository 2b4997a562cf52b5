"""Children that copy a store and are killed, again and again, until one of them finishes; prints what was seen."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

from approval_tui.domain.errors import StoreUnavailable
from approval_tui.store import open_store_blocking
from approval_tui.store.copying.procedure import copy_store
from approval_tui.store.copying.tables import BatchSize

LONGEST_FURTHER_LIFE = 0.01


def copy_and_tell(source: str, target: str, told: int) -> None:
    """Tells of each batch that is done, and ends with 0 where the copy was finished."""
    code = 1

    def tell(_what: str, _done: int, _total: int) -> None:
        os.write(told, b".")

    try:
        BatchSize.most_rows = 4
        copy_store(source, target, tell)
        code = 0
    finally:
        os._exit(code)


def killed_after(source: str, target: str, batches: int, further_life: float) -> bool:
    """Kills a child when it has done so many batches, and a moment later; whether it had finished before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        copy_and_tell(source, target, writing)
    os.close(writing)
    heard = 0
    with open(reading, "rb", buffering=0) as told:
        while heard < batches and told.read(1):
            heard += 1
        if heard == batches:
            time.sleep(further_life)  # so that it dies anywhere in its work
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"a child ended with status {status}"
    return status == 0


def opens(location: str) -> bool:
    """Whether the copy can be opened by others."""
    try:
        open_store_blocking(location, readonly=True).close()
    except StoreUnavailable:
        return False
    return True


def main(source: str, target: str, seed: str) -> None:
    chance = random.Random(int(seed))
    kills = 0
    while not killed_after(source, target, chance.randint(1, 2 + 3 * kills), chance.uniform(0, LONGEST_FURTHER_LIFE)):
        kills += 1
        if opens(target):
            break  # killed after it had finished
    print(json.dumps({"kills": kills, "opens": opens(target)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
