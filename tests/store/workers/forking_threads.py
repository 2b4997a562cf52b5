"""Two threads fork children that write into the store, while the first thread goes on using it."""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings

from approval_tui.domain.calls import Call
from approval_tui.store import open_store_blocking

FORKS = 10
OWN = 40


def fork_often(path: str, name: str, ended: list[int]) -> None:
    """Each child opens the store anew and asks once."""
    for number in range(FORKS):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with open_store_blocking(path) as own:
                    own.requester.submit(Call(f"{name}-{number}", {}, "child"))
                status = 0
            finally:
                os._exit(status)
        ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def main(path: str) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons complain of forks beside threads
    ended: list[int] = []
    with open_store_blocking(path) as store:
        store.requester.submit(Call("first", {}, "parent"))
        store.reader.overview()  # a child waits for ever for a module that another thread was loading (CPython)
        threads = [threading.Thread(target=fork_often, args=(path, name, ended)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for number in range(OWN - 1):
            store.requester.submit(Call(f"own-{number}", {}, "parent"))
        for thread in threads:
            thread.join()
        submitted = store.reader.overview().pending
        problems = len(store.reviewer.verify().problems)
    print(json.dumps({"submitted": submitted, "children": ended.count(0), "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1])
