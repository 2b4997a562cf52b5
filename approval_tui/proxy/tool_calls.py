"""Tool calls behind the gate: judged, held while a person decides, claimed, forwarded once, and reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from approval_tui.domain.canonical import JsonObject, canonical_hash
from approval_tui.domain.errors import ApprovalTuiError, InvalidInput, InvalidJson
from approval_tui.domain.models import Request
from approval_tui.domain.names import quoted_name
from approval_tui.domain.proxy_choices import ON_PENDING_ERROR, ROLLBACK_ERROR
from approval_tui.gate import Gate, Waiting
from approval_tui.proxy.answers import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    error_answer,
    refusal_of,
    refused_result,
    with_edit_told,
)
from approval_tui.proxy.hold import Hold
from approval_tui.proxy.messages import ToolCall
from approval_tui.proxy.open_requests import Reply
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.tally import ALLOWED, APPROVED, FAILED, PENDING, REFUSED, Tally
from approval_tui.proxy.unfinished import Unfinished, UnfinishedCalls, ended_task, has_failed, task_of
from approval_tui.proxy.upstream import AnswerLost, Undelivered, UpstreamEnded

_LONGEST_ANSWER = 2000
_LONGEST_NAME = 100

_log = logging.getLogger("approval_tui.proxy")


@dataclass
class OpenCall:
    """A call that is not answered yet: it `is_held` while a person decides, then it may be forwarded.

    Until then it can simply be given up. `is_settled` is set when it was sent, or will not be.
    """

    call: ToolCall
    reply: Reply
    is_held: bool = False
    is_forwarded: bool = False
    is_cancelled: bool = False
    is_settled: asyncio.Event = field(default_factory=asyncio.Event)
    is_done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is answered and its outcome recorded."""

    @property
    def is_only_held(self) -> bool:
        """Whether nothing but a person's decision is waited for, or was until now."""
        return self.is_held and not self.is_forwarded


Forward = Callable[[JsonObject, OpenCall], Awaitable[JsonObject]]
"""Hands a call to the server and gives its answer; raises Undelivered, UpstreamEnded or AnswerLost."""


