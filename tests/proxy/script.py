"""What a client says and hears in one whole session, written down so that two sessions can be compared.

Each step waits for what it is about, so that two sessions with one server are told the same things in one order.
"""

from __future__ import annotations

import re
from typing import Any

from tests.proxy.client import CLIENT, Message, RawClient

STATIC = "demo://resource/static/document/features.md"
DYNAMIC = "demo://resource/dynamic/text/7"
META = "io.modelcontextprotocol/"
MODERN: Message = {
    META + "protocolVersion": "2026-07-28",
    META + "clientInfo": CLIENT,
    META + "clientCapabilities": {"elicitation": {"form": {}}},
}
"""What every request of that era has in its `_meta`."""

_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "(a time)"),
    (re.compile(r"\d{1,2}:\d\d:\d\d [AP]M"), "(a time)"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "(random)"),
    (re.compile(r"[0-9a-f]{32}"), "(random)"),
    (re.compile(r"(Gathering|Analyzing|Synthesizing|Generating) \w+\.\.\."), "(so far)"),
)
"""What differs between two sessions that nothing stands in."""

_ODD_ARGUMENTS: tuple[Any, ...] = (
    {"message": "\u202e\u2028\x00\x1b]52;c;AAAA\x07 \U0001f600"},
    {"message": "twice", "MESSAGE": "TWICE", "__proto__": {"x": 1}, "more": [[], {}, None, True, -0.0, 1e-300, 2.50]},
    {"message": 2**70},
    {"message": None},
    {"message": [[[[[["deep"]]]]]]},
    {"message": "x" * 200_000},
    {},
    None,
)


