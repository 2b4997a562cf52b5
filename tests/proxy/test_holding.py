"""A call that waits for a decision: what it keeps waiting and what not, what the client is told, and how it ends."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from approval_tui.domain.calls import Call
from approval_tui.domain.clock import MINUTE
from approval_tui.gate import Gate
from approval_tui.proxy import hold
from approval_tui.proxy.frames import Id
from approval_tui.proxy.hold import Hold
from approval_tui.proxy.messages import ToolCall
from approval_tui.proxy.options import ProxyOptions
from approval_tui.proxy.tally import Tally
from approval_tui.proxy.tool_calls import OpenCall, ToolCalls
from approval_tui.store.blocking import BlockingStore
from tests.cli.running import has_bell, one_pending
from tests.gate.policies import edit
from tests.proxy.client import Message, RawClient, recorded
from tests.proxy.conftest import StartProxy
from tests.proxy.support_calls import DONE, asked, done_with, refusal, until_servers_ended
from tests.support import LONG, approve, assert_sound, deny, event_names, submit, until

TWO_HOLDS = """
version: "1"
default: require_approval
tools:
  read: {rules: []}
  hasty:
    rules: [{name: at once, action: require_approval, hold: 0s}]
  patient:
    rules: [{name: in peace, action: require_approval, hold: 10m}]
