"""Small things that many tests use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from approval_tui.domain.calls import Call, Claim
from approval_tui.domain.decisions import Reviewer
from approval_tui.domain.models import Request
from approval_tui.store.asynchronous import AsyncStore
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.drivers.sqlite import SqliteEngine
from approval_tui.store.drivers.sqlite_async import AsyncSqliteEngine

LONG = 60.0
"""Seconds that a test waits for something that must come; only a failure takes so long."""

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

ANN = Reviewer("ann")
BO = Reviewer("bo")


class ManualClock:
    """A clock that stands still until it is moved; milliseconds since 1970 UTC."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def move(self, milliseconds: int) -> None:
        """Moves the clock, backwards too."""
        self.now += milliseconds


def approve(store: BlockingStore, request: Request, reviewer: Reviewer = ANN) -> Request:
    """Approves the request as it is."""
    return store.reviewer.decide(request.id, "approve", reviewer=reviewer, digest=request.digest)


def deny(store: BlockingStore, request: Request, reason: str | None = None, reviewer: Reviewer = ANN) -> Request:
    """Denies the request as it is."""
    return store.reviewer.decide(request.id, "deny", reviewer=reviewer, digest=request.digest, reason=reason)


def consume(store: BlockingStore, request: Request) -> Claim:
    """Consumes the request as its requester would."""
    return store.requester.consume(request.id, request.fingerprint, requester=request.requester)


def assert_sound(store: BlockingStore) -> None:
    """The audit log verifies."""
    verification = store.reviewer.verify()
    assert verification.problems == ()


def event_names(store: BlockingStore, request: Request) -> list[str]:
    """The names of the request's events, in order."""
    return [event.name for event in store.reviewer.events(request_id=request.id)]


def submit(store: BlockingStore, call: Call) -> Request:
    """Submits the call, which nobody may have asked before."""
    submitted = store.requester.submit(call)
    assert submitted.created
    return submitted.request


def submit_approved(store: BlockingStore, call: Call) -> Request:
    """Submits the call and approves it."""
    return approve(store, submit(store, call))


def sqlite_engine(store: BlockingStore) -> SqliteEngine:
    """The engine of a store that is a file."""
    assert isinstance(store._engine, SqliteEngine)
    return store._engine


def async_sqlite_engine(store: AsyncStore) -> AsyncSqliteEngine:
    """The same of the async form."""
    assert isinstance(store._engine, AsyncSqliteEngine)
    return store._engine


def until(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Waits until the condition holds, and fails if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for never came"
        time.sleep(0.002)


def run_worker(name: str, *arguments: str, seconds: float = 2 * LONG) -> str:
    """Runs the module `tests.store.workers.<name>` in a process of its own and gives what it printed."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", f"tests.store.workers.{name}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr, finished.stderr
    return finished.stdout
