"""JSON-RPC messages as MCP has them: what each one is, and what of it two readers could take for something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.limits import LONGEST_NAME
from approval_tui.domain.names import folded_name
from approval_tui.proxy.frames import FrameRefused, Id, as_id

TOOLS_CALL = "tools/call"
TOOLS_LIST = "tools/list"
INITIALIZE = "initialize"
INITIALIZED = "notifications/initialized"
CANCELLED = "notifications/cancelled"
PROGRESS = "notifications/progress"
TASK_STATUS = "notifications/tasks/status"
TASK_RESULT = "tasks/result"

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
"""Under which every request of 2026-07-28 says its version in `_meta`."""

REQUEST = "request"
NOTIFICATION = "notification"
RESPONSE = "response"

_JUDGED = {folded_name(method): method for method in (TOOLS_CALL, TOOLS_LIST, CANCELLED)}
_MEMBERS = ("jsonrpc", "id", "method", "params", "result", "error")
_CALL_MEMBERS = ("name", "arguments", "_meta", "task", "inputResponses", "requestState")


class InvalidParams(Exception):
    """The parameters of a `tools/call` cannot be read in one way; `why` says how so."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Message:
    """One message; `id` is None for a notification, and for an error that answers nothing in particular."""

    kind: str
    value: JsonObject
    id: Id | None = None
    method: str = ""

    @property
    def params(self) -> JsonObject:
        """Its parameters; empty where it has none."""
        return self.value.get("params") or {}


@dataclass(frozen=True)
class ToolCall:
    """A `tools/call` request: the tool, its arguments, and what the client said with them."""

    id: Id
    value: JsonObject
    name: str
    arguments: JsonObject
    progress_token: str | int | None
    is_task: bool
    continues: bool
    """Whether it goes on with a call for which the server had asked for input (2026-07-28)."""

    request_state: str | None

    def with_arguments(self, arguments: JsonObject) -> JsonObject:
        """The message with the arguments that may run in the place of the client's."""
        params: JsonObject = {**self.value["params"], "arguments": arguments}
        if not arguments and self.value["params"].get("arguments") is None:
            del params["arguments"]
        return {"jsonrpc": "2.0", "id": self.id, "method": TOOLS_CALL, "params": params}


def read_message(value: Any) -> Message:
    """The message of a frame's value; raises FrameRefused."""
    if type(value) is not dict:
        raise FrameRefused(f"it is {_kind_of(value)}, not an object")
    if any(len(key) > LONGEST_NAME for key in value):
        raise FrameRefused("a key of it is too long")
    lookalike = _lookalike(value)
    if lookalike is not None:
        raise FrameRefused(f"its key {ascii(lookalike)[:200]} could be read as another one")
    if value.get("jsonrpc") != "2.0":
        raise FrameRefused('it lacks "jsonrpc": "2.0"')
    if "method" in value:
        return _asking(value)
    if ("result" in value) == ("error" in value):
        raise FrameRefused("it has neither a method nor one of result and error")
    if "result" in value and type(value["result"]) is not dict:
        raise FrameRefused(f"its result is {_kind_of(value['result'])}, not an object")
    if "error" in value and type(value["error"]) is not dict:
        raise FrameRefused(f"its error is {_kind_of(value['error'])}, not an object")
    is_about_nothing = "error" in value and value.get("id") is None
    return Message(RESPONSE, value, None if is_about_nothing else _id(value))


def _asking(value: JsonObject) -> Message:
    method = value["method"]
    if type(method) is not str:
        raise FrameRefused(f"its method is {_kind_of(method)}, not a text")
    if "result" in value or "error" in value:
        raise FrameRefused("it has a method, and a result or an error, too")
    params = value.get("params")
    if params is not None and type(params) is not dict:
        raise FrameRefused(f"its params are {_kind_of(params)}, not an object")
    if len(method) > LONGEST_NAME:
        raise FrameRefused("its method is too long")
    meant = _JUDGED.get(folded_name(method))
    if meant is not None and method != meant:
        raise FrameRefused(f"its method {ascii(method)[:200]} could be read as {meant}")
    if "id" in value:
        return Message(REQUEST, value, _id(value), method)
    return Message(NOTIFICATION, value, None, method)


def read_tool_call(message: Message) -> ToolCall:
    """The call of a `tools/call` request; raises InvalidParams.

    A parameter that nobody would see before it runs is refused, and so is one that a careless reader (Go's
    encoding/json, for one, does not tell `Name` from `name`) takes for another.
    """
    assert message.id is not None
    params = message.params
    odd = next((key for key in params if key not in _CALL_MEMBERS), None)
    if odd is not None:
        raise InvalidParams(f"{ascii(odd)[:200]} is no parameter of {TOOLS_CALL}")
    name = params.get("name")
    if type(name) is not str:
        raise InvalidParams(f"name is {_kind_of(name)}, not a text")
    if len(name) > LONGEST_NAME:
        raise InvalidParams(f"name has {len(name):,} characters; {LONGEST_NAME} are the most")
    arguments = params.get("arguments")
    if arguments is not None and type(arguments) is not dict:
        raise InvalidParams(f"arguments are {_kind_of(arguments)}, not an object")
    meta, state = params.get("_meta"), params.get("requestState")
    if meta is not None and type(meta) is not dict:
        raise InvalidParams(f"_meta is {_kind_of(meta)}, not an object")
    if state is not None and type(state) is not str:
        raise InvalidParams(f"requestState is {_kind_of(state)}, not a text")
    return ToolCall(
        id=message.id,
        value=message.value,
        name=name,
        arguments=arguments or {},
        progress_token=as_id((meta or {}).get("progressToken")),
        is_task=params.get("task") is not None,
        continues=state is not None or params.get("inputResponses") is not None,
        request_state=state,
    )


def _id(value: JsonObject) -> Id:
    read = as_id(value.get("id"))
    if read is None:
        raise FrameRefused("its id is neither a text nor a whole number that every reader can hold")
    return read


def _lookalike(value: JsonObject) -> str | None:
    """A key that some reader takes for one of the members."""
    return next((key for key in value if key not in _MEMBERS and folded_name(key) in _MEMBERS), None)


def _kind_of(value: object) -> str:
    if value is None:
        return "missing or null"
    words = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return words.get(type(value), "an object")
