"""Lists of tools: the policy's hidden ones are gone, the rest stays as it is, and misspelt rules are warned of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.canonical import JsonObject
from approval_tui.policy.document import parse_policy
from approval_tui.policy.engine import PolicyEngine
from approval_tui.proxy import tool_lists
from approval_tui.proxy.tool_lists import ListUnusable, all_tools, without_hidden
from approval_tui.store.blocking import BlockingStore
from tests.gate.policies import details_of
from tests.proxy.client import Message, RawClient, proxy_command, recorded, recording_server
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import DONE, refusal
from tests.support import assert_sound, until

ODD_LISTS: list[Any] = [
    {},
    {"tools": None},
    {"tools": {"delete": {"name": "delete"}}},
    {"tools": "delete"},
    {"tools": ["delete"]},
    {"tools": [{"name": "read"}, None]},
    {"tools": [{"name": "read"}, {"title": "delete"}]},
    {"tools": [{"name": ["delete"]}]},
    {"tools": [{"name": None}]},
]

MISSPELT = """
version: "1"
hide: [delete, "remove*"]
tools:
  read: {rules: []}
  wriet: {rules: []}
  "dele*": {rules: []}
  "*": {rules: []}
"""

MODERN: Message = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}


def listed(proxy: RawClient, cursor: str | None = None) -> Message:
    """The result of listing the server's tools, which must be one."""
    result: Message = proxy.ask("tools/list", None if cursor is None else {"cursor": cursor})["result"]
    return result


def names(result: Message) -> list[str]:
    return [tool["name"] for tool in result["tools"]]


# --- what is listed ----------------------------------------------------------------------------


def test_hidden_tools_are_not_listed_and_pages_and_all_else_stay(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    first, second = listed(proxy), listed(proxy, "2")
    assert names(first) == ["read", "write"]
    assert first["tools"][0] == {"name": "read", "description": "read something", "inputSchema": {"type": "object"}}
    assert first["nextCursor"] == "2"
    assert second == {"tools": [], "more": True}
    whole = {"tools": [{"name": "a", "_meta": {"x": None}}, {"name": "delete"}], "nextCursor": "", "_meta": {"y": 1.5}}
    assert listed(proxy, json.dumps(whole)) == {**whole, "tools": [{"name": "a", "_meta": {"x": None}}]}


def test_a_list_that_nothing_can_be_taken_out_of_is_refused(start_proxy: StartProxy, tmp_path: Path) -> None:
    proxy = start_proxy()
    for odd in ODD_LISTS:
        answer = proxy.ask("tools/list", {"cursor": json.dumps(odd)})
        assert answer["error"]["code"] == -32603, odd
        assert "The list of tools cannot be filtered" in answer["error"]["message"]
    assert proxy.ask("tools/list", {"cursor": "error"})["error"] == {"code": -32602, "message": "no such file"}
    assert names(listed(proxy)) == ["read", "write"]
    said, told = "error: a list of tools was refused", tmp_path / "errors.txt"
    until(lambda: told.read_text().count(said) == len(ODD_LISTS))


def test_a_policy_that_changes_hides_other_tools_at_once(
    start_proxy: StartProxy, desk: BlockingStore, policy: Path, record: Path
) -> None:
    proxy = start_proxy("--requester", "bot")
    assert names(listed(proxy)) == ["read", "write"]
    assert proxy.call("read")["result"] == DONE
    policy.write_text('version: "1"\nhide: [read]\n')
    until(lambda: names(listed(proxy)) == ["write"])
    assert names(listed(proxy, "2")) == ["delete"]
    assert refusal(proxy.call("read"))["rule"] == "(hidden)"
    policy.write_text('version: "1"\nhide: ["*"]\n')
    until(lambda: names(listed(proxy)) == [])
    assert len(recorded(record)) == 1
    until(lambda: len(details_of(desk, "policy_reloaded")) == 3)
    said = details_of(desk, "policy_reloaded")
    assert {(each["file"], each["requester"]) for each in said} == {(str(policy), "bot")}
    assert len({each["hash"] for each in said}) == 3
    assert_sound(desk)


@pytest.mark.parametrize("odd", ODD_LISTS, ids=json.dumps)
def test_without_a_policy_too_a_list_must_be_one(odd: JsonObject) -> None:
    for engine in (None, PolicyEngine(parse_policy('version: "1"\nhide: [delete]\n', "policy.yaml"))):
        with pytest.raises(ListUnusable):
            without_hidden(odd, engine)


# --- what the policy names in vain -------------------------------------------------------------


def test_names_in_the_policy_that_no_tool_has_are_warned_of(
    start_proxy: StartProxy, policy: Path, tmp_path: Path
) -> None:
    policy.write_text(MISSPELT)
    proxy = start_proxy()
    errors = tmp_path / "errors.txt"
    until(lambda: errors.read_text().count("the server has no such tool") == 2)
    assert "the policy speaks of wriet, and" in errors.read_text()
    assert 'the policy speaks of "remove*", and' in errors.read_text()
    proxy.ask("ping")
    answered = [message["id"] for message in proxy.messages]
    assert answered == [1001, 1002], "what the proxy asks for itself is nothing to the client"


def test_a_client_of_2026_that_shakes_no_hands_gets_the_same_warnings(
    policy: Path, record: Path, store_path: str, tmp_path: Path
) -> None:
    policy.write_text(MISSPELT)
    errors = tmp_path / "errors.txt"
    command = proxy_command("--store", store_path, "-c", str(policy), server=recording_server(record))
    with RawClient(command, errors=errors) as proxy:
        proxy.ask("server/discover", {"_meta": MODERN})
        until(lambda: errors.read_text().count("the server has no such tool") == 2)
        tools = proxy.ask("tools/list", {"_meta": MODERN})["result"]
        assert names(tools) == ["read", "write"]


async def test_all_pages_of_a_list_are_read_and_one_without_an_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[JsonObject] = []

    async def ask(method: str, params: JsonObject) -> JsonObject:
        asked.append(params)
        page = len(asked)
        return {"tools": [{"name": f"tool {page}"}], **({"nextCursor": page} if page < last else {})}

    last = 3
    assert [tool["name"] for tool in await all_tools(ask, {"_meta": 1})] == ["tool 1", "tool 2", "tool 3"]
    assert asked == [{"_meta": 1}, {"_meta": 1, "cursor": 1}, {"_meta": 1, "cursor": 2}]
    last = 10**9
    monkeypatch.setattr(tool_lists, "_MOST_PAGES", 5)
    with pytest.raises(ListUnusable, match="more than 5 pages"):
        await all_tools(ask, {})