"""


def progress_of(proxy: RawClient) -> list[Message]:
    """The progress that the client was told of so far."""
    return [message["params"] for message in list(proxy.messages) if message.get("method") == "notifications/progress"]


def is_answered(proxy: RawClient, request_id: Id) -> bool:
    return proxy.has(lambda message: message.get("id") == request_id and "method" not in message)


# --- a decision comes --------------------------------------------------------------------------


def test_a_held_call_runs_as_soon_as_it_is_approved_with_what_the_reviewer_made_of_it(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    call = proxy.start_call("write", {"amount": 100, "to": "x"})
    request = one_pending(desk)
    assert recorded(record) == []
    edit(desk, request, {"amount": 10, "to": "x"})
    assert proxy.answer(call)["result"] == done_with(request, "amount was 100, is 10")
    assert recorded(record) == [{"id": call, "name": "write", "arguments": {"amount": 10, "to": "x"}}]
    names = ["request_submitted", "request_edited", "request_approved", "request_consumed", "outcome_reported"]
    assert event_names(desk, request) == names
    assert_sound(desk)


def test_a_held_call_ends_with_a_denial(start_proxy: StartProxy, desk: BlockingStore, record: Path) -> None:
    proxy = start_proxy("--hold", "10m")
    call = proxy.start_call("write")
    deny(desk, one_pending(desk), "No.")
    told = refusal(proxy.answer(call))
    assert (told["type"], told["reason"]) == ("approval_denied", "No.")
    assert recorded(record) == []


def test_a_hold_that_runs_out_says_that_the_request_waits_on(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "100ms")
    request = asked(proxy, desk, "write", {"n": 1}, _meta={"progressToken": 0})
    assert request.status == "pending"
    assert len(progress_of(proxy)) == 1
    approve(desk, request)
    assert proxy.call("write", {"n": 1})["result"] == DONE
    assert len(recorded(record)) == 1


@pytest.mark.parametrize("own", ["0", "10m"])
def test_a_policys_own_hold_comes_before_the_proxys(
    start_proxy: StartProxy, desk: BlockingStore, policy: Path, own: str
) -> None:
    policy.write_text(TWO_HOLDS)
    proxy = start_proxy("--hold", own)
    deny(desk, asked(proxy, desk, "hasty"))
    call = proxy.start_call("patient")
    approve(desk, one_pending(desk))
    assert proxy.answer(call)["result"] == DONE
    other = proxy.start_call("write")
    if own == "0":
        assert refusal(proxy.answer(other))["type"] == "approval_required"
    else:
        one_pending(desk)
        proxy.ask("ping")
        assert not is_answered(proxy, other)


# --- nothing else waits ------------------------------------------------------------------------


def test_while_a_call_is_held_everything_else_goes_on(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    first = proxy.start_call("write", {"n": 1})
    request = one_pending(desk)
    assert proxy.ask("ping")["result"]["heard"] == "ping"
    assert proxy.call("read")["result"] == DONE
    assert len(proxy.ask("tools/list")["result"]["tools"]) == 2
    second = proxy.start_call("write", {"n": 2})
    until(lambda: len(desk.reviewer.list()) == 2 and has_bell(desk, desk.reviewer.list()[1]))
    approve(desk, desk.reviewer.list()[1])
    assert proxy.answer(second)["result"] == DONE
    proxy.ask("test/say", {"line": json.dumps({"jsonrpc": "2.0", "id": first, "result": DONE})})
    assert not is_answered(proxy, first), "the server cannot answer what it was never asked"
    approve(desk, request)
    assert proxy.answer(first)["result"] == DONE
    assert [call["id"] for call in recorded(record) if call["name"] == "write"] == [second, first]


# --- progress ----------------------------------------------------------------------------------


def test_a_client_with_a_token_is_told_that_a_person_is_waited_for_and_nothing_after_the_answer(
    start_proxy: StartProxy, desk: BlockingStore
) -> None:
    proxy = start_proxy("--hold", "10m")
    silent = proxy.start_call("write", {"n": 1})
    without_token = one_pending(desk)
    call = proxy.start_call("write", {"n": 2}, _meta={"progressToken": "mine"})
    told = proxy.wait_for(lambda message: message.get("method") == "notifications/progress")
    request = next(each for each in desk.reviewer.list() if each.id != without_token.id)
    assert told["params"].keys() == {"progressToken", "progress", "message"}
    assert told["params"]["progressToken"] == "mine"
    assert told["params"]["progress"] < 0, "the tool's own begins at 0 and must be more"
    assert request.id in told["params"]["message"]
    approve(desk, request)
    proxy.answer(call)
    approve(desk, without_token)
    proxy.answer(silent)
    proxy.ask("ping")
    methods = [message.get("id", message.get("method")) for message in proxy.messages]
    assert methods.index("notifications/progress") < methods.index(call)
    assert len(progress_of(proxy)) == 1


async def test_progress_grows_and_stays_below_what_a_tool_tells_itself(
    desk: BlockingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "EVERY", 0.001)
    told: list[Message] = []

    async def notify(message: Message) -> None:
        told.append(message["params"])

    async def until_told(count: int) -> None:
        async with asyncio.timeout(LONG):
            while len(told) < count:
                await asyncio.sleep(0)

    first, second = (submit(desk, Call(tool=tool, arguments={}, requester="mcp")) for tool in ("write", "read"))
    holding = Hold(a_call(progress_token=7), notify)
    holding.begin(first)
    await until_told(5)
    holding.begin(second)  # another caller used the first one's approval, and the call was asked anew
    await until_told(len(told) + 5)
    holding.end()
    holding.end()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, "nobody is left to say more"
    values = [each["progress"] for each in told]
    assert all(earlier < later < 0 for earlier, later in pairwise(values))
    assert {each["progressToken"] for each in told} == {7}
    about = [first.id in each["message"] for each in told]
    assert about == sorted(about, reverse=True), "of the first request nothing is said after the second began"

    silent = Hold(a_call(progress_token=None), notify)
    silent.begin(first)
    assert len(asyncio.all_tasks()) == 1
    silent.end()


async def test_nothing_more_is_told_as_soon_as_the_call_may_run(
    desk: BlockingStore, store_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "EVERY", 0.001)
    told: list[Message] = []
    is_told = asyncio.Event()

    async def notify(message: Message) -> None:
        told.append(message)
        is_told.set()

    async def forward(request: Message, _opened: OpenCall) -> Message:
        """Gives a teller that goes on every occasion to do so before the server answers."""
        count = len(told)
        for _ in range(100):
            await asyncio.sleep(0.0001)
        assert len(told) == count
        return {"jsonrpc": "2.0", "id": request["id"], "result": DONE}

    options = ProxyOptions("mcp", "run-1", "files", ("server",), hold=10 * MINUTE)
    async with Gate("mcp", store=store_path, context={}) as gate:
        calls = ToolCalls(gate, options, forward, notify, Tally())
        answering = asyncio.create_task(calls.answer(OpenCall(a_call(progress_token=1), notify)))
        async with asyncio.timeout(LONG):
            await is_told.wait()
        approve(desk, desk.reviewer.list()[0])
        async with asyncio.timeout(LONG):
            assert (await answering)["result"] == DONE
    assert told


def a_call(**given: Any) -> ToolCall:
    value = {"id": 1, "params": {"name": "write"}}
    parts: Message = {"id": 1, "value": value, "name": "write", "arguments": {}, "is_task": False, "continues": False}
    return ToolCall(**{**parts, "request_state": None, **given})


# --- the client does not wait ------------------------------------------------------------------


def test_a_call_that_the_client_cancels_while_it_is_held_stays_pending_and_reaches_nobody(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    call = proxy.start_call("write", {"n": 1}, _meta={"progressToken": 1})
    request = one_pending(desk)
    proxy.notify("notifications/cancelled", {"requestId": call, "reason": "the user went away"})
    until(lambda: not has_bell(desk, request))
    assert desk.reviewer.get(request.id).status == "pending"
    approve(desk, request)
    heard = proxy.ask("test/notifications")["result"]["notifications"]
    assert [each["method"] for each in heard] == ["notifications/initialized"]
    assert recorded(record) == []
    assert not is_answered(proxy, call)
    assert (
        proxy.answer(proxy.request("tools/call", {"name": "write", "arguments": {"n": 1}}, id=call))["result"] == DONE
    )
    assert len(recorded(record)) == 1
    assert event_names(desk, request)[-3:] == ["request_reused", "request_consumed", "outcome_reported"]
    assert_sound(desk)


def test_a_call_that_is_cancelled_in_the_same_breath_leaves_nothing_behind(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "0")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "write"}}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    proxy.write(f"{json.dumps(call)}\n{json.dumps(cancel)}\n".encode())
    proxy.ask("ping")
    assert not is_answered(proxy, 1)

    def answers() -> list[Message]:
        return [message for message in list(proxy.messages) if message.get("id") == 1]

    def is_its_id_free() -> bool:
        count = len(answers())
        proxy.send(call)
        until(lambda: len(answers()) > count)
        return refusal(answers()[-1]).get("type") == "approval_required"

    until(is_its_id_free, seconds=10)
    assert recorded(record) == []
    assert_sound(desk)


def test_the_cancellation_of_a_call_that_runs_is_the_servers_to_hear_and_that_of_nothing_is_not(
    start_proxy: StartProxy, record: Path
) -> None:
    proxy = start_proxy()
    call = proxy.start_call("read", {"answer": "never"})
    until(lambda: recorded(record))
    proxy.notify("notifications/cancelled", {"requestId": call, "reason": "enough"})
    proxy.notify("notifications/cancelled", {"requestId": "of nothing"})
    heard = proxy.ask("test/notifications")["result"]["notifications"]
    assert [each["params"] for each in heard[1:]] == [{"requestId": call, "reason": "enough"}]


def test_a_client_that_goes_away_leaves_its_request_for_one_that_comes_later(
    start_proxy: StartProxy, desk: BlockingStore, record: Path
) -> None:
    proxy = start_proxy("--hold", "10m")
    proxy.start_call("write", {"n": 1, "m": 2})
    request = one_pending(desk)
    assert proxy.hang_up() == 0
    until_servers_ended(record)
    assert recorded(record) == []
    assert event_names(desk, request) == ["request_submitted"]
    approve(desk, request)
    later = start_proxy("--hold", "10m", "--session", "another")
    assert later.call("write", {"m": 2, "n": 1})["result"] == DONE
    assert len(recorded(record)) == 1
    assert desk.reviewer.get(request.id).outcome == "succeeded"
    assert_sound(desk)
