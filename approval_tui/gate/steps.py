"""Steps on a requester's store, and how they are run: in place, or on the event loop (rule R14)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from approval_tui.domain.errors import ApprovalTuiError, NotApproved

if TYPE_CHECKING:
    from approval_tui.gate.stores import AnyBlockingRequester, AnyRequester

R = TypeVar("R")


class Step(NamedTuple):
    """One operation on a requester's store; only waiting may be broken off half way."""

    run: Callable[[Any], Any]
    is_waiting: bool = False


Steps = Generator[Step, Any, R]
"""Work that is done step by step; a driver sends it what each step brought."""


class Undoable(Protocol):
    """What notes each step's answer, and knows how to take back what came of them."""

    def note(self, answer: Any) -> None:
        """Remembers what a step brought, even if the caller was interrupted meanwhile."""

    def undo(self) -> list[Step]:
        """What takes back what was reached so far."""


def run_blocking(attempt: Undoable, steps: Steps[R], store: AnyBlockingRequester) -> R:
    """Runs the attempt's steps in place; Ctrl-C while it waits takes it back."""
    try:
        return _drive_blocking(attempt.note, steps, store)
    except NotApproved:
        raise
    except BaseException:
        for step in attempt.undo():
            with suppress(ApprovalTuiError):
                step.run(store)
        raise


def run_steps(steps: Steps[R], store: AnyBlockingRequester) -> R:
    """Runs steps in place that leave nothing behind which would have to be taken back."""
    return _drive_blocking(lambda _: None, steps, store)


def _drive_blocking(note: Callable[[Any], object], steps: Steps[R], store: AnyBlockingRequester) -> R:
    send: Callable[[], Step] = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = send()
        except StopIteration as end:
            result: R = end.value
            return result
        try:
            answer = step.run(store)
        except ApprovalTuiError as error:
            send = _throwing(steps, error)
        else:
            note(answer)
            send = _sending(steps, answer)


async def run_async(attempt: Undoable, steps: Steps[R], store: AnyRequester) -> R:
    """Runs the attempt's steps on the event loop; cancelling the task while it waits takes it back."""
    import asyncio  # a blocking gate never needs it, and it is most of what loading a gate costs

    try:
        return await _drive_async(attempt, steps, store)
    except NotApproved:
        raise
    except BaseException:
        for step in attempt.undo():
            with suppress(ApprovalTuiError, asyncio.CancelledError):
                await to_the_end(step.run(store), attempt.note)
        raise


async def _drive_async(attempt: Undoable, steps: Steps[R], store: AnyRequester) -> R:
    send: Callable[[], Step] = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = send()
        except StopIteration as end:
            result: R = end.value
            return result
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


def _sending(steps: Steps[R], answer: Any) -> Callable[[], Step]:
    return lambda: steps.send(answer)


def _throwing(steps: Steps[R], error: ApprovalTuiError) -> Callable[[], Step]:
    return lambda: steps.throw(error)
