"""The console as the answer to PydanticAI's own deferred tool calls: during the run, or in a later process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, SkipToolExecution, ToolFailed
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import (
    AgentDepsT,
    DeferredToolRequests,
    DeferredToolResults,
    ToolApproved,
    ToolDefinition,
    ToolDenied,
)

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import ApprovalPending, ApprovalTuiError, InvalidInput, NotApproved
from approval_tui.domain.lifecycle import APPROVED, CONSUMED, PENDING
from approval_tui.domain.models import Request
from approval_tui.gate import Gate, Waiting
from approval_tui.gate.attempt import HOWEVER_LONG
from approval_tui.gate.gate import Duration
from approval_tui.gate.guard import EDIT_UNFIT, Guard
from approval_tui.gate.refusals import raise_not_approved
from approval_tui.gate.steps import to_the_end
from approval_tui.integrations.deferred_answers import (
    METADATA,
    Answer,
    all_of,
    approval_of,
    has_to_be_used_at_once,
    metadata_of,
    request_for,
    request_id_in,
    results_of,
    started_before,
    waiting_of,
)
from approval_tui.integrations.run_identity import GatesOfRuns, approved, requester_of, take_approval
from approval_tui.integrations.shown_arguments import (
    Shown,
    edit_fits,
    raw_arguments,
    refuse_lost,
    same_json,
)
from approval_tui.integrations.told_result import with_edit_told

_NOT_WHAT_WAS_APPROVED = "What was approved is not what was about to run, so it did not run. Ask again."
_RUN_ENDED = "the run that asked ended without it"
_REASONS = ("approval_reason", "approval_description")


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
        self._waiting = waiting_of(wait)
        self._timeout = timeout
        #: Of the runs that have not ended: the calls that were asked, with the request where the run made it.
        self._asked: defaultdict[str | None, dict[str, Request | None]] = defaultdict(dict)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    async def __call__(self, ctx: RunContext[AgentDepsT], requests: DeferredToolRequests) -> DeferredToolResults | None:
        """The same as a bare handler, `HandleDeferredToolCalls(handler=approve_in_console())`.

        A handler does not see its calls run: their approvals are used before, and their claims come into doubt.
        """
        async with self._gates as gates:
            results = await self._decided_during_run(ctx, requests, is_used_at_once=True)
            self._asked.pop(ctx.run_id, None)
            for call in requests.approvals:
                verdict = None if results is None else results.approvals.get(call.tool_call_id)
                if results is None or not isinstance(verdict, ToolApproved):
                    continue
                named = results.metadata.get(call.tool_call_id, {})
                request_id = request_id_in(named)
                named.pop(METADATA, None)
                gate = gates.gate_for(self._requester or requester_of(ctx))
                executing = raw_arguments(call) if verdict.override_args is None else verdict.override_args
                request = await self._used(gate, call.tool_name, executing, request_id, gates.session_of(ctx))
                if isinstance(request, ToolDenied):
                    results.approvals[call.tool_call_id] = request
        return results

    async def decisions(self, requests: DeferredToolRequests, *, wait: bool | Duration = True) -> DeferredToolResults:
        """What was decided on the calls with which an earlier run ended, maybe in another process.

        Waits for those that are still open, unless `wait` says for how long; what is open then has no result. A call
        that was started before has the result that it is not run again. The agent that goes on with the results needs
        this capability, too, which uses the approvals. Calls that no console asked are asked here, as `requester`.
        Raises InvalidInput for a call that is not the one that was asked, RequestNotFound and StoreUnavailable.
        """
        waiting = waiting_of(wait)
        async with self._gates as gates:
            answers = await all_of(
                self._decision(gates, call, requests.metadata.get(call.tool_call_id, {}), waiting)
                for call in requests.approvals
            )
        return results_of(requests, answers)

    # --- the life of a run ---------------------------------------------------------------------

    async def wrap_run(self, ctx: RunContext[AgentDepsT], *, handler: Any) -> Any:
        """Withdraws what the run asked and will not come back for: it failed, or others answered."""
        try:
            result = await handler()
        except BaseException:
            await self._forget(ctx)
            raise
        output = result.output
        if isinstance(output, DeferredToolRequests):
            for call in output.approvals:  # somebody comes back for these, and finds their requests by this
                request = self._asked[ctx.run_id].pop(call.tool_call_id, None)
                if request is not None:
                    output.metadata[call.tool_call_id] = metadata_of(output, call, request)
        await self._forget(ctx)
        return result

    async def _forget(self, ctx: RunContext[AgentDepsT]) -> None:
        left = [request for request in self._asked.pop(ctx.run_id, {}).values() if request is not None]
        if left:
            await to_the_end(self._withdraw(ctx, left), lambda _: None)

    async def wrap_tool_execute(
        self,
        ctx: RunContext[AgentDepsT],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        """Uses the approval of a call that the console approved, runs it, and reports how it ended.

        Of a reviewer's edit the model is told beside the result.
        """
        metadata = ctx.tool_call_metadata
        if not ctx.tool_call_approved or not isinstance(metadata, dict) or METADATA not in metadata:
            return await handler(args)
        if take_approval(ctx, args, tool_def):  # by another console of the same agent
            with approved(ctx, args, tool_def):
                return await handler(args)
        executing = raw_arguments(call)
        async with AsyncExitStack() as stack:
            gates = await stack.enter_async_context(self._gates)
            gate = gates.gate_for(self._requester or requester_of(ctx))
            is_of_this_run = call.tool_call_id in self._asked.get(ctx.run_id, {})
            try:
                guard = await self._guard(
                    gate,
                    call.tool_name,
                    executing,
                    request_id_in(metadata),
                    gates.session_of(ctx),
                    is_asked_anew=is_of_this_run,
                    waiting=self._waiting_for(ctx, call, HOWEVER_LONG),
                )
                guarded = await stack.enter_async_context(guard)
            except NotApproved as refusal:
                raise ToolFailed(str(refusal)) from refusal
            except _StartedBefore as started:
                raise ToolFailed(str(started)) from None
            self._asked.get(ctx.run_id, {}).pop(call.tool_call_id, None)
            if not same_json(guarded.arguments, executing):
                guarded.did_not_run()
                raise ToolFailed(_NOT_WHAT_WAS_APPROVED)
            try:
                refuse_lost(call.tool_name, Shown(executing), args, tool_def)
            except InvalidInput as error:
                guarded.withdraw(str(error))
                raise ToolFailed(str(error)) from error
            try:
                with approved(ctx, args, tool_def):
                    return with_edit_told(await handler(args), guarded)
            except (ApprovalRequired, SkipToolExecution):
                guarded.did_not_run()  # the tool asks for itself, or another capability answers for it
                raise
            except CallDeferred as error:  # the tool began its work, and somebody else ends it
                put_off = error
        raise put_off

    def _waiting_for(self, ctx: RunContext[AgentDepsT], call: ToolCallPart, waiting: Waiting) -> Waiting:
        """How the run waits for the call, remembering which request it makes for it."""

        def remember(request: Request) -> None:
            self._asked[ctx.run_id][call.tool_call_id] = request

        return waiting._replace(on_created=remember)

    # --- deciding ------------------------------------------------------------------------------

    async def _decided_during_run(
        self, ctx: RunContext[AgentDepsT], requests: DeferredToolRequests, *, is_used_at_once: bool = False
    ) -> DeferredToolResults | None:
        async with self._gates as gates:
            gate, session = gates.gate_for(self._requester or requester_of(ctx)), gates.session_of(ctx)
            answers = await all_of(
                self._asked_during_run(gate, ctx, call, requests.metadata.get(call.tool_call_id, {}), session)
                for call in requests.approvals
            )
            for call, answer in zip(requests.approvals, answers, strict=True):
                if answer.result is None:  # for whoever resumes the run
                    requests.metadata[call.tool_call_id] = metadata_of(
                        requests, call, answer.request, is_used_at_once=is_used_at_once
                    )
                elif isinstance(answer.result, ToolApproved) and not edit_fits(ctx, call, answer.result.override_args):
                    # The framework tells the model why; what nobody can use is withdrawn.
                    await self._withdraw(ctx, [] if answer.request is None else [answer.request], EDIT_UNFIT)
        results = results_of(requests, answers)
        return results if results.approvals else None

    async def _asked_during_run(
        self,
        gate: Gate,
        ctx: RunContext[AgentDepsT],
        call: ToolCallPart,
        metadata: dict[str, Any],
        session: str | None,
    ) -> Answer:
        self._asked[ctx.run_id][call.tool_call_id] = None
        return await self._ask(gate, call, metadata, session, self._waiting_for(ctx, call, self._waiting))

    async def _ask(
        self, gate: Gate, call: ToolCallPart, metadata: dict[str, Any], session: str | None, waiting: Waiting
    ) -> Answer:
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
            return Answer(None, pending.request)
        except NotApproved as refusal:
            return Answer(ToolDenied(str(refusal)), refusal.request)
        except InvalidInput as error:
            return Answer(ToolDenied(str(error)))
        return Answer(approval_of(request), request)

    async def _decision(
        self, gates: GatesOfRuns, call: ToolCallPart, metadata: dict[str, Any], waiting: Waiting
    ) -> Answer:
        gate = gates.gate_for(self._requester or requester_of(None))
        request_id, arguments = request_id_in(metadata), raw_arguments(call)
        if request_id is None:
            return await self._ask(gate, call, metadata, None, waiting)
        request = await request_for(gate, request_id, arguments, call.tool_name)
        if request.status == PENDING and waiting.hold != 0:
            store = await gate.requester_store()
            request = await store.wait(request.id, timeout=waiting.hold)
        if request.status == PENDING:
            return Answer(None, request)
        if request.status == CONSUMED:
            return Answer(ToolDenied(started_before(request)), request)
        if request.status != APPROVED:
            try:
                raise_not_approved(request)
            except NotApproved as refusal:
                return Answer(ToolDenied(str(refusal)), request)
        if has_to_be_used_at_once(metadata):
            own = gates.gate_for(self._requester or request.requester)
            used = await self._used(own, call.tool_name, request.effective_arguments, request.id, request.session)
            return Answer(used or approval_of(request), request, is_used=True)
        return Answer(approval_of(request), request)

    # --- using approvals -----------------------------------------------------------------------

    async def _guard(
        self,
        gate: Gate,
        tool: str,
        executing: JsonObject,
        request_id: str | None,
        session: str | None,
        *,
        is_asked_anew: bool,
        waiting: Waiting = HOWEVER_LONG,
    ) -> Guard:
        """The guard that uses the approval of the call; what another requester was approved is asked anew.

        So is a call whose approval the same call of the same run used; one that was used before raises _StartedBefore.
        """
        asked = executing
        if request_id is not None:
            request = await request_for(gate, request_id, executing, tool)
            if request.requester == gate.requester:
                asked = request.arguments
                if request.status == CONSUMED and not is_asked_anew:
                    raise _StartedBefore(started_before(request))
        return gate.guard(tool, asked, session=session, timeout=self._timeout, wait=waiting)

    async def _used(
        self, gate: Gate, tool: str, executing: JsonObject, request_id: str | None, session: str | None
    ) -> ToolDenied | None:
        """Uses the approval now, for a call that nobody here sees run; its claim is left open."""
        guard = await self._guard(gate, tool, executing, request_id, session, is_asked_anew=True)
        try:
            guarded = await guard.__aenter__()
        except NotApproved as refusal:
            return ToolDenied(str(refusal))
        if same_json(guarded.arguments, executing):
            return None
        guarded.did_not_run()
        await guard.__aexit__(None, None, None)
        return ToolDenied(_NOT_WHAT_WAS_APPROVED)

    async def _withdraw(
        self, ctx: RunContext[AgentDepsT], requests: Iterable[Request], reason: str = _RUN_ENDED
    ) -> None:
        """Withdraws those that nobody has used, as far as the store lets it."""
        open_requests = list(requests)
        if not open_requests:
            return
        async with self._gates as gates:
            gate = gates.gate_for(self._requester or requester_of(ctx))
            for request in open_requests:
                with suppress(ApprovalTuiError):
                    store = await gate.requester_store()
                    await store.cancel(request.id, requester=request.requester, reason=reason)


class _StartedBefore(Exception):
    """The call's approval was used in an earlier run."""


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
