"""A server written with the official SDK (mcp 2.x), for both eras of the protocol and both of its transports.

Its tools come in two pages: `echo` and `count` (progress), then `fail`, `refuse` (a protocol error), `ask` (wants
input), `think` (wants a model), `place` (an argument that goes into a header), `announce` (something has changed),
`log`, and `wait` (until it is cancelled). Whoever builds it hears of every call that reaches it, and of its end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import anyio
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated, ToolsListChanged
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SamplingMessage,
    TextContent,
    TextResourceContents,
    Tool,
)

Context = ServerRequestContext[Any, Any]
Told = Callable[[str, dict[str, Any]], None]
"""Hears `call` and `end` with the tool, its arguments, and how it ended."""

MODERN = "2026-07-28"
_SECOND_PAGE = "2"
_FIRST_TOOLS = ("echo", "count")
_COLOUR = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}

_PLACE = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "floor": {"type": "integer", "x-mcp-header": "Floor"},
        "note": {"type": "string"},
    },
}


class Tools:
    """The server, and what its tools do."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._bus = InMemorySubscriptionBus()
        self._tools: dict[str, Callable[[Context, CallToolRequestParams], Any]] = {
            "echo": self._echo,
            "count": self._count,
            "fail": self._fail,
            "refuse": self._refuse,
            "ask": self._ask,
            "think": self._think,
            "place": self._echo,
            "announce": self._announce,
            "log": self._log,
            "wait": self._wait,
        }
        self.server: Server[Any] = Server(
            "tools",
            version="1",
            instructions="For tests.",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_resource_templates,
            on_read_resource=self._read_resource,
            on_completion=self._complete,
            on_subscriptions_listen=ListenHandler(self._bus),
        )

    # --- lists ---------------------------------------------------------------------------------

    async def _list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        is_first = params is None or params.cursor is None
        if not is_first and params is not None and params.cursor != _SECOND_PAGE:
            raise MCPError(-32602, "no such page", {"cursor": params.cursor})
        tools = [
            Tool(
                name=name, description=f"It can {name}.", input_schema=_PLACE if name == "place" else {"type": "object"}
            )
            for name in self._tools
            if (name in _FIRST_TOOLS) == is_first
        ]
        return ListToolsResult(tools=tools, next_cursor=_SECOND_PAGE if is_first else None)

    async def _list_prompts(self, context: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(prompts=[Prompt(name="greet", arguments=[PromptArgument(name="who", required=True)])])

    async def _get_prompt(self, context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        if params.name != "greet":
            raise MCPError(-32602, f"no prompt {params.name}")
        text = TextContent(type="text", text=f"Greet {(params.arguments or {}).get('who')}.")
        return GetPromptResult(messages=[PromptMessage(role="user", content=text)])

    async def _list_resources(self, context: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[Resource(uri="note://1", name="one", mime_type="text/plain")])

    async def _list_resource_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[ResourceTemplate(uri_template="note://{id}", name="n")])

    async def _read_resource(self, context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, text=f"what {params.uri} says")])

    async def _complete(self, context: Context, params: CompleteRequestParams) -> CompleteResult:
        return CompleteResult(completion=Completion(values=[params.argument.value + "x"], total=1))

    # --- tools ---------------------------------------------------------------------------------

    async def _call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        self._told("call", {"tool": params.name, "arguments": params.arguments})
        how = "cancelled"
        try:
            tool = self._tools.get(params.name)
            if tool is None:
                raise MCPError(-32602, f"no tool {params.name}")
            result: CallToolResult | InputRequiredResult = await tool(context, params)
            how = "answered"
        except MCPError:
            how = "refused"
            raise
        finally:
            self._told("end", {"tool": params.name, "arguments": params.arguments, "how": how})
        return result

    async def _echo(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        return _says(str(params.arguments), structured=params.arguments)

    async def _count(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        for number in range(1, 4):
            await context.session.report_progress(number, 3, f"at {number}")
        return _says("counted")

    async def _fail(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        return CallToolResult(content=[TextContent(type="text", text="it is broken")], is_error=True)

    async def _refuse(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        raise MCPError(-32050, "not today", {"because": ["it rains", 1.5, None]})

    async def _ask(self, context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        """For input as each era has it: in the answer, or by a request of the server's own."""
        if context.protocol_version != MODERN:
            answer = await context.session.elicit_form("Which colour?", _COLOUR, context.request_id)
            return _says(f"{answer.action} {answer.content}")
        if params.request_state is None:
            form = ElicitRequestFormParams(message="Which colour?", requested_schema=_COLOUR)
            return InputRequiredResult(input_requests={"colour": ElicitRequest(params=form)}, request_state="asked")
        given = (params.input_responses or {}).get("colour")
        assert isinstance(given, ElicitResult)
        return _says(f"{given.action} {given.content} {params.request_state}")

    async def _think(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        question = SamplingMessage(role="user", content=TextContent(type="text", text="How are you?"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's own, for what is not in its newest protocol any more
            thought = await context.session.create_message(
                [question], max_tokens=9, related_request_id=context.request_id
            )
        return _says(f"{thought.model}: {thought.content}")

    async def _announce(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        await self._bus.publish(ToolsListChanged())
        await self._bus.publish(ResourceUpdated(uri="note://1"))
        return _says("announced")

    async def _log(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for level in ("debug", "warning"):
                await context.session.send_log_message(level, {"said": level}, "tools", context.request_id)
        return _says("logged")

    async def _wait(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        await context.session.report_progress(1, 2, "waiting")
        await anyio.sleep_forever()
        raise AssertionError("it sleeps forever")


def _says(text: str, structured: dict[str, Any] | None = None) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)
