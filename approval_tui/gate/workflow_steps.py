"""The steps of a workflow, and how they are run: on the event loop, or in place (rule R14)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from approval_tui.domain.errors import InvalidInput
from approval_tui.gate.guard import Guard, GuardedCall

R = TypeVar("R")


class NeverStarted(InvalidInput):
    """A function gave something that would have had to run first: a coroutine, or a generator."""


def unawaitable(function: Any, not_done: str) -> NeverStarted:
    """The error for an async function where nobody can await it."""
    return NeverStarted(
        f"{getattr(function, '__name__', function)!r} is async, which `run_blocking` cannot await.",
        not_done=not_done,
        to_do="Use `await workflow.run(...)`.",
    )


@dataclass
class Work:
    """A function of the workflow's user, with its one argument."""

    function: Callable[[Any], Any]
    argument: object

    async def run(self) -> Any:
        result = self._started()
        return await result if inspect.isawaitable(result) else result

    def run_blocking(self) -> Any:
        result = self._started()
        if inspect.iscoroutine(result):
            result.close()
            raise unawaitable(self.function, "It did not run.")
        if inspect.isawaitable(result):
            raise InvalidInput(
                f"{getattr(self.function, '__name__', self.function)!r} gave something to await.",
                not_done="What it gave was not awaited.",
                to_do="Use `await workflow.run(...)`.",
            )
        return result

    def _started(self) -> Any:
        result = self.function(self.argument)
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise NeverStarted(
                f"{getattr(self.function, '__name__', self.function)!r} gave a generator.",
                not_done="Its body did not run.",
                to_do="Use a plain function.",
            )
        return result


@dataclass
class Asking:
    """A guard around further steps; `call` is there once a person said yes and they began."""

    guard: Guard
    body: Callable[[GuardedCall], Steps[Any]]
    call: GuardedCall | None = None

    async def run(self) -> Any:
        async with self.guard as self.call:
            return await drive_async(self.body(self.call))

    def run_blocking(self) -> Any:
        with self.guard as self.call:
            return drive_blocking(self.body(self.call))


Steps = Generator[Work | Asking, Any, R]
"""What a workflow does, one after another; a driver sends it what each step brought."""


async def drive_async(steps: Steps[R]) -> R:
    """Runs the steps on the event loop and gives what they end with."""
    resume: Callable[[], Any] = partial(next, steps)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            return cast(R, end.value)
        try:
            resume = partial(steps.send, await step.run())
        except BaseException as error:  # interruptions, too: what did not run must be able to say so
            resume = partial(steps.throw, error)


def drive_blocking(steps: Steps[R]) -> R:
    """The same in place."""
    resume: Callable[[], Any] = partial(next, steps)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            return cast(R, end.value)
        try:
            resume = partial(steps.send, step.run_blocking())
        except BaseException as error:  # interruptions, too: what did not run must be able to say so
            resume = partial(steps.throw, error)
