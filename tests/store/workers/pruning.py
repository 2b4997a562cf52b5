"""Prunes a store in very small steps, and says after each of them how far it is, until it is killed or done."""

from __future__ import annotations

import sys

from approval_tui.domain.clock import DAY, system_clock
from approval_tui.store import open_store_blocking, prune_procedures
from tests.support import ANN


def main(location: str) -> None:
    """The store at that location."""
    prune_procedures._DELETED = 4

    def tell(what: str, done: int, total: int) -> None:
        print(f"{what} {done} of {total}", flush=True)

    with open_store_blocking(location) as store:
        plan = store.maintainer.plan_prune(system_clock() - DAY)
        store.maintainer.prune(plan, reviewer=ANN, progress=tell)
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