class Session:
    """One session of a raw client that was just started."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self._served: set[str | int] = set()

    def heard(self) -> tuple[list[Any], list[Any]]:
        """All that the client heard, in order; and apart from it what belongs to no request, and comes at any time."""
        said = _without_varying(self.client.messages)
        return [message for message in said if not _comes_at_any_time(message)], list(filter(_comes_at_any_time, said))

    def serve(self, method: str, result: Any = None, *, error: Any = None) -> None:
        """Answers the server's next request of that method."""

        def is_it(message: Message) -> bool:
            return message.get("method") == method and "id" in message and message["id"] not in self._served

        request_id = self.client.wait_for(is_it)["id"]
        self._served.add(request_id)
        answer = {"result": result} if error is None else {"error": error}
        self.client.send({"jsonrpc": "2.0", "id": request_id, **answer})

    def hear(self, method: str, holding: str = "") -> Message:
        """Waits for the server's first notification of that method that holds the text."""
        return self.client.wait_for(lambda message: message.get("method") == method and holding in str(message))

    # --- 2025-11-25, with the server that shows everything -------------------------------------

    def run_everything(self) -> None:
        """All that MCP 2025-11-25 has, in a session with server-everything."""
        self._begin()
        self._read()
        self._call()
        self._let_the_server_ask()
        self._cancel()
        self._run_tasks()
        self.client.ask("ping")

    def _begin(self) -> None:
        client = self.client
        self._initialize()
        self.serve("roots/list", {"roots": [{"uri": "file:///tmp/a", "name": "a"}, {"uri": "file:///tmp/b"}]})
        self.hear("notifications/message", "Roots updated")
        client.ask("no/such/method", {"a": [1, {"b": None}]})
        client.ask("server/discover")
        client.ask("ping")
        client.answer(client.request("ping", {"_meta": {"x": 1}}, id="a text"))
        client.answer(client.request("ping", id="1"))
        client.answer(client.request("ping", id=-7))
        client.notify("notifications/no-such", {"a": 1})

    def _initialize(self) -> None:
        elicitation: Message = {"form": {}, "url": {}}
        for_tasks: Message = {"requests": {"sampling": {"createMessage": {}}, "elicitation": {"create": {}}}}
        capabilities = {
            "roots": {"listChanged": True},
            "sampling": {},
            "elicitation": elicitation,
            "tasks": {"list": {}, "cancel": {}, **for_tasks},
        }
        self.client.shake_hands(capabilities=capabilities)

    def _read(self) -> None:
        client = self.client
        for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
            client.ask(method)
        client.ask("tools/list", {"cursor": "no such page"})
        client.ask("prompts/get", {"name": "simple-prompt"})
        client.ask("prompts/get", {"name": "args-prompt", "arguments": {"city": "Ulm", "state": "\u00df\ud83d"}})
        client.ask("prompts/get", {"name": "args-prompt"})
        client.ask("prompts/get", {"name": "no-such-prompt"})
        client.ask("resources/read", {"uri": STATIC})
        client.ask("resources/read", {"uri": DYNAMIC})
        client.ask("resources/read", {"uri": "demo://no/such"})
        client.ask("completion/complete", _completion({"type": "ref/prompt", "name": "completable-prompt"}, "S"))
        client.ask("completion/complete", _completion({"type": "ref/prompt", "name": "no-such-prompt"}, "S"))
        template = {"type": "ref/resource", "uri": "demo://resource/dynamic/text/{resourceId}"}
        client.ask("completion/complete", {"ref": template, "argument": {"name": "resourceId", "value": "4"}})
        client.ask("logging/setLevel", {"level": "debug"})
        client.ask("logging/setLevel", {"level": "loud"})
        client.ask("resources/subscribe", {"uri": DYNAMIC})
        client.call("toggle-subscriber-updates", {})
        self.hear("notifications/resources/updated")
        client.call("toggle-subscriber-updates", {})
        client.ask("logging/setLevel", {"level": "error"})
        client.ask("resources/unsubscribe", {"uri": DYNAMIC})

    def _call(self) -> None:
        client = self.client
        client.call("echo", {"message": "hello"})
        for arguments in _ODD_ARGUMENTS:
            client.call("echo", arguments)
        client.call("no-such-tool", {})
        client.call("get-sum", {"a": 1, "b": 2.5})
        client.call("get-sum", {"a": "one"})
        client.call("get-tiny-image", {})
        client.call("get-annotated-message", {"messageType": "error", "includeImage": True})
        client.call("get-structured-content", {"location": "Chicago"})
        client.call("get-resource-links", {"count": 1})
        client.call("get-resource-reference", {"resourceType": "Text", "resourceId": 3})
        client.call("gzip-file-as-resource", {"name": "a.gz", "data": "data:text/plain,hello"})
        self.hear("notifications/resources/list_changed")
        for token in ("a token", 0):
            arguments = {"duration": 0.03, "steps": 3}
            client.call("trigger-long-running-operation", arguments, _meta={"progressToken": token, "more": {"x": []}})

    def _let_the_server_ask(self) -> None:
        client = self.client
        sampling = client.start_call("trigger-sampling-request", {"prompt": "hi", "maxTokens": 5})
        content = {"type": "text", "text": "a thought"}
        self.serve("sampling/createMessage", {"model": "m", "role": "assistant", "content": content, "stopReason": "x"})
        client.answer(sampling)
        refused = client.start_call("trigger-sampling-request", {"prompt": "hi"})
        self.serve("sampling/createMessage", error={"code": -1, "message": "not now", "data": {"a": [1]}})
        client.answer(refused)
        for answer in ({"action": "accept", "content": {"name": "Ann", "check": True}}, {"action": "decline"}):
            elicitation = client.start_call("trigger-elicitation-request", {})
            self.serve("elicitation/create", answer)
            client.answer(elicitation)
        url = {"url": "https://example.com/", "elicitationId": "e1"}
        client.call("trigger-url-elicitation", {**url, "errorPath": True})
        opened = client.start_call("trigger-url-elicitation", url)
        self.serve("elicitation/create", {"action": "cancel"})
        client.answer(opened)
        client.call("get-roots-list", {})
        client.notify("notifications/roots/list_changed")
        self.serve("roots/list", {"roots": []})
        client.call("get-roots-list", {})
        later = client.start_call("trigger-sampling-request-async", {"prompt": "hi"})
        self.serve("sampling/createMessage", {"task": {"taskId": "t1", "status": "working", "pollInterval": 1}})
        self.serve("tasks/get", {"taskId": "t1", "status": "completed", "statusMessage": "thought"})
        self.serve("tasks/result", {"model": "m", "role": "assistant", "content": content})
        client.answer(later)

    def _cancel(self) -> None:
        client = self.client
        begun = client.start_call("trigger-long-running-operation", {"duration": 3600, "steps": 1})
        client.notify("notifications/cancelled", {"requestId": begun, "reason": "enough"})
        client.notify("notifications/cancelled", {"requestId": "nothing that was asked"})
        client.ask("ping")

    def _run_tasks(self) -> None:
        client = self.client
        client.call("simulate-research-query", {"topic": "otters"})
        client.call("echo", {"message": "as a task"}, task={"ttl": 1000})
        stopped = self._begin_task({"topic": "newts"})
        client.ask("tasks/cancel", {"taskId": stopped})
        client.ask("tasks/get", {"taskId": stopped})
        task = self._begin_task({"topic": "python", "ambiguous": True})
        client.ask("tasks/get", {"taskId": task})
        result = client.request("tasks/result", {"taskId": task})
        self.serve("elicitation/create", {"action": "accept", "content": {"interpretation": "snake"}})
        client.answer(result)
        client.ask("tasks/get", {"taskId": task})
        client.ask("tasks/list")
        client.ask("tasks/get", {"taskId": "no such task"})
        client.ask("tasks/result", {"taskId": "no such task"})

    def _begin_task(self, arguments: Message) -> str:
        answer = self.client.call("simulate-research-query", arguments, task={"ttl": 60_000})
        task_id: str = answer["result"]["task"]["taskId"]
        return task_id

    # --- 2026-07-28, with the server of tests.proxy.servers.tools ------------------------------

    def run_modern(self) -> None:
        """All that MCP 2026-07-28 has, in a session with a server of the official SDK's version 2."""
        self._read_modern()
        self._call_modern()
        self._listen()
        self._cancel_modern()
        self.ask_modern("prompts/list")

    def ask_modern(self, method: str, **params: Any) -> Message:
        """Asks and waits for the answer."""
        return self.client.answer(self.start_modern(method, **params))

    def start_modern(
        self, method: str, *, meta: Message | None = None, id: int | None = None, **params: Any
    ) -> str | int:
        """Asks as this era does, where every request says who asks, and in which version; does not wait."""
        return self.client.request(method, {**params, "_meta": {**MODERN, **(meta or {})}}, id=id)

    def _read_modern(self) -> None:
        self.ask_modern("server/discover")
        self.ask_modern("no/such/method", a=[1, {"b": None}])
        self.client.ask("tools/list")
        self.client.shake_hands()
        self.ask_modern("server/discover", meta={META + "protocolVersion": "2099-01-01"})
        self.ask_modern("tools/list")
        self.ask_modern("tools/list", cursor="2")
        self.ask_modern("tools/list", cursor="3")
        for method in ("prompts/list", "resources/list", "resources/templates/list"):
            self.ask_modern(method)
        self.ask_modern("prompts/get", name="greet", arguments={"who": "\u202e"})
        self.ask_modern("prompts/get", name="no such prompt")
        self.ask_modern("resources/read", uri="note://1")
        self.ask_modern("completion/complete", **_completion({"type": "ref/prompt", "name": "greet"}, "S"))

    def _call_modern(self) -> None:
        self._call_tool("echo", {"a": 1})
        for arguments in _ODD_ARGUMENTS:
            self._call_tool("echo", arguments)
        self._call_tool("count", meta={"progressToken": "a token"})
        self._call_tool("count")
        self._call_tool("fail")
        self._call_tool("refuse")
        self._call_tool("no such tool")
        self._call_tool("think")
        self._call_tool("log", meta={META + "logLevel": "info"})
        self._call_tool("ask")
        answer = {"colour": {"action": "accept", "content": {"colour": "red"}}}
        self._call_tool("ask", requestState="asked", inputResponses=answer)

    def _call_tool(self, name: str, arguments: Any = None, **params: Any) -> Message:
        given = {} if arguments is None else {"arguments": arguments}
        return self.ask_modern("tools/call", name=name, **given, **params)

    def _listen(self) -> None:
        wanted = {"toolsListChanged": True, "resourceSubscriptions": ["note://1"]}
        listening = self.start_modern("subscriptions/listen", notifications=wanted)
        self.hear("notifications/subscriptions/acknowledged")
        self._call_tool("announce")
        self.hear("notifications/resources/updated")
        self.client.notify("notifications/cancelled", {"requestId": listening, "_meta": MODERN})
        self._call_tool("announce")

    def _cancel_modern(self) -> None:
        waiting = self.start_modern("tools/call", name="wait", meta={"progressToken": 5})
        self.hear("notifications/progress", "waiting")
        self.client.notify("notifications/cancelled", {"requestId": waiting, "_meta": MODERN})


def _comes_at_any_time(message: Message) -> bool:
    """Whether it says how a task goes on, or what a subscription is for: neither is tied to an answer."""
    about = (message.get("params") or {}).get("_meta") or {}
    return message.get("method") == "notifications/tasks/status" or META + "subscriptionId" in about


def _completion(reference: Message, value: str) -> Message:
    return {"ref": reference, "argument": {"name": "department", "value": value}}


def _without_varying(value: Any) -> Any:
    if isinstance(value, str):
        for pattern, word in _VARYING:
            value = pattern.sub(word, value)
        return value
    if isinstance(value, list):
        return [_without_varying(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_varying(item) for key, item in value.items()}
    return value
