"""The console as the answer to PydanticAI's own deferred tool calls: during the run, or in a later process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from pydantic_ai import RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import (
    AgentDepsT,
    DeferredToolRequests,
    DeferredToolResults,
    ToolApproved,
    ToolDefinition,
    ToolDenied,
)

from approval_tui.domain.canonical import JsonObject, canonical_json
from approval_tui.domain.clock import parse_duration
from approval_tui.domain.errors import ApprovalPending, InvalidInput, NotApproved
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, PENDING
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.gate import Gate, Waiting
from approval_tui.gate.gate import Duration
from approval_tui.gate.guard import Guard
from approval_tui.gate.refusals import raise_not_approved
from approval_tui.integrations.run_identity import GatesOfRuns, approved, requester_of
from approval_tui.integrations.shown_arguments import Shown, raw_arguments, refuse_lost

METADATA = "approval_tui"
"""The key under which a call's metadata names the request that was asked for it."""

_UNTIL_DECIDED = Waiting(heeds_policy=False)
_NOT_WHAT_WAS_APPROVED = "What was approved is not what was about to run, so it did not run. Ask again."
_REASONS = ("approval_reason", "approval_description")


class _Answer(NamedTuple):
    """What is said of one deferred call; nothing yet where nobody has decided."""

    result: ToolApproved | ToolDenied | None
    request: Request | None = None


