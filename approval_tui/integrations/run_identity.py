"""Who asks in a run of PydanticAI, by which gate, and whether the very call was just approved outside of it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelResponse

from approval_tui.domain.canonical import JsonObject
from approval_tui.gate import Gate
from approval_tui.gate.steps import to_the_end
from approval_tui.integrations.shown_arguments import plain_arguments, same_json

DEFAULT_REQUESTER = "pydantic-ai"


class GatesOfRuns:
    """The gate that was given, or else one for each requester, open while any run is inside."""

    def __init__(self, gate: Gate | None) -> None:
        self._given = gate
        self._own: dict[str, Gate] = {}
        self._inside = 0
        self._lock = threading.Lock()

    @property
    def is_given(self) -> bool:
        """Whether somebody said by which gate to ask."""
        return self._given is not None

    def gate_for(self, requester: str) -> Gate:
        """The gate by which that requester asks; the one that was given asks in its own name."""
        if self._given is not None:
            return self._given
        with self._lock:
            if requester not in self._own:
                self._own[requester] = Gate(requester)
            return self._own[requester]

    def session_of(self, ctx: RunContext[Any] | None) -> str | None:
        """The session to ask in: the given gate's own (None here), or the conversation of the run."""
        if ctx is None or (self._given is not None and self._given.session is not None):
            return None
        return ctx.conversation_id or ctx.run_id

    async def __aenter__(self) -> GatesOfRuns:
        with self._lock:
            self._inside += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            left, self._own = (self._own, {}) if self._inside == 0 else ({}, self._own)
        if left:  # a run that is cancelled must not leave them open
            await to_the_end(_close(left.values()), lambda _: None)


async def _close(gates: Iterable[Gate]) -> None:
    for gate in gates:
        await gate.aclose()


def requester_of(ctx: RunContext[Any] | None) -> str:
    """The name of the agent that runs, as the requester."""
    agent = None if ctx is None else ctx.agent
    return (None if agent is None else agent.name) or DEFAULT_REQUESTER


def place_of(gate: Gate, ctx: RunContext[Any] | None, tool: str) -> dict[str, Any]:
    """The context to ask in: the gate's, and the name that the model called the tool by, where that is another one.

    Two toolsets may have tools of one name, which only their prefixes tell from each other.
    """
    called = None if ctx is None else _called_name(ctx)
    return {**gate.context, **({} if called in (None, tool) else {"called_as": called})}


def _called_name(ctx: RunContext[Any]) -> str | None:
    """The name by which the model called what runs in this context."""
    last = next((message for message in reversed(ctx.messages) if isinstance(message, ModelResponse)), None)
    calls = [] if last is None else last.tool_calls
    return next((call.tool_name for call in calls if call.tool_call_id == ctx.tool_call_id), None)


@dataclass
class _Mark:
    """One call that was approved: whose, with which very objects, and how they read; and whether it was taken."""

    run: tuple[str | None, str | None]
    arguments: dict[str, Any]
    values: tuple[Any, ...]
    schema: object
    shown: JsonObject | None
    is_taken: bool = False


_APPROVED: ContextVar[_Mark | None] = ContextVar("approved_call", default=None)


@contextmanager
def approved(ctx: RunContext[Any] | None, arguments: dict[str, Any], tool: object) -> Iterator[None]:
    """Inside, this very call counts as approved, once: its objects, for its tool, as they read now."""
    mark = None
    if ctx is not None and ctx.run_id is not None:
        shown = plain_arguments(arguments)
        run = (ctx.run_id, ctx.tool_call_id)
        mark = _Mark(run, arguments, tuple(arguments.values()), _schema_of(tool), copy.deepcopy(shown))
    token = _APPROVED.set(mark)
    try:
        yield
    finally:
        _APPROVED.reset(token)


def take_approval(ctx: RunContext[Any] | None, arguments: dict[str, Any], tool: object) -> bool:
    """Whether somebody around this approved the very call; the second time not any more.

    Names do not count, because wrappers change them. What a tool's own body calls has arguments of its own.
    """
    mark = _APPROVED.get()
    if mark is None or mark.is_taken or ctx is None or (ctx.run_id, ctx.tool_call_id) != mark.run:
        return False
    values = tuple(arguments.values())
    mark.is_taken = (
        arguments is mark.arguments
        and len(values) == len(mark.values)
        and all(value is before for value, before in zip(values, mark.values, strict=True))
        and _schema_of(tool) is mark.schema
        and same_json(plain_arguments(arguments), mark.shown)
    )
    return mark.is_taken


def _schema_of(tool: object) -> object:
    """What stays the same object of a tool under whatever name it goes."""
    return getattr(getattr(tool, "tool_def", tool), "parameters_json_schema", tool)
