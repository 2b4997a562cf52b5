"""Draft, validate, approve, execute: what a person sees before it is carried out, with another try after a no.

The workflow is a generator of steps, which is driven on the event loop or in place (rule R14).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar, cast

from approval_tui.domain.attempts import MOST_ATTEMPTS, DraftAttempt
from approval_tui.domain.canonical import JsonObject, json_object_and_text, stored_json
from approval_tui.domain.clock import SECOND, parse_duration
from approval_tui.domain.errors import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalTuiError,
    InvalidInput,
    NotApproved,
    PolicyDenied,
)
from approval_tui.domain.lifecycle import RISKS
from approval_tui.domain.models import Request
from approval_tui.gate.attempt import Waiting
from approval_tui.gate.gate import Duration, Gate
from approval_tui.gate.guard import Guard, GuardedCall
from approval_tui.gate.workflow_results import (
    Completed,
    Expired,
    Rejected,
    Validation,
    ValidationFailed,
    WorkflowResult,
    review_of,
    validation_of,
)

R = TypeVar("R")

PREVIOUS_REJECTION = "previous_rejection"  #: in the next draft's task: why the last draft was not approved
VALIDATION_ISSUES = "validation_issues"  #: in the next draft's task: what the check found wrong with the last draft
PREVIOUS_DRAFT = "previous_draft"  #: in the next draft's task: the last draft

_NO_REASON = "No reason was given."
_UNFIT_EDIT = "the reviewer's edit did not pass the validation"


class ApprovalWorkflow(Generic[R]):
    """Lets a draft be carried out only after a check let it pass and a person approved it.

    `draft` takes the task and gives the proposal, a mapping; `validate` takes the draft and gives a Validation, a
    bool, or a mapping with `is_valid`; `execute` takes the approved draft, with a reviewer's edits. All may be sync or
    async. A draft that was rejected or did not pass is followed by up to `max_retries` others, whose task has the
    reviewer's `previous_rejection`, the check's `validation_issues` and the `previous_draft`.

    What is asked is the call of `tool` (else the name of `execute`) with the draft as its arguments; `reason` gives the
    agent's own words for it. `timeout` is how long a person has. Without `gate`, the requester is `workflow`. Sync
    functions hold the event loop while they run. Raises TypeError for a generator, whose work a gate cannot hold.
    """

    def __init__(
        self,
        *,
        draft: Callable[[dict[str, Any]], Any],
        execute: Callable[[JsonObject], Awaitable[R]] | Callable[[JsonObject], R],
        validate: Callable[[JsonObject], Any] | None = None,
        gate: Gate | None = None,
        tool: str | None = None,
        reason: Callable[[JsonObject, Validation | None], str | None] | None = None,
        max_retries: int = 0,
        risk: str | None = None,
        timeout: Duration | None = None,
    ) -> None:
        if type(max_retries) is not int or not 0 <= max_retries < MOST_ATTEMPTS:
            raise InvalidInput(
                f"A workflow cannot be tried {max_retries!r} times more.",
                not_done="Nothing was drafted.",
                to_do=f"Give max_retries as a whole number from 0 to {MOST_ATTEMPTS - 1}.",
            )
        for function in (draft, execute, *(() if validate is None else (validate,))):
            if not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError(f"{function!r} is no plain function, sync or async")
        if risk is not None and risk not in RISKS:
            raise InvalidInput(
                f"The risk {risk!r} is none of {', '.join(RISKS)}.",
                not_done="Nothing was drafted.",
                to_do="Use one of them.",
            )
        self._draft = draft
        self._validate = validate
        self._execute = execute
        self._gate = gate
        self._tool = tool or _name_of(execute)
        self._reason = reason
        self._most = max_retries + 1
        self._risk = risk
        self._timeout = None if timeout is None else parse_duration(timeout) / SECOND

    async def run(self, task: Mapping[str, Any]) -> WorkflowResult[R]:
        """Runs the workflow for the task, which is not changed, and says how it ended.

        What `draft`, `validate` and `execute` raise goes on, and so does what keeps a gate from asking:
        StoreUnavailable, PolicyError, ApprovalCancelled, InvalidInput.
        """
        if self._gate is not None:
            return await _drive_async(self._steps(self._gate, task))
        async with Gate(_REQUESTER) as gate:
            return await _drive_async(self._steps(gate, task))

    def run_blocking(self, task: Mapping[str, Any]) -> WorkflowResult[R]:
        """The same without asyncio; raises InvalidInput where one of the functions is async."""
        for function in (self._draft, self._validate, self._execute):
            if inspect.iscoroutinefunction(function):
                raise _unawaitable(function, "Nothing was drafted.")
        if self._gate is not None:
            return _drive_blocking(self._steps(self._gate, task))
        with Gate(_REQUESTER) as gate:
            return _drive_blocking(self._steps(gate, task))

    # --- the steps -----------------------------------------------------------------------------

    def _steps(self, gate: Gate, task: Mapping[str, Any]) -> _Steps[WorkflowResult[R]]:
        if not isinstance(task, Mapping):
            raise _unfit("The task", task)
        told: dict[str, Any] = {}
        previous: str | None = None
        for number in range(1, self._most + 1):
            draft = _proposal((yield _Work(self._draft, {**task, **told})))
            validation = yield from self._validated(draft)
            ended: WorkflowResult[R]
            if validation is not None and not validation.is_valid:
                ended = ValidationFailed(draft=draft, validation=validation, attempts=number, issues=validation.issues)
            else:
                attempt = DraftAttempt(number, self._most, previous) if self._most > 1 else None
                ended, asked = yield from self._approved_steps(gate, draft, validation, number, attempt)
                previous = asked or previous
            if isinstance(ended, Completed | Expired) or number == self._most:
                return ended
            told = {**_lesson(ended, told), PREVIOUS_DRAFT: copy.deepcopy(ended.draft)}
        raise AssertionError("the last attempt ends the workflow")

    def _validated(self, draft: JsonObject) -> _Steps[Validation | None]:
        return None if self._validate is None else validation_of((yield _Work(self._validate, copy.deepcopy(draft))))

    def _approved_steps(
        self,
        gate: Gate,
        draft: JsonObject,
        validation: Validation | None,
        number: int,
        attempt: DraftAttempt | None,
    ) -> _Steps[tuple[WorkflowResult[R], str | None]]:
        """How this attempt ended, and the id of the request that a reviewer or the clock said no to."""
        guard = gate.guard(
            self._tool,
            draft,
            reason=None if self._reason is None else self._reason(copy.deepcopy(draft), validation),
            risk=self._risk,
            timeout=self._timeout,
            attempt=attempt,
            wait=Waiting(heeds_policy=False),
        )
        asking = _Asking(guard, partial(self._execution, validation, number))
        try:
            ended: WorkflowResult[R] = yield asking
        except NotApproved as refusal:
            if asking.is_running:
                raise  # it is the call's own, and not about this draft
            return self._refused(refusal, draft, validation, number)
        edited = asking.edited
        if isinstance(ended, ValidationFailed) and edited is not None:  # nobody is to run what did not pass
            yield _Withdrawal(gate, edited)
        return ended, None if edited is None else edited.id

    def _refused(
        self, refusal: NotApproved, draft: JsonObject, validation: Validation | None, number: int
    ) -> tuple[WorkflowResult[R], str | None]:
        """How the attempt ended that may not run, and its request; raises the refusal where it is no end of ours."""
        request = refusal.request
        if isinstance(refusal, ApprovalExpired):
            expired = Expired(draft=draft, validation=validation, attempts=number, request_id=refusal.request.id)
            return expired, refusal.request.id
        if isinstance(refusal, PolicyDenied):
            reason, rejection = refusal.reason, None
            is_over = request is not None and request.edited_arguments is not None  # the gate has withdrawn it
        elif isinstance(refusal, ApprovalDenied):
            reason, rejection = refusal.reason or "", review_of(refusal.request)
            is_over = True
        else:
            raise refusal
        rejected = Rejected(
            draft=draft, validation=validation, attempts=number, reason=reason or None, rejection=rejection
        )
        return rejected, request.id if request is not None and is_over else None

    def _execution(self, validation: Validation | None, number: int, call: GuardedCall) -> _Steps[WorkflowResult[R]]:
        """Carries out what was approved; what a reviewer made of the draft has to pass the check, too."""
        approved = call.arguments
        if call.request is not None and call.request.edited_arguments is not None:
            try:
                validation = yield from self._validated(approved)
            except BaseException:
                call.did_not_run()
                raise
            if validation is not None and not validation.is_valid:
                call.did_not_run()
                return ValidationFailed(
                    draft=approved, validation=validation, attempts=number, issues=validation.issues
                )
        try:
            result = yield _Work(self._execute, copy.deepcopy(approved))
        except _NeverStarted:
            call.did_not_run()
            raise
        return Completed(
            draft=approved,
            validation=validation,
            attempts=number,
            approval=None if call.request is None else review_of(call.request),
            result=cast(R, result),
        )


_REQUESTER = "workflow"


class _NeverStarted(InvalidInput):
    """A function gave something that would have had to run first: a coroutine, or a generator."""


def _proposal(draft: object) -> JsonObject:
    """The draft as plain JSON of its own, which nobody else can change any more."""
    if not isinstance(draft, Mapping):
        raise _unfit("The draft", draft)
    proposal: JsonObject = stored_json(json_object_and_text(draft, "draft")[1])
    return proposal


def _unfit(what: str, given: object) -> InvalidInput:
    return InvalidInput(
        f"{what} is {type(given).__name__}, and not a mapping.",
        not_done="Nobody was asked and nothing was carried out.",
        to_do="Give a mapping.",
    )


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    return name if isinstance(name, str) and name.isidentifier() else "execute"


def _unawaitable(function: Any, not_done: str) -> _NeverStarted:
    return _NeverStarted(
        f"{getattr(function, '__name__', function)!r} is async, which `run_blocking` cannot await.",
        not_done=not_done,
        to_do="Use `await workflow.run(...)`.",
    )


def _lesson(ended: Rejected | ValidationFailed, told: dict[str, Any]) -> dict[str, Any]:
    """What the next draft is told: why this one did not pass, and the last that a reviewer said."""
    if isinstance(ended, Rejected):
        return {PREVIOUS_REJECTION: ended.reason or _NO_REASON}
    said = {PREVIOUS_REJECTION: told[PREVIOUS_REJECTION]} if PREVIOUS_REJECTION in told else {}
    return {**said, VALIDATION_ISSUES: list(ended.issues)}


# --- how steps are driven ----------------------------------------------------------------------


@dataclass
class _Work:
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
            raise _unawaitable(self.function, "It did not run.")
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
            raise _NeverStarted(
                f"{getattr(self.function, '__name__', self.function)!r} gave a generator.",
                not_done="Its body did not run.",
                to_do="Use a plain function.",
            )
        return result


@dataclass
class _Withdrawal:
    """Withdraws what was approved of no use, so that nobody finds the approval."""

    gate: Gate
    request: Request

    async def run(self) -> None:
        store = await self.gate.requester_store()
        with suppress(ApprovalTuiError):
            await store.cancel(self.request.id, requester=self.request.requester, reason=_UNFIT_EDIT)

    def run_blocking(self) -> None:
        with suppress(ApprovalTuiError):
            store = self.gate.requester_store_blocking()
            store.cancel(self.request.id, requester=self.request.requester, reason=_UNFIT_EDIT)


@dataclass
class _Asking:
    """A guard around further steps; `is_running` once a person said yes and they began.

    `edited` is the request, if its reviewer edited it.
    """

    guard: Guard
    body: Callable[[GuardedCall], _Steps[Any]]
    is_running: bool = field(default=False)
    edited: Request | None = field(default=None)

    async def run(self) -> Any:
        async with self.guard as call:
            return await _drive_async(self._body(call))

    def run_blocking(self) -> Any:
        with self.guard as call:
            return _drive_blocking(self._body(call))

    def _body(self, call: GuardedCall) -> _Steps[Any]:
        self.is_running = True
        if call.request is not None and call.request.edited_arguments is not None:
            self.edited = call.request
        return self.body(call)


_Steps = Generator[_Work | _Asking | _Withdrawal, Any, R]


async def _drive_async(steps: _Steps[R]) -> R:
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


def _drive_blocking(steps: _Steps[R]) -> R:
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
