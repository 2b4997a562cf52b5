"""Opens a store, forks, and prints what the child could do with it and whether the parent still can."""

from __future__ import annotations

import json
import os
import sys

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import StoreUnavailable
from approval_tui.store import open_store_blocking


def main(path: str) -> None:
    store = open_store_blocking(path)
    store.requester.submit(Call(tool="before", arguments={}, requester="release-bot"))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        refusals = []
        for attempt in (
            lambda: store.requester.submit(Call(tool="in the child", arguments={}, requester="release-bot")),
            store.reviewer.list,
            store.reviewer.head,
        ):
            try:
                attempt()
            except StoreUnavailable as error:
                refusals.append(str(error))
        store.close()  # must leave the parent's connection alone
        with open_store_blocking(path) as own:
            own.requester.submit(Call(tool="opened in the child", arguments={}, requester="release-bot"))
        os.write(writing, json.dumps(refusals).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, "rb") as pipe:
        refusals = json.loads(pipe.read())
    store.requester.submit(Call(tool="after", arguments={}, requester="release-bot"))
    tools = [request.tool for request in store.reviewer.list()]
    problems = len(store.reviewer.verify().problems)
    store.close()
    print(json.dumps({"refusals": refusals, "tools": tools, "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1])
