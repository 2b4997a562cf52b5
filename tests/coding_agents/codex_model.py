"""A stand-in for OpenAI's Responses API: it makes the calls of a script, one turn after the other, and is done."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterable, Iterator, Sequence

from tests.coding_agents.loopback import Json, LoopbackModel

_ids = itertools.count(1)
_OUTPUTS = ("function_call_output", "custom_tool_call_output", "mcp_tool_call_output")


def shell(command: str, **extra: object) -> Json:
    """A shell command."""
    return function_call("exec_command", {"cmd": command, **extra})


def escalated(command: str) -> Json:
    """A shell command that is to run outside of the sandbox, which Codex asks its user about."""
    return shell(command, sandbox_permissions="require_escalated", justification="May I?")


def function_call(name: str, arguments: Json, namespace: str | None = None) -> Json:
    """A call of a tool; `namespace` is that of a server's tool."""
    call = {"type": "function_call", "call_id": f"call_{next(_ids)}", "name": name, "arguments": json.dumps(arguments)}
    return call if namespace is None else {**call, "namespace": namespace}


def apply_patch(patch: str) -> Json:
    """A patch of files."""
    given = {"name": "apply_patch", "input": patch, "status": "completed"}
    return {"type": "custom_tool_call", "call_id": f"call_{next(_ids)}", **given}


class CodexModel(LoopbackModel):
    """Makes the calls of one turn at once, and those of the next when it was told what became of them."""

    def __init__(self, turns: Sequence[Sequence[Json]]) -> None:
        super().__init__()
        self._turns = turns
        self._lock = threading.Lock()
        self._told: dict[str, object] = {}

    def answer(self, path: str, body: Json) -> Json | Iterable[Json] | None:
        """See `LoopbackModel`."""
        if not path.split("?")[0].endswith("/responses"):
            return None
        told = {item["call_id"]: item.get("output") for item in body.get("input") or () if item.get("type") in _OUTPUTS}
        with self._lock:
            self.asked.append(body)
            self._told |= told
        is_of_the_turn = bool(body.get("tools"))  # titles of threads and the like are asked for without
        left = (turn for turn in self._turns if not told.keys() & {call["call_id"] for call in turn})
        turn = next(left, None) if is_of_the_turn else None
        return list(_stream(turn or [_text("All done.")]))

    def told(self, call: Json) -> str:
        """What it was told of the call that it made; empty while nothing."""
        with self._lock:
            output = self._told.get(call["call_id"], "")
        return output if isinstance(output, str) else json.dumps(output)


def _text(message: str) -> Json:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": message}]}


def _stream(items: Sequence[Json]) -> Iterator[Json]:
    response = f"resp_{next(_ids)}"
    yield {"type": "response.created", "response": {"id": response}}
    for index, item in enumerate(items):
        named = {**item, "id": f"item_{next(_ids)}"}
        yield {"type": "response.output_item.added", "output_index": index, "item": named}
        yield {"type": "response.output_item.done", "output_index": index, "item": named}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **details}
    yield {"type": "response.completed", "response": {"id": response, "output": [], "usage": usage}}
