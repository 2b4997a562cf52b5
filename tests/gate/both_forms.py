"""One way to use a gate in its blocking and in its async form, and reviewers who wait for what it asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.gate.guard import GuardedCall
from approval_tui.store.bells import shard
from approval_tui.store.blocking import BlockingStore
from tests.support import LONG, until

BLOCKING = "blocking"
ASYNC = "async"
FORMS = (BLOCKING, ASYNC)

Body = Callable[[GuardedCall], Any]

MAKE_DEPLOY = {"command": "make deploy"}


def new_gate(store: str, **options: Any) -> Gate:
    """A gate of release-bot without a context, whose calls wait long enough and not for ever."""
    return Gate("release-bot", store=store, context={}, timeout=LONG, **options)


def use(form: str, gate: Gate, body: Body, tool: str = "shell", arguments: Any = None, **options: Any) -> Any:
    """Runs the body behind the gate, and gives what it gave; the async form gets a loop of its own."""
    arguments = MAKE_DEPLOY if arguments is None else arguments
    if form == BLOCKING:
        with gate.guard(tool, arguments, **options) as call:
            return body(call)

    async def run() -> Any:
        try:
            async with gate.guard(tool, arguments, **options) as call:
                return body(call)
        finally:
            await gate.aclose()
            until(no_store_thread)  # a refused store's thread still speaks to this loop while it ends

    return asyncio.run(run())


def no_store_thread() -> bool:
    """Whether no async store of this process has a thread."""
    return not any("_connection_worker" in thread.name for thread in threading.enumerate())


def pending_after(desk: BlockingStore, seen: set[str]) -> Request:
    """The first pending request that is not among those seen, as soon as there is one."""
    until(lambda: any(request.id not in seen for request in desk.reviewer.list()))
    return next(request for request in desk.reviewer.list() if request.id not in seen)


@contextlib.contextmanager
def reviewing(desk: BlockingStore, *decisions: Callable[[Request], object]) -> Iterator[list[Request]]:
    """A reviewer at work on a thread: the first decision for the first request that comes, and so on.

    Gives the list of the requests as they came. Leaving waits until each decision was made, and raises what
    one of them raised.
    """
    came: list[Request] = []
    failures: list[BaseException] = []

    def work() -> None:
        seen: set[str] = set()
        try:
            for decide in decisions:
                request = pending_after(desk, seen)
                seen.add(request.id)
                came.append(request)
                decide(request)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="reviewer", daemon=True)
    thread.start()
    try:
        yield came
    finally:
        thread.join(LONG)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def waiters(desk: BlockingStore, request: Request) -> int:
    """How many callers wait for the request right now; each has hung a bell."""
    try:
        names = os.listdir(os.path.join(f"{desk.location}.bells", shard(request.id)))
    except FileNotFoundError:
        return 0
    return sum(name.startswith(request.id) for name in names)


def history(desk: BlockingStore, request: Request) -> list[str]:
    """The names of the request's events without their common words: submitted, approved, consumed, …"""
    return [
        event.name.removeprefix("request_").removeprefix("claim_").removesuffix("_reported")
        for event in desk.reviewer.events(request_id=request.id)
    ]
