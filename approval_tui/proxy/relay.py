"""The two directions between a client and a server: what goes on as it is, what is judged, what is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import PolicyError
from approval_tui.gate import Gate
from approval_tui.proxy.answers import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, error_answer
from approval_tui.proxy.batches import ERA_OF_BATCHES, MOST_IN_BATCH, Batch
from approval_tui.proxy.client_pipes import ClientGone, ClientPipes
from approval_tui.proxy.frames import FrameRefused, Id, as_id, id_within, parse_frame
from approval_tui.proxy.lines import Line
from approval_tui.proxy.messages import (
    CANCELLED,
    INITIALIZE,
    INITIALIZED,
    NOTIFICATION,
    REQUEST,
    RESPONSE,
    TASK_RESULT,
    TOOLS_CALL,
    TOOLS_LIST,
    VERSION_KEY,
    InvalidParams,
    Message,
    read_message,
    read_tool_call,
)
from approval_tui.proxy.open_requests import MOST_OPEN, OpenRequests, Reply, Waiter
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.server_side import ServerSide
from approval_tui.proxy.tally import REFUSED, Tally
from approval_tui.proxy.tool_calls import OpenCall, ToolCalls
from approval_tui.proxy.tool_lists import ListUnusable, check_policy_against_server, without_hidden
from approval_tui.proxy.upstream import AnswerLost, Upstream, UpstreamEnded

LONGEST_END = 10.0
"""Seconds that the store has at the end to be told what became of the last calls."""

_LONGEST_STOP = 0.5
"""Seconds that everything else waits for one call, which may be waiting for a store that another program holds."""

_log = logging.getLogger("approval_tui.proxy")


class Relay:
    """Reads what either side says and passes it on; a `tools/call` reaches the server only through ToolCalls."""

    def __init__(
        self, client: ClientPipes, upstream: Upstream, gate: Gate, options: ProxyOptions, tally: Tally
    ) -> None:
        self._client = client
        self._server = ServerSide(upstream)
        self._gate = gate
        self._tally = tally
        self._calls = ToolCalls(gate, options, self._server.call, client.send, tally)
        self._open = OpenRequests()
        self._open_calls: dict[Id, OpenCall] = {}
        self._batched: dict[Id, Reply] = {}
        """What takes the answers to requests that came in a batch."""
        self._tasks: dict[asyncio.Task[None], OpenCall | None] = {}
        self._is_answered = asyncio.Event()
        self._era = ""

    # --- from the client -----------------------------------------------------------------------

    async def read_client(self) -> None:
        """Handles what the client says until it says no more; raises ClientGone where nobody reads the answers."""
        while (line := await self._client.receive()) is not None:
            await self._from_client(line)

    async def _from_client(self, line: Line) -> None:
        try:
            value = _value_of(line)
        except FrameRefused as refused:
            await self._refuse(refused, id_within(line.data), PARSE_ERROR, self._client.send)
            return
        if type(value) is list:
            await self._take_batch(value)
        else:
            await self._take(value, self._client.send)

    async def _take_batch(self, items: list[Any]) -> None:
        """Each of the messages by itself, and one batch of their answers (MCP 2025-03-26, and no other)."""
        if self._era != ERA_OF_BATCHES or not items or any(type(item) is not dict for item in items):
            refused = FrameRefused("it is a list, which this protocol's version has not, or not like that")
            await self._refuse(refused, None, INVALID_REQUEST, self._client.send)
            return
        if len(items) > MOST_IN_BATCH:
            refused = FrameRefused(f"it is a batch of more than {MOST_IN_BATCH:,} messages")
            await self._refuse(refused, None, INVALID_REQUEST, self._client.send)
            return
        batch = Batch(self._client.send)
        for item in items:
            await self._take(item, batch.reply(is_awaited="id" in item and "method" in item))
        await batch.close()

    async def _take(self, value: Any, reply: Reply) -> None:
        try:
            message = read_message(value)
        except FrameRefused as refused:
            await self._refuse(refused, as_id(value.get("id")) if type(value) is dict else None, INVALID_REQUEST, reply)
            return
        if message.kind == REQUEST:
            await self._take_request(message, reply)
        elif message.method == TOOLS_CALL:
            self._tally.count(REFUSED)
            _log.warning("a %s without an id was not passed on: nobody could be told what became of it", TOOLS_CALL)
        elif message.method == CANCELLED:
            await self._take_cancellation(message)
        else:
            with suppress(UpstreamEnded):
                await self._server.send(message.value)
            if message.method == INITIALIZED:
                self._check_policy({})

    async def _take_request(self, message: Message, reply: Reply) -> None:
        assert message.id is not None
        if self._open.has(message.id):
            refused = FrameRefused("its id is that of a request which is not answered yet")
            await self._refuse(refused, message.id, INVALID_REQUEST, reply)
        elif self._open.count >= MOST_OPEN:
            refused = FrameRefused(f"{MOST_OPEN:,} requests are not answered yet")
            await self._refuse(refused, message.id, INTERNAL_ERROR, reply)
        elif message.method == TOOLS_CALL:
            try:
                call = read_tool_call(message)
            except InvalidParams as invalid:
                self._tally.count(REFUSED)
                _log.warning("a %s was refused: %s", TOOLS_CALL, invalid.why)
                await reply(error_answer(message.id, INVALID_PARAMS, f"Invalid parameters: {invalid.why}."))
                return
            self._begin(message.id, reply)
            opened = self._open_calls[message.id] = OpenCall(call, reply)
            self._start(self._answer_call(opened), opened)
        else:
            self._begin(message.id, reply)
            waiter = Waiter(partial(self._answered, message, reply), partial(self._unanswerable, message.id, reply))
            try:
                await self._server.request(message.value, waiter)
            except UpstreamEnded:
                self._end(message.id)
                await reply(error_answer(message.id, INTERNAL_ERROR, "The server cannot be reached with that."))
                return
        self._note_version(message)

    async def _answer_call(self, opened: OpenCall) -> None:
        try:
            answer = await self._calls.answer(opened)
        except Exception as error:  # a client that is told nothing waits for ever
            _log.exception("unexpected error; this is a defect in approval-tui")
            ran = "nobody knows whether the call ran" if opened.is_forwarded else "the call did not run"
            answer = error_answer(opened.call.id, INTERNAL_ERROR, f"Unexpected {type(error).__name__}; {ran}.")
        if self._server.has_ended and self._open.is_given_up(opened.call.id):
            return  # what was cancelled gets no answer of ours
        with suppress(ClientGone):
            await opened.reply(answer)

    async def _take_cancellation(self, message: Message) -> None:
        """Gives up what is held here, and passes on what names another open request in a way that all readers share.

        A call that some server takes for cancelled, and we do not, would be taken for one that failed.
        """
        request_id = as_id(message.params.get("requestId"))
        if request_id is None or not self._open.has_exactly(request_id):
            _log.debug("a cancellation of no open request was not passed on")
            return
        opened = self._open_calls.get(request_id)
        if opened is not None and not opened.is_forwarded:
            await self._give_up_hold(opened)
            return
        known = {key: value for key, value in message.params.items() if key in ("requestId", "reason", "_meta")}
        await self._give_up(request_id)
        with suppress(UpstreamEnded):
            await self._server.send({"jsonrpc": "2.0", "method": CANCELLED, "params": known})

    async def _give_up_hold(self, opened: OpenCall) -> None:
        """Ends the wait for a person; the request stays pending, as for a client that timed out."""
        in_batch = self._batched.pop(opened.call.id, None)
        await self._cancel([task for task, held in self._tasks.items() if held is opened], _LONGEST_STOP)
        if in_batch is not None:  # what is cancelled gets no answer (MCP, cancellation), but a batch waits for one
            said = "The call was cancelled; it did not run."
            await in_batch(error_answer(opened.call.id, INVALID_REQUEST, said))

    async def _give_up(self, request_id: Id) -> None:
        """The client wants no answer any more; one that never comes must not take room for ever."""
        oldest = self._open.give_up(request_id)
        self._is_answered.set()
        if request_id in self._open_calls:
            self._open_calls[request_id].is_cancelled = True
        in_batch = self._batched.pop(request_id, None)
        if in_batch is not None:
            await in_batch(error_answer(request_id, INVALID_REQUEST, "The request was cancelled."))
        if oldest is not None:
            self._server.forget(oldest)
            tasks = [task for task, opened in self._tasks.items() if opened and opened.call.id == oldest]
            await self._cancel(tasks, _LONGEST_STOP)

    async def _refuse(self, refused: FrameRefused, request_id: Id | None, code: int, reply: Reply) -> None:
        self._tally.count(REFUSED)
        _log.warning("a message of the client was refused: %s", refused.why)
        await reply(error_answer(request_id, code, f"The message was refused: {refused.why}."))

    # --- from the server -----------------------------------------------------------------------

    async def read_server(self) -> None:
        """Handles what the server says until it says no more; raises ClientGone where nobody reads it."""
        while (line := await self._server.receive()) is not None:
            try:
                value = _value_of(line)
            except FrameRefused as refused:
                await self._refuse_server(refused, id_within(line.data))
                continue
            for item in value if type(value) is list and self._era == ERA_OF_BATCHES else [value]:
                try:
                    message = read_message(item)
                except FrameRefused as refused:
                    await self._refuse_server(refused, as_id(item.get("id")) if type(item) is dict else None)
                else:
                    await self._from_server(message)

    async def _from_server(self, message: Message) -> None:
        if message.kind != RESPONSE:
            if message.kind == NOTIFICATION:
                await self._calls.observe(message.method, message.params)
            await self._client.send(message.value)
        elif message.id is None:
            await self._client.send(message.value)
        else:
            await self._server.answered(message.id, message.value)

    async def _answered(self, asked: Message, reply: Reply, answer: JsonObject) -> None:
        """Passes an answer on; what a list of tools hides is taken out first."""
        assert asked.id is not None
        self._end(asked.id)
        result = answer.get("result")
        if result is None:
            await reply(answer)
            return
        if asked.method == INITIALIZE:
            version = result.get("protocolVersion")
            self._era = version if isinstance(version, str) else ""
        elif asked.method == TOOLS_LIST:
            answer = self._without_hidden(asked, answer)
        elif asked.method.startswith("tasks/"):
            await self._calls.observe(asked.method, asked.params, result)
            if asked.method == TASK_RESULT:
                answer = self._calls.told_of_task(asked.params.get("taskId"), answer)
        await reply(answer)

    def _without_hidden(self, asked: Message, answer: JsonObject) -> JsonObject:
        try:
            return {**answer, "result": without_hidden(answer["result"], self._gate.engine_in_force())}
        except (ListUnusable, PolicyError) as error:
            _log.error("a list of tools was refused: %s", error)
            return error_answer(asked.id, INTERNAL_ERROR, f"The list of tools cannot be filtered: {error}")

    async def _refuse_server(self, refused: FrameRefused, request_id: Id | None) -> None:
        """What the server said is dropped; whoever waits for it is told so."""
        _log.warning("a message of the server was refused: %s", refused.why)
        await self._server.unreadable(request_id, refused.why)

    async def _unanswerable(self, request_id: Id, reply: Reply, why: str) -> None:
        self._end(request_id)
        await reply(error_answer(request_id, INTERNAL_ERROR, why))

    def _begin(self, request_id: Id, reply: Reply) -> None:
        self._open.add(request_id)
        if reply != self._client.send:
            self._batched[request_id] = reply

    def _end(self, request_id: Id) -> None:
        self._open.end(request_id)
        self._batched.pop(request_id, None)
        self._is_answered.set()

    # --- our own -------------------------------------------------------------------------------

    def _note_version(self, message: Message) -> None:
        """A client of 2026-07-28 shakes no hands: its first request says with which version the server can be asked."""
        meta = message.params.get("_meta")
        if isinstance(meta, dict) and VERSION_KEY in meta:
            self._check_policy({"_meta": {key: value for key, value in meta.items() if key != "progressToken"}})

    def _check_policy(self, params: JsonObject) -> None:
        if self._server.first_list is None:
            self._server.first_list = self._start(self._warn_of_policy(params), None)

    async def _warn_of_policy(self, params: JsonObject) -> None:
        with suppress(UpstreamEnded, AnswerLost):
            await check_policy_against_server(self._server.ask, params, self._gate.engine_in_force)

    def _start(self, work: Coroutine[Any, Any, None], opened: OpenCall | None) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = opened
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        opened = self._tasks.pop(task)
        if opened is not None:  # here, since a task that is cancelled before it began does nothing itself
            opened.is_settled.set()
            opened.is_done.set()
            del self._open_calls[opened.call.id]
            self._end(opened.call.id)
        if not task.cancelled() and task.exception() is not None:
            _log.error("unexpected error; this is a defect in approval-tui", exc_info=task.exception())

    # --- the end -------------------------------------------------------------------------------

    async def finish_sending(self) -> None:
        """Gives up what waits for a person, which stays pending, and lets what may run reach the server."""
        self._calls.is_holding = False
        await self._cancel([task for task, opened in self._tasks.items() if opened is None or opened.is_only_held])
        sending = [each.is_settled.wait() for each in self._open_calls.values()]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*sending), LONGEST_END)

    async def until_answered(self) -> None:
        """Waits until nothing is unanswered."""
        while self._open.count > 0:
            self._is_answered.clear()
            await self._is_answered.wait()

    async def end_calls(self) -> None:
        """Ends the calls of a server that is gone, which answers nothing any more, and tells the client."""
        self._server.end()
        await self.finish_sending()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=LONGEST_END)
        await self._cancel(list(self._tasks))

    async def _cancel(self, tasks: list[asyncio.Task[None]], longest: float | None = None) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=longest)


def _value_of(line: Line) -> Any:
    if line.is_too_long:
        raise FrameRefused("it is too long")
    return parse_frame(line.data)
