"""Workflows in both forms, whose functions remember what they were given, and reviewers of what they draft."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from approval_tui import Gate
from approval_tui.domain.models import Request
from approval_tui.gate.workflow import ApprovalWorkflow
from approval_tui.gate.workflow_results import WorkflowResult
from approval_tui.store.blocking import BlockingStore
from tests.gate.both_forms import BLOCKING, no_store_thread
from tests.support import LONG, until

TASK = {"goal": "release version 2"}
DRAFT = {"command": "make deploy"}
OTHER_DRAFT = {"command": "make deploy-slowly"}
THIRD_DRAFT = {"command": "make nothing"}


class Part:
    """One function of a workflow: gives its answers in turn, the last one again and again.

    An answer that is an exception is raised, one that can be called is called. `given` is what it was given, as it
    was then.
    """

    def __init__(self, *answers: Any) -> None:
        self._answers = answers
        self.given: list[Any] = []

    def __call__(self, argument: Any) -> Any:
        self.given.append(copy.deepcopy(argument))
        answer = self._answers[min(len(self.given), len(self._answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer(argument) if callable(answer) else answer

    async def later(self, argument: Any) -> Any:
        """The same as an async function."""
        await asyncio.sleep(0)
        return self(argument)

    def in_form(self, form: str) -> Callable[[Any], Any]:
        """The function that a workflow of that form is made of."""
        return self if form == BLOCKING else self.later


def never(argument: Any) -> Any:
    """An answer of a function that must not be called."""
    raise AssertionError(f"it was called with {argument}")


def run(
    form: str,
    gate: Gate,
    *,
    draft: Part,
    execute: Part,
    validate: Part | None = None,
    tool: str = "shell",
    task: Mapping[str, Any] = TASK,
    **options: Any,
) -> WorkflowResult[Any]:
    """How the workflow ends; in the async form its functions are async, and it gets a loop of its own."""
    workflow: ApprovalWorkflow[Any] = ApprovalWorkflow(
        draft=draft.in_form(form),
        validate=None if validate is None else validate.in_form(form),
        execute=execute.in_form(form),
        gate=gate,
        tool=tool,
        **options,
    )
    return drive(form, gate, workflow, task)


def drive(
    form: str, gate: Gate, workflow: ApprovalWorkflow[Any], task: Mapping[str, Any] = TASK
) -> WorkflowResult[Any]:
    """Runs the workflow in that form, and leaves no loop of the gate's behind."""
    if form == BLOCKING:
        return workflow.run_blocking(task)

    async def on_a_loop() -> WorkflowResult[Any]:
        try:
            return await workflow.run(task)
        finally:
            await gate.aclose()
            until(no_store_thread)  # a refused store's thread still speaks to this loop while it ends

    return asyncio.run(on_a_loop())


def requests_of(desk: BlockingStore) -> list[Request]:
    """All requests of the store as they are now, the oldest first."""
    return sorted([*desk.reviewer.list(), *desk.reviewer.history()], key=lambda request: request.created_at)


def only_request(desk: BlockingStore) -> Request:
    """The one request of the store, as it is now."""
    (request,) = requests_of(desk)
    return request


@contextlib.contextmanager
def judging(desk: BlockingStore, judge: Callable[[Request], object]) -> Iterator[list[Request]]:
    """A reviewer who decides whatever comes until the block is left; gives the list of what came.

    Leaving raises what a judgement raised.
    """
    came: list[Request] = []
    failures: list[BaseException] = []
    is_over = threading.Event()

    def work() -> None:
        seen: set[str] = set()
        try:
            while not is_over.wait(0.002):
                for request in desk.reviewer.list():
                    if request.id not in seen:
                        seen.add(request.id)
                        came.append(request)
                        judge(request)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="judge", daemon=True)
    thread.start()
    try:
        yield came
    finally:
        is_over.set()
        thread.join(LONG)
    assert not thread.is_alive()
    if failures:
        raise failures[0]