class ToolCalls:
    """Answers every `tools/call` request; only from here do any reach the server."""

    def __init__(self, gate: Gate, options: ProxyOptions, forward: Forward, notify: Reply, tally: Tally) -> None:
        self._gate = gate
        self._options = options
        self._forward = forward
        self._notify = notify
        self._tally = tally
        self._unfinished = UnfinishedCalls()
        self.is_holding = True
        """Whether calls may wait for a person; a client that is gone waits for nothing."""

    async def answer(self, opened: OpenCall) -> JsonObject:
        """Runs the call if it may run, and gives what the client is told."""
        call = opened.call
        if call.continues:
            return await self._continued(opened)
        lookalike = self._lookalike(call)
        if lookalike is not None:
            self._tally.count(REFUSED)
            name, other = quoted_name(call.name, _LONGEST_NAME), quoted_name(lookalike, _LONGEST_NAME)
            return error_answer(call.id, INVALID_PARAMS, f"{name} could be read as {other}, another tool.")
        stack = AsyncExitStack()
        hold = Hold(call, self._notify)

        def begin_hold(request: Request) -> None:
            opened.is_held = True
            task = asyncio.current_task()
            if not self.is_holding and task is not None:
                task.cancel()
            hold.begin(request)

        guard = self._gate.guard(
            call.name,
            call.arguments,
            wait=Waiting(hold=self._options.hold, is_withdrawn=False, on_waiting=begin_hold),
        )
        try:
            guarded = await stack.enter_async_context(guard)
        except (InvalidInput, InvalidJson) as error:
            self._tally.count(REFUSED)
            said = f"Invalid parameters of {quoted_name(call.name, _LONGEST_NAME)}: {error}"[:_LONGEST_ANSWER]
            _log.warning("a call was refused: %s", said)
            return error_answer(call.id, INVALID_PARAMS, said)
        except ApprovalTuiError as error:
            return self._refused(call, error)
        finally:
            hold.end()
        opened.is_forwarded = True  # nothing is awaited in between, so that no hold is given up half way
        self._tally.count(ALLOWED if guarded.request is None else APPROVED)
        return await self._run(Unfinished(stack, guarded, call.name, canonical_hash(call.arguments)), opened)

    async def observe(self, method: str, params: JsonObject, result: JsonObject | None = None) -> None:
        """Looks at what the server says of tasks: a call that runs as a task ends when its task does."""
        for task in ended_task(method, params, result):
            unfinished = self._unfinished.take_task(task.id)
            if unfinished is not None:
                await self._end(unfinished, task.failure, is_cancelled=task.is_cancelled)

    def _lookalike(self, call: ToolCall) -> str | None:
        try:
            engine = self._gate.engine_in_force()
        except ApprovalTuiError:
            return None  # the guard says it better
        return None if engine is None else engine.name_like(call.name)

    async def _continued(self, opened: OpenCall) -> JsonObject:
        """Goes on with a call that the server wanted input for, and with no other: its state is the server's own."""
        call = opened.call
        try:
            unfinished = self._unfinished.take(call.name, canonical_hash(call.arguments), call.request_state)
        except InvalidJson:
            unfinished = None
        if unfinished is None:
            self._tally.count(REFUSED)
            return error_answer(
                call.id,
                INVALID_PARAMS,
                f"No call of {quoted_name(call.name, _LONGEST_NAME)} with these arguments waits for that.",
            )
        opened.is_forwarded = True
        return await self._run(unfinished, opened)

    async def _run(self, unfinished: Unfinished, opened: OpenCall) -> JsonObject:
        """Forwards the call and reports what became of it; what nobody knows stays open, and comes into doubt."""
        call = opened.call
        try:
            answer = await self._forward(call.with_arguments(unfinished.call.arguments), opened)
        except Undelivered:
            if unfinished.was_delivered:
                return error_answer(call.id, INTERNAL_ERROR, "The server is gone in the middle of the call.")
            unfinished.call.did_not_run()
            await unfinished.report()
            return error_answer(call.id, INTERNAL_ERROR, "The server was not reached; the call did not run.")
        except UpstreamEnded:
            return error_answer(call.id, INTERNAL_ERROR, "The server is gone; nobody knows whether the call ran.")
        except AnswerLost as lost:
            return lost.answer
        result = answer.get("result") or {}
        if result.get("resultType") == "input_required":
            self._unfinished.keep(unfinished, result.get("requestState"))
            return answer  # for the client, and not for the model yet
        if (task_id := task_of(result)) is not None:
            self._unfinished.keep_task(unfinished, task_id)
            self._unfinished.keep_told(task_id, unfinished.call)
        else:
            await self._end(unfinished, has_failed(answer), is_cancelled=opened.is_cancelled)
        return with_edit_told(answer, unfinished.call.edit_told, unfinished.call.id)

    def told_of_task(self, task_id: object, answer: JsonObject) -> JsonObject:
        """The result of a task, with what the model is to know of a reviewer's edit of the call."""
        return with_edit_told(answer, *self._unfinished.told_of_task(task_id))

    async def _end(self, unfinished: Unfinished, failure: str | None, *, is_cancelled: bool = False) -> None:
        """Reports how the call ended; one that its client cancelled may have run half way, and is not given back."""
        if failure is not None:
            self._tally.count(FAILED)
            if self._options.rollback_on == ROLLBACK_ERROR and not is_cancelled:
                unfinished.call.did_not_run()
            else:
                unfinished.call.failed(failure)
        await unfinished.report()

    def _refused(self, call: ToolCall, error: ApprovalTuiError) -> JsonObject:
        refusal = refusal_of(call, error, self._options.store)
        self._tally.count(PENDING if refusal.is_pending else refusal.type)
        about = "" if refusal.request_id is None else f" ({refusal.request_id})"
        _log.info("%s did not run: %s%s", quoted_name(call.name), refusal.type, about)
        as_error = refusal.is_pending and self._options.on_pending == ON_PENDING_ERROR
        if as_error or call.is_task:  # the answer to a task is a task, which a refusal is not
            return error_answer(call.id, self._options.pending_code, refusal.text, refusal.data)
        return refused_result(call, refusal)
