"""Calls that the server has begun and not ended: it wants input first, or runs them as tasks."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

from approval_tui.domain.canonical import JsonObject
from approval_tui.gate.guard import GuardedCall
from approval_tui.proxy.messages import TASK_RESULT, TASK_STATUS

MOST_KEPT = 1000
"""So many of each kind; of more, the oldest stay open, and come into doubt like any call that never reports."""

_ENDED = ("completed", "failed", "cancelled")
_LONGEST_DETAIL = 1000

_Key = tuple[str, str, str | None]


@dataclass
class Unfinished:
    """A call that may run, or runs, with what reports its outcome; `arguments` is the hash of the client's own."""

    stack: AsyncExitStack
    call: GuardedCall
    tool: str
    arguments: str
    was_delivered: bool = False
    """Whether the server has begun it, so that it can never be said that it did not run."""

    async def report(self) -> None:
        """Tells the store what became of the call, once."""
        await self.stack.aclose()


class UnfinishedCalls:
    """Those for which something is still to come, by what it will be recognised by."""

    def __init__(self) -> None:
        self._wanting_input: dict[_Key, list[Unfinished]] = {}
        self._order: deque[_Key] = deque()
        self._tasks: OrderedDict[str, Unfinished] = OrderedDict()
        self._told: OrderedDict[str, tuple[str, str | None]] = OrderedDict()

    def keep(self, unfinished: Unfinished, request_state: object) -> None:
        """Keeps a call until the client sends it again with the state that the server gave it (2026-07-28, MRTR)."""
        state = request_state if isinstance(request_state, str) else None
        key = (unfinished.tool, unfinished.arguments, state)
        unfinished.was_delivered = True
        self._wanting_input.setdefault(key, []).append(unfinished)
        self._order.append(key)
        while len(self._order) > MOST_KEPT:
            self._first_of(self._order.popleft())

    def take(self, tool: str, arguments: str, request_state: str | None) -> Unfinished | None:
        """The call that goes on, once; None where none of this tool, with these arguments and this state, waits."""
        key = (tool, arguments, request_state)
        if key not in self._wanting_input:
            return None
        self._order.remove(key)
        return self._first_of(key)

    def _first_of(self, key: _Key) -> Unfinished:
        waiting = self._wanting_input[key]
        unfinished = waiting.pop(0)
        if not waiting:
            del self._wanting_input[key]
        return unfinished

    def keep_task(self, unfinished: Unfinished, task_id: str) -> None:
        """Keeps a call until its task has ended."""
        self._tasks[task_id] = unfinished
        while len(self._tasks) > MOST_KEPT:
            self._tasks.popitem(last=False)

    def keep_told(self, task_id: str, call: GuardedCall) -> None:
        """Keeps what is to be told with the task's result: that may be asked for when the task has long ended."""
        told = call.edit_told
        if told is None:
            return
        self._told[task_id] = told, call.id
        while len(self._told) > MOST_KEPT:
            self._told.popitem(last=False)

    def told_of_task(self, task_id: object) -> tuple[str | None, str | None]:
        """What is to be told of the task's call, and its request; None where nothing is."""
        return self._told.get(task_id, (None, None)) if isinstance(task_id, str) else (None, None)

    def take_task(self, task_id: str) -> Unfinished | None:
        """The call that runs as this task, once; None where none does."""
        return self._tasks.pop(task_id, None)


def task_of(result: JsonObject) -> str | None:
    """The id of the task that a call runs as from now on; None where the result is the call's own."""
    task = result.get("task")
    source = task if isinstance(task, dict) else result if result.get("resultType") == "task" else {}
    task_id = source.get("taskId")
    return task_id if isinstance(task_id, str) else None


def has_failed(answer: JsonObject) -> str | None:
    """Why a call failed, by the server's answer; None where it did not."""
    if "error" in answer:
        error = answer["error"]
        return f"JSON-RPC error {error.get('code')}: {error.get('message')}"[:_LONGEST_DETAIL]
    result = answer["result"]
    if result.get("isError") is not True:
        return None
    content = result.get("content")
    texts = [each.get("text") for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    said = next((text for text in texts if isinstance(text, str) and text), "the tool says that it failed")
    return said[:_LONGEST_DETAIL]


class EndedTask(NamedTuple):
    """A task that has ended: why it failed, if it did; one that was cancelled may have run half way."""

    id: str
    failure: str | None
    is_cancelled: bool = False


def ended_task(method: str, params: JsonObject, result: JsonObject | None) -> Iterator[EndedTask]:
    """The tasks that have ended, by what the server said of them.

    `result` is what it answered to the request of that method; None for a notification.
    """
    if result is None:
        if method == TASK_STATUS:
            yield from _ended(params)
    elif method == TASK_RESULT:
        task_id = params.get("taskId")
        if isinstance(task_id, str):
            yield EndedTask(task_id, has_failed({"result": result}))
    elif method == "tasks/list":
        tasks = result.get("tasks")
        for task in tasks if isinstance(tasks, list) else ():
            yield from _ended(task)
    else:
        yield from _ended(result)


def _ended(task: Any) -> Iterator[EndedTask]:
    if isinstance(task, dict) and isinstance(task.get("taskId"), str) and task.get("status") in _ENDED:
        failure = f"the task {task['status']}: {task.get('statusMessage') or 'the server says no more'}"
        status = task["status"]
        yield EndedTask(
            task["taskId"], None if status == "completed" else failure[:_LONGEST_DETAIL], status == "cancelled"
        )
