"""Reads a store as a user who may read it and write neither it nor its folder; prints what that user saw."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import json
import os
import platform
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import watchfiles

from approval_tui.domain.calls import Call
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.store import open_store, open_store_blocking
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.drivers.sqlite_readonly import ReadonlySqliteEngine
from tests.store.workers.without_permission import NOBODY, content
from tests.support import LONG

LOADED = (concurrent.futures.thread, platform, watchfiles, AsyncStore, ReadonlySqliteEngine)
"""Loaded before the rights are given up: the other user may not be able to read this Python's files."""


def as_nobody(body: Callable[[int, int], None]) -> tuple[int, int, int]:
    """Starts the body in a child that gives up the rights of root; gives its id and the ends of two pipes."""
    to_read, child_writes = os.pipe()
    child_reads, to_write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            body(child_reads, child_writes)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(child_writes)
    os.close(child_reads)
    return child, to_read, to_write


def say(pipe: int, value: Any) -> None:
    os.write(pipe, json.dumps(value).encode() + b"\n")


def hear(pipe: int) -> Any:
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(pipe, 1)
        assert data, "the other side ended"
        line += data
    return json.loads(line)


def read_closed_store(path: str) -> Callable[[int, int], None]:
    def body(_reads: int, writes: int) -> None:
        with open_store_blocking(path, readonly=True) as store:
            say(writes, store.reader.overview().pending)

    return body


def read_open_store(path: str) -> Callable[[int, int], None]:
    def body(reads: int, writes: int) -> None:
        with open_store_blocking(path, readonly=True) as store:
            say(writes, store.reader.overview().pending)
            hear(reads)
            say(writes, store.reader.overview().pending)
            try:
                store.requester.submit(Call("shell", {"n": 9}, "bot"))
            except ApprovalTuiError as error:
                say(writes, type(error).__name__)

    return body


def watch_open_store(path: str) -> Callable[[int, int], None]:
    async def watch(writes: int) -> None:
        async with open_store(path, readonly=True) as store, asyncio.timeout(LONG):
            changes = store.reviewer.changes()
            await anext(changes)
            first = (await store.reviewer.overview()).pending
            say(writes, first)
            while (count := (await store.reviewer.overview()).pending) == first:
                await anext(changes)
            say(writes, count)
            await changes.aclose()

    def body(_reads: int, writes: int) -> None:
        asyncio.run(watch(writes))

    return body


def main() -> None:
    answer: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "approvals.db")
        with open_store_blocking(path) as store:
            store.requester.submit(Call("shell", {"n": 1}, "bot"))
        os.chmod(path, 0o644)
        os.chmod(folder, 0o555)
        before = content(path), sorted(os.listdir(folder))
        child, to_read, _ = as_nobody(read_closed_store(path))
        answer["nobody has it open"] = [hear(to_read)]
        os.waitpid(child, 0)
        answer["unchanged"] = before == (content(path), sorted(os.listdir(folder)))
        os.chmod(folder, 0o755)
        with open_store_blocking(path) as store:
            store.requester.submit(Call("shell", {"n": 2}, "bot"))
            os.chmod(folder, 0o555)
            for name in (f"{path}-wal", f"{path}-shm"):
                os.chmod(name, 0o644)
            names = sorted(os.listdir(folder))
            child, to_read, to_write = as_nobody(read_open_store(path))
            seen = [hear(to_read)]
            store.requester.submit(Call("shell", {"n": 3}, "bot"))
            say(to_write, "go on")
            answer["a writer has it open"] = [*seen, hear(to_read)]
            answer["write"] = hear(to_read)
            os.waitpid(child, 0)
            child, to_read, _ = as_nobody(watch_open_store(path))
            seen = [hear(to_read)]
            store.requester.submit(Call("shell", {"n": 4}, "bot"))
            answer["changes came"] = [*seen, hear(to_read)]
            os.waitpid(child, 0)
            answer["unchanged"] &= names == sorted(os.listdir(folder))
            os.chmod(folder, 0o700)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
