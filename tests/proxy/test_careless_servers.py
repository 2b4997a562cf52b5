"""Servers that take one id for another, or answer what nobody can read: nothing runs twice and nothing hidden shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from approval_tui.store.blocking import BlockingStore
from tests.proxy.careless_server import arrived, careless_server
from tests.proxy.client import RawClient, proxy_command
from tests.proxy.strict_readers import gated_calls
from tests.support import approve, until

ASKS = -32003


@pytest.fixture
def start_careless(store_path: str, policy: Path, record: Path) -> Iterator[Callable[..., RawClient]]:
    """Starts proxies with these options in front of a careless server, and ends them with the test."""
    with ExitStack() as started:

        def start(*options: str) -> RawClient:
            command = proxy_command("--store", store_path, "-c", str(policy), "--hold", "0", *options)
            client = started.enter_context(RawClient([*command, "--", *careless_server(record)]))
            client.shake_hands()
            return client

        yield start


def runs_of(record: Path, arguments: dict[str, Any]) -> int:
    """How often `write` reached the server with these arguments."""
    return len([line for line in arrived(record) if any(each.arguments == arguments for each in gated_calls(line))])


def run_once_approved(client: RawClient, desk: BlockingStore, record: Path, request_id: int, **arguments: Any) -> None:
    """Has `write` approved, and calls it; waits until the server has it, and for no answer."""
    asked = client.call("write", arguments)
    approve(desk, desk.reviewer.get(asked["error"]["data"]["approval_id"]))
    client.request("tools/call", {"name": "write", "arguments": arguments}, id=request_id)
    until(lambda: runs_of(record, arguments) == 1)


def assert_does_not_run_again(client: RawClient, record: Path, **arguments: Any) -> None:
    again = client.start_call("write", arguments)
    until(lambda: runs_of(record, arguments) > 1 or client.has(lambda message: message.get("id") == again))
    assert runs_of(record, arguments) == 1
    assert client.answer(again)["error"]["code"] == ASKS


def test_an_answer_to_another_request_does_not_give_an_approval_back(
    start_careless: Callable[..., RawClient], desk: BlockingStore, record: Path
) -> None:
    """The server takes all of these for 7 and says no to them at once, while the call that has the id 7 runs."""
    client = start_careless("--rollback-on", "error")
    run_once_approved(client, desk, record, 7, answer="never")
    for request_id in ("7", "+7", "007", " 7", "7\n", "7\0", "7.0", "0_7", "0" * 30 + "7"):
        client.request("no/such", id=request_id)
        client.answer(request_id)
    assert_does_not_run_again(client, record, answer="never")


def test_an_answer_that_cannot_be_read_does_not_give_an_approval_back(
    start_careless: Callable[..., RawClient], desk: BlockingStore, record: Path
) -> None:
    """The server did run the call: that its answer is no JSON is not that it says no."""
    client = start_careless("--rollback-on", "error")
    run_once_approved(client, desk, record, 7, answer="broken")
    assert "refused" in client.answer(7)["error"]["message"]
    assert_does_not_run_again(client, record, answer="broken")


def test_a_call_that_the_client_cancels_does_not_give_its_approval_back(
    start_careless: Callable[..., RawClient], desk: BlockingStore, record: Path
) -> None:
    """Else an agent runs it as often as it likes: it cancels each run as soon as the server has it."""
    client = start_careless("--rollback-on", "error")
    cancelled = "notifications/cancelled"
    ways: list[tuple[str, Callable[[int], dict[str, Any]]]] = [
        (cancelled, lambda request_id: {"requestId": request_id}),
        (cancelled, lambda request_id: {"requestId": str(request_id)}),
        (cancelled, lambda request_id: {"requestId": float(request_id)}),
        (cancelled, lambda request_id: {"RequestId": request_id}),
        ("Notifications/Cancelled", lambda request_id: {"requestId": request_id}),
    ]
    for number, (method, params) in enumerate(ways, start=7):
        run_once_approved(client, desk, record, number, answer="never", way=number)
        client.notify(method, {**params(number), "arguments": {"cancel": number}})
        assert "result" in client.call("read")
        assert_does_not_run_again(client, record, answer="never", way=number)


def test_a_task_that_the_client_cancels_does_not_give_its_approval_back(
    start_careless: Callable[..., RawClient], desk: BlockingStore, record: Path
) -> None:
    client = start_careless("--rollback-on", "error")
    run_once_approved(client, desk, record, 7, answer="task")
    client.answer(7)
    cancelled = client.ask("tasks/cancel", {"taskId": "task-7", "arguments": {"answer": "task-7"}})
    assert cancelled["result"] == {"taskId": "task-7", "status": "cancelled"}
    assert_does_not_run_again(client, record, answer="task")


def test_no_list_shows_a_hidden_tool_whatever_it_is_asked_by(start_careless: Callable[..., RawClient]) -> None:
    client = start_careless()
    client.request("ping", {"arguments": {"answer": "never"}}, id=7)
    client.request("tools/list", id="7")
    methods = ("tools/list", "Tools/List", "tools/list ", "tool\u017f/list", "tools/list\0", "tools/list\ufeff")
    ids = [client.request(method) for method in methods]
    for request_id in ("7", *ids):
        client.answer(request_id)
    lists = [each["result"]["tools"] for each in client.messages if "tools" in each.get("result", {})]
    assert lists
    assert {tool["name"] for tools in lists for tool in tools} == {"read", "write"}


def test_an_answer_whose_id_cannot_be_read_does_not_end_the_proxy(start_careless: Callable[..., RawClient]) -> None:
    client = start_careless()
    client.start_call("read", {"answer": "unreadable"})
    assert "result" in client.call("read")
