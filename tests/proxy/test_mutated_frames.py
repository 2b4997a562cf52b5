"""Frames that were tampered with: whatever a client sends, no call that needs a person reaches the server without one.

What reached the server is judged by every reader that `strict_readers` knows, not by our own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from approval_tui.domain.canonical import JsonObject
from approval_tui.gate import Gate
from approval_tui.proxy.client_pipes import ClientPipes
from approval_tui.proxy.frames import frame_of
from approval_tui.proxy.lines import Line, LineSplitter
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.relay import Relay
from approval_tui.proxy.tally import Tally
from approval_tui.store.blocking import BlockingStore
from approval_tui.store.transactions.queries import Filter
from tests.proxy.careless_server import CarelessUpstream, arrived, careless_server
from tests.proxy.client import RawClient, proxy_command
from tests.proxy.conftest import POLICY
from tests.proxy.strict_readers import gated_calls
from tests.proxy.support_tampering import APPROVED, call, message, tampered_frames
from tests.support import LONG, approve

ALLOWING_POLICY = """
version: "1"
default: allow
hide: [delete]
tools:
  write: {rules: [{name: ask, action: require_approval}]}
"""

# --- the judge ---------------------------------------------------------------------------------

PING = b'{"id":1,"method":"ping"}'
CALL = b'{"id":1,"method":"tools/call","params":{"name":"write"}}'


@pytest.mark.parametrize(
    "line",
    [
        CALL,
        CALL + b"\r\n",
        PING + b"\r" + CALL,
        PING + CALL,
        b"[[" + CALL + b"]]",
        b"]" + CALL,
        b'{"a":"\r' + CALL + b'\r"}',
        b"\xff" + CALL,
        CALL.replace(b"tools/", b"\\u0074ools\\/"),
        CALL.replace(b"method", b"Method"),
        CALL.replace(b"params", b"param\\u017f"),
        CALL.replace(b"call", b"call\\u0000x"),
        CALL.replace(b"call", b"call "),
        CALL.replace(b"write", b"\\uff37rite"),
        CALL.replace(b"write", b"wri_te"),
        CALL.replace(b'"write"', b'["write"]'),
        CALL.replace(b'{"name":"write"}', b'["write"]'),
        CALL.replace(b'{"name":"write"}', b'"{\\"name\\":\\"delete\\"}"'),
        CALL.replace(b'"method"', b'"method":"ping","method"'),
        CALL.replace(b"}}", b'},"method":"ping"}'),
        CALL.replace(b'"name"', b'"name":"read","Name"'),
    ],
    ids=ascii,
)
def test_the_judge_finds_the_call_that_some_reader_finds(line: bytes) -> None:
    assert gated_calls(line)


def test_the_judge_finds_no_call_where_no_reader_does() -> None:
    for line in (
        PING,
        CALL.replace(b"write", b"read"),
        b'{"params":{"method":"tools/call","name":"write"}}',
        b"",
        b"{",
    ):
        assert not gated_calls(line)


# --- in process --------------------------------------------------------------------------------


class Client(ClientPipes):
    """The client's side without pipes: what it writes is read at once, and what it is told is kept."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self.messages: list[JsonObject] = []

    def write(self, data: bytes) -> None:
        splitter = LineSplitter()
        self._lines += [*splitter.feed(data), *splitter.rest()]

    async def receive(self) -> Line | None:
        return self._lines.pop(0) if self._lines else None

    async def send(self, message: JsonObject | list[JsonObject]) -> None:
        frame_of(message)
        self.messages += message if isinstance(message, list) else [message]


def initialize(version: str) -> JsonObject:
    return message("first", "initialize", protocolVersion=version, capabilities={}, clientInfo={})


