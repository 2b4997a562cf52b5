"""The block of code that runs only after a person said yes, and reports how it ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING

from approval_tui.domain.calls import Call, Claim
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.lifecycle import FAILED, NOT_RUN, SUCCEEDED
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.models import Request
from approval_tui.gate.attempt import Attempt, run_async, run_blocking, to_the_end

if TYPE_CHECKING:
    from approval_tui.store.asynchronous import AsyncStore
    from approval_tui.store.blocking import BlockingStore

_log = logging.getLogger("approval_tui.gate")


class GuardedCall:
    """An approved call while it runs. `arguments` are those that may run, a reviewer's edits included."""

    def __init__(self, claim: Claim) -> None:
        self.request: Request = claim.request
        self.arguments: JsonObject = claim.arguments
        self._claim = claim.id
        self._outcome = SUCCEEDED

    @property
    def id(self) -> str:
        """The id of the request."""
        return self.request.id

    def did_not_run(self) -> None:
        """Says that the call was not made after all: at the end of the block the approval is given back."""
        self._outcome = NOT_RUN

    def report(self, error: BaseException | None) -> tuple[str, str, str, str | None]:
        """What to tell the store at the end of the block: request, claim, outcome, detail."""
        if self._outcome == NOT_RUN:
            return self.id, self._claim, NOT_RUN, _described(error)
        if error is not None:
            return self.id, self._claim, FAILED, _described(error)
        return self.id, self._claim, SUCCEEDED, None


class Guard:
    """A context manager, blocking and async, around one call; entering it waits for the approval.

    Entering raises ApprovalDenied, ApprovalExpired, ApprovalCancelled or (without waiting) ApprovalPending,
    and StoreUnavailable when nobody can be asked; the block does not run then.
    """

    def __init__(
        self,
        call: Callable[[], Call],
        *,
        claim_lifetime: Callable[[], int],
        wait: bool,
        open_blocking: Callable[[], BlockingStore],
        open_async: Callable[[], Awaitable[AsyncStore]],
    ) -> None:
        self._call = call
        self._claim_lifetime = claim_lifetime
        self._wait = wait
        self._open_blocking = open_blocking
        self._open_async = open_async
        self._running: GuardedCall | None = None

    def __enter__(self) -> GuardedCall:
        store = self._open_blocking()
        claim = run_blocking(self._attempt(), store.requester)
        self._running = GuardedCall(claim)
        return self._running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = self._ended()
        request_id, claim, outcome, detail = running.report(error)
        try:
            self._open_blocking().requester.report_outcome(request_id, claim, outcome, detail=detail)
        except ApprovalTuiError as failure:
            _log_unreported(request_id, outcome, failure)

    async def __aenter__(self) -> GuardedCall:
        store = await self._open_async()
        claim = await run_async(self._attempt(), store.requester)
        self._running = GuardedCall(claim)
        return self._running

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = self._ended()
        request_id, claim, outcome, detail = running.report(error)
        try:
            store = await self._open_async()
            report = store.requester.report_outcome(request_id, claim, outcome, detail=detail)
            await to_the_end(report, lambda _request: None)
        except ApprovalTuiError as failure:
            _log_unreported(request_id, outcome, failure)

    def _attempt(self) -> Attempt:
        if self._running is not None:
            raise RuntimeError("a guard stands around one call; make a new one for the next")
        return Attempt(self._call(), claim_lifetime=self._claim_lifetime(), wait=self._wait)

    def _ended(self) -> GuardedCall:
        assert self._running is not None
        return self._running


def _described(error: BaseException | None) -> str | None:
    if error is None:
        return None
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text.encode("utf-8", "backslashreplace").decode()[:LONGEST_TEXT]


def _log_unreported(request_id: str, outcome: str, failure: ApprovalTuiError) -> None:
    """The call has run and its result counts, so this is no error of the call; the claim becomes in doubt."""
    _log.error("the outcome %s of request %s was not recorded: %s", outcome, request_id, failure)
