"""A stand-in for Anthropic's Messages API: it calls the tools of a script, one turn after the other, and is done."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.coding_agents.loopback import Json, LoopbackModel

_ids = itertools.count(1)


@dataclass(frozen=True)
class ToolCall:
    """A call that the model makes; the agent gives the id back with what became of it."""

    tool: str
    arguments: Json
    id: str = field(default_factory=lambda: f"toolu_{next(_ids):04d}")


def bash(command: str) -> ToolCall:
    """A shell command."""
    return ToolCall("Bash", {"command": command, "description": "What the script says"})


Turns = Sequence[Sequence[ToolCall]]


class ClaudeModel(LoopbackModel):
    """Makes the calls of one turn at once, and those of the next when it was told what became of them.

    `subagents` are the turns of conversations that begin with a text, by what stands in that text.
    """

    def __init__(self, turns: Turns, subagents: Mapping[str, Turns] | None = None) -> None:
        super().__init__()
        self._turns = turns
        self._subagents = subagents or {}
        self._lock = threading.Lock()
        self._told: dict[str, Json] = {}

    def answer(self, path: str, body: Json) -> Json | Iterable[Json] | None:
        """See `LoopbackModel`."""
        if "count_tokens" in path:
            return {"input_tokens": 10}
        if not path.split("?")[0].endswith("/messages"):
            return None
        with self._lock:
            self.asked.append(body)
            self._told |= {block["tool_use_id"]: block for block in _blocks(body) if block.get("type") == "tool_result"}
        calls = self._next_turn(body) if body.get("tools") else ()
        blocks = [{"type": "tool_use", "id": call.id, "name": call.tool, "input": call.arguments} for call in calls]
        message = _message(body, blocks or [{"type": "text", "text": "All done."}])
        return list(_stream(message)) if body.get("stream") else message

    def told(self, call: ToolCall) -> str:
        """What it was told of the call that it made; empty while nothing."""
        with self._lock:
            block = self._told.get(call.id, {})
        content = block.get("content", "")
        return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)

    def _next_turn(self, body: Json) -> Sequence[ToolCall]:
        first = json.dumps(body["messages"][0])
        turns = next((turns for word, turns in self._subagents.items() if word in first), self._turns)
        answered = {block["tool_use_id"] for block in _blocks(body) if block.get("type") == "tool_result"}
        return next((turn for turn in turns if not answered & {call.id for call in turn}), ())


def _blocks(body: Json) -> Iterator[Json]:
    for message in body.get("messages", ()):
        content = message.get("content")
        yield from content if isinstance(content, list) else ()


def _message(body: Json, blocks: list[Json]) -> Json:
    return {
        "id": f"msg_{next(_ids)}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": blocks,
        "stop_reason": "tool_use" if blocks[0]["type"] == "tool_use" else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _stream(message: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    for index, block in enumerate(message["content"]):
        start, delta = _in_pieces(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending: dict[str, Any] = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


def _in_pieces(block: Json) -> tuple[Json, Json]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    return {**block, "input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