async def relayed(gate: Gate, data: bytes, version: str) -> tuple[Client, CarelessUpstream]:
    """What became of these bytes, between a handshake and a good call, once every call was answered."""
    client, upstream = Client(), CarelessUpstream()
    relay = Relay(client, upstream, gate, ProxyOptions("mcp", "run-1", "tools", hold=0), Tally())
    from_server = asyncio.create_task(relay.read_server())
    others = asyncio.all_tasks()
    for part in (frame_of(initialize(version)), data, frame_of(call("last", "read"))):
        client.write(part)
        await relay.read_client()
        while mine := asyncio.all_tasks() - others:
            done, _ = await asyncio.wait(mine, timeout=LONG)
            assert done, "a call was not answered"
        await asyncio.wait([from_server, asyncio.ensure_future(upstream.is_idle.wait())], return_when="FIRST_COMPLETED")
        assert not from_server.done(), from_server
    from_server.cancel()
    return client, upstream


def consumed(desk: BlockingStore) -> int:
    return desk.reviewer.history_count(Filter(status="consumed"))


def approve_all(desk: BlockingStore) -> None:
    """Approves every pending call that is APPROVED, and no other."""
    for request in desk.reviewer.list(Filter(status="pending")):
        if request.tool == "write" and request.arguments == APPROVED["params"]["arguments"]:
            approve(desk, request)


def assert_claimed(lines: list[bytes], claims: int) -> None:
    """No more lines hold a gated call, in any reading, than there are claims, and these only what was approved."""
    gated = {line: found for line in lines if (found := gated_calls(line))}
    assert len([line for line in lines if line in gated]) <= claims, gated
    for found in gated.values():
        assert all(reading.tool == "write" for reading in found), found
        assert all(reading.arguments == APPROVED["params"]["arguments"] for reading in found), found


def assert_nothing_hidden_is_listed(messages: list[Any]) -> None:
    lists = [each["result"]["tools"] for each in messages if "tools" in each.get("result", {})]
    assert all(tool["name"] != "delete" for tools in lists for tool in tools), lists


@pytest.mark.parametrize(
    "examples", [pytest.param(125, id="short"), pytest.param(5_000, id="long", marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("policy_text", [POLICY, ALLOWING_POLICY], ids=["the rest asks", "the rest runs"])
def test_no_tampered_frame_brings_a_gated_call_to_the_server_without_a_claim(
    examples: int, policy_text: str, policy: Path, store_path: str, desk: BlockingStore
) -> None:
    policy.write_text(policy_text)
    gate = Gate("mcp", session="run-1", server="tools", store=store_path, policy=str(policy))

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(data=tampered_frames(), version=st.sampled_from(["2025-03-26", "2025-11-25"]), is_approved=st.booleans())
    def check(data: bytes, version: str, is_approved: bool) -> None:
        note(repr(data))
        if is_approved:
            runner.run(relayed(gate, frame_of(APPROVED), version))
            approve_all(desk)
        claims = consumed(desk)
        client, upstream = runner.run(relayed(gate, data, version))
        assert_claimed(upstream.lines, consumed(desk) - claims)
        assert_nothing_hidden_is_listed(client.messages)
        assert next(each for each in client.messages if each.get("id") == "last")["result"] == {"content": []}

    with asyncio.Runner() as runner:
        try:
            check()
        finally:
            runner.run(gate.aclose())


# --- through a process -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "examples", [pytest.param(25, id="short"), pytest.param(1_000, id="long", marks=pytest.mark.soak)]
)
def test_no_tampered_frame_brings_a_gated_call_through_a_process(
    examples: int, store_path: str, policy: Path, record: Path
) -> None:
    command = proxy_command("--store", store_path, "-c", str(policy), "--hold", "0", server=careless_server(record))

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(data=tampered_frames())
    def check(data: bytes) -> None:
        note(repr(data))
        client.write(data)
        assert "result" in client.call("read")
        assert_claimed(arrived(record), 0)

    with RawClient(command) as client:
        client.shake_hands("2025-03-26")
        check()
        assert client.hang_up() == 0
    assert_claimed(arrived(record), 0)
    flat = [one for each in client.messages for one in (each if isinstance(each, list) else [each])]
    assert_nothing_hidden_is_listed(flat)