class ConsoleApprovals(HandleDeferredToolCalls[AgentDepsT]):
    """Answers deferred calls that need approval with what a person decides in the console.

    A capability: `Agent(capabilities=[approve_in_console()])`. The approval is used when the call runs, once, however
    often a run is resumed from the same messages; how the call ended is reported. Other deferred calls are left alone.
    """

    def __init__(
        self,
        gate: Gate | None = None,
        *,
        requester: str | None = None,
        wait: bool | Duration = True,
        timeout: Duration | None = None,
    ) -> None:
        super().__init__(handler=self._decided_during_run)
        self._gates = GatesOfRuns(gate)
        self._requester = requester
        self._waiting = _waiting(wait)
        self._timeout = timeout

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    async def __call__(self, ctx: RunContext[AgentDepsT], requests: DeferredToolRequests) -> DeferredToolResults | None:
        """The same as a bare handler, `HandleDeferredToolCalls(handler=approve_in_console())`.

        A handler does not see its calls run: their approvals are used before, and their claims come into doubt.
        """
        results = await self._decided_during_run(ctx, requests)
        if results is None:
            return None
        async with self._gates as gates:
            for call in requests.approvals:
                metadata = results.metadata.get(call.tool_call_id, {})
                request_id = _request_id(metadata)
                metadata.pop(METADATA, None)
                verdict = results.approvals.get(call.tool_call_id)
                if isinstance(verdict, ToolApproved):
                    executing = raw_arguments(call) if verdict.override_args is None else verdict.override_args
                    guard = await self._guard(gates, ctx, call, executing, request_id)
                    try:
                        guarded = await guard.__aenter__()
                    except NotApproved as refusal:
                        results.approvals[call.tool_call_id] = ToolDenied(str(refusal))
                        continue
                    if canonical_json(guarded.arguments) != canonical_json(executing):
                        guarded.did_not_run()
                        await guard.__aexit__(None, None, None)
                        results.approvals[call.tool_call_id] = ToolDenied(_NOT_WHAT_WAS_APPROVED)
        return results

    async def decisions(self, requests: DeferredToolRequests, *, wait: bool | Duration = True) -> DeferredToolResults:
        """What was decided on the calls with which an earlier run ended, maybe in another process.

        Waits for those that are still open, unless `wait` says for how long; what is open then has no result. A call
        that was started before has the result that it is not run again. Raises InvalidInput for a call that is not
        the one that was asked, RequestNotFound and StoreUnavailable.
        """
        waiting = _waiting(wait)
        async with self._gates as gates:
            answers = await _all(
                self._decision(gates, call, requests.metadata.get(call.tool_call_id, {}), waiting)
                for call in requests.approvals
            )
        return _results(requests, answers)

    async def wrap_tool_execute(
        self,
        ctx: RunContext[AgentDepsT],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        """Uses the approval of a call that the console approved, runs it, and reports how it ended."""
        metadata = ctx.tool_call_metadata
        if not ctx.tool_call_approved or not isinstance(metadata, dict) or METADATA not in metadata:
            return await handler(args)
        executing = raw_arguments(call)
        async with AsyncExitStack() as stack:
            gates = await stack.enter_async_context(self._gates)
            guard = await self._guard(gates, ctx, call, executing, _request_id(metadata))
            try:
                guarded = await stack.enter_async_context(guard)
            except NotApproved as refusal:
                raise ToolFailed(str(refusal)) from refusal
            if canonical_json(guarded.arguments) != canonical_json(executing):
                guarded.did_not_run()
                raise ToolFailed(_NOT_WHAT_WAS_APPROVED)
            try:
                refuse_lost(call.tool_name, Shown(executing), args, tool_def)
            except InvalidInput as error:
                guarded.did_not_run()
                raise ToolFailed(str(error)) from error
            try:
                with approved(ctx, args, tool_def):
                    return await handler(args)
            except (ApprovalRequired, CallDeferred):
                guarded.did_not_run()  # the tool itself puts its work off
                raise

    async def _guard(
        self,
        gates: GatesOfRuns,
        ctx: RunContext[AgentDepsT],
        call: ToolCallPart,
        executing: JsonObject,
        request_id: str | None,
    ) -> Guard:
        """The guard that uses the approval of the call; what another requester was approved is asked anew."""
        requester, asked = self._requester or requester_of(ctx), executing
        gate = gates.gate_for(requester)
        if request_id is not None:
            request = await _request_of(gate, request_id, executing, call.tool_name)
            asked = request.arguments if request.requester == gate.requester else executing
        return gate.guard(
            call.tool_name, asked, session=gates.session_of(ctx), timeout=self._timeout, wait=_UNTIL_DECIDED
        )

    # --- deciding ------------------------------------------------------------------------------

    async def _decided_during_run(
        self, ctx: RunContext[AgentDepsT], requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        requester = self._requester or requester_of(ctx)
        async with self._gates as gates:
            gate, session = gates.gate_for(requester), gates.session_of(ctx)
            answers = await _all(
                self._ask(gate, call, requests.metadata.get(call.tool_call_id, {}), session, self._waiting)
                for call in requests.approvals
            )
        results = _results(requests, answers)
        for call, answer in zip(requests.approvals, answers, strict=True):
            if answer.result is None and answer.request is not None:  # for whoever resumes the run
                requests.metadata[call.tool_call_id] = _metadata(requests, call, answer.request)
        return results if results.approvals else None

    async def _ask(
        self, gate: Gate, call: ToolCallPart, metadata: dict[str, Any], session: str | None, waiting: Waiting
    ) -> _Answer:
        try:
            request = await gate.decision(
                call.tool_name,
                raw_arguments(call),
                reason=next((metadata[key] for key in _REASONS if isinstance(metadata.get(key), str)), None),
                session=session,
                timeout=self._timeout,
                wait=waiting,
            )
        except ApprovalPending as pending:
            return _Answer(None, pending.request)
        except NotApproved as refusal:
            return _Answer(ToolDenied(str(refusal)), refusal.request)
        except InvalidInput as error:
            return _Answer(ToolDenied(str(error)))
        return _Answer(_approval(request), request)

    async def _decision(
        self, gates: GatesOfRuns, call: ToolCallPart, metadata: dict[str, Any], waiting: Waiting
    ) -> _Answer:
        gate = gates.gate_for(self._requester or requester_of(None))
        request_id = _request_id(metadata)
        if request_id is None:
            return await self._ask(gate, call, metadata, None, waiting)
        request = await _request_of(gate, request_id, raw_arguments(call), call.tool_name)
        if request.status == PENDING and waiting.hold != 0:
            store = await gate.requester_store()
            request = await store.wait(request.id, timeout=waiting.hold)
        if request.status == PENDING:
            return _Answer(None, request)
        if request.status == APPROVED:
            return _Answer(_approval(request), request)
        if request.status == CONSUMED:
            ended = "how it ended is not known" if request.outcome is None else f"it {_ENDED[request.outcome]}"
            return _Answer(ToolDenied(f"The call was started before, and {ended}. It is not run again."), request)
        try:
            raise_not_approved(request)
        except NotApproved as refusal:
            return _Answer(ToolDenied(str(refusal)), request)


def approve_in_console(
    gate: Gate | None = None,
    *,
    requester: str | None = None,
    wait: bool | Duration = True,
    timeout: Duration | None = None,
) -> ConsoleApprovals[Any]:
    """The capability that answers PydanticAI's deferred calls with what a person decides in the console.

    `gate` says where and as whom to ask; without it the requester is `requester`, else the agent's name, and the store
    the default one. `wait`: True waits until somebody decided or the request's `timeout` has passed; False, or a
    duration, ends the run with DeferredToolRequests where nobody has, and `decisions` gives a later run the results.
    """
    return ConsoleApprovals(gate, requester=requester, wait=wait, timeout=timeout)


_ENDED = {"succeeded": "succeeded", "failed": "failed", "not_run": "did not run"}


def _waiting(wait: bool | Duration) -> Waiting:
    """Only who waits to the end withdraws what it asked when it is interrupted; others come back for it."""
    if wait is True:
        return _UNTIL_DECIDED
    return Waiting(hold=0 if wait is False else parse_duration(wait), heeds_policy=False, is_withdrawn=False)


def _approval(request: Request | None) -> ToolApproved:
    return ToolApproved(override_args=None if request is None else request.edited_arguments)


def _metadata(requests: DeferredToolRequests, call: ToolCallPart, request: Request | None) -> dict[str, Any]:
    told = requests.metadata.get(call.tool_call_id, {})
    return {**told, METADATA: {"request": None if request is None else request.id}}


def _request_id(metadata: dict[str, Any]) -> str | None:
    """The request that the metadata of a call names; None where it names none."""
    said = metadata.get(METADATA)
    request_id = said.get("request") if isinstance(said, dict) else None
    return request_id if isinstance(request_id, str) else None


def _results(requests: DeferredToolRequests, answers: list[_Answer]) -> DeferredToolResults:
    said = [(call, answer) for call, answer in zip(requests.approvals, answers, strict=True) if answer.result]
    return requests.build_results(
        approvals={call.tool_call_id: answer.result for call, answer in said if answer.result is not None},
        metadata={call.tool_call_id: _metadata(requests, call, answer.request) for call, answer in said},
        answered_by={
            call.tool_call_id: answer.request.decisions[-1].reviewer
            for call, answer in said
            if answer.request is not None and answer.request.decisions
        },
    )


async def _request_of(gate: Gate, request_id: str, arguments: JsonObject, tool: str) -> Request:
    """The request that was asked for a call with these arguments; raises InvalidInput where it is about another one."""
    request = await (await gate.requester_store()).get(request_id)
    if request.tool == tool and _is_about(request, arguments):
        return request
    raise InvalidInput(
        f"Request {request_id} is not about this call of {quoted_name(tool)}.",
        not_done="The call did not run.",
        to_do="Resume with the messages and requests that belong together.",
    )


def _is_about(request: Request, arguments: JsonObject) -> bool:
    """Whether these are the agent's arguments, or what a reviewer put in their place."""
    asked = canonical_json(arguments)
    return asked in (canonical_json(request.arguments), canonical_json(request.effective_arguments))


async def _all(work: Iterable[Coroutine[Any, Any, _Answer]]) -> list[_Answer]:
    """What each brings; where one fails, the others are broken off and have taken back what they asked."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
