"""One attempt to get a call approved: submit, wait, consume; written once for both forms (rule R14).

The attempt is a generator of steps. A driver runs each on its store, blocking or awaited, and tells the
attempt what came of it, so that nothing is left behind when the caller is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from approval_tui.domain.calls import Call, Claim, Submitted
from approval_tui.domain.errors import (
    ApprovalCancelled,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalPending,
    ApprovalTuiError,
    NotApproved,
    StatusConflict,
)
from approval_tui.domain.ids import new_secret
from approval_tui.domain.lifecycle import APPROVED, CANCELLED, CONSUMED, DENIED, EXPIRED, PENDING
from approval_tui.domain.models import Request

if TYPE_CHECKING:
    from approval_tui.store.asynchronous import RequesterStore
    from approval_tui.store.blocking_requester import BlockingRequesterStore

R = TypeVar("R")

_INTERRUPTED = "the caller was interrupted"


@dataclass(frozen=True)
class Step:
    """One operation on a requester's store; only waiting may be broken off half way."""

    run: Callable[[Any], Any]
    is_waiting: bool = False


Steps = Generator[Step, Any, Claim]


class Attempt:
    """What has been reached so far: the requests that this call created, and the one that it began to consume."""

    def __init__(self, call: Call, *, claim_lifetime: int, wait: bool) -> None:
        self._call = call
        self._claim_lifetime = claim_lifetime
        self._wait = wait
        self._created: set[str] = set()
        self._claim_id = new_secret("clm")
        self._consuming_id: str | None = None

    def steps(self) -> Steps:
        """Ends with the claim; raises NotApproved when the call may not run.

        A request that another caller used first, or that its own creator withdrew, is submitted anew.
        """
        while True:
            submitted: Submitted = yield Step(lambda store: store.submit(self._call))
            request = submitted.request
            if request.status == PENDING:
                if not self._wait:
                    raise_not_approved(request)
                request = yield self._waiting(request)
            if request.status == APPROVED:
                try:
                    claim: Claim = yield self._consuming(request)
                except StatusConflict as conflict:
                    if conflict.request is None:
                        raise
                    request = conflict.request
                else:
                    return claim
            withdrawn_by_another = request.status == CANCELLED and request.id not in self._created
            if request.status != CONSUMED and not withdrawn_by_another:
                raise_not_approved(request)

    def note(self, answer: Any) -> None:
        """Remembers what a step brought, even if the caller was interrupted meanwhile."""
        if isinstance(answer, Submitted) and answer.created:
            self._created.add(answer.request.id)

    def undo(self) -> list[Step]:
        """What takes back an interrupted attempt: its claim, if it came to that, and requests that it created."""
        steps = []
        consumed = self._consuming_id
        if consumed is not None:
            steps.append(Step(lambda store: store.rollback(consumed, self._claim_id, detail=_INTERRUPTED)))
        for request_id in self._created:
            steps.append(self._cancelling(request_id))
        return steps

    def _waiting(self, request: Request) -> Step:
        return Step(lambda store: store.wait(request.id), is_waiting=True)

    def _consuming(self, request: Request) -> Step:
        self._consuming_id = request.id
        return Step(
            lambda store: store.consume(
                request.id,
                request.fingerprint,
                requester=self._call.requester,
                claim_lifetime=self._claim_lifetime,
                claim_id=self._claim_id,
            )
        )

    def _cancelling(self, request_id: str) -> Step:
        return Step(lambda store: store.cancel(request_id, requester=self._call.requester, reason=_INTERRUPTED))


def run_blocking(attempt: Attempt, store: BlockingRequesterStore) -> Claim:
    """Runs the attempt in place; Ctrl-C while it waits takes it back."""
    try:
        return _drive_blocking(attempt, store)
    except NotApproved:
        raise
    except BaseException:
        for step in attempt.undo():
            with suppress(ApprovalTuiError):
                step.run(store)
        raise


def _drive_blocking(attempt: Attempt, store: BlockingRequesterStore) -> Claim:
    steps = attempt.steps()
    send: Callable[[], Step] = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = send()
        except StopIteration as end:
            claim: Claim = end.value
            return claim
        try:
            answer = step.run(store)
        except ApprovalTuiError as error:
            send = _throwing(steps, error)
        else:
            attempt.note(answer)
            send = _sending(steps, answer)


async def run_async(attempt: Attempt, store: RequesterStore) -> Claim:
    """Runs the attempt on the event loop; cancelling the task while it waits takes it back."""
    import asyncio  # a blocking gate never needs it, and it is most of what loading a gate costs

    try:
        return await _drive_async(attempt, store)
    except NotApproved:
        raise
    except BaseException:
        for step in attempt.undo():
            with suppress(ApprovalTuiError, asyncio.CancelledError):
                await to_the_end(step.run(store), attempt.note)
        raise


async def _drive_async(attempt: Attempt, store: RequesterStore) -> Claim:
    steps = attempt.steps()
    send: Callable[[], Step] = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = send()
        except StopIteration as end:
            claim: Claim = end.value
            return claim
        try:
            answer = await (step.run(store) if step.is_waiting else to_the_end(step.run(store), attempt.note))
        except ApprovalTuiError as error:
            send = _throwing(steps, error)
        else:
            attempt.note(answer)
            send = _sending(steps, answer)


async def to_the_end(work: Coroutine[Any, Any, R], note: Callable[[R], object]) -> R:
    """Runs what must not be lost half way: a cancelled task waits for it, notes its result, and then ends.

    However often the task is cancelled meanwhile, as by a timeout inside another one, it waits.
    """
    import asyncio  # not at the top, see run_async

    task = asyncio.ensure_future(work)
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancelled:
            interruption = cancelled
    if interruption is None:
        return task.result()
    with suppress(ApprovalTuiError):
        note(task.result())
    raise interruption


def _sending(steps: Steps, answer: Any) -> Callable[[], Step]:
    return lambda: steps.send(answer)


def _throwing(steps: Steps, error: ApprovalTuiError) -> Callable[[], Step]:
    return lambda: steps.throw(error)


def raise_not_approved(request: Request) -> NoReturn:
    """Raises the error that fits the status, with the reviewer's words where there are any."""
    name = f"Request {request.id} ({request.tool})"
    if request.status == DENIED:
        decision = request.decisions[-1] if request.decisions else None
        by = f" by {decision.reviewer}" if decision else ""
        why = f": {decision.reason}" if decision and decision.reason else ", without a reason"
        raise ApprovalDenied(
            f"{name} was denied{by}{why}.", request=request, to_do="Do something else, or ask with better reasons."
        )
    if request.status == EXPIRED:
        how = "was approved and not used in time" if request.approval_expires_at else "was not decided in time"
        raise ApprovalExpired(f"{name} {how}.", request=request, to_do="Ask again when a reviewer is there.")
    if request.status == CANCELLED:
        raise ApprovalCancelled(f"{name} was withdrawn.", request=request, to_do="Ask again if it is still wanted.")
    raise ApprovalPending(
        f"{name} waits for a reviewer.",
        request=request,
        to_do=f"Make the same call again after somebody ran `approval-tui approve {request.id}`.",
    )
