"""Draft, validate, approve, execute: what a person sees before it is carried out, with another try after a no.

The workflow is a generator of steps, which is driven on the event loop or in place (rule R14).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar, cast

from approval_tui.domain.attempts import MOST_ATTEMPTS, DraftAttempt
from approval_tui.domain.canonical import JsonObject, json_object_and_text, stored_json
from approval_tui.domain.clock import parse_duration
from approval_tui.domain.errors import (
    ApprovalDenied,
    ApprovalExpired,
    InvalidInput,
    NotApproved,
    PolicyDenied,
)
from approval_tui.domain.lifecycle import RISKS
from approval_tui.gate.attempt import HOWEVER_LONG
from approval_tui.gate.gate import Duration, Gate
from approval_tui.gate.guard import GuardedCall
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
from approval_tui.gate.workflow_steps import Asking, NeverStarted, Steps, Work, drive_async, drive_blocking, unawaitable

R = TypeVar("R")

PREVIOUS_REJECTION = "previous_rejection"  #: in the next draft's task: why the last draft was not approved
VALIDATION_ISSUES = "validation_issues"  #: in the next draft's task: what the check found wrong with the last draft
PREVIOUS_DRAFT = "previous_draft"  #: in the next draft's task: the last draft

_REQUESTER = "workflow"
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
        if timeout is not None:
            parse_duration(timeout)  # a mistake is said before anything is drafted
        self._timeout = timeout

    async def run(self, task: Mapping[str, Any]) -> WorkflowResult[R]:
        """Runs the workflow for the task, which is not changed, and says how it ended.

        What `draft`, `validate` and `execute` raise goes on, and so does what keeps a gate from asking:
        StoreUnavailable, PolicyError, ApprovalCancelled, InvalidInput.
        """
        if self._gate is not None:
            return await drive_async(self._steps(self._gate, task))
        async with Gate(_REQUESTER) as gate:
            return await drive_async(self._steps(gate, task))

    def run_blocking(self, task: Mapping[str, Any]) -> WorkflowResult[R]:
        """The same without asyncio; raises InvalidInput where one of the functions is async."""
        for function in (self._draft, self._validate, self._execute):
            if inspect.iscoroutinefunction(function):
                raise unawaitable(function, "Nothing was drafted.")
        if self._gate is not None:
            return drive_blocking(self._steps(self._gate, task))
        with Gate(_REQUESTER) as gate:
            return drive_blocking(self._steps(gate, task))

    # --- the steps -----------------------------------------------------------------------------

    def _steps(self, gate: Gate, task: Mapping[str, Any]) -> Steps[WorkflowResult[R]]:
        if not isinstance(task, Mapping):
            raise _unfit("The task", task)
        told: dict[str, Any] = {}
        previous: str | None = None
        for number in range(1, self._most + 1):
            draft = _proposal((yield Work(self._draft, {**task, **told})))
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

    def _validated(self, draft: JsonObject) -> Steps[Validation | None]:
        return None if self._validate is None else validation_of((yield Work(self._validate, copy.deepcopy(draft))))

    def _approved_steps(
        self,
        gate: Gate,
        draft: JsonObject,
        validation: Validation | None,
        number: int,
        attempt: DraftAttempt | None,
    ) -> Steps[tuple[WorkflowResult[R], str | None]]:
        """How this attempt ended, and the id of the request that a reviewer or the clock said no to."""
        guard = gate.guard(
            self._tool,
            draft,
            reason=None if self._reason is None else self._reason(copy.deepcopy(draft), validation),
            risk=self._risk,
            timeout=self._timeout,
            attempt=attempt,
            wait=HOWEVER_LONG,
        )
        asking = Asking(guard, partial(self._execution, validation, number))
        try:
            ended: WorkflowResult[R] = yield asking
        except NotApproved as refusal:
            if asking.call is not None:
                raise  # it is the call's own, and not about this draft
            return self._refused(refusal, draft, validation, number)
        assert asking.call is not None
        return ended, asking.call.id if isinstance(ended, ValidationFailed) else None

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

    def _execution(self, validation: Validation | None, number: int, call: GuardedCall) -> Steps[WorkflowResult[R]]:
        """Carries out what was approved; what a reviewer made of the draft has to pass the check, too."""
        approved = call.arguments
        if call.request is not None and call.request.edited_arguments is not None:
            try:
                validation = yield from self._validated(approved)
            except BaseException:
                call.did_not_run()
                raise
            if validation is not None and not validation.is_valid:
                call.withdraw(_UNFIT_EDIT)
                return ValidationFailed(
                    draft=approved, validation=validation, attempts=number, issues=validation.issues
                )
        try:
            result = yield Work(self._execute, copy.deepcopy(approved))
        except NeverStarted:
            call.did_not_run()
            raise
        return Completed(
            draft=approved,
            validation=validation,
            attempts=number,
            approval=None if call.request is None else review_of(call.request),
            result=cast(R, result),
            edit_told=call.edit_told,
        )


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


def _lesson(ended: Rejected | ValidationFailed, told: dict[str, Any]) -> dict[str, Any]:
    """What the next draft is told: why this one did not pass, and the last that a reviewer said."""
    if isinstance(ended, Rejected):
        return {PREVIOUS_REJECTION: ended.reason or _NO_REASON}
    said = {PREVIOUS_REJECTION: told[PREVIOUS_REJECTION]} if PREVIOUS_REJECTION in told else {}
    return {**said, VALIDATION_ISSUES: list(ended.issues)}
