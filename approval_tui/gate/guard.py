"""The block of code that runs only after a person said yes, and reports how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from approval_tui.domain.calls import Admission, Call, Claim
from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalTuiError
from approval_tui.domain.lifecycle import FAILED, NOT_RUN, SUCCEEDED
from approval_tui.domain.limits import LONGEST_TEXT
from approval_tui.domain.models import Request
from approval_tui.gate.attempt import Attempt, Waiting
from approval_tui.gate.judging import EngineInForce
from approval_tui.gate.steps import run_async, run_blocking, to_the_end

if TYPE_CHECKING:
    from approval_tui.domain.edits import Change
    from approval_tui.gate.stores import AnyBlockingStore, AnyStore

EDIT_UNFIT = "the tool does not take the reviewer's arguments"
"""Why a request is withdrawn whose edit nobody can run."""


class GuardedCall:
    """A call while it runs. `arguments` are those that may run, a reviewer's edits included.

    `request` is what was approved; it is None where the policy allowed the call without asking.
    """

    def __init__(self, right: Claim | Admission) -> None:
        self.request: Request | None = right.request if isinstance(right, Claim) else None
        self.arguments: JsonObject = right.arguments
        self._claim = right.id
        self._outcome = SUCCEEDED
        self._detail: str | None = None
        self._why_withdrawn: str | None = None

    @property
    def id(self) -> str | None:
        """The id of the request, if there is one."""
        return None if self.request is None else self.request.id

    @property
    def is_edited(self) -> bool:
        """Whether a reviewer put other arguments in the place of the agent's."""
        return self.request is not None and self.request.edited_arguments_text is not None

    @property
    def changes(self) -> tuple[Change, ...]:
        """Where a reviewer's arguments differ from the agent's, place by place."""
        if self.request is None or self.request.edited_arguments is None:
            return ()
        from approval_tui.domain.edits import changes_between  # few calls are edited

        return changes_between(self.request.arguments, self.request.edited_arguments)

    @property
    def edit_told(self) -> str | None:
        """The changes in a sentence for the agent, bounded; None where nothing was changed."""
        if not self.is_edited:
            return None
        from approval_tui.domain.edits import changes_told

        return changes_told(self.changes)

    def did_not_run(self) -> None:
        """Says that the call was not made after all.

        At the end of the block the approval is given back, and what the policy counted.
        """
        self._outcome = NOT_RUN

    def withdraw(self, reason: str) -> None:
        """Says that the call was not made, and that nobody can use what was approved.

        At the end of the block the request is withdrawn with the approval, in one step, so that nobody finds it.
        """
        self.did_not_run()
        self._why_withdrawn = reason

    def failed(self, detail: str) -> None:
        """Says that the call ran and failed, as an exception that leaves the block does."""
        self._outcome, self._detail = FAILED, _storable(detail)

    def report(self, error: BaseException | None) -> Report | None:
        """What to tell the store at the end of the block; None where there is nothing to tell."""
        outcome = FAILED if error is not None and self._outcome != NOT_RUN else self._outcome
        claim, request = self._claim, self.request
        if request is None:
            return (
                Report(outcome, "an allowed call", lambda store: store.give_back(claim)) if outcome == NOT_RUN else None
            )
        request_id, detail, why_withdrawn = request.id, _described(error) or self._detail, self._why_withdrawn
        if why_withdrawn is not None:
            return Report(
                outcome,
                f"request {request_id}",
                lambda store: store.give_up(request_id, claim, reason=why_withdrawn),
            )
        return Report(
            outcome,
            f"request {request_id}",
            lambda store: store.report_outcome(request_id, claim, outcome, detail=detail),
        )


class Report(NamedTuple):
    """How a call ended, of what, and how the requester's store is told."""

    outcome: str
    what: str
    tell: Callable[[Any], Any]


class Guard:
    """A context manager, blocking and async, around one call; entering it waits for the approval.

    Entering raises ApprovalDenied, ApprovalExpired, ApprovalCancelled or (without waiting) ApprovalPending,
    PolicyDenied when the policy refuses the call, PolicyError when the policy cannot be used, and
    StoreUnavailable when nobody can be asked; the block does not run then.
    """

    def __init__(
        self,
        call: Callable[[], Call],
        *,
        engine: EngineInForce,
        claim_lifetime: Callable[[], int],
        waiting: Waiting,
        open_blocking: Callable[[], AnyBlockingStore],
        open_async: Callable[[], Awaitable[AnyStore]],
    ) -> None:
        self._call = call
        self._engine = engine
        self._claim_lifetime = claim_lifetime
        self._waiting = waiting
        self._open_blocking = open_blocking
        self._open_async = open_async
        self._running: GuardedCall | None = None

    def __enter__(self) -> GuardedCall:
        store = self._open_blocking()
        attempt = self._attempt()
        self._running = GuardedCall(run_blocking(attempt, attempt.steps(), store.requester))
        return self._running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        report = self._ended().report(error)
        if report is None:
            return
        try:
            report.tell(self._open_blocking().requester)
        except ApprovalTuiError as failure:
            _log_unreported(report, failure)

    async def __aenter__(self) -> GuardedCall:
        store = await self._open_async()
        attempt = self._attempt()
        self._running = GuardedCall(await run_async(attempt, attempt.steps(), store.requester))
        return self._running

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        report = self._ended().report(error)
        if report is None:
            return
        try:
            store = await self._open_async()
            await to_the_end(report.tell(store.requester), lambda _: None)
        except ApprovalTuiError as failure:
            _log_unreported(report, failure)

    def _attempt(self) -> Attempt:
        if self._running is not None:
            raise RuntimeError("a guard stands around one call; make a new one for the next")
        return Attempt(self._call(), engine=self._engine, claim_lifetime=self._claim_lifetime(), waiting=self._waiting)

    def _ended(self) -> GuardedCall:
        assert self._running is not None
        return self._running


def _described(error: BaseException | None) -> str | None:
    if error is None:
        return None
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _storable(text)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:LONGEST_TEXT]


def _log_unreported(report: Report, failure: ApprovalTuiError) -> None:
    """The call has run and its result counts, so this is no error of the call; the claim becomes in doubt."""
    import logging  # hardly ever needed, and as long to load as the rest of a gate

    log = logging.getLogger("approval_tui.gate")
    log.error("the outcome %s of %s was not recorded: %s", report.outcome, report.what, failure)
