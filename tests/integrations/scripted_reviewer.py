"""A reviewer at work on a thread of its own: it decides through the store, as a person would in the console."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approval_tui.domain.errors import Conflict
from approval_tui.domain.grants import FOR_SESSION
from approval_tui.domain.lifecycle import APPROVE, DENY
from approval_tui.domain.models import Request
from approval_tui.store import open_store
from approval_tui.store.asynchronous import ReviewerStore
from tests.support import ANN, LONG


@dataclass(frozen=True)
class Verdict:
    """What the reviewer says of one request."""

    verdict: str
    reason: str | None = None
    edited_arguments: Mapping[str, Any] | None = None
    for_session: bool = False


YES = Verdict(APPROVE)


def no(reason: str | None = None) -> Verdict:
    """A denial."""
    return Verdict(DENY, reason)


def edited(**arguments: Any) -> Verdict:
    """An approval with these arguments in place of the agent's."""
    return Verdict(APPROVE, edited_arguments=arguments)


Decide = Callable[[Request], Verdict | None]
"""What to say of a pending request; None leaves it, and is asked again after the store's next change."""


class ScriptedReviewer:
    """What the reviewer has seen so far: each request once, in the order in which they came."""

    def __init__(self, store_path: str, decide: Decide) -> None:
        self._store_path = store_path
        self._decide = decide
        self._changed = threading.Condition()
        self._is_open = threading.Event()
        self._failures: list[BaseException] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self.requests: list[Request] = []

    def wait_for(self, count: int) -> list[Request]:
        """Waits until so many requests have come, on the thread that calls it; gives those that came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count or self._failures, LONG)
            return list(self.requests)

    async def have_come(self, count: int) -> list[Request]:
        """The same for a coroutine."""
        return await asyncio.to_thread(self.wait_for, count)

    # --- the thread ----------------------------------------------------------------------------

    def run(self) -> None:
        """Decides until it is stopped."""
        try:
            asyncio.run(self._review())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._fail(error)
        finally:
            self._is_open.set()

    def until_open(self) -> None:
        """Waits until it looks at the store."""
        assert self._is_open.wait(LONG)

    def stop(self) -> None:
        """Ends the work; what is pending stays so."""
        loop, work = self._loop, self._work
        if loop is not None and work is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already, and its loop with it
                loop.call_soon_threadsafe(work.cancel)

    def raise_failure(self) -> None:
        """Raises what went wrong on the thread, if anything did."""
        if self._failures:
            raise self._failures[0]

    async def _review(self) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        async with open_store(self._store_path) as store, contextlib.aclosing(store.reviewer.changes()) as changes:
            async for _ in changes:
                self._is_open.set()
                pending = await store.reviewer.list()
                self._note(pending)
                for request in pending:
                    await self._answer(store.reviewer, request)

    def _note(self, pending: Sequence[Request]) -> None:
        """All of them before any is decided, so that `decide` may go by how many there are."""
        with self._changed:
            known = {request.id for request in self.requests}
            self.requests += [request for request in pending if request.id not in known]
            self._changed.notify_all()

    async def _answer(self, store: ReviewerStore, request: Request) -> None:
        try:
            said = self._decide(request) if not self._failures else None
        except BaseException as error:
            self._fail(error)
            said = None
        if self._failures:  # whoever waits is not to wait for ever
            said = no(f"the scripted reviewer failed: {self._failures[0]!r}")
        if said is None:
            return
        with contextlib.suppress(Conflict):  # it was withdrawn, or has expired, while it was looked at
            await store.decide(
                request.id,
                said.verdict,
                reviewer=ANN,
                digest=request.digest,
                reason=said.reason,
                edited_arguments=said.edited_arguments,
                grant=FOR_SESSION if said.for_session else None,
            )

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failures.append(error)
            self._changed.notify_all()


@contextlib.contextmanager
def scripted_reviewer(store_path: str, decide: Decide) -> Iterator[ScriptedReviewer]:
    """A reviewer who says of each pending request what `decide` says, until the block ends.

    It works on a thread, wakes when the store changes, and raises at the end what `decide` raised; whatever is
    asked after that is denied.
    """
    reviewer = ScriptedReviewer(store_path, decide)
    thread = threading.Thread(target=reviewer.run, name="scripted-reviewer", daemon=True)
    thread.start()
    try:
        reviewer.until_open()
        reviewer.raise_failure()
        yield reviewer
    finally:
        reviewer.stop()
        thread.join(LONG)
    assert not thread.is_alive()
    reviewer.raise_failure()
