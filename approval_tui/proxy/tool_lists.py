"""Lists of tools: what the policy hides is taken out, and what its rules name in vain is warned of."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from approval_tui.domain.canonical import JsonObject
from approval_tui.domain.errors import PolicyError
from approval_tui.domain.names import quoted_name
from approval_tui.proxy.messages import TOOLS_LIST

if TYPE_CHECKING:
    from approval_tui.policy.engine import PolicyEngine

Ask = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Asks the server something on the proxy's own behalf, and gives the result."""

_MOST_PAGES = 1000

_log = logging.getLogger("approval_tui.proxy")


class ListUnusable(Exception):
    """A list of tools that nothing can be taken out of; `why` says what is wrong with it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def without_hidden(result: JsonObject, engine: PolicyEngine | None) -> JsonObject:
    """The result of a `tools/list` without the tools that the policy hides; its cursor and all else stay.

    Raises ListUnusable where it is no list of tools with names.
    """
    tools = result.get("tools")
    if type(tools) is not list:
        raise ListUnusable("it has no list of tools")
    if any(type(tool) is not dict or type(tool.get("name")) is not str for tool in tools):
        raise ListUnusable("a tool in it has no name")
    if engine is None:
        return result
    return {**result, "tools": [tool for tool in tools if not engine.hides(tool["name"])]}


async def all_tools(ask: Ask, params: JsonObject) -> list[JsonObject]:
    """Every tool that the server lists, page by page; raises ListUnusable."""
    tools: list[JsonObject] = []
    cursor: object = None
    for _ in range(_MOST_PAGES):
        result = await ask(TOOLS_LIST, params if cursor is None else {**params, "cursor": cursor})
        tools += without_hidden(result, None)["tools"]
        cursor = result.get("nextCursor")
        if cursor is None:
            return tools
    raise ListUnusable(f"it has more than {_MOST_PAGES:,} pages")


def warn_of_unknown_tools(engine: PolicyEngine, tools: list[JsonObject]) -> None:
    """Says which tools the policy has rules for, and the server has not: a rule for a misspelt name holds nothing."""
    names = [tool["name"] for tool in tools]
    for pattern in engine.names_without_tool(names):
        _log.warning("the policy speaks of %s, and the server has no such tool", quoted_name(pattern))


async def check_policy_against_server(
    ask: Ask, params: JsonObject, engine_in_force: Callable[[], PolicyEngine | None]
) -> None:
    """Asks the server for its tools and warns; a server that has none to list is left alone."""
    try:
        tools = await all_tools(ask, params)
        engine = engine_in_force()
    except (ListUnusable, PolicyError) as error:
        _log.debug("the policy was not held against the server's tools: %s", error)
        return
    if engine is not None:
        warn_of_unknown_tools(engine, tools)
